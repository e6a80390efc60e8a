package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.Alphabet;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.ScoreSpec;
import io.palitra.data.TextSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.Trainable;
import io.palitra.paint.TinyPipeline;
import io.palitra.stage.Builds;
import io.palitra.stage.TinyFirstStage;
import io.palitra.train.RunConfig;
import io.palitra.train.RunModels;
import io.palitra.train.TinyRuns;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a family is where nothing is asked for, on data of every kind. */
class FitTest {
    private static final ImageSpec GREY = new ImageSpec(1, 28, 28, 10), COLOUR = new ImageSpec(3, 32, 32, 10),
        FOLDER = new ImageSpec(3, 48, 40, 0);

    @TempDir static Path root;
    private static Path painter;

    @BeforeAll static void write() throws IOException {
        painter = TinyPipeline.write(root.resolve("painter"), "'prediction_type': 'sample'", "");
        TinyFirstStage.save(root.resolve("vq1"), 1, 1);
        TinyFirstStage.save(root.resolve("vq3"), 3, 1);
        TinyRuns.tiny(Unclip.FAMILY, root);     // and so a clip and a prior
        TinyRuns.tiny(Flamingo.FAMILY, root);   // and a gpt
    }

    /** A model of the kind that a key names. */
    private static Path upon(String key, long channels) {
        return switch (key) {
            case "model" -> painter;
            case "clip", "prior" -> root.resolve("upon").resolve(key);
            case "lm" -> root.resolve("upon").resolve("gpt");
            default -> root.resolve("vq" + channels);
        };
    }

    /** But what is distilled from a run of its own data: its tests build it. */
    private static List<Family<?>> own() {
        return Families.all().stream().filter(f -> f.defaults().getClass().getPackageName().equals("io.palitra.family"))
            .filter(f -> f != Consistency.FAMILY).toList();
    }

