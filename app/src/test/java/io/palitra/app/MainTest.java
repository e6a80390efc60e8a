package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static io.palitra.app.Typed.palitra;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Table;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.Safetensors;
import io.palitra.job.Program;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as a user types them. */
class MainTest {
    @TempDir static Path root;
    private static Path run;

    @BeforeAll static void aSmallRun() {
        run = root.resolve("vae");
        Typed r = palitra("train", "vae", "--set", "latent=4", "--steps", 40, "--batch", 32, "--out", run, "--quiet", "--threads", 1);
        assertThat(r.code()).as(r.err()).isZero();
    }

    /** As it was learned, 28x28: a sheet for a person would be far larger. */
    private static void onePicture(int seed, Path file) {
        Typed r = palitra("sample", run, "-n", 1, "--seed", seed, "--scale", 1, "--out", file);
        assertThat(r.code()).as(r.err()).isZero();
    }

    @Test void everyCommandOfARunWorks() {
        assertThat(palitra("sample", run, "-n", 9, "--seed", 3, "--out", root.resolve("nine.png"))).extracting(Typed::code).isEqualTo(0);
        assertThat(palitra("inspect", root.resolve("nine.png"))).extracting(Typed::code).isEqualTo(0);
        assertThat(palitra("sample", run, "-n", 3, "--each", "--out", root.resolve("each"))).extracting(Typed::code).isEqualTo(0);
        assertThat(root.resolve("each/00002.png")).isNotEmptyFile();
        assertThat(palitra("reconstruct", run).code()).isZero();
        assertThat(palitra("interpolate", run).code()).isZero();
        assertThat(palitra("interpolate", run, "--grid", "--items", "--steps", 4, "--out", root.resolve("grid.png")).code()).isZero();
        assertThat(palitra("map", run, "-n", 300).code()).isZero();
        for (String f : List.of("reconstruct.png", "interpolate.png", "interpolate.gif", "map.png", "map-decoded.png")) {
            assertThat(run.resolve(f)).isNotEmptyFile();
        }
        assertThat(palitra("inspect", run, "--json").code()).isZero();
        assertThat(palitra("inspect", run.resolve("model.safetensors")).code()).isZero();
        assertThat(palitra("families", "vae").code()).isZero();
        assertThat(palitra("families", "--json").code()).isZero();
        assertThat(palitra("data").code()).isZero();
        assertThat(palitra("data", "strokes").code()).isZero();
        Result doctor = palitra("doctor");
        assertThat(doctor.code()).isZero();
        assertThat(doctor.out().lines().filter(l -> l.startsWith("others")).toList()).singleElement().asString()
            .containsPattern("no other program works|keep \\d+\\.\\d of \\d+ processors busy");
        assertThat(palitra("generate-completion").code()).isZero();
        assertThat(palitra("resume", run, "--quiet").code()).isZero();   // finished already: nothing to do
    }

    @Test void aModelOfPixelsDrawsStepByStepAndCompletes() throws Exception {
        Path pixels = root.resolve("pixelcnn");
        assertThat(palitra("train", "pixelcnn", "--set", "net=gated", "--set", "net.width=4", "--set", "net.dilations=1", "--steps", 10,
            "--batch", 8, "--set", "data.size=16", "--out", pixels, "--quiet", "--threads", 1).code()).isZero();
        Path gif = root.resolve("pixels.gif");
        Typed r = palitra("sample", pixels, "-n", 4, "--animation", gif);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(new String(Files.readAllBytes(gif), 0, 6, StandardCharsets.US_ASCII)).isEqualTo("GIF89a");
        assertThat(palitra("complete", pixels, "--keep", 8, "-n", 3).code()).isZero();
        assertThat(pixels.resolve("complete.png")).isNotEmptyFile();
        assertThat(palitra("evaluate", pixels, "--no-classifier", "--json").code()).isZero();
        Path codes = root.resolve("codes");   // a vae draws 500 codes for each test item, which takes minutes
        assertThat(palitra("train", "ae", "--set", "latent=2", "--steps", 10, "--batch", 8, "--set", "data.size=16", "--out", codes,
            "--quiet", "--threads", 1).code()).isZero();
        assertThat(palitra("evaluate", codes, "--no-classifier").code()).isZero();
        Path page = root.resolve("compare.html");
        Typed compared = palitra("compare", codes, pixels, "--out", page);
        assertThat(compared.code()).as(compared.err()).isZero();
        assertThat(page).content().contains("Samples from the same seeds", "What differs", "bits/dim", "model.net.width");
        assertThat(palitra("compare", run, root.resolve("nowhere")).err()).contains("nowhere' is not a run folder");
        assertThat(palitra("compare", run).code()).isEqualTo(2);
        assertThat(palitra("complete", pixels, "--keep", 17).code()).isEqualTo(2);
        Path still = root.resolve("still.png");
        assertThat(palitra("sample", run, "-n", 4, "--out", still, "--animation", root.resolve("still.gif")).err())
            .contains("step by step");
        assertThat(still).doesNotExist();
    }

