package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.job.PaintJob;
import io.palitra.paint.PaintRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "paint", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Pictures from words by a model of the Stable Diffusion kind; or a picture changed, filled in or widened by words.",
    footer = {"", "(word) weighs 1.1, [word] 1/1.1, (word:1.3) 1.3; 'a castle:50 | snow:25' are two texts of these weights.",
        "BREAK, in capitals, begins a window of 75 tokens. <lora:NAME:0.8> in the text adds NAME.safetensors, found beside the model,",
        "here, or in --lora-dir.",
        "Noise: gaussian is what models are trained on; offset makes pictures darker or brighter as a whole; pyramid makes shapes larger.",
        "Each PNG carries its settings, and of files names and hashes; 'palitra paint --like F.png' paints it again, and finds the files",
        "here, beside the picture, or in the hub's cache. Pictures of AUTOMATIC1111's web UI serve as well: --like F.png --model M."})
final class PaintCommand implements Callable<Integer> {
    /** For the help and for completion. */
    static final class Samplers implements Iterable<String> {
        @Override public Iterator<String> iterator() { return PaintJob.samplers().iterator(); }
    }

    @Spec private @Nullable CommandSpec spec;

    @Parameters(index = "0", arity = "0..1", paramLabel = "TEXT", description = "what the picture is to show")
    private @Nullable String prompt;

    @Option(names = "--model", paramLabel = "M", description = "a folder, a file, or org/name of the hub ('palitra pull' brings it)")
    private @Nullable String model;

    @Option(names = "--negative", paramLabel = "TEXT", description = "what it is led away from")
    private @Nullable String negative;

    @Option(names = "-n", paramLabel = "N", description = "how many; default: 1")
    private @Nullable Integer n;

    @Option(names = "--size", paramLabel = "WxH", description = "pixels; default: the model's own")
    private @Nullable String size;

    @Option(names = "--steps", paramLabel = "N", description = "of the sampler; default: 30")
    private @Nullable Integer steps;

    @Option(names = "--guidance", paramLabel = "G", description = "how much the text counts, 1 = as trained; default: 7.5")
    private @Nullable Double guidance;

    @Option(names = "--guidance-rescale", paramLabel = "0..1", description = "softens a large guidance; default: 0")
    private @Nullable Double rescale;

    @Option(names = "--sampler", paramLabel = "NAME", completionCandidates = Samplers.class,
        description = "default: the model's own; there are ${COMPLETION-CANDIDATES}, most also with Karras, Exponential, Beta, SGM "
            + "Uniform, Simple, Normal, Uniform or DDIM behind")
    private @Nullable String sampler;

    @Option(names = "--seed", paramLabel = "S", description = "of the first picture, the next has S + 1; default: 0")
    private @Nullable Long seed;

    @Option(names = "--noise", paramLabel = "gaussian|offset|pyramid", description = "to start from; default: gaussian")
    private @Nullable String noise;

    @Option(names = "--set", paramLabel = "key=value", description = "other keys, as eta=0.5 or noise.strength=0.05")
    private List<String> set = new ArrayList<>();

    @Option(names = "--lora", paramLabel = "FILE[:WEIGHT]", description = "a small change of the model, may be repeated")
    private List<String> loras = new ArrayList<>();

    @Option(names = "--lora-dir", paramLabel = "DIR", description = "where <lora:NAME:0.8> in a text is looked for, with its folders")
    private @Nullable Path loraDir;

    @Option(names = "--clip-skip", paramLabel = "N",
        description = "layer of the text encoder from the end: 1 the last, 2 the one before; default: the model's own")
    private @Nullable Integer clipSkip;

    @Option(names = "--image", paramLabel = "FILE", description = "a picture to change")
    private @Nullable Path image;

    @Option(names = "--strength", paramLabel = "0..1", description = "how much of it: 0 nothing; default: 0.8, with a mask 1")
    private @Nullable Double strength;

    @Option(names = "--mask", paramLabel = "FILE",
        description = "what is white and opaque is painted, black and transparent stays bit for bit")
    private @Nullable Path mask;

