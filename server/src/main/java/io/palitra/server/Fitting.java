package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.family.Families;
import io.palitra.job.CompleteRequest;
import io.palitra.job.ContinueRequest;
import io.palitra.job.DrawRequest;
import io.palitra.job.FillRequest;
import io.palitra.job.HarmoniseRequest;
import io.palitra.job.PaintJob;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import io.palitra.job.SampleRequest;
import io.palitra.job.VaryRequest;
import io.palitra.job.WriteRequest;
import io.palitra.model.Asked;
import io.palitra.model.Captions;
import io.palitra.model.Encoder;
import io.palitra.model.Energy;
import io.palitra.model.Family;
import io.palitra.model.LatentModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Reconstructs;
import io.palitra.model.Styles;
import io.palitra.model.Varies;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** Whether a request can be done by the models that it names, as far as that is known without their weights. */
final class Fitting {
    /** A part of a PNG: its first bytes, up to width and height. */
    private static final int WIDTH_AT = 16, HEAD = 24;
    /** Of the autoencoders of Stable Diffusion in one file. */
    private static final int USUAL_FACTOR = 8;

    private Fitting() {}

    /** What a model must do. @param not what one does not do that cannot */
    private record Need(String not, Predicate<ModelFacts> fits) {}

    private static final Need PAINTS = new Need("does not paint", f -> f.kind() == ModelFacts.Kind.PAINT);
    private static final Need DRAWS_WORDS = new Need("draws nothing from words", f -> f.kind() == ModelFacts.Kind.RUN
        && f.about().path("draws").asBoolean() && takes(f, "text"));
    private static final Need RANKS = new Need("is no CLIP", f -> f.kind() == ModelFacts.Kind.CLIP || family(f, "clip"));
    private static final Need CODES = new Need("is no VQGAN", f -> f.kind() == ModelFacts.Kind.VQGAN || family(f, "vqgan")
        || family(f, "vqvae"));
    private static final Need DRAWS = new Need("draws nothing",
        f -> f.kind() == ModelFacts.Kind.RUN && f.about().path("draws").asBoolean());
    private static final Need COMPLETES = new Need("completes nothing", f -> f.kind() == ModelFacts.Kind.RUN
        && (takes(f, "prefix") || redraws(f)));
    private static final Need GOES_ON = new Need("does not draw along noise levels", Fitting::redraws);
    private static final Need CONTINUES = new Need("goes on with no films", f -> items(f, "films") && takes(f, "prefix"));
    private static final Need HAS_CODES = new Need("has no latent space to walk through", f -> may(f, LatentModel.class));
    private static final Need HAS_SPACE = new Need("has no latent space to walk through",
        f -> may(f, LatentModel.class) || may(f, Styles.class));
    private static final Need ENCODES = new Need("makes no codes of items", f -> may(f, Encoder.class));
    private static final Need RECONSTRUCTS = new Need("reconstructs nothing", f -> may(f, Reconstructs.class));
    private static final Need STYLED = new Need("draws by no styles that its layers read", f -> may(f, Styles.class));
    private static final Need VARIES = new Need("varies no pictures", f -> may(f, Varies.class));
    private static final Need CAPTIONS = new Need("writes nothing of pictures", f -> may(f, Captions.class));
    private static final Need SCORES = new Need("scores no items", f -> may(f, Likelihood.class) || may(f, Energy.class)
        || may(f, Reconstructs.class));
    private static final Need WRITES = new Need("writes no texts from a beginning",
        f -> f.kind() != ModelFacts.Kind.RUN || items(f, "texts") && !takes(f, "known"));
    private static final Need FILLS = new Need("fills no holes of texts", f -> items(f, "texts") && takes(f, "known"));
    private static final Need HARMONISES = new Need("completes no scores", f -> items(f, "scores") && takes(f, "known"));
    private static final Need RUN = new Need("is no run", f -> f.kind() == ModelFacts.Kind.RUN);
    private static final Need ANY = new Need("", f -> true);
    private static final String RUN_KEY = "run", RUNS_KEY = "runs";
    /** Kinds of jobs whose requests name a run, and those of pictures alone. */
    private static final List<String> OF_RUNS = Jobs.SERVED.stream().filter(kind -> !key(kind).isEmpty()).toList();
    private static final Set<String> OF_PICTURES = Set.of("complete", "vary", "caption");