    @Test void aTableIsScoredForAnomaliesWithoutTheRowsThatTrained() throws Exception {
        StringBuilder text = new StringBuilder("amount,hour,kind\n");
        java.util.SplittableRandom random = new java.util.SplittableRandom(1);
        for (int i = 0; i < 600; i++) {
            boolean fraud = i % 20 == 0;
            double amount = (fraud ? 900 : 20) + 10 * random.nextDouble();
            text.append(amount).append(',').append(i % 7 == 0 ? "" : 12 + random.nextInt(3)).append(',').append(fraud ? "fraud" : "fair")
                .append('\n');
        }
        Path table = Files.writeString(root.resolve("transfers.csv"), text);
        Path flow = root.resolve("flow");
        Typed r = palitra("train", "realnvp", table, "--set", "data.label=kind", "--set", "data.except=fraud", "--steps", 60, "--batch",
            32, "--out", flow, "--quiet", "--threads", 1);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(palitra("anomalies", flow, table).code()).isZero();
        List<String> lines = Files.readAllLines(flow.resolve("anomalies/scores.csv"));
        assertThat(lines).hasSize(601);
        List<String> fraud = lines.stream().filter(l -> l.contains("\"fraud\"")).toList();
        assertThat(fraud).hasSize(30).allMatch(l -> l.contains(",true,test,"));
        assertThat(lines).anyMatch(l -> l.contains(",training,")).anyMatch(l -> l.contains(",validation,"))
            .anyMatch(l -> l.contains(",false,test,\"fair\""));
        assertThat(lines.get(0)).isEqualTo("item,score,strange,part,class,file");
        assertThat(lines.get(21)).startsWith("21,").endsWith(",\"fraud\",\"21\"");
        assertThat(flow.resolve("anomalies/report.html")).isNotEmptyFile();
        Path drawn = root.resolve("drawn.csv");
        assertThat(palitra("sample", flow, "-n", 50, "--out", drawn).err()).contains("no column 'kind'");
        assertThat(Files.readAllLines(drawn)).hasSize(51).startsWith("amount,hour");
        assertThat(palitra("anomalies", flow, drawn, "--out", root.resolve("again")).code()).isZero();
        assertThat(palitra("evaluate", flow, flow, "--no-classifier").code()).isZero();
        Path text2 = Files.writeString(root.resolve("words.csv"), "amount,hour\n1,2\n3,noon\n");
        assertThat(palitra("anomalies", flow, text2, "--force").err()).contains("row 3", "hour", "noon");
    }

    @Test void everyPictureOfAFolderIsScoredByItsNameAndOneIsEnough() throws Exception {
        Path folder = root.resolve("some & others"), odd = folder.resolve("a#b 100%.png");
        Files.createDirectories(folder.resolve("deep"));
        for (int i = 0; i < 4; i++) {
            Path file = i == 3 ? odd : folder.resolve("deep/" + i + ".png");
            onePicture(i, file);
        }
        Path out = root.resolve("scored"), ae = root.resolve("ae");
        assertThat(palitra("train", "ae", folder.resolve("deep"), "--set", "latent=2", "--set", "net.hidden=8", "--set", "data.size=8",
            "--steps", 2, "--out", ae, "--quiet", "--threads", 1).code()).isZero();
        Typed r = palitra("anomalies", ae, folder, "--out", out);
        assertThat(r.code()).as(r.err()).isZero();
        List<String> lines = Files.readAllLines(out.resolve("scores.csv"));
        assertThat(lines.subList(1, 5)).extracting(l -> l.substring(l.lastIndexOf(',') + 1)).containsExactlyInAnyOrder("\"deep/0.png\"",
            "\"deep/1.png\"", "\"deep/2.png\"", "\"a#b 100%.png\"");
        assertThat(lines).hasSize(5);
        assertThat(out.resolve("report.html")).content().contains(
            "<a href=\"./../some%20&amp;%20others/a%23b%20100%25.png\">a#b 100%.png</a>");
        Typed one = palitra("anomalies", ae, odd, "--out", out, "--force");
        assertThat(one.code()).as(one.err()).isZero();
        assertThat(Files.readAllLines(out.resolve("scores.csv"))).hasSize(2).last().asString().endsWith(",test,\"\",\"a#b 100%.png\"");
        assertThat(out.resolve("report.html")).content().contains("others/a%23b%20100%25.png\">");
        // its own data: what it was trained on is marked so, and the threshold is of nothing else
        Typed own = palitra("anomalies", ae, folder.resolve("deep/../deep"));
        assertThat(own.code()).as(own.err()).isZero();
        assertThat(own.err()).contains("no test split");
        assertThat(Files.readAllLines(ae.resolve("anomalies/scores.csv"))).filteredOn(l -> l.contains(",training,")).hasSize(3);
    }

