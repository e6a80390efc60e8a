package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Points of a latent space decoded, of runs of few steps. */
class WalkRequestTest {
    @TempDir private static Path root;
    private static Path encoded;
    private static Path ofClasses;
    private static Path points;

    private static Path train(String name, String family, String data, String... overrides) throws IOException {
        DataOptions options = Config.with(DataOptions.DEFAULT, data.equals("strokes") ? List.of("size=16") : List.of());
        Dataset train = Datasets.open(data, Split.TRAIN, options), test = Datasets.open(data, Split.TEST, options);
        RunConfig config = RunConfig.of(family, data, train, options, 3, List.of(overrides)).on("cpu", RunConfig.Precision.FP32, 1);
        Path folder = root.resolve(name);
        Trainer.start(folder, config, train, test, Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void runs() throws IOException {
        encoded = train("vae", "vae", "strokes", "latent=5", "train.steps=4", "train.batch=8");
        ofClasses = train("gan", "gan", "strokes", "latent=4", "width=4", "conditional=true", "train.steps=2", "train.batch=8");
        points = train("moons", "ae", "toy-moons", "latent=2", "train.steps=2", "train.batch=8");
    }

    private static WalkRequest walk(Path run, String... overrides) {
        List<String> all = new ArrayList<>(List.of("device=cpu", "force=true"));
        all.addAll(List.of(overrides));
        return Config.with(new WalkRequest(run.toString()), all);
    }

    private static String text(float[] code) {
        return Arrays.stream(new ObjectMapper().convertValue(code, double[].class)).mapToObj(String::valueOf)
            .collect(Collectors.joining(" "));
    }

    private static byte[] pixels(Path file) throws IOException { return Files.readAllBytes(file); }

    @Test void aCodeThatWasToldGivesThatPictureAgain() throws IOException {
        long live = LivePointers.settled();
        WalkRequest.Result first = walk(encoded, "seeds=1,2").run(Watcher.SILENT);
        assertThat(first.files()).containsExactly(encoded.resolve("walk/00000.png"), encoded.resolve("walk/00001.png"),
            encoded.resolve("walk/walk.json")).allMatch(Files::isRegularFile);
        assertThat(first.codes()).hasSize(2).allMatch(c -> c.length == 5);
        WalkRequest.Result again = Config.with(new WalkRequest(encoded.toString()), "device=cpu", "out=" + root.resolve("again"),
            "codes=" + text(first.codes().get(1)), "seeds=1").run(Watcher.SILENT);
        assertThat(again.codes()).containsExactly(first.codes().get(1), first.codes().get(0));
        assertThat(pixels(again.files().get(0))).isEqualTo(pixels(first.files().get(1))).isNotEqualTo(pixels(first.files().get(0)));
        assertThat(Scope.livePointers()).isLessThanOrEqualTo(live);
    }

    @Test void betweenPointsTheLengthOfCodesIsKeptAndEndsAreThePoints() throws IOException {
        WalkRequest.Result result = walk(encoded, "codes=2 0 0 0 0,0 2 0 0 0", "between=3").run(Watcher.SILENT);
        assertThat(result.codes()).hasSize(5).allSatisfy(c -> assertThat(length(c)).isCloseTo(2, within(1e-5)));
        assertThat(result.points()).containsExactly(0, 4);
        assertThat(result.codes().get(4)).containsExactly(0, 2, 0, 0, 0);
        JsonNode told = new ObjectMapper().readTree(Files.readString(encoded.resolve("walk/walk.json")));
        assertThat(told.get("codes")).hasSize(5);
        assertThat(told.get("codes").get(2).get(0).asDouble()).isEqualTo((double) result.codes().get(2)[0], within(1e-6));
        assertThat(told.get("points").toString()).isEqualTo("[0,4]");
    }

    private static double length(float[] code) {
        double sum = 0;
        for (float c : code) sum += c * c;
        return Math.sqrt(sum);
    }

    @Test void truncationMovesPointsToTheMiddleAndLeavesTheirClass() throws IOException {
        WalkRequest.Result whole = walk(ofClasses, "seeds=3", "label=1").run(Watcher.SILENT);
        WalkRequest.Result half = walk(ofClasses, "seeds=3", "label=1", "truncation=0.5").run(Watcher.SILENT);
        float[] a = whole.codes().get(0), b = half.codes().get(0);
        for (int k = 0; k < 4; k++) assertThat(b[k]).isEqualTo(a[k] / 2);
        assertThat(Arrays.copyOfRange(b, 4, b.length)).isEqualTo(Arrays.copyOfRange(a, 4, a.length));
        assertThat(a[5]).isEqualTo(1);
        assertThat(a[4]).isZero();
    }

    @Test void directionsAreOrthogonalAndLeaveTheClass() throws IOException {
        WalkRequest.Result result = walk(ofClasses, "directions=9").run(Watcher.SILENT);
        assertThat(result.axes()).as("a code has four numbers that may move").hasSize(4);
        for (float[] a : result.axes()) {
            assertThat(length(a)).isCloseTo(1, within(1e-4));
            assertThat(Arrays.copyOfRange(a, 4, a.length)).containsOnly(0);
            for (float[] b : result.axes()) if (a != b) assertThat(dot(a, b)).isCloseTo(0, within(1e-3));
        }
        assertThat(Arrays.stream(result.spreads()).boxed()).hasSize(4).allMatch(s -> s > 0.7 && s < 1.3);
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static void refused(String key, String why, WalkRequest request) {
        assertThatThrownBy(() -> request.run(Watcher.SILENT)).isInstanceOfSatisfying(ConfigException.class, e -> {
            assertThat(e.key()).isEqualTo(key);
            assertThat(e.getMessage()).contains(why);
        });
    }

    @Test void whatIsNoPointIsRefusedByItsKey() {
        refused("codes", "code 0 has 3 numbers, must be 5", walk(encoded, "codes=1 2 3"));
        refused("codes", "number 1 of code 0 must be between", walk(encoded, "codes=1 NaN 3 4 5"));
        refused("codes", "number 4 of code 0 must be between", walk(encoded, "codes=1 1 3 4 1e30"));
        refused("label", "the codes of this run have no class", walk(encoded, "label=1"));
        assertThatThrownBy(() -> walk(encoded, "seeds=1,2,3,4,5,6,7,8,9,10,11,12", "between=200")).isInstanceOf(ConfigException.class)
            .hasMessageContaining("at most 2000 pictures");
        assertThatThrownBy(() -> walk(points).run(Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("walk shows pictures; 'toy-moons' holds points");
        assertThatThrownBy(() -> walk(encoded, "seeds=-1").run(Watcher.SILENT)).isInstanceOf(ConfigException.class);
    }

    @Test void theMapSaysWhereACodeLies() throws IOException {
        new MapRequest(encoded.toString(), 60, "", root.resolve("m.png").toString(), true, "cpu", 0).run(Watcher.SILENT);
        JsonNode map = new ObjectMapper().readTree(Files.readString(root.resolve("m.json")));
        assertThat(map.get("points")).hasSize(60).allMatch(p -> p.size() == 4);
        assertThat(map.get("points").get(7).get(3).asInt()).isEqualTo(7);
        assertThat(map.get("classes")).hasSizeGreaterThan(1);
        assertThat(map.get("mean")).hasSize(5);
        assertThat(map.get("axes")).hasSize(2).allMatch(a -> a.size() == 5);
        double x0 = map.get("range").get(0).asDouble(), x1 = map.get("range").get(1).asDouble();
        assertThat(map.get("points")).allMatch(p -> p.get(0).asDouble() >= x0 && p.get(0).asDouble() <= x1);
    }
}