    private static boolean takes(ModelFacts facts, String kind) {
        for (JsonNode one : facts.about().path("takes")) if (one.asText().equals(kind)) return true;
        return false;
    }

    private static boolean redraws(ModelFacts facts) { return facts.about().path("redraws").asBoolean(); }

    private static boolean may(ModelFacts facts, Class<?> capability) {
        String name = facts.about().path("family").asText();
        return facts.kind() == ModelFacts.Kind.RUN
            && Families.all().stream().filter(f -> f.name().equals(name)).allMatch(f -> f.may(capability));
    }

    private static boolean items(ModelFacts facts, String name) { return facts.about().path("items").asText().equals(name); }

    private static boolean family(ModelFacts facts, String name) { return facts.about().path("family").asText().equals(name); }

    private static Need need(String kind, String key) {
        return switch (key) {
            case "clip" -> RANKS;
            case "vqgan" -> CODES;
            case "switchTo" -> kind.equals("paint") ? PAINTS : GOES_ON;
            case "model" -> kind.equals("paint") ? PAINTS : kind.equals("draw") ? DRAWS_WORDS : ANY;
            case RUN_KEY -> switch (kind) {
                case "sample" -> DRAWS;
                case "complete" -> COMPLETES;
                case "continue" -> CONTINUES;
                case "interpolate" -> HAS_CODES;
                case "walk", "directions" -> HAS_SPACE;
                case "map" -> ENCODES;
                case "reconstruct" -> RECONSTRUCTS;
                case "project", "mix" -> STYLED;
                case "vary" -> VARIES;
                case "caption" -> CAPTIONS;
                case "anomalies" -> SCORES;
                case "write" -> WRITES;
                case "fill" -> FILLS;
                case "harmonise" -> HARMONISES;
                default -> RUN;
            };
            case RUNS_KEY -> RUN;
            default -> ANY;
        };
    }

    /** By which key a request names runs; empty where it names none. */
    private static String key(String kind) {
        List<String> wanted = Requests.required(kind);
        return wanted.contains(RUN_KEY) ? RUN_KEY : wanted.contains(RUNS_KEY) ? RUNS_KEY : "";
    }

    /** Kinds of jobs that a run can be named in, as far as that is known without its weights; none of other models. */
    static List<String> jobs(ModelFacts model) {
        if (model.kind() != ModelFacts.Kind.RUN) return List.of();
        boolean pictures = model.about().path("items").asText("pictures").equals("pictures");
        return OF_RUNS.stream().filter(kind -> pictures || !OF_PICTURES.contains(kind))
            .filter(kind -> need(kind, key(kind)).fits.test(model)).toList();
    }

    /** @throws Refused for a model that cannot do what a job of that kind wants of it */
    static void refuse(String kind, String key, Registry.Entry model, List<Registry.Entry> all) {
        Need need = need(kind, key);
        if (need.fits.test(model.facts())) return;
        List<String> names = Registry.names(all.stream().filter(e -> e.model() && need.fits.test(e.facts())).toList());
        throw new Refused(422, "wrong_model", key, "'" + model.name() + "' " + need.not + "; "
            + (names.isEmpty() ? "there is no model here that does" : "models that can be named here are " + Notes.some(names)));
    }