    @Test void samplesOfATableAreWrittenInItsUnitsWithTheirClass() throws Exception {
        StringBuilder text = new StringBuilder("amount,\"the hour\",kind\n");
        for (int i = 0; i < 60; i++) text.append(1000 + i % 9).append(',').append(i % 24).append(',').append(i % 3 == 0 ? "a" : "b")
            .append('\n');
        Path table = Files.writeString(root.resolve("kinds.csv"), text), vae = root.resolve("kinds");
        Typed r = palitra("train", "vae", table, "--set", "data.label=kind", "--set", "conditional=true", "--set", "latent=2", "--set",
            "decoder=gaussian", "--steps", 60, "--batch", 16, "--out", vae, "--quiet", "--threads", 1);
        assertThat(r.code()).as(r.err()).isZero();
        Path all = root.resolve("all.csv"), one = root.resolve("one.csv");
        assertThat(palitra("sample", vae, "-n", 7, "--out", all).code()).isZero();
        assertThat(palitra("sample", vae, "-n", 7, "--class", "b", "--out", one, "--json").code()).isZero();
        List<String> lines = Files.readAllLines(all), ofOne = Files.readAllLines(one);
        assertThat(lines.get(0)).isEqualTo("amount,the hour,kind");
        assertThat(lines.subList(1, 8)).extracting(l -> l.substring(l.lastIndexOf(',') + 1)).containsExactly("a", "b", "a", "b", "a", "b",
            "a");
        assertThat(ofOne.subList(1, 8)).allMatch(l -> l.endsWith(",b")).allMatch(l -> Double.parseDouble(l.split(",")[0]) > 900);
        assertThat(ofOne.get(2)).isEqualTo(lines.get(2));   // item 1 of the seed, of the same class
        assertThat(palitra("sample", vae, "-n", 7, "--out", all).code()).isEqualTo(2);
        assertThat(palitra("sample", vae, "--each", "--out", root.resolve("e.csv")).err())
            .contains("e.csv' is a table: --each does not go with it");
        Typed pictures = palitra("sample", run, "--out", root.resolve("x.csv"));
        assertThat(pictures.code()).isEqualTo(2);
        assertThat(pictures.err()).contains("x.csv', this run draws pictures: a .png is allowed");
        Typed untold = palitra("sample", run, "--class", "1");
        assertThat(untold.err()).contains("illegal --class: '1', this run draws by no classes");
        Table again = Table.open(all, null, Config.with(DataOptions.DEFAULT, "label=kind"), (VectorSpec) RunConfig.read(
            vae.resolve("config.json")).settings().spec());
        assertThat(again.size()).isEqualTo(7);
        assertThat(again.classNames()).containsExactly("a", "b");
    }

    @Test void wrongInputIsOneClearLineAndExitCodeTwo() throws Exception {
        Path text = Files.writeString(root.resolve("notes.txt"), "not a run");
        List<Object[]> wrong = List.of(
            new Object[] {"train", "vea"}, new Object[] {"train", "vae", "mnits"}, new Object[] {"train", "vae", "--set", "latnt=3"},
            new Object[] {"train", "vae", "--set", "latent=0"}, new Object[] {"train", "vae", "--set", "latent"},
            new Object[] {"train", "vae", "--epochs", "two"}, new Object[] {"train", "vae", "--device", "gpu"},
            new Object[] {"train", "vae", "--epochs", 1, "--steps", 1}, new Object[] {"train", "vae", "--out", run},
            new Object[] {"sample", root.resolve("nowhere")}, new Object[] {"sample", run, "-n", 0},
            new Object[] {"sample", run, "--set", "temprature=1"}, new Object[] {"sample", run, "--class", "eleven"},
            new Object[] {"resume", text}, new Object[] {"frobnicate"}, new Object[] {"pull", "a/b/c"}, new Object[] {"pull", "a/b@../c"},
            new Object[] {"pull"}, new Object[] {}, new Object[] {"train"});
        for (Object[] words : wrong) {
            Typed r = palitra(words);
            assertThat(r.code()).as(List.of(words) + ": " + r.err()).isEqualTo(2);
            assertThat(r.err()).as(List.of(words).toString()).startsWith("palitra: ").doesNotContain("\tat ").hasLineCount(lines(r.err()));
            assertThat(lines(r.err())).isOne();
        }
        assertThat(palitra("train", "vae", "--set", "latnt=3").err()).contains("latent");
        assertThat(palitra("train", "vea").err()).contains("gan").contains("diffusion");
    }

