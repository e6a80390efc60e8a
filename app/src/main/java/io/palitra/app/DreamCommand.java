package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.edit.DreamRequest;
import io.palitra.job.DreamJob;
import io.palitra.report.Film;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "dream", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "A picture from words by a VQGAN, whose codes are moved until a CLIP sees the words in it; and a film of that.",
    footer = {"", "'desert:50 | in snow:25' are two texts of these weights, 'people:-1' leads away from one, 'snow:1:0.7' stops at that",
        "distance (2 asin(d/2)^2); a colon before anything but a number is text. 'spring ^ summer' are two phases of a story.",
        "Ctrl-C keeps what there is. The PNG carries its settings; 'palitra dream --like F.png' dreams it again."})
final class DreamCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Parameters(index = "0", arity = "0..1", paramLabel = "TEXTS", description = "what the picture is to become")
    private @Nullable String texts;

    @Option(names = "--vqgan", paramLabel = "WHERE", description = "a run of vqgan or vqvae, a folder of diffusers, or org/name of the hub")
    private @Nullable String vqgan;

    @Option(names = "--clip", paramLabel = "WHERE", description = "a run of clip, a folder of transformers, or org/name of the hub")
    private @Nullable String clip;

    @Option(names = "--size", paramLabel = "WxH", description = "pixels; default: twice the VQGAN's own, or those of --image")
    private @Nullable String size;

    @Option(names = "--iterations", paramLabel = "N", description = "0 = until Ctrl-C; default: 200")
    private @Nullable Integer iterations;

    @Option(names = "--seed", paramLabel = "S", description = "decides everything; default: 0")
    private @Nullable Long seed;

    @Option(names = "--image", paramLabel = "FILE", description = "a picture to begin with (--set initWeight=1 holds it)")
    private @Nullable Path image;

    @Option(names = "--targets", paramLabel = "FILES", description = "pictures that it is to resemble, as 'a.png:2 | b.png'")
    private @Nullable String targets;

    @Option(names = "--noise", paramLabel = "SEEDS", description = "points at random that it is to resemble, as '7:0.5 | 8'")
    private @Nullable String noise;

    @Option(names = "--display", paramLabel = "N", defaultValue = "50",
        description = "rewrite DIR/preview.png every N iterations; default: 50")
    private int display;

    @Option(names = "--set", paramLabel = "key=value",
        description = "other keys, as cutouts=64, journey.zoom=1.02 or film.length=8; --keys lists them")
    private List<String> set = new ArrayList<>();

    @Option(names = "--keys", description = "list the keys of --set with default, range and meaning")
    private boolean keys;

    @Option(names = "--against", paramLabel = "DATA",
        description = "count how many captions of a folder, or test captions of a data set such as scenes, score lower")
    private @Nullable String against;

    @Option(names = "--like", paramLabel = "F.png", description = "the settings of that picture, where none are given here")
    private @Nullable Path like;

    @Option(names = "--out", paramLabel = "DIR", description = "dream.png, dream.gif, dream.mp4, frames/; default: dream-SEED")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (keys) {
            FamiliesCommand.print("what is dreamt: palitra dream --set key=value", Config.describe(DreamRequest.How.DEFAULT), "");
            FamiliesCommand.print("its film", Config.describe(Film.DEFAULT), "film.");
            return 0;
        }
        Terminal terminal = new Terminal("dream", false);
        DreamJob.Result result = job().run(new OneLine(terminal, Stop.whenAsked(), (what, done, of, figures) -> String.format(Locale.ROOT,
            "dream: %d%s, loss %.4f", done, of == 0 ? "" : "/" + of, figures.get("loss")), spec));
        terminal.done();
        if (json) {
            ObjectNode node = new ObjectMapper().createObjectNode().put("seed", result.seed()).put("iterations", result.iterations())
                .put("seconds", result.seconds());
            ArrayNode cosines = node.putArray("cosines"), list = node.putArray("files");
            result.cosines().forEach(cosines::add);
            result.files().forEach(f -> list.add(f.toString()));
            Common.json(node);
        } else {
            result.files().forEach(Common.OUT::println);
        }
        return result.stopped() ? Main.STOPPED : 0;
    }

    /** Keys that were typed, over those of the picture of --like, over the defaults. */
    private DreamJob job() {
        DreamJob base = like == null ? new DreamJob("", "", "") : DreamJob.like(like);
        List<String> values = new ArrayList<>(Common.without(set, "film.")), films = new ArrayList<>();
        for (String s : set) if (s.startsWith("film.")) films.add(s.substring("film.".length()));
        if (iterations != null) values.add("iterations=" + iterations);
        if (seed != null) values.add("seed=" + seed);
        if (size != null) {
            int[] sides = Common.size(size);
            values.addAll(List.of("width=" + sides[0], "height=" + sides[1]));
        }
        return new DreamJob(texts != null ? texts : base.texts(), Common.name(vqgan, "--vqgan"), Common.name(clip, "--clip"),
            Config.with(base.how(), values), Common.text(image), targets != null ? targets : base.targets(),
            noise != null ? noise : base.noise(), Config.with(base.film(), films), display, Common.name(against, "--against"),
            Common.text(like), Common.text(out), overwriting.force, computing.device, computing.threads);
    }
}
