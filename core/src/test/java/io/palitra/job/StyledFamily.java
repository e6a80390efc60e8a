package io.palitra.job;

import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.edit.TinyStyles;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.FamilyProvider;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Recipe;
import io.palitra.model.Styles;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import io.palitra.train.RunConfig;
import io.palitra.train.RunDraft;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A family of {@link TinyStyles}, for jobs that want a run with styles; and how a test makes one. */
public final class StyledFamily implements FamilyProvider {
    /** As a jar beside the program registers it. @return what the thread is to have again at the end */
    static ClassLoader register(Path folder) throws Exception {
        Path services = Files.createDirectories(folder.resolve("jar/META-INF/services"));
        Files.writeString(services.resolve(FamilyProvider.class.getName()), StyledFamily.class.getName() + "\n");
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[] {folder.resolve("jar").toUri().toURL()}, before));
        return before;
    }

    /** A run folder of pictures 1x16x16. @param classes names of its classes, of at most three; empty = none */
    static Path run(Path folder, String data, List<String> classes) {
        try (FolderDraft draft = new FolderDraft(folder)) {
            RunDraft.write(draft, RunConfig.imported(new Model.Config(1), data, new ImageSpec(1, 16, 16, classes.size()), classes),
                Map.of("scale", Torch.ones(1)));
            draft.publish();
        }
        return folder;
    }

    private static final class Model extends Module implements GenerativeModel<Model.Sampling>, Styles {
        public record Config(@Help(value = "nothing", min = 0, max = 1) int nothing) {}

        public record Sampling(@Help(value = "as of styles", min = 0, max = 3) double truncation) {}

        private final TinyStyles styles = new TinyStyles();
        private final int classes;

        Model(Config config, Build with) {
            parameter("scale", Torch.ones(1));
            classes = with.data().classes();
        }

        @Override public Module net() { return this; }

        @Override public Sampling samplingDefaults() { return new Sampling(1); }

        @Override public int classes() { return classes; }

        @Override public List<Update> updates() { return List.of(); }

        @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
            return draw(styles(rng.normal(count, latent()), given.labels(), how.truncation, 0), noise());
        }

        @Override public int layers() { return styles.layers(); }

        @Override public int width() { return styles.width(); }

        @Override public int latent() { return styles.latent(); }

        @Override public Tensor styles(Tensor z, @Nullable Tensor labels, double truncation, int cutoff) {
            return styles.styles(z, labels, truncation, cutoff);
        }

        @Override public Tensor meanStyle() { return styles.meanStyle(); }

        @Override public List<Tensor> noise() { return styles.noise(); }

        @Override public Tensor draw(Tensor w, List<Tensor> maps) { return styles.draw(w, maps); }
    }

    @Override public List<Family<?>> families() {
        return List.of(new Family<>("styled", "sums of styles", "nobody 2000", new Model.Config(1),
            Recipe.of(1, 8, new OptimizerSpec.Adam(0.1, 0.9, 0.999, 1e-8)), new Model.Sampling(1), Model::new));
    }
}