    /** Command lines that are wrong in every kind of way there is. */
    private static List<Object[]> mistakes() throws Exception {
        Path bad = root.resolve("mistakes"), json = bad.resolve("json"), tall = bad.resolve("tall");
        for (Path copy : List.of(json, tall)) {
            Files.createDirectories(copy);
            Files.copy(run.resolve("model.safetensors"), copy.resolve("model.safetensors"), StandardCopyOption.REPLACE_EXISTING);
        }
        Files.writeString(json.resolve("config.json"), "{\"a\": [1, {");
        String config = Files.readString(run.resolve("config.json"));
        Files.writeString(tall.resolve("config.json"), config.replaceFirst("\"height\" : \\d+", "\"height\" : 1000000000"));
        Path table = Files.writeString(bad.resolve("points.csv"),
            "x,y,z\n1,2,3\n2,3,4\n5,6,7\n8,9,1\n3,4,5\n6,7,8\n9,1,2\n4,5,6\n7,8,9\n2,4,6\n");
        Path header = Files.write(bad.resolve("header.safetensors"), new byte[] {10, 0, 0, 0, 0, 0, 0, 0, '{', '"', 'a', '"', ':', '[',
            'x', ' ', ' ',
            ' '});
        String set = "--set";
        return List.of(new Object[] {"train", "vae", set, "latnt=3"}, new Object[] {"train", "vae", set, "latent=0"},
            new Object[] {"train", "vae", set, "latent=1000000000"}, new Object[] {"train", "vae", set, "net.hidden=65536,65536,65536"},
            new Object[] {"train", "vae", set, "train.stepz=3"}, new Object[] {"train", "vae", set, "train.optimizer=adma"},
            new Object[] {"train", "vae", set, "divergence=kll"}, new Object[] {"train", "vae", set, "decoder.x=1"},
            new Object[] {"train", "vae", set, "data.size=-1"}, new Object[] {"train", "vae", set, "data.sise=1"},
            new Object[] {"train", "vae", set, "latent"}, new Object[] {"train", "vae", set, "train=3"},
            new Object[] {"train", "vae", "--steps", 0}, new Object[] {"train", "vae", "--steps", -1},
            new Object[] {"train", "vae", "--epochs", 0}, new Object[] {"train", "vae", "--epochs", 1_000_000_000},
            new Object[] {"train", "vae", "--batch", 0}, new Object[] {"train", "vae", "--batch", 1_000_000_000},
            new Object[] {"train", "vae", "--save-every", -1}, new Object[] {"train", "vae", "--steps", "9999999999999999999"},
            new Object[] {"train", "diffusion", table}, new Object[] {"train", "vae", table, set,
            "decoder=bernoulli"}, new Object[] {"train", "ae", table, set,
            "loss=bce"},
            new Object[] {"train", "pixelcnn", table}, new Object[] {"train", "vqvae", table}, new Object[] {"train", "classifier", table},
            new Object[] {"train", "gan", table, set, "conditional=true"}, new Object[] {"train", "clip", "strokes"},
            new Object[] {"train", "realnvp", "strokes", set, "scales=5"}, new Object[] {"train", "tokens", "strokes"},
            new Object[] {"train", "tokens", "strokes", set, "stage=" + run}, new Object[] {"train", "dalle", "strokes", set, "stage="
            + json},
            new Object[] {"sample", json}, new Object[] {"sample", tall}, new Object[] {"sample", run, set, "sampler.steps=1000000000"},
            new Object[] {"sample", run, set, "temprature=1"}, new Object[] {"sample", run, set, "temperature=-1"},
            new Object[] {"sample", run, "-n", 0}, new Object[] {"sample", run, "-n", -1}, new Object[] {"sample", run, "--class", 11},
            new Object[] {"sample", run, "--size", "8x8"}, new Object[] {"sample", run, "--out", root.resolve("none/x.png")},
            new Object[] {"evaluate", run, "-n", 0}, new Object[] {"evaluate", run, "-n", -1}, new Object[] {"evaluate", json},
            new Object[] {"evaluate", run, table}, new Object[] {"compare", run, run, "-n", 0}, new Object[] {"compare", run, json},
            new Object[] {"reconstruct", run, "-n", 0}, new Object[] {"reconstruct", run, "-n", -1}, new Object[] {"map", run, "-n", 0},
            new Object[] {"interpolate", run, "--steps", 0}, new Object[] {"interpolate", run, "--rows", -1},
            new Object[] {"complete", run}, new Object[] {"complete", run, "-n", 0}, new Object[] {"anomalies", run, table},
            new Object[] {"anomalies", run, bad.resolve("none.csv")}, new Object[] {"balance", run, table}, new Object[] {"resume", json},
            new Object[] {"resume", tall}, new Object[] {"inspect", header}, new Object[] {"inspect", bad}, new Object[] {"export", run},
            new Object[] {"classify", run, "-n", 0}, new Object[] {"search", run, "-n", 0}, new Object[] {"paint", "a", "--model", json},
            new Object[] {"paint", "a", "--model", run, "--steps", 0}, new Object[] {"dream", "a", "--vqgan", json, "--clip", json},
            new Object[] {"import", header, "--out", root.resolve("imported")}, new Object[] {"data", "strokez"});
    }

    @Test void noMistakeIsAnsweredInTheNamesOfTheProgram() throws Exception {
        Pattern names = Pattern.compile("\\b[A-Z][a-z]+[A-Z]\\w*\\b(\\[|\\.)|\\b(java|io\\.palitra)\\.|Exception|Source:|Error\\b|`");
        List<String> wrong = new ArrayList<>();
        for (Object[] words : mistakes()) {
            List<Object> typed = new ArrayList<>(List.of(words));
            if (words[0].equals("train")) typed.addAll(List.of("--out", root.resolve("refused-" + typed.hashCode())));
            Typed r = palitra(typed.toArray());
            String own = r.err().replace(root.toString(), "ROOT");
            if (r.code() == 0 || names.matcher(own).find() || r.err().contains("\tat ")) wrong.add(r.code() + " " + List.of(words) + ": "
                + own);
        }
        assertThat(wrong).isEmpty();
    }