    @Option(names = "--mask-blur", paramLabel = "PX", description = "softens the mask's edge; default: 0")
    private @Nullable Integer blur;

    @Option(names = "--outpaint", paramLabel = "L,T,R,B", description = "pixels to add on the left, top, right and bottom")
    private @Nullable String outpaint;

    @Option(names = "--switch-to", paramLabel = "MODEL@T", description = "another model goes on from training time T (999 = noise) down")
    private @Nullable String switchTo;

    @Option(names = "--like", paramLabel = "F.png", description = "the settings of that picture, where none are given here")
    private @Nullable Path like;

    @Option(names = "--out", paramLabel = "FILE.png|DIR", description = "default: paint-SEED.png; several in one FILE.png are a grid")
    private @Nullable Path out;

    @Option(names = "--preview", paramLabel = "FILE.png", description = "rewritten at every step with what is to be seen so far")
    private @Nullable Path preview;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--precision", paramLabel = "fp32|bf16|fp16", defaultValue = "fp32",
        description = "of weights and arithmetic, fp16 on CUDA only; default: fp32")
    private String precision = "fp32";

    @Option(names = "--low-memory", description = "hold one part of the model at a time, decode by tiles")
    private boolean lowMemory;

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("paint", false);
        PaintJob.Result result = job().run(new OneLine(terminal, Stop.whenAsked(), (what, done, of, figures) -> "paint: step " + done + "/"
            + of, spec));
        terminal.done();
        if (json && !result.stopped()) {
            ObjectNode node = new ObjectMapper().createObjectNode().put("seed", result.seed()).put("seconds", result.seconds());
            ArrayNode list = node.putArray("files");
            result.files().forEach(f -> list.add(f.toString()));
            Common.json(node);
        } else {
            result.files().forEach(Common.OUT::println);
        }
        return result.stopped() ? Main.STOPPED : 0;
    }

    /** Keys that were typed, over those of the picture of --like, over the defaults. */
    private PaintJob job() {
        PaintJob base = like == null ? new PaintJob("", "") : PaintJob.like(like);
        List<String> values = new ArrayList<>(set);
        if (n != null) values.add("n=" + n);
        if (steps != null) values.add("steps=" + steps);
        if (guidance != null) values.add("guidance=" + guidance);
        if (rescale != null) values.add("guidanceRescale=" + rescale);
        if (sampler != null) values.add("sampler=" + sampler);
        if (seed != null) values.add("seed=" + seed);
        if (clipSkip != null) values.add("clipSkip=" + clipSkip);
        if (noise != null) values.add(0, "noise=" + noise);
        if (size != null) {
            int[] sides = Common.size(size);
            values.addAll(List.of("width=" + sides[0], "height=" + sides[1]));
        }
        if (prompt == null && like == null && model != null) {
            throw new ArgumentException("paint what? give a text, or --like F.png");
        }
        if (strength != null && strength < 0) {
            throw new ConfigException("strength", "illegal strength: " + strength + ", must be from 0 to 1");
        }
        return new PaintJob(prompt != null ? prompt : base.prompt(), negative != null ? negative : base.negative(),
            Common.name(model, "--model"), Config.with(base.how(), values), loras, Common.text(loraDir), Common.text(image),
            strength != null ? strength : base.strength(), Common.text(mask), blur != null ? blur : base.maskBlur(),
            outpaint != null ? margin(outpaint) : base.outpaint(), switchTo != null ? switchTo : base.switchTo(),
            Common.text(like), Common.text(out), Common.text(preview), overwriting.force, computing.device, precision,
            lowMemory, computing.threads);
    }

    private static PaintRequest.Margin margin(String given) {
        if (!given.matches("\\d{1,5}(,\\d{1,5}){3}")) {
            throw new ArgumentException("illegal --outpaint: " + given + ", must be four numbers of pixels as 0,0,64,0");
        }
        String[] m = given.split(",");
        return new PaintRequest.Margin(Integer.parseInt(m[0]), Integer.parseInt(m[1]), Integer.parseInt(m[2]), Integer.parseInt(m[3]));
    }
}
