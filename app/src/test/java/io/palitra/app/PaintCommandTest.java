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
import java.awt.image.BufferedImage;
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
import javax.imageio.ImageIO;
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
        List<Object> words = new ArrayList<>(List.of("paint", "--force", "--out", file));
        words.addAll(List.of(more));
        if (more.length % 2 == 0) words.add("a castle");   // options go in pairs
        if (!words.contains("--model")) words.addAll(List.of("--model", model));
        if (!words.contains("--steps")) words.addAll(List.of("--steps", 3));
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
        assertThat(r.code()).isEqualTo(143);
        assertThat(r.err().lines().filter(l -> l.startsWith("stopped "))).singleElement().asString()
            .matches("stopped at step \\d+ of 1800, 0 of 2 pictures are painted");
        assertThat(dir.toFile().list()).containsExactly("seen.png");
        assertThat(read(seen).width()).isEqualTo(32);
    }

    @Test void whatIsPaintedWhenASignalComesIsWritten() throws Exception {
        for (String out : List.of("some", "grid.png")) {
            Path dir = Files.createDirectory(root.resolve("stopped-" + out)), target = dir.resolve(out), seen = dir.resolve("seen.png");
            Path first = out.endsWith(".png") ? seen : target.resolve("paint-7.png");
            long[] began = {0};
            Thread user = new Thread(() -> {
                try {
                    while (!Files.exists(first)) Thread.sleep(5);
                    began[0] = System.nanoTime();
                    if (first.equals(seen)) Thread.sleep(3000);   // some pictures of few steps
                    Signal.raise(new Signal("TERM"));
                } catch (InterruptedException e) {
                    // nothing was painted
                }
            });
            user.start();
            Typed r = palitra("paint", "a castle", "--model", model, "--steps", 5, "-n", 900, "--seed", 7, "--preview", seen, "--out",
                target);
            user.interrupt();
            user.join();
            assertThat(r.code()).as(r.err()).isEqualTo(143);
            String line = r.err().lines().filter(l -> l.startsWith("stopped ")).findFirst().orElseThrow();
            assertThat(line).matches("stopped at step \\d+ of 4500, \\d+ of 900 pictures are painted");
            int n = Integer.parseInt(line.replaceAll(".*, (\\d+) of 900.*", "$1"));
            assertThat(n).isPositive();
            if (out.endsWith(".png")) {
                assertThat(Png.text(target).get("palitra")).contains("\"n\":" + n);
            } else {
                assertThat(target.toFile().list()).hasSize(n).contains("paint-7.png");
                assertThat(pixels(target.resolve("paint-7.png"))).isEqualTo(pixels(paint("seven", "--seed", 7, "--steps", 5)));
            }
        }
    }

    /** White strokes on nothing, as drawing programs save a layer. */
    @Test void ofAMaskWithTransparencyTheStrokesArePainted() throws IOException {
        Path of = paint("under"), mask = root.resolve("strokes.png"), erased = root.resolve("erased.png");
        BufferedImage strokes = new BufferedImage(32, 32, BufferedImage.TYPE_INT_ARGB);
        BufferedImage hole = new BufferedImage(32, 32, BufferedImage.TYPE_INT_ARGB);
        for (int i = 0; i < 32 * 32; i++) {
            boolean right = i % 32 >= 16;
            strokes.setRGB(i % 32, i / 32, right ? 0xffffffff : 0x00ffffff);
            hole.setRGB(i % 32, i / 32, right ? 0x00000000 : 0xff000000);
        }
        ImageIO.write(strokes, "png", mask.toFile());
        ImageIO.write(hole, "png", erased.toFile());
        byte[] given = pixels(of), got = pixels(paint("strokes-painted", "--image", of, "--mask", mask, "--seed", 3));
        int changed = 0;
        for (int i = 0; i < got.length; i++) {
            if (i % 32 < 16) assertThat(got[i]).as("byte " + i).isEqualTo(given[i]);
            else if (got[i] != given[i]) changed++;
        }
        assertThat(changed).isGreaterThan(100);
        Typed r = palitra("paint", "a castle", "--model", model, "--steps", 3, "--image", of, "--mask", erased, "--out",
            root.resolve("e.png"));
        assertThat(r.err()).contains("has no pixel that is both opaque and lighter than black: nothing is painted");
        assertThat(pixels(root.resolve("e.png"))).as("an erased hole").isEqualTo(given);
    }

    @Test void numbersThatAreNoneAreOneLineAndNoFile() throws IOException {
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("text_encoder/model.safetensors", "the text encoder gives numbers that are not finite");
        parts.put(UNET, "at step 1 of 30, gives numbers that are not finite");
        parts.put("vae/diffusion_pytorch_model.safetensors", "gives numbers that are not finite");
        for (Map.Entry<String, String> e : parts.entrySet()) {
            Path broken = copy("nan-" + e.getKey().substring(0, 3)), file = broken.resolve(e.getKey());
            try (Scope scope = new Scope()) {
                Map<String, Tensor> tensors = new TreeMap<>(Safetensors.read(file).tensors());
                tensors.replaceAll((name, t) -> t.mul(Double.POSITIVE_INFINITY));
                Safetensors.write(file, tensors, Map.of());
            }
            Path seen = root.resolve("nan.png"), out = root.resolve("none.png");
            Typed r = palitra("paint", "a castle", "--model", broken, "--out", out, "--preview", seen);
            assertThat(r.code()).as(r.err()).isEqualTo(1);
            assertThat(r.err().lines().filter(l -> !l.contains("its weights take"))).singleElement().asString().startsWith("palitra: ")
                .contains(e.getValue());
            assertThat(out).doesNotExist();
        }
    }

    /** A picture of another program, with that text. */
    private static Path theirs(String name, String text) throws IOException {
        Path file = root.resolve(name + ".png");
        Png.write(file, new Picture(3, 16, 16, new byte[3 * 16 * 16]), Map.of(Parameters.KEY, text));
        return file;
    }

    private static Typed like(Path theirs, Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("paint", "--like", theirs, "--model", model, "--force", "--out", out));
        words.addAll(List.of(more));
        Typed r = palitra(words.toArray());
        assertThat(r.code()).as(r.err()).isZero();
        return r;
    }

    @Test void ofAnotherProgramsPictureTheLoraIsLoadedOrToldMissing() throws IOException {
        String rest = "\nNegative prompt: blurry\nSteps: 3, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 32x32, Model hash: abc123, "
            + "Model: foo, Lora hashes: \"detail_tweaker: 7c6bad76eb54\", Version: v1.10.1";
        Path with = theirs("with-lora", "a red castle <lora:detail_tweaker:0.8>" + rest), out = root.resolve("out-lora.png");
        Path none = theirs("without-lora", "a red castle" + rest), plain = root.resolve("out-plain.png");
        like(none, plain);
        Typed r = like(with, out);
        assertThat(r.err()).contains("not found and not used: <lora:detail_tweaker:0.8>; looked beside the model and here, and "
            + "there is no --lora-dir").contains("is of another program: the noise of a seed is another here");
        assertThat(pixels(out)).as("the tag is no words").isEqualTo(pixels(plain));
        Path dir = Files.createDirectories(root.resolve("loras/deep"));
        Files.move(lora("detail_tweaker", 1, ATTENTION + "to_q", 8), dir.resolve("detail_tweaker.safetensors"));
        assertThat(like(with, out, "--lora-dir", root.resolve("loras")).err()).doesNotContain("not used");
        byte[] added = pixels(out);
        assertThat(added).isNotEqualTo(pixels(plain));
        like(none, out, "--lora", dir.resolve("detail_tweaker.safetensors") + ":0.8");
        assertThat(added).isEqualTo(pixels(out));
        Path beside = lora("by_hand", 1, ATTENTION + "to_q", 8);   // beside the model
        byte[] typed = pixels(paint("typed", "a castle <lora:by_hand:0.5>"));
        assertThat(typed).isEqualTo(pixels(paint("by-option", "--lora", beside + ":0.5")));
        assertThat(Png.text(root.resolve("typed.png")).get(Parameters.KEY)).startsWith("a castle <lora:by_hand:0.5>\n");
        refused(2, "illegal weight in <lora:by_hand:much>: 'much'", "--negative", "<lora:by_hand:much>");
        assertThat(palitra("paint", "a <hypernet:h:1> castle", "--model", model, "--steps", 1, "--negative", "<lora:by_hand:1>", "--out",
            out, "--force").err())
            .contains("not used: <hypernet:h:1>, <lora:by_hand:1>; only <lora:NAME:WEIGHT> in the text itself is");
    }

    @Test void ofAnotherProgramsPictureWhatIsNotDoneIsTold() throws IOException {
        String start = "a castle\nSteps: 3, Sampler: DPM++ 2M, ", end = "CFG scale: 7, Seed: 5, Size: 32x32, Model: foo";
        Path out = root.resolve("out-sched.png");
        for (String kind : List.of("Karras", "SGM Uniform", "Simple", "Exponential", "Beta", "Normal", "Uniform")) {
            Typed r = like(theirs("sched", start + "Schedule type: " + kind + ", " + end), out);
            assertThat(r.err()).doesNotContain("not done here");
            assertThat(Png.text(out).get(Parameters.KEY)).contains("Sampler: DPM++ 2M " + kind);
            assertThat(pixels(out)).isEqualTo(pixels(paint("sched-own", "--sampler", "DPM++ 2M " + kind, "--guidance", 7, "--seed", 5)));
        }
        like(theirs("sched", start + "Schedule type: Automatic, " + end), out);
        assertThat(Png.text(out).get(Parameters.KEY)).contains("Sampler: DPM++ 2M Karras");
        Typed r = like(theirs("sched", start.replace("DPM++ 2M", "Euler a") + "Schedule type: KL Optimal, Denoising strength: 0.4, "
            + "Hires upscale: 2, Hires upscaler: Latent, ADetailer model: face.pt, " + end), out);
        assertThat(r.err().lines().filter(l -> l.contains("not done here"))).singleElement().asString().endsWith("not done here: Schedule "
            + "type KL Optimal, Hires upscale, Hires upscaler, ADetailer model, Denoising strength (it wants --image, and no Hires)");
        Path of = paint("of-strength");
        like(theirs("sched", start + "Denoising strength: 0.4, " + end), out, "--image", of);
        assertThat(Png.text(out).get(Parameters.KEY)).contains("Denoising strength: 0.4");
        like(theirs("sched", start + "Clip skip: 1, " + end), out);
        assertThat(Png.text(out).get(Parameters.KEY)).contains("Clip skip: 1");
        refused(2, "the steps of DDIM are not spread karras, but as DDIM alone", "--sampler", "DDIM Karras");
    }

    @Test void clipSkipAndBreakAreKept() throws IOException {
        Path xl = TinyPipeline.writeXl(root.resolve("xl"));
        Path first = paint("skipped", "--model", xl, "--clip-skip", 2, "--negative", "b BREAK c");
        assertThat(Png.text(first).get(Parameters.KEY)).contains("Clip skip: 2");
        assertThat(palitra("paint", "--like", first, "--force", "--out", root.resolve("skipped-again.png")).code()).isZero();
        assertThat(pixels(root.resolve("skipped-again.png"))).isEqualTo(pixels(first));
        refused(2, "illegal --clip-skip: 9, must be at most 1, the layers of the text encoder; 1 is the last", "--clip-skip", 9);
    }

    @Test void theRefinerChangesAPictureAndGoesOnWithOne() throws IOException {
        Path xl = TinyPipeline.writeXl(root.resolve("base")), refiner = TinyPipeline.writeRefiner(root.resolve("refiner"));
        Path of = paint("base-painted", "--model", xl);
        byte[] refined = pixels(paint("refined", "--model", refiner, "--image", of, "--strength", 0.7));
        assertThat(refined).isNotEqualTo(pixels(of));
        assertThat(pixels(paint("fairer", "--model", refiner, "--image", of, "--strength", 0.7, "--set", "aestheticScore=1")))
            .isNotEqualTo(refined);
        Path gone = paint("gone-on", "--model", xl, "--switch-to", refiner + "@500");
        assertThat(pixels(gone)).isNotEqualTo(pixels(of));
        Path again = root.resolve("gone-on-again.png");
        Typed r = palitra("paint", "--like", gone, "--out", again);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(pixels(again)).isEqualTo(pixels(gone));
    }

    @Test void aPictureNamesItsFilesAndNotWhereTheyLie() throws IOException {
        Path of = paint("named-of"), style = lora("named-style", 1, ATTENTION + "to_q", 8);
        Path other = TinyPipeline.write(root.resolve("named-other"), 2);
        Path mask = root.resolve("named-mask.png");
        Png.write(mask, new Picture(1, 32, 32, new byte[1024]), Map.of());
        Path all = paint("named", "--image", of, "--mask", mask, "--lora", style, "--switch-to", other + "@500");
        assertThat(new String(Files.readAllBytes(all), StandardCharsets.ISO_8859_1)).doesNotContain(root.toString());
        String own = Png.text(all).get("palitra");
        assertThat(own).contains("\"paint\":\"tiny\"", "\"file\":\"named-style.safetensors\"", "\"switchTo\":\"named-other@500\"",
            "\"image\":\"named-of.png\"", "\"mask\":\"named-mask.png\"").containsPattern("\"hash\":\"[0-9a-f]{10}\"");
        assertThat(Png.text(all).get(Parameters.KEY)).containsPattern("Model hash: [0-9a-f]{10}, Model: tiny");
        Path again = root.resolve("named-again.png");
        assertThat(palitra("paint", "--like", all, "--out", again).code()).isZero();
        assertThat(Files.readAllBytes(again)).isEqualTo(Files.readAllBytes(all));
        // elsewhere there is another model of that name
        Path elsewhere = Files.createDirectories(root.resolve("elsewhere")), moved = elsewhere.resolve("moved.png");
        Files.copy(of, moved);
        String hash = Png.text(of).get(Parameters.KEY).replaceAll("(?s).*Model hash: ([0-9a-f]{10}).*", "$1");
        Typed none = palitra("paint", "--like", moved, "--out", again, "--force");
        assertThat(none.err()).startsWith("palitra: the picture was made with the model 'tiny' of hash " + hash + "; there is none here");
        assertThat(none.err()).contains("; --model names it");
        assertThat(none.code()).isEqualTo(2);
        TinyPipeline.write(elsewhere.resolve("tiny"), 9);
        assertThat(palitra("paint", "--like", moved, "--out", again, "--force").err()).contains("elsewhere/tiny' has ");
        Typed r = palitra("paint", "--like", moved, "--model", elsewhere.resolve("tiny"), "--out", again, "--force");
        assertThat(r.code()).isZero();
        assertThat(r.err()).contains("moved.png was made with 'tiny' of hash " + hash);
    }

    @Test void twoEqualCommandsGiveTheSameBytes() throws IOException {
        assertThat(Files.readAllBytes(paint("equal-1", "--seed", 4))).isEqualTo(Files.readAllBytes(paint("equal-2", "--seed", 4)));
        assertThat(Png.text(root.resolve("equal-1.png")).keySet()).containsExactly("palitra", Parameters.KEY);
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
        all.put(shape, UNET + ": weights do not fit the network: 'conv_in.weight' has the shape 8×3×3×3, wanted is 8×4×3×3");
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
        refused(2, ": illegal width: 99999, must be between 0 and 8192", "--size", "99999x64");
        for (String size : List.of("0x0", "0x64", "64x0", "-64x64", "64x-64", "64", "axb", "1e3x64")) {
            refused(2, "illegal --size: " + size + ", must be WIDTHxHEIGHT in pixels, each at least 1", "--size=" + size);
        }
        refused(2, "illegal --steps: 0, must be between 1 and 1000", "--steps", 0);
        refused(2, "illegal --steps: 1000000000, must be between 1 and 1000", "--steps", 1_000_000_000);
        refused(2, "illegal -n: 1000000000, must be between 1 and 1000", "-n", 1_000_000_000);
        refused(2, "guidance", "--guidance", "NaN");
        refused(2, "must be at most 1000", "--negative", "(a:99999)");
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
        refused(2, "cannot write to --out /dev/null: it is no folder", "--out", "/dev/null", "--force");
        refused(2, "exists; choose another --preview, or --force", "--preview", small);
        refused(2, "is where the picture goes", "--out", root.resolve("both.png"), "--preview", root.resolve("both.png"));
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

    @Test void anOptionOutOfRangeIsNamedAsItWasTyped() throws IOException {
        Path of = paint("out-of-range"), style = lora("out-of-range-style", 1, ATTENTION + "to_q", 8);
        refused(2, "illegal --clip-skip: 60, ", "--clip-skip", 60);
        refused(2, "illegal --clip-skip: 20, must be at most ", "--clip-skip", 20);
        refused(2, "--set clipSkip=20: ", "--set", "clipSkip=20");
        refused(2, "illegal --steps: 0, ", "--steps", 0);
        refused(2, "illegal --guidance: 101.0, ", "--guidance", "101.0");
        refused(2, "illegal --guidance-rescale: 2.0, ", "--guidance-rescale", "2.0");
        refused(2, "illegal -n: 0, ", "-n", 0);
        refused(2, "illegal --seed: -1, ", "--seed", -1);
        refused(2, "--size 9000x32: ", "--size", "9000x32");
        refused(2, "--noise loud: ", "--noise", "loud");
        refused(2, "illegal --strength: 2, must be from 0 to 1", "--image", of, "--strength", 2);
        refused(2, "illegal --mask-blur: 600, must be", "--image", of, "--mask-blur", 600);
        refused(2, "illegal --outpaint: 5000, must be", "--image", of, "--outpaint", "5000,0,0,0");
        refused(2, "--lora " + style + ":20: illegal weight of ", "--lora", style + ":20");
        refused(2, "illegal --switch-to: " + model + "@9999999, must be MODEL@TIME", "--switch-to", model + "@9999999");
        refused(2, "--device gpu: no device 'gpu'; there are ", "--device", "gpu");
        refused(2, "illegal --precision: fp64, must be", "--precision", "fp64");
        refused(2, "--sampler Foo: no sampler 'Foo'; there are DDIM, DDPM, ", "--sampler", "Foo");
        refused(2, "--like ", "--like", theirs("odd", "a\nSteps: 5000, Sampler: Euler, CFG scale: 7, Seed: 1"));
    }

    @Test void aFolderOfPeftIsALoraAndAnyOtherIsRefused() throws IOException {
        Path adapter = Files.createDirectory(root.resolve("peft-style"));
        refused(2, "--lora " + adapter + ": is a folder with none of adapter_model.safetensors, ", "--lora", adapter + ":0.5");
        Path file = lora("peft-file", 3, ATTENTION + "to_q", 8);
        Files.copy(file, adapter.resolve("adapter_model.safetensors"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"lora_alpha\": 2, \"r\": 2}");
        Path by = paint("peft-by-folder", "--lora", adapter + ":0.5");
        assertThat(pixels(by)).isEqualTo(pixels(paint("peft-by-file", "--lora", file + ":0.5"))).isNotEqualTo(pixels(paint("peft-none")));
        assertThat(Png.text(by).get(Parameters.KEY)).startsWith("a castle <lora:peft-style:0.5>");
    }

    @Test void aSmallModelsWeightsAreNotToldAsNothing() {
        Typed r = palitra("paint", "a castle", "--model", model, "--steps", 1, "--force", "--out", root.resolve("small.png"));
        assertThat(r.err()).containsPattern("its weights take [1-9][0-9.]* (kB|MB) of memory").doesNotContain("GiB");
    }

    private static Path carrying(String name, Map<String, String> text) {
        Path file = root.resolve(name + ".png");
        Png.write(file, new Picture(3, 16, 16, new byte[3 * 16 * 16]), text);
        return file;
    }

    private static final String COMFY = "{'3': {'class_type': 'KSampler', 'inputs': {'seed': 5, 'steps': 3, 'cfg': 7, 'sampler_name': "
        + "'dpmpp_2m', 'scheduler': 'karras', 'denoise': 1, 'model': ['10', 0], 'positive': ['6', 0], 'negative': ['7', 0], "
        + "'latent_image': "
        + "['5', 0]}}, '4': {'class_type': 'CheckpointLoaderSimple', 'inputs': {'ckpt_name': 'sd/foo.safetensors'}}, '5': {'class_type': "
        + "'EmptyLatentImage', 'inputs': {'width': 32, 'height': 40, 'batch_size': 1}}, '6': {'class_type': 'CLIPTextEncode', 'inputs': "
        + "{'text': 'a (castle:1.2)', 'clip': ['11', 0]}}, '7': {'class_type': 'CLIPTextEncode', 'inputs': {'text': 'blurry', 'clip': "
        + "['4', 1]}}, '10': {'class_type': 'LoraLoader', 'inputs': {'lora_name': 'comfy_style.safetensors', 'strength_model': 0.5, "
        + "'strength_clip': 0.5, 'model': ['4', 0], 'clip': ['4', 1]}}, '11': {'class_type': 'CLIPSetLastLayer', 'inputs': "
        + "{'stop_at_clip_layer': -1, 'clip': ['10', 1]}}, '9': {'class_type': 'SaveImage', 'inputs': {'images': ['8', 0]}}}";

    private static Path comfy(String name, String graph) { return carrying(name, Map.of("prompt", graph.replace('\'', '"'))); }

    @Test void aPictureOfComfyUiIsPaintedByWhatItsNodesSay() throws IOException {
        lora("comfy_style", 4, ATTENTION + "to_q", 8);
        Path out = root.resolve("out-comfy.png");
        Typed r = like(comfy("comfy", COMFY), out);
        assertThat(r.err()).contains("is of ComfyUI: the noise of a seed is another here").doesNotContain("not done here", "not found");
        Parameters said = Parameters.parse(Png.text(out).get(Parameters.KEY));
        assertThat(said.prompt()).isEqualTo("a (castle:1.2) <lora:comfy_style:0.5>");
        assertThat(said.negativePrompt()).isEqualTo("blurry");
        assertThat(said.values()).containsEntry("Steps", "3").containsEntry("CFG scale", "7").containsEntry("Seed", "5")
            .containsEntry("Sampler", "DPM++ 2M Karras").containsEntry("Size", "32x40").containsEntry("Clip skip", "1");
        assertThat(palitra("paint", "--like", comfy("comfy", COMFY), "--out", root.resolve("none.png")).err())
            .contains("the picture was made with the model 'foo'");
        r = like(comfy("comfy-long", COMFY.replace("'seed': 5", "'seed': 18446744073709551615").replace("EmptyLatentImage", "VAEEncode")),
            out);
        assertThat(r.err()).contains("not done here: Seed 18446744073709551615, larger than those here, size and picture to begin with (it "
            + "comes from node 5 of class VAEEncode)");
        Path mixed = comfy("comfy-mixed", COMFY.replace("'6': {'class_type': 'CLIPTextEncode'",
            "'6': {'class_type': 'ConditioningAverage'"));
        refusedLike(mixed, "ComfyUI wrote it, and its prompt cannot be read: it comes from node 6 of class ConditioningAverage; give the");
        assertThat(palitra("paint", "a castle", "--like", mixed, "--model", model, "--force", "--out", out).code()).isZero();
        refusedLike(comfy("comfy-two", COMFY.replace("'9': {'class_type': 'SaveImage'", "'9': {'class_type': 'KSampler'")),
            "ComfyUI wrote it, and its settings cannot be read: it has 2 nodes that sample, 3, 9, and which made the picture is not clear");
        refusedLike(comfy("comfy-none", COMFY.replace("'KSampler'", "'SamplerCustom'")),
            "none of its nodes is a KSampler or KSamplerAdvanced");
        refusedLike(carrying("comfy-flow", Map.of("workflow", "{\"nodes\": []}")), "it carries a workflow without the 'prompt'");
        refusedLike(carrying("no-graph", Map.of("prompt", "a castle")), "carries no settings of a painted picture");
    }

    private static void refusedLike(Path picture, String why) {
        Typed r = palitra("paint", "--like", picture, "--model", model, "--force", "--out", root.resolve("refused-like.png"));
        assertThat(r.err()).startsWith("palitra: ").contains(why).hasLineCount(1);
        assertThat(r.code()).isNotZero();
    }

    @Test void aPictureOfInvokeAiIsPaintedByItsMetadata() throws IOException {
        Path out = root.resolve("out-invoke.png");
        String now = "{'generation_mode': 'txt2img', 'positive_prompt': 'a castle', 'negative_prompt': 'blurry', 'width': 32, "
            + "'height': 40, "
            + "'seed': 5, 'cfg_scale': 7.5, 'steps': 3, 'scheduler': 'dpmpp_2m_k', 'clip_skip': 0, 'model': {'name': 'foo', 'hash': 'x'}, "
            + "'loras': [{'model': {'name': 'invoke_style'}, 'weight': 0.75}], 'app_version': '5.0'}";
        lora("invoke_style", 4, ATTENTION + "to_q", 8);
        Typed r = like(carrying("invoke", Map.of("invokeai_metadata", now.replace('\'', '"'))), out);
        assertThat(r.err()).contains("is of InvokeAI: the noise").doesNotContain("not done here");
        Parameters said = Parameters.parse(Png.text(out).get(Parameters.KEY));
        assertThat(said.prompt()).isEqualTo("a castle <lora:invoke_style:0.75>");
        assertThat(said.values()).containsEntry("Sampler", "DPM++ 2M Karras").containsEntry("CFG scale", "7.5").containsEntry("Seed", "5")
            .containsEntry("Size", "32x40");
        String old = "{'model': 'stable diffusion', 'model_weights': 'sd-1.5', 'app_id': 'invoke-ai/InvokeAI', 'image': {'prompt': "
            + "[{'prompt': "
            + "'a castle [blurry]', 'weight': 1}], 'steps': 3, 'cfg_scale': 7, 'seed': 5, 'width': 32, 'height': 32, 'sampler': "
            + "'k_euler_a', "
            + "'type': 'txt2img', 'hires_fix': true}}";
        r = like(carrying("invoke-old", Map.of("sd-metadata", old.replace('\'', '"'))), out);
        assertThat(r.err()).contains("not done here: hires_fix");
        said = Parameters.parse(Png.text(out).get(Parameters.KEY));
        assertThat(said.prompt()).isEqualTo("a castle");
        assertThat(said.negativePrompt()).isEqualTo("blurry");
        assertThat(said.values()).containsEntry("Sampler", "Euler a");
        refusedLike(carrying("invoke-odd", Map.of("sd-metadata", "{}")), "InvokeAI wrote it, and its settings cannot be read");
    }
}