    @Test void aFaultNamesTheOptionAsItWasTyped() {
        assertThat(palitra("train", "vae", "--set", "latnt=3").err())
            .startsWith("palitra: --set latnt=3: no such key 'latnt'; there are ").contains("did you mean latent?");
        assertThat(palitra("train", "vae", "--set", "data.sise=3").err()).startsWith("palitra: --set data.sise=3: no such key 'sise'");
        assertThat(palitra("train", "vae", "--set", "train.stepz=3").err()).startsWith("palitra: --set train.stepz=3: no such key 'stepz'");
        assertThat(palitra("train", "vae", "--set", "latent").err()).startsWith("palitra: --set latent: ");
        assertThat(palitra("train", "vae", "--steps", 0).err()).startsWith("palitra: illegal --steps: 0, must be at least 1");
        assertThat(palitra("train", "vae", "--epochs", -2).err()).startsWith("palitra: illegal --epochs: -2, must be at least 1");
        assertThat(palitra("train", "vae", "--batch", 0).err()).startsWith("palitra: illegal --batch: 0, must be at least 1");
        assertThat(palitra("train", "vae", "--batch", 1_000_000_000).err()).startsWith("palitra: illegal --batch: 1000000000,"
            + " must be between 1 and ");
        assertThat(palitra("sample", run, "--set", "temprature=1").err())
            .startsWith("palitra: --set temprature=1: no such key 'temprature'");
        assertThat(palitra("sample", run, "--set", "temperature=99").err())
            .startsWith("palitra: --set temperature=99: must be between 0 and ");
    }

    @Test void aFaultNamesKeyAndValueOnce() {
        assertThat(palitra("train", "vae", "--set", "latent=-3").err())
            .isEqualToIgnoringNewLines("palitra: --set latent=-3: must be between 1 and 4096");
        assertThat(palitra("train", "vae", "--set", "beta=-1").err())
            .isEqualToIgnoringNewLines("palitra: --set beta=-1: must be between 0 and 10000");
        assertThat(palitra("train", "vae", "--set", "net.hidden=64,0").err())
            .startsWith("palitra: --set net.hidden=64,0: illegal: 0, must be ");
        assertThat(palitra("sample", run, "-n", -1).err()).startsWith("palitra: illegal -n: -1, must be ");
    }

    @Test void anUnknownOptionIsOneLineThatNamesTheOneMeantOrTheHelp() {
        assertThat(palitra("train", "vae", "--stepz", 5).err())
            .isEqualToIgnoringNewLines("palitra: unknown option '--stepz'; did you mean --steps?").hasLineCount(1);
        assertThat(palitra("sample", run, "--anim=x.gif").err()).contains("; did you mean --animation?").hasLineCount(1);
        assertThat(palitra("train", "vae", "--frobnicate").err())
            .isEqualToIgnoringNewLines("palitra: unknown option '--frobnicate'; try 'palitra train --help'").hasLineCount(1);
        assertThat(palitra("trian", "vae").err()).contains("'trian'", "; did you mean train?").hasLineCount(1);
        assertThat(palitra("sample").err()).contains("RUN", "; try 'palitra sample --help'").hasLineCount(1);
        assertThat(palitra("train", "vae", "--epochs", "two").err()).contains("; try 'palitra train --help'").hasLineCount(1);
    }

    @Test void aNameThatIsNearlyRightNamesTheOneMeant() throws Exception {
        Path beside = root.resolve("vea");
        assertThat(palitra("trian", "vae").err()).endsWith("; did you mean train?\n");
        assertThat(palitra("help", "trian").err()).contains("trian").endsWith("; did you mean train?\n").hasLineCount(1);
        assertThat(palitra("train", "vea").err()).endsWith("; did you mean vae?\n").hasLineCount(1);
        assertThat(palitra("families", "vea").err()).endsWith("; did you mean vae?\n").hasLineCount(1);
        assertThat(palitra("train", "vae", "mnits").err()).endsWith("; did you mean mnist?\n").hasLineCount(1);
        assertThat(palitra("data", "mnits").err()).endsWith("; did you mean mnist?\n").hasLineCount(1);
        assertThat(palitra("train", "vae", "--set", "lattent=3").err()).endsWith("; did you mean latent?\n").hasLineCount(1);
        assertThat(palitra("train", "vae", "--set", "decoder=bernouli").err()).endsWith("; did you mean bernoulli?\n").hasLineCount(1);
        for (String command : List.of("sample", "resume", "reconstruct", "evaluate", "interpolate", "map", "inspect")) {
            assertThat(palitra(command, beside).err()).as(command).contains("vea'")
                .endsWith("; did you mean " + run + "?\n").hasLineCount(1);
        }
    }

    @Test void aSeedIsZeroOrAboveInEveryCommandThatTakesOne() {
        List<Object[]> all = List.of(new Object[] {"train", "vae", "--out", root.resolve("below")}, new Object[] {"sample", run},
            new Object[] {"interpolate", run}, new Object[] {"complete", run, "--keep", 8},
            new Object[] {"balance", run, "--out", root.resolve("balanced")}, new Object[] {"paint", "a cat", "--model", run},
            new Object[] {"dream", "a cat", "--vqgan", run, "--clip", run});
        for (Object[] words : all) {
            List<Object> typed = new ArrayList<>(List.of(words));
            typed.addAll(List.of("--seed", -1));
            Typed r = palitra(typed.toArray());
            assertThat(r.err()).as(String.valueOf(words[0])).isEqualToIgnoringNewLines("palitra: illegal --seed: -1, must be at least 0");
            assertThat(r.code()).isEqualTo(2);
        }
    }

    private static int lines(String s) { return (int) s.lines().count(); }