    /** @param model that draws, of a request whose names are not places yet */
    static void refuseKeys(Request<?> request, Registry.Entry model) {
        Family<?> family = Families.all().stream().filter(f -> f.name().equals(model.facts().about().path("family").asText())).findFirst()
            .orElse(null);
        if (family == null || family.sampling() == null) return;
        Set<String> asked = Set.copyOf(Asked.keys());
        List<String> keys = keys(request);
        Config.with((Record) family.sampling(), keys.stream().filter(k -> !asked.contains(k.split("=", 2)[0])).toList());
        Config.with(Asked.ANY, keys.stream().filter(k -> asked.contains(k.split("=", 2)[0])).toList());
    }

    /** @param model a run whose items the request must suit. @throws ConfigException by the key that does not */
    static void refuseItems(Request<?> request, Registry.Entry model) {
        Path config = Path.of(model.place()).resolve(Run.CONFIG);
        if (model.facts().kind() != ModelFacts.Kind.RUN || !Files.isRegularFile(config)) return;
        DataSpec items;
        try {
            items = RunConfig.read(config).settings().spec();
        } catch (IOException | IllegalArgumentException e) {
            return;   // who opens it says what is wrong
        }
        request.check(items);
    }

    private static List<String> keys(Request<?> request) {
        if (request instanceof SampleRequest r) return r.sampling();
        if (request instanceof DrawRequest r) return r.sampling();
        if (request instanceof CompleteRequest r) return r.set();
        if (request instanceof ContinueRequest r) return r.set();
        if (request instanceof VaryRequest r) return r.set();
        if (request instanceof FillRequest r) return r.set();
        if (request instanceof HarmoniseRequest r) return r.set();
        return request instanceof WriteRequest r ? r.set() : List.of();
    }

    /** Sizes of the pictures and of what is painted. @param paint with places */
    static void refuseSizes(PaintJob paint) {
        if (paint.image().isEmpty()) {
            if (!paint.mask().isEmpty()) throw new Refused(422, "bad_request", "image", "a mask wants the picture to change: image");
            int factor = factor(Path.of(paint.model()));
            if (paint.how().width() % factor != 0) refuseSide("width", paint.how().width(), factor);
            if (paint.how().height() % factor != 0) refuseSide("height", paint.how().height(), factor);
            return;
        }
        if (paint.mask().isEmpty()) return;
        int[] picture = size(Path.of(paint.image())), mask = size(Path.of(paint.mask()));
        if (picture[0] == mask[0] && picture[1] == mask[1]) return;
        throw new ConfigException("mask", "the mask has " + mask[0] + "x" + mask[1] + " pixels, the picture " + picture[0] + "x"
            + picture[1] + "; they must be the same");
    }

    private static void refuseSide(String key, int pixels, int factor) {
        throw new ConfigException("how." + key, "illegal " + key + ": " + pixels + ", must be divisible by " + factor + "; near it is "
            + Math.max(1, Math.round(pixels / (float) factor)) * factor);
    }

    /** Pixels of a picture to one of its code. */
    private static int factor(Path model) {
        Path config = model.resolve("vae").resolve("config.json");
        if (!Files.isRegularFile(config)) return Files.isRegularFile(model) ? USUAL_FACTOR : 1;
        try {
            int blocks = Json.read(config).path("block_out_channels").size();
            return blocks == 0 || blocks > 10 ? 1 : 1 << (blocks - 1);
        } catch (IOException | RuntimeException e) {
            return 1;   // who opens it says what is wrong
        }
    }

    /** Of an upload, which is a PNG of ours. */
    private static int[] size(Path png) {
        try (InputStream in = Files.newInputStream(png)) {
            ByteBuffer head = ByteBuffer.wrap(in.readNBytes(HEAD));
            return new int[] {head.getInt(WIDTH_AT), head.getInt(WIDTH_AT + Integer.BYTES)};
        } catch (IOException | IndexOutOfBoundsException e) {
            throw new Refused(422, "no_such_picture", "image", "image must be the id of a picture that was uploaded");
        }
    }
}
