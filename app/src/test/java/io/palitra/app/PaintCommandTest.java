package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static io.palitra.app.Typed.palitra;

import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.diffusion.NamedSampler;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Parameters;
import io.palitra.report.Png;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import sun.misc.Signal;

/** {@code palitra paint} as a user types it, on a tiny model of random weights. */
class PaintCommandTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";
    private static final String ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.";

    @TempDir static Path root;
    private static Path model;

    @BeforeAll static void aModel() throws IOException { model = TinyPipeline.write(root.resolve("tiny"), 1); }

    /** Paints into a file of that name: a castle in three steps, unless told otherwise. */
    private static Path paint(String name, Object... more) {
        Path file = root.resolve(name + ".png");
        List<Object> words = new ArrayList<>(List.of("paint", "a castle", "--model", model, "--steps", 3, "--out", file));
        words.addAll(List.of(more));
        Typed r = palitra(words.toArray());
        assertThat(r.code()).as(r.err()).isZero();
        return file;
    }

    private static Picture read(Path png) throws IOException {
        return Pictures.read(Files.readAllBytes(png), png.toString(), Limits.DEFAULT);
    }

    private static byte[] pixels(Path png) throws IOException { return read(png).pixels(); }

    @Test void severalPicturesOfConsecutiveSeedsCarryTheirSettings() throws IOException {
        Path dir = root.resolve("two");
        assertThat(palitra("paint", "a (castle:1.2)", "--negative", "snow", "--model", model, "--steps", 3, "-n", 2, "--seed", 7, "--size",
            "40x32", "--guidance", 3, "--sampler", "Euler a", "--out", dir).code()).isZero();
        try (Stream<Path> files = Files.list(dir)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactlyInAnyOrder("paint-7.png", "paint-8.png");
        }
        Picture second = read(dir.resolve("paint-8.png"));
        assertThat(List.of(second.width(), second.height())).containsExactly(40, 32);
        assertThat(second.pixels()).isNotEqualTo(pixels(dir.resolve("paint-7.png")));
        Parameters said = Parameters.parse(Png.text(dir.resolve("paint-8.png")).get(Parameters.KEY));
        assertThat(said.prompt()).isEqualTo("a (castle:1.2)");
        assertThat(said.negativePrompt()).isEqualTo("snow");
        assertThat(said.values()).containsEntry("Steps", "3").containsEntry("Sampler", "Euler a").containsEntry("CFG scale", "3")
            .containsEntry("Seed", "8").containsEntry("Size", "40x32").containsEntry("Model", "tiny");
    }

    @Test void aPictureIsPaintedAgainBitForBitFromItself() throws IOException {
        Path first = paint("first", "--negative", "snow", "--seed", 5, "--guidance-rescale", 0.5, "--sampler", "DPM++ 2M SDE Karras",
            "--noise", "offset", "--size", "32x40");
        Path again = root.resolve("again.png");
        assertThat(palitra("paint", "--like", first, "--out", again).code()).isZero();
        assertThat(pixels(again)).isEqualTo(pixels(first));
        assertThat(Png.text(again)).isEqualTo(Png.text(first));
        assertThat(palitra("paint", "--like", first, "--seed", 6, "--force", "--out", again).code()).isZero();
        assertThat(pixels(again)).isNotEqualTo(pixels(first));
        // of another tool's picture what its text says
        Path theirs = root.resolve("theirs.png");
        Png.write(theirs, read(first), Map.of(Parameters.KEY, Png.text(first).get(Parameters.KEY)));
        assertThat(palitra("paint", "--like", theirs, "--model", model, "--noise", "offset", "--force", "--out", again).code()).isZero();
        assertThat(pixels(again)).isEqualTo(pixels(first));
    }

    @Test void everySamplerThatTheHelpNamesPaints() {
        String help = new CommandLine(new PaintCommand()).getUsageMessage(CommandLine.Help.Ansi.OFF).replaceAll("\\s+", " ");
        for (NamedSampler sampler : NamedSampler.values()) {
            assertThat(help).contains(sampler.label());
            paint("by-" + sampler, "--sampler", sampler.label());
        }
    }

    @Test void aPictureIsChangedFilledInAndWidened() throws IOException {
        Path of = paint("of"), mask = root.resolve("mask.png");
        byte[] half = new byte[32 * 32], given = pixels(of);
        for (int i = 0; i < half.length; i++) half[i] = (byte) (i % 32 < 16 ? 0 : 255);
        Png.write(mask, new Picture(1, 32, 32, half), Map.of());
        assertThat(pixels(paint("changed", "--image", of, "--strength", 0.7, "--seed", 3))).isNotEqualTo(given);
        assertThat(pixels(paint("unchanged", "--image", of, "--strength", 0, "--seed", 3))).isEqualTo(given);
        Path filled = paint("filled", "--image", of, "--mask", mask, "--seed", 3);
        byte[] got = pixels(filled);
        int changed = 0;
        for (int i = 0; i < got.length; i++) {
            if (i % 32 < 16) assertThat(got[i]).as("byte " + i).isEqualTo(given[i]);
            else if (got[i] != given[i]) changed++;
        }
        assertThat(changed).isGreaterThan(100);
        Path again = root.resolve("filled-again.png");
        assertThat(palitra("paint", "--like", filled, "--out", again).code()).isZero();
        assertThat(pixels(again)).isEqualTo(got);
        byte[] soft = pixels(paint("soft", "--image", of, "--mask", mask, "--mask-blur", 3, "--seed", 3));
        for (int i = 0; i < soft.length; i++) if (i % 32 < 7) assertThat(soft[i]).isEqualTo(given[i]);   // beyond three deviations
        Picture wide = read(paint("wide", "--image", of, "--outpaint", "8,0,16,8"));
        assertThat(List.of(wide.width(), wide.height())).containsExactly(56, 40);
        for (int i = 0; i < given.length; i++) {
            int c = i / 1024, y = i / 32 % 32, x = i % 32;
            assertThat(wide.pixels()[(c * 40 + y) * 56 + 8 + x]).isEqualTo(given[i]);
        }
        Picture tall = read(paint("tall", "--image", of, "--set", "height=64"));
        assertThat(List.of(tall.width(), tall.height())).containsExactly(32, 64);
    }

    private static Path lora(String name, long seed, String layer, long inputs) {
        Path file = root.resolve(name + ".safetensors");
        try (Scope scope = new Scope()) {
            Rng rng = new Rng(seed);
            Safetensors.write(file, Map.of("unet." + layer + ".lora_A.weight", rng.normal(2, inputs), "unet." + layer + ".lora_B.weight",
                rng.normal(8, 2)), Map.of());
        }
        return file;
    }

    @Test void twoLorasAddUpAndAreToldByThePicture() throws IOException {
        Path a = lora("style", 1, ATTENTION + "to_q", 8), b = lora("face", 2, ATTENTION + "to_v", 8);
        byte[] none = pixels(paint("none")), one = pixels(paint("one", "--lora", a));
        Path both = paint("both", "--lora", a, "--lora", b + ":-1.5");
        assertThat(pixels(both)).isNotEqualTo(one).isNotEqualTo(none);
        assertThat(pixels(paint("zero", "--lora", a + ":0", "--lora", b + ":0"))).isEqualTo(none);
        assertThat(Png.text(both).get(Parameters.KEY)).startsWith("a castle <lora:style:1> <lora:face:-1.5>\n");
        Path again = root.resolve("both-again.png");
        assertThat(palitra("paint", "--like", both, "--out", again).code()).isZero();
        assertThat(pixels(again)).isEqualTo(pixels(both));
    }

    @Test void anotherModelGoesOn() throws IOException {
        Path other = TinyPipeline.write(root.resolve("other"), 2);
        assertThat(pixels(paint("switched", "--switch-to", other + "@500"))).isNotEqualTo(pixels(paint("not-switched")));
    }

    @Test void aSignalEndsTheWorkInOneLineAndLeavesNothingHalf() throws Exception {
        Path dir = Files.createDirectory(root.resolve("stopped")), seen = dir.resolve("seen.png"), out = dir.resolve("out.png");
        Thread user = new Thread(() -> {
            try {
                while (!Files.exists(seen)) Thread.sleep(5);   // the handler is there when the first preview is
                Signal.raise(new Signal("TERM"));   // INT is ignored by what a shell runs in the background
            } catch (InterruptedException e) {
                // there was no preview
            }
        });
        user.start();
        Typed r = palitra("paint", "a castle", "--model", model, "--steps", 900, "-n", 2, "--preview", seen, "--out", out);
        user.interrupt();
        user.join();
        assertThat(r.code()).isEqualTo(Main.STOPPED);
        assertThat(r.err().lines().filter(l -> l.startsWith("palitra: "))).singleElement().asString()
            .matches("palitra: stopped at step \\d+ of 900");
        assertThat(dir.toFile().list()).containsExactly("seen.png");
        assertThat(read(seen).width()).isEqualTo(32);
    }

    private static Path copy(String name) throws IOException {
        Path to = root.resolve(name);
        try (Stream<Path> all = Files.walk(model)) {
            for (Path p : all.toList()) Files.copy(p, to.resolve(model.relativize(p).toString()));
        }
        return to;
    }

    private static Path text(Path model, String file, String text) throws IOException {
        Files.writeString(model.resolve(file), text);
        return model;
    }

    private static byte[] safetensors(String header, int values) {
        byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + values).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).array();
    }

    /** By name a damaged copy of the model, and a part of the line that refuses it. */
    private static Map<Path, String> damaged() throws IOException {
        Map<Path, String> all = new LinkedHashMap<>();
        byte[] whole = Files.readAllBytes(model.resolve(UNET));
        Path shape = copy("shape"), shards = copy("shards"), outside = copy("outside"), torn = copy("torn"), over = copy("over");
        Path pickle = copy("pickle"), words = copy("words");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> tensors = new TreeMap<>(Safetensors.read(shape.resolve(UNET)).tensors());
            tensors.put("conv_in.weight", Torch.ones(8, 3, 3, 3));
            Safetensors.write(shape.resolve(UNET), tensors, Map.of());
        }
        all.put(shape, UNET + ": weights do not fit UnetCondition2d: conv_in.weight wants Tensor[8, 4, 3, 3], got Tensor[8, 3, 3, 3]");
        Files.move(shards.resolve(UNET), shards.resolve("unet/a.safetensors"));
        text(shards, UNET + ".index.json", "{\"weight_map\": {\"conv_in.weight\": \"b.safetensors\"}}");
        all.put(shards, UNET + ".index.json: shard 'b.safetensors' is missing");
        Files.move(outside.resolve(UNET), outside.resolve("a.safetensors"));
        text(outside, UNET + ".index.json", "{\"weight_map\": {\"conv_in.weight\": \"../a.safetensors\"}}");
        all.put(outside, "the shard of tensor 'conv_in.weight' is '../a.safetensors'; allowed are names in the same folder");
        Files.write(torn.resolve(UNET), Arrays.copyOf(whole, whole.length - 5));
        all.put(torn, UNET + " at byte ");
        Files.write(over.resolve(UNET), safetensors("{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}, "
            + "'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}", 4));
        all.put(over, "tensor");
        Files.delete(pickle.resolve(UNET));
        Files.writeString(pickle.resolve("unet/diffusion_pytorch_model.bin"), "\u0080\u0002cposix\nsystem\n.", StandardCharsets.ISO_8859_1);
        all.put(pickle, "the pickle asks for 'posix.system'");
        String vocabulary = Files.readString(words.resolve("tokenizer/vocab.json"));
        text(words, "tokenizer/vocab.json", vocabulary.replaceFirst("\"a</w>\" ?: 26", "\"a</w>\": 99"));
        all.put(words, "the tokenizer gives token 99 in windows of 77, but the text encoder has 54");
        all.put(text(copy("layers"), "unet/config.json", "{\"layers_per_block\": 1000000}"),
            "unet: its configuration is not understood: illegal layers_per_block: [1000000], must be 1 to 64");
        all.put(text(copy("deep"), "unet/config.json", "[".repeat(100_000)), "unet/config.json: is no JSON");
        all.put(text(copy("times"), "scheduler/scheduler_config.json", """
            {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000000000}"""),
            "scheduler: its configuration is not understood: illegal num_train_timesteps");
        Path gone = copy("gone");
        Files.delete(gone.resolve("vae/diffusion_pytorch_model.safetensors"));
        all.put(gone, "vae: holds no weights");
        return all;
    }

    private static void refused(int code, String why, Object... more) {
        Path out = root.resolve("refused.png");
        List<Object> words = new ArrayList<>(List.of("paint", "a castle"));
        words.addAll(List.of(more));
        if (!words.contains("--model")) words.addAll(List.of("--model", model));
        if (!words.contains("--out")) words.addAll(List.of("--out", out));
        long start = System.nanoTime();
        Typed r = palitra(words.toArray());
        assertThat(System.nanoTime() - start).as(why).isLessThan(60_000_000_000L);
        assertThat(r.err()).contains(why).doesNotContain("\tat ");
        assertThat(r.code()).as(r.err()).isEqualTo(code);
        assertThat(r.err().lines().filter(l -> !l.contains("its weights take"))).as(r.err()).singleElement().asString()
            .startsWith("palitra: ").hasSizeLessThan(1100);
        if (words.indexOf("--model") == 2 && code == 1) assertThat(r.err()).contains(words.get(3).toString());   // names the file
        assertThat(out).doesNotExist();
    }

    @Test void aModelThatIsDamagedIsRefusedInOneLineThatNamesTheFile() throws IOException {
        for (Map.Entry<Path, String> e : damaged().entrySet()) {
            refused(e.getValue().startsWith("the tokenizer") ? 2 : 1, e.getValue(), "--model", e.getKey());
        }
    }

    @Test void aLoraForOtherNetworksIsRefused() throws IOException {
        refused(1, "wide.safetensors", "--lora", lora("wide", 1, ATTENTION + "to_q", 16));
        refused(1, "elsewhere.safetensors", "--lora", lora("elsewhere", 1, "down_blocks.7.attentions.0.to_q", 8));
        refused(1, "diffusion_pytorch_model.safetensors", "--lora", model.resolve(UNET));
        refused(1, "there is no such file", "--lora", root.resolve("none.safetensors"));
        refused(2, "must be from -10 to 10", "--lora", root.resolve("none.safetensors") + ":11");
    }

    @Test void whatDoesNotFitIsRefusedBeforeTheWork() throws IOException {
        Path of = paint("given"), small = root.resolve("small.png"), none = root.resolve("none/x.png"), long1 = root.resolve("long.png");
        Png.write(small, new Picture(1, 8, 16, new byte[128]), Map.of());
        refused(2, "the mask has 16x8 pixels, the picture 32x32", "--image", of, "--mask", small);
        refused(2, "a size of 33x32 is not divisible by 8; near it is 32x32", "--size", "33x32");
        refused(2, "near it is 8x40", "--size", "3x39");
        refused(2, "a size of 33x32 is not divisible by 8", "--image", of, "--outpaint", "1,0,0,0");
        refused(2, "illegal width: 99999, must be between 0 and 8192", "--size", "99999x64");
        for (String letters : List.of("x", "(", ":1", "a ")) {
            Typed r = palitra("paint", letters.repeat(1_000_000 / letters.length()), "--model", model, "--out", root.resolve("no.png"));
            assertThat(r.err()).isEqualTo("palitra: the prompt has 1000000 characters, at most 20000 are read" + System.lineSeparator());
            assertThat(r.code()).isEqualTo(2);
        }
        refused(2, "the negative has 1000000 characters", "--negative", "(x".repeat(500_000));
        refused(1, "xxx", "--lora", "x".repeat(1_000_000));
        refused(2, "no sampler", "--sampler", "x".repeat(1_000_000));
        refused(2, "cannot write --out " + none, "--out", none);
        refused(2, "cannot write --preview " + none, "--preview", none);
        refused(2, "there are no previews with --low-memory", "--preview", root.resolve("p.png"), "--low-memory");
        refused(2, "half a surrogate pair", "--negative", "\ud800");
        refused(2, "want the picture to change", "--mask", small);
        refused(1, "no such file", "--image", none);
        refused(1, "is not a regular file", "--image", root);
        try (RandomAccessFile f = new RandomAccessFile(long1.toFile(), "rw")) { f.setLength(3L << 30); }   // takes no room on the disk
        refused(1, "a picture has at most 67108864", "--image", long1);
        refused(2, "must be MODEL@TIME", "--switch-to", model);
        refused(2, "exists; choose another --out", "--out", of);
        refused(1, "carries no settings of a painted picture", "--like", small);
    }
}