    @Test void aBrokenFileEndsWithOneAndNamesIt() throws Exception {
        Path torn = root.resolve("torn.safetensors");
        Files.write(torn, java.util.Arrays.copyOf(Files.readAllBytes(run.resolve("model.safetensors")), 1000));
        Typed r = palitra("inspect", torn);
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.err()).contains("torn.safetensors");
        Path text = Files.writeString(root.resolve("notes.txt"), "a picture of a cat");
        assertThat(palitra("inspect", text).err()).contains("notes.txt").contains("neither a PNG nor a safetensors file");
    }

    @Test void strictRefusesAFolderWithABrokenPictureWhichIsElseSkipped() throws Exception {
        Path folder = Files.createDirectories(root.resolve("pictures"));
        for (int i = 0; i < 3; i++) onePicture(i, folder.resolve(i + ".png"));
        Files.write(folder.resolve("torn.png"), java.util.Arrays.copyOf(Files.readAllBytes(folder.resolve("0.png")), 60));
        Typed kept = palitra("train", "ae", folder, "--set", "data.size=8", "--steps", 1, "--out", root.resolve("lenient"));
        assertThat(kept.code()).as(kept.err()).isZero();
        assertThat(kept.err().lines().filter(l -> l.startsWith("skipped ") && l.contains("torn.png"))).hasSize(1);
        Typed refused = palitra("train", "ae", folder, "--strict", "--set", "data.size=8", "--steps", 1, "--out", root.resolve("strict"));
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err()).contains("torn.png");
    }

    @Test void whatWasLeftOutOfAFolderIsToldOnceByEveryCommand() throws Exception {
        Path folder = Files.createDirectories(root.resolve("parted"));
        for (int i = 0; i < 40; i++) {
            Path file = folder.resolve((i < 30 ? "train" : i < 39 ? "test" : "more") + "/" + i + ".png");
            Files.createDirectories(file.getParent());
            if (i % 10 != 5) Files.copy(run.resolve("samples.png"), file);
            else Files.writeString(file, "no picture");
        }
        Path ae = root.resolve("parted-run");
        String outside = "1 picture of 'parted' in neither the training part nor the test part, not used: more/39.png";
        Typed train = palitra("train", "ae", folder, "--set", "data.size=8", "--set", "latent=2", "--steps", 2, "--out", ae);
        assertThat(train.code()).as(train.err()).isZero();
        assertThat(train.err().lines().filter(l -> l.contains("skipped"))).hasSize(4);
        assertThat(train.err().lines().filter(outside::equals)).hasSize(1);
        for (Object[] words : List.of(new Object[] {"evaluate", ae}, new Object[] {"reconstruct", ae}, new Object[] {"map", ae, "-n", 8},
                new Object[] {"anomalies", ae, folder})) {
            Typed typed = palitra(words);
            assertThat(typed.code()).as(typed.err()).isZero();
            assertThat(typed.err().lines().filter(l -> l.contains("skipped") && l.contains("35.png"))).as(words[0] + "").hasSize(1);
            int told = words[0].equals("anomalies") ? 0 : 1;   // which scores that one, too
            assertThat(typed.err().lines().filter(outside::equals)).as(words[0] + "").hasSize(told);
        }
    }

    @Test void aPictureAndAPageTellNotWhereTheDataLie() throws Exception {
        Path folder = Files.createDirectories(root.resolve("private/album")), learnt = root.resolve("learnt");
        Path png = root.resolve("told.png");
        for (int i = 0; i < 2; i++) onePicture(i, folder.resolve(i + ".png"));
        Object[] small = {"--set", "latent=2", "--set", "net.hidden=8", "--set", "data.size=8", "--steps", 1, "--quiet", "--threads", 1};
        assertThat(palitra("train", "ae", folder, "--out", learnt, small).code()).isZero();
        assertThat(Files.readString(learnt.resolve("report.html"))).contains("ae on album").doesNotContain(root.toString(), "private");
        assertThat(palitra("train", "vae", folder, "--out", root.resolve("drawing"), small).code()).isZero();
        assertThat(palitra("sample", root.resolve("drawing"), "-n", 1, "--out", png).code()).isZero();
        assertThat(Png.text(png).toString()).contains("vae on album", "\"data\":\"album\"").doesNotContain(root.toString(), "private");
    }

    @Test void numbersThatAreNoneAreOneLineAndNoPicture() throws Exception {
        Path broken = Files.createDirectories(root.resolve("broken"));
        Files.copy(run.resolve("config.json"), broken.resolve("config.json"));
        try (Scope scope = new Scope()) {
            Safetensors read = Safetensors.read(run.resolve("model.safetensors"));
            Map<String, Tensor> tensors = new TreeMap<>(read.tensors());
            tensors.replaceAll((name, t) -> t.mul(Double.POSITIVE_INFINITY));
            Map<String, String> words = new TreeMap<>(read.metadata());
            words.put("sha256", Safetensors.sha256(tensors));
            Safetensors.write(broken.resolve("model.safetensors"), tensors, words);
        }
        for (String command : List.of("sample", "interpolate", "reconstruct")) {
            Typed r = palitra(command, broken);
            assertThat(r.code()).as(command + r.err()).isEqualTo(1);
            assertThat(r.err().lines().toList()).singleElement().asString()
                .startsWith("palitra: the model of '" + broken + "' gives numbers that are not finite (NaN or Inf)");
        }
        assertThat(broken.toFile().list()).containsExactlyInAnyOrder("config.json", "model.safetensors");
        for (String size : List.of("0x0", "0x64", "-8x8", "8")) {
            assertThat(palitra("sample", run, "--size=" + size).err())
                .startsWith("palitra: illegal --size: " + size + ", must be WIDTHxHEIGHT");
        }
    }

    @Test void aPictureIsCalledPng() throws Exception {
        for (String command : List.of("sample", "interpolate", "reconstruct")) {
            Typed r = palitra(command, run, "--out", root.resolve("a.jpg"));
            assertThat(r.code()).as(command).isEqualTo(2);
            assertThat(r.err()).as(command).startsWith("palitra: illegal --out: '" + root.resolve("a.jpg") + "', must end in .png");
        }
        Typed paint = palitra("paint", "a cat", "--model", "none", "--out", root.resolve("b.jpeg"));
        assertThat(paint.code()).isEqualTo(2);
        assertThat(root.resolve("a.jpg")).doesNotExist();
        assertThat(root.resolve("b.jpeg")).doesNotExist();
    }

    @Test void theParserOfOptionsSpeaksPlainly() {
        assertThat(palitra("train", "vae", "--seed", "abc").err()).contains("'abc' is not a whole number").doesNotContain("long");
        assertThat(palitra("train", "vae", "--steps", 2, "--epochs", 2).err()).startsWith("palitra: --epochs=N, --steps=N are mutually");
        assertThat(palitra("train", "vae", "--steps", 2, "--steps", 0).err()).startsWith("palitra: only one of [--epochs=N | --steps=N]");
        assertThat(palitra("sample", run, "more").err()).startsWith("palitra: not understood: 'more'");
        assertThat(palitra("train", "vae", "--precision", "fp8").err()).doesNotContain("case-insensitive");
        assertThat(palitra("classify", root, "--labels", "a, b", "--clip", root).err()).doesNotContain("Is a directory");
    }

    @Test void anExistingPictureIsNotOverwritten() throws Exception {
        Path file = Files.writeString(root.resolve("mine.png"), "mine");
        assertThat(palitra("sample", run, "-n", 4, "--out", file).code()).isEqualTo(2);
        assertThat(Files.readString(file)).isEqualTo("mine");
    }

    @Test void nothingIsReplacedUnasked() throws Exception {
        Path own = root.resolve("outputs"), pixels = root.resolve("small pixels");
        assertThat(palitra("train", "ae", "--set", "latent=4", "--steps", 5, "--batch", 8, "--out", own, "--quiet").code()).isZero();
        assertThat(palitra("train", "pixelcnn", "--set", "net=gated", "--set", "net.width=4", "--set", "net.dilations=1", "--steps", 2,
            "--batch", 4, "--set", "data.size=16", "--out", pixels, "--quiet").code()).isZero();
        Path page = root.resolve("twice.html"), each = root.resolve("each twice"), film = root.resolve("film.gif");
        List<List<Object>> commands = List.of(List.of("sample", own, "-n", 2), List.of("sample", own, "-n", 2, "--each", "--out", each),
            List.of("sample", pixels, "-n", 2, "--out", root.resolve("filmed.png"), "--animation", film), List.of("reconstruct", own),
            List.of("interpolate", own, "--rows", 1, "--steps", 2), List.of("map", own, "-n", 50),
            List.of("complete", pixels, "--keep", 4, "-n", 1), List.of("compare", own, own, "-n", 100, "--out", page));
        assertThat(palitra("evaluate", own, "--no-classifier").code()).isZero();   // for compare
        for (List<Object> command : commands) {
            Typed first = palitra(command.toArray());
            assertThat(first.code()).as(command + first.err()).isZero();
            Typed second = palitra(command.toArray());
            assertThat(second.code()).as(command + second.err()).isEqualTo(2);
            assertThat(second.err()).contains("exists; choose another --out, or --force");
            List<Object> forced = new java.util.ArrayList<>(command);
            forced.add("--force");
            Typed third = palitra(forced.toArray());
            assertThat(third.code()).as(forced + third.err()).isZero();
        }
        Path mine = Files.writeString(root.resolve("mine.txt"), "mine"), link = root.resolve("link.png");
        Files.createSymbolicLink(link, mine);
        for (Object[] command : new Object[][] {{"sample", own, "-n", 2}, {"reconstruct", own}, {"interpolate", own, "--rows", 1},
            {"complete", pixels, "--keep", 4}, {"compare", own, own}}) {
            List<Object> words = new java.util.ArrayList<>(List.of(command));
            words.addAll(List.of("--force", "--out", ""));
            for (String wrong : List.of("", link.toString(), "/dev/null", root.toString(), root.resolve("none/a.png").toString())) {
                words.set(words.size() - 1, wrong);
                Typed r = palitra(words.toArray());
                assertThat(r.code()).as(words + r.err()).isEqualTo(2);
                assertThat(r.err()).contains("--out").doesNotContain("Exception");
            }
        }
        assertThat(mine).hasContent("mine");
        Path full = Files.createDirectories(root.resolve("full"));
        Files.writeString(full.resolve("report.html"), "mine");
        for (Object out : List.of("", full, mine)) {
            Typed r = palitra("train", "vae", "--steps", 1, "--batch", 4, "--quiet", "--out", out);
            assertThat(r.code()).as(r.err()).isEqualTo(2);
            assertThat(r.err()).containsAnyOf("--out", "a run wants a new or empty folder");
        }
        assertThat(full.resolve("report.html")).hasContent("mine");
    }

    @Test void threadsAreAutoOrOneToTheProcessors() {
        int processors = Runtime.getRuntime().availableProcessors();
        for (String command : List.of("train", "sample", "evaluate", "paint", "dream", "compare", "anomalies", "balance", "classify",
            "search")) {
            for (String wrong : List.of("0", "-3", "20000", "1000000000", "99999999999", "two", "", String.valueOf(processors + 1))) {
                Typed r = palitra(command, "vae", "strokes", "--threads", wrong);
                assertThat(r.code()).as(command + " " + wrong + ": " + r.err()).isEqualTo(2);
                assertThat(r.err()).contains("--threads", "auto", "between 1 and " + processors);
            }
        }
        assertThat(palitra("sample", run, "-n", 1, "--threads", "auto", "--out", root.resolve("auto.png")).code()).isZero();
    }

    @Test void whatTheSystemRefusesIsNamedWithoutNamesOfClasses() {
        String full = "No space left on device";
        assertThat(Program.message(new java.nio.file.FileSystemException("a.png", null, full))).isEqualTo(full + ": a.png");
        assertThat(Program.message(new java.io.UncheckedIOException(new java.nio.file.FileSystemException("a.png", null, full))))
            .isEqualTo(full + ": a.png");
        assertThat(Program.message(new java.io.UncheckedIOException(new java.io.IOException(full)))).isEqualTo(full);
        assertThat(Program.message(new java.io.IOException(full))).isEqualTo(full);
        assertThat(Program.message(new java.io.UncheckedIOException("cannot write a.png: " + full, new java.io.IOException(full))))
            .isEqualTo("cannot write a.png: " + full);
        assertThat(Program.message(new java.nio.file.NoSuchFileException("a.png"))).isEqualTo("no such file: a.png");
        assertThat(Program.message(new java.nio.file.FileAlreadyExistsException("a.png"))).endsWith(": a.png").doesNotContain("Exception");
        assertThat(Program.message(new java.io.EOFException())).doesNotContain("Exception").doesNotContain("null");
    }

    @Test void wordsAreAsTheyWereTypedOrRefused() {
        byte[] typed = "java\0-jar\0x.jar\0paint\0\u0440\u044b\u0436\u0438\u0439 \u043a\u043e\u0442\0".getBytes(StandardCharsets.UTF_8);
        String cat = "\u0440\u044b\u0436\u0438\u0439 \u043a\u043e\u0442";
        assertThat(Arguments.fault(new String[] {"paint", cat}, typed, "UTF-8")).isEmpty();
        assertThat(Arguments.fault(new String[] {"paint", "???????? ???"}, typed, "ANSI_X3.4-1968"))
            .contains("word 2", "ANSI_X3.4-1968", "LC_ALL=C.UTF-8");
        byte[] broken = {'p', 0, (byte) 0xD0, 0};
        assertThat(Arguments.fault(new String[] {"p", "\uFFFD"}, broken, "UTF-8")).contains("word 2");
        assertThat(Arguments.fault(new String[] {"\uFFFD"}, "\uFFFD\0".getBytes(StandardCharsets.UTF_8), "UTF-8")).as("typed so").isEmpty();
        assertThat(Arguments.fault(new String[] {"what?"}, "what?\0".getBytes(StandardCharsets.UTF_8), "ANSI_X3.4-1968")).isEmpty();
        byte[] koi = "\u043a\u043e\u0442\0".getBytes(java.nio.charset.Charset.forName("KOI8-R"));
        assertThat(Arguments.fault(new String[] {"\u043a\u043e\u0442"}, koi, "KOI8-R")).as("a map of one alphabet").isEmpty();
        assertThat(Arguments.fault(new String[] {"", "a"}, new byte[] {0, 'a', 0}, "UTF-8")).as("an empty word").isEmpty();
        assertThat(Arguments.fault(new String[] {"\uFFFD"}, new byte[0], "none")).as("where the system does not tell").contains("word 1");
    }

    @Test void aFamilyThatLearnsFromCaptionsTakesASetThatHasThem() {
        Path clip = root.resolve("clip"), untold = root.resolve("untold");
        Object[] tiny = {"--set", "data.size=32", "--set", "points=8", "--set", "picture.width=8", "--set", "picture.heads=1", "--set",
            "picture.layers=1", "--set", "text.width=8", "--set", "text.heads=1", "--set", "text.layers=1", "--set", "pairs=0", "--steps",
            1, "--batch", 4, "--threads", 1};
        List<Object> words = new ArrayList<>(List.of("train", "clip", "--out", clip));
        words.addAll(List.of(tiny));
        Typed r = palitra(words.toArray());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).contains("on scenes, which clip takes unless other DATA is asked for; training into " + clip);
        words = new ArrayList<>(List.of("train", "clip", "strokes", "--quiet", "--out", untold));
        words.addAll(List.of(tiny));
        r = palitra(words.toArray());
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).hasLineCount(1).contains("'clip' learns from pictures with captions, and 'strokes' is read without", "scenes");
        assertThat(untold).doesNotExist();
    }
}
