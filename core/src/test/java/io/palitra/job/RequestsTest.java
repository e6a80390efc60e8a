package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.model.Watcher;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for requests of every kind. */
class RequestsTest {
    static List<Record> requests() {
        return List.of(new PaintJob("a castle", "sd"), new DreamJob("a castle", "vq", "clip"), new MapRequest("run"),
            new WalkRequest("run"),
            new InterpolateRequest("run"), new ReconstructRequest("run"), new CompleteRequest("run", 4),
            new WriteRequest("run", "To be"), new FillRequest("run", "To be", List.of("1:3")),
            new HarmoniseRequest("run", "a.mid", "soprano"),
            new SearchRequest("f", "a", "clip"), new ClassifyRequest("a.png", "a, b", "clip"), new ImportRequest("sd.ckpt", "sd"),
            new PullRequest("org/name"), new DoctorRequest());
    }

    @ParameterizedTest @MethodSource("requests") void aRequestIsTheSameAfterJson(Record request) {
        assertThat(Config.fromJson(request.getClass(), Config.toJson(request)).equals(request)).isTrue();
        assertThat(Config.describe(request)).allSatisfy(k -> assertThat(k.toString()).isNotBlank());
    }

    private static void refused(String key, String why, Run run) {
        assertThatThrownBy(run::run).isInstanceOfSatisfying(ConfigException.class, e -> {
            assertThat(e.key()).isEqualTo(key);
            assertThat(e.getMessage()).contains(why).doesNotContain("--");
        });
    }

    private interface Run {
        void run() throws Exception;
    }

    @Test void aFaultNamesItsKeyBeforeAnythingIsOpened() {
        Watcher w = Watcher.SILENT;
        refused("n", "illegal n: 1, must be at least 2", () -> Config.with(new MapRequest("none"), "n=1").run(w));
        refused("rows", "illegal rows: 0, must be between 1 and 100", () -> new InterpolateRequest("none", 0, 2, false, false, 0, "", "",
            false, "cpu", 0).run(w));
        refused("n", "illegal n: 0, must be between 1 and 1000", () -> new ReconstructRequest("none", "", 0, "", "", false, "cpu", 0)
            .run(w));
        refused("keep", "illegal keep: -1, must be at least 0", () -> new CompleteRequest("none", -1).run(w));
        refused("n", "illegal n: 1001, must be between 1 and 1000", () -> new SearchRequest("none", "a", "none", 1001, "a.html", false,
            "cpu", 0).run(w));
        refused("threads", "the processors here", () -> new ClassifyRequest("none", "a, b", "none", "{}", "cpu", 1 << 20).run(w));
        refused("prediction", "illegal prediction: x, must be epsilon or v_prediction", () -> new ImportRequest("none", "none", "", "x",
            false).run(w));
        refused("model", "which model? model= names", () -> new PaintJob("a castle", "").run(w));
        refused("voice", "what of the score is kept?", () -> new HarmoniseRequest("none", "a.mid", "").run(w));
        refused("bars", "illegal bars: '3', must be A:B", () -> new HarmoniseRequest("none", "a.mid", "", "3", 0, 4, 0, List.of(), "",
            false, "cpu", 0).run(w));
        refused("vqgan", "which VQGAN? vqgan= names", () -> new DreamJob("a castle", "", "clip").run(w));
    }

    @Test void theDoctorFindsThisMachineSound() throws Exception {
        DoctorRequest.Result result = new DoctorRequest().run(Watcher.SILENT);
        assertThat(result.sound()).isTrue();
        assertThat(new ArrayList<>(result.findings().keySet())).startsWith("palitra", "java", "system").endsWith("self-test");
        assertThat(result.findings()).containsEntry("self-test", "passed");
    }
}