    /** Empty where the model can be built, else why it cannot. */
    private static <C extends Record> String refusal(Family<C> family, DataSpec spec) {
        List<String> upon = new ArrayList<>();
        for (String key : Config.paths(family.defaults()).keySet()) {
            if (key.equals("base") || family == Diffusion.FAMILY) continue;   // which may be empty
            upon.add(key + "=" + upon(key, spec instanceof ImageSpec image ? image.channels() : 1));
        }
        try (RunModels models = Builds.models(); Scope scope = new Scope();
                Trainable built = family.build(Config.with(family.defaults(spec), upon), new Build(spec, new Rng(1), models))) {
            return built.updates().isEmpty() ? "it learns nothing" : "";
        } catch (IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Of lora, of classifier and of the families of texts and music: data that they are not for. */
    private static boolean isOfOtherData(Family<?> family, ImageSpec spec, String refusal) {
        return family == LoraTuning.FAMILY && spec.channels() == 1 && refusal.contains("data.channels=3")
            || family == Classifier.FAMILY && spec.classes() == 0 && refusal.contains("at least 2 classes")
            || refusal.startsWith(family.name() + " wants texts, got " + spec) || refusal.startsWith(family.name() + " wants music, got "
            + spec);
    }

    @Test void everyFamilyIsBuiltOrItsRefusalNamesSizesThatFit() {
        List<String> wrong = new ArrayList<>();
        int built = 0, sized = 0;
        for (ImageSpec spec : List.of(GREY, COLOUR, FOLDER, new ImageSpec(3, 50, 37, 10), new ImageSpec(1, 30, 30, 10),
                new ImageSpec(3, 5, 6, 10))) {
            for (Family<?> family : own()) {
                String refusal = refusal(family, spec), of = family.name() + " on " + spec + ": " + refusal;
                if (refusal.isEmpty()) built++;
                if (refusal.isEmpty() || isOfOtherData(family, spec, refusal)) continue;
                List<Integer> sizes = Pattern.compile("data\\.size=(\\d+)").matcher(refusal).results()
                    .map((MatchResult m) -> Integer.valueOf(m.group(1))).toList();
                if (sizes.isEmpty()) wrong.add(of);
                for (int size : sizes) {
                    sized++;
                    String again = refusal(family, new ImageSpec(spec.channels(), size, size, spec.classes()));
                    if (!again.isEmpty()) wrong.add(of + ", and there: " + again);
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(built).isGreaterThan(50);
        assertThat(sized).isGreaterThan(20);
    }

    @Test void everyFamilyBuildsOnTextsAndOnMusicOrRefusesThemByItsOwnWords() {
        DataSpec text = new TextSpec(256, new Alphabet.Bytes()), music = new ScoreSpec(32);
        List<String> built = new ArrayList<>();
        for (DataSpec spec : List.of(text, music)) {
            for (Family<?> family : own()) {
                String refusal = refusal(family, spec), other = family.name() + " wants ";
                if (refusal.isEmpty()) built.add(family.name());
                else assertThat(refusal).startsWith(other).contains(", got " + spec).doesNotContain("\n");
            }
        }
        assertThat(built).containsExactlyInAnyOrder("gpt", "lstm", "mdlm", "musictransformer", "musegan");
    }

    private static <C extends Record> Trainable bare(Family<C> family, DataSpec spec) {
        return family.build(family.defaults(), spec, new Rng(1));
    }

    @Test void dataThatCannotBeIsRefusedBeforeTheModelUnderneathIsAskedFor() {
        for (Family<?> family : List.of(Prior.FAMILY, Unclip.FAMILY, Flamingo.FAMILY)) {
            assertThatThrownBy(() -> bare(family, new TextSpec(8, new Alphabet.Bytes())))
                .hasMessage(family.name() + " wants pictures, got texts of 8 bytes, 256 kinds and the end");
        }
        assertThatThrownBy(() -> Dalle.FAMILY.build(Dalle.FAMILY.defaults(), new TextSpec(8, new Alphabet.Bytes()), new Rng(1)))
            .hasMessage("dalle wants pictures, got texts of 8 bytes, 256 kinds and the end");
    }

    @Test void whatTakesPicturesOfAnyShapeIsBuiltOnThoseThatPeopleHave() {
        for (ImageSpec spec : List.of(GREY, COLOUR, FOLDER)) {
            for (Family<?> family : List.of(Ae.FAMILY, Vae.FAMILY, VqVae.FAMILY, VqGan.FAMILY, PixelCnn.FAMILY, RealNvp.FAMILY, Ebm.FAMILY,
                    Diffusion.FAMILY)) {
                assertThat(refusal(family, spec)).as(family.name() + " on " + spec).isEmpty();
            }
        }
        for (ImageSpec spec : List.of(GREY, COLOUR)) assertThat(refusal(Gan.FAMILY, spec)).isEmpty();
        assertThat(refusal(Gan.FAMILY, FOLDER)).endsWith("; data.size=40 or data.size=48 fits");
        for (Family<?> family : List.of(Ae.FAMILY, Vae.FAMILY, Gan.FAMILY, RealNvp.FAMILY, Ebm.FAMILY)) {
            assertThat(refusal(family, new VectorSpec(3, 2))).as(family.name()).isEmpty();
        }
    }

    @Test void defaultsOfGreyPicturesAreTheFamilysOwn() {
        for (Family<?> family : own()) {
            for (int side : List.of(16, 32, 64)) {
                assertThat((Record) family.defaults(new ImageSpec(1, side, side, 10))).as(family.name()).isEqualTo(family.defaults());
            }
            if (family != VqGan.FAMILY) assertThat((Record) family.defaults(GREY)).as(family.name()).isEqualTo(family.defaults());
        }
    }

    @Test void picturesInColourAreNoBlackAndWhitePixels() {
        assertThat(Vae.FAMILY.defaults(COLOUR).toString()).contains("decoder=Gaussian");
        assertThat(PixelCnn.FAMILY.defaults(COLOUR).toString()).contains("Logistic", "levels=256");
        assertThat(Vae.FAMILY.fitting(new VectorSpec(2, 0))).containsExactly("decoder=gaussian");
    }

    @Test void whatIsAskedForStandsOverTheDefaultsOfTheData() {
        record Three(ImageSpec spec) implements Dataset {
            @Override public String name() { return "three"; }

            @Override public int size() { return 3; }

            @Override public void read(int i, java.nio.ByteBuffer into) { into.put(new byte[spec.bytes()]); }
        }
        RunConfig usual = RunConfig.of("vae", "three", new Three(COLOUR), DataOptions.DEFAULT, 0, List.of("latent=7"));
        assertThat(usual.flat()).containsEntry("decoder.kind", "gaussian").containsEntry("latent", "7");
        RunConfig asked = RunConfig.of("vae", "three", new Three(COLOUR), DataOptions.DEFAULT, 0, List.of("decoder=bernoulli",
            "decoder.binarise=none"));
        assertThat(asked.flat()).containsEntry("decoder.kind", "bernoulli").containsEntry("decoder.binarise", "none");
        assertThatThrownBy(() -> RunConfig.of("vae", "three", new Three(COLOUR), DataOptions.DEFAULT, 0, List.of("decoder.binarise=none")))
            .hasMessageContaining("binarise");
    }
}
