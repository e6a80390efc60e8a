package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FewPictures;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.measure.Course;
import io.palitra.measure.InceptionDistance;
import io.palitra.measure.Measurements;
import io.palitra.measure.Subject;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.net.InceptionV3;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The network gives what pytorch-fid's gives, and the resizing what Pillow's and PyTorch's give, for weights and pictures that a hash
 * makes. Reference values: pytorch-fid's and clean-fid's own code over torchvision 0.28.0, PyTorch 2.13.0, Pillow 12.3.0.
 */
class InceptionTest {
    private static final double TOLERANCE = 1e-4;   // of the root of the mean square; a block's other pool makes 2.5e-3 and more

    @TempDir private static Path folder;
    private static Path file;

    /** Numbers of 24 bits in [0,1), of place and seed alone. */
    private static double[] mixed(int n, int seed) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            int x = i * 0x9E3779B9 + seed;
            x = (x ^ x >>> 16) * 0x85EBCA6B;
            x = (x ^ x >>> 13) * 0xC2B2AE35;
            out[i] = ((x ^ x >>> 16) >>> 8) / (double) (1 << 24);
        }
        return out;
    }

    private static Tensor weight(String key, long[] shape) {
        CRC32 seed = new CRC32();
        seed.update(key.getBytes(StandardCharsets.US_ASCII));
        int n = Torch.numel(shape);
        double[] u = mixed(n, (int) seed.getValue());
        double bound = Math.sqrt(6 / ((double) n / shape[0]));
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) (key.endsWith("running_var") ? 0.5 + u[i] : key.endsWith("bn.weight") ? 0.75 + 0.5 * u[i]
                : key.endsWith("bn.bias") || key.endsWith("running_mean") ? (u[i] - 0.5) * 0.4 : key.endsWith(".bias") ? u[i] - 0.5
                : (2 * u[i] - 1) * bound);
        }
        return Torch.of(out, shape);
    }

    private static Map<String, Tensor> weights() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        try (InceptionV3 net = new InceptionV3(Rng.silent())) { net.state().forEach((k, t) -> all.put(k, weight(k, t.shape()))); }
        return all;
    }

    @BeforeAll static void aFileOfWeights() {
        file = folder.resolve("weights.safetensors");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = weights();
            all.put("AuxLogits.fc.bias", Torch.zeros(1008));
            all.put("Mixed_6e.branch_pool.bn.num_batches_tracked", Torch.of(new long[] {3}, 1));
            Safetensors.write(file, all, Map.of());
        }
    }

    /** Slopes with noise over them and a corner of pure black and white, in [-1,1]. */
    private static Tensor picture(int c, int h, int w) {
        double[] u = mixed(c * h * w, 7);
        float[] out = new float[c * h * w];
        for (int k = 0, i = 0; k < c; k++) {
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++, i++) {
                    int noise = (int) (u[i] * 256), slope = (x * (k + 1) * 255 / w + y * 255 / h) % 256;
                    out[i] = (x < w / 3 && y < h / 3 ? noise / 128 * 255 : (slope * 3 + noise) / 4) / 127.5f - 1;
                }
            }
        }
        return Torch.of(out, 1, c, h, w);
    }

    /** Mean, root of the mean square, the first six and the last two, against those of the reference. */
    private static void near(Tensor got, double... want) {
        double[] v = got.doubles();
        double sum = 0, squares = 0;
        for (double x : v) {
            sum += x;
            squares += x * x;
        }
        int n = v.length;
        double[] few = {sum / n, Math.sqrt(squares / n), v[0], v[1], v[2], v[3], v[4], v[5], v[n - 2], v[n - 1]};
        for (int i = 0; i < few.length; i++) assertThat(few[i]).as("number " + i).isCloseTo(want[i], within(TOLERANCE * want[1]));
    }

    private static void agrees(Inception net, Tensor x, double[] features, double[] logits) {
        Tensor f = net.features(x);
        assertThat(f.shape()).containsExactly(1, InceptionV3.FEATURES);
        near(f, features);
        near(net.scores(f), logits);
    }

    @Test void cleanFidsFeaturesAreOurs() {
        try (Scope scope = new Scope(); Inception net = Inception.open(file, Preprocess.CLEAN)) {
            agrees(net, picture(3, 32, 32),
                new double[] {1.31206, 2.15288, 3.219765, 0, 4.099125, 0.9144176, 0, 0.0126224, 0, 1.759027},
                new double[] {0.06489205, 2.96841, -0.6761051, -7.029223, 0.6269654, -4.12652, 6.823922, 4.905057, -1.597968, -1.737555});
            agrees(net, picture(3, 400, 350),
                new double[] {1.569075, 2.574572, 3.776158, 0, 4.997415, 0.9853679, 0, 0.005066615, 0, 1.877906},
                new double[] {0.07579463, 3.552526, -0.8352925, -8.336342, 0.7170098, -4.83088, 8.154789, 5.960283, -1.901766, -2.043002});
            agrees(net, picture(1, 28, 28),
                new double[] {1.34063, 2.19749, 3.263934, 0, 4.130398, 0.9012185, 0, 0.01897985, 0, 1.838115},
                new double[] {0.06489118, 3.035894, -0.6894683, -7.007999, 0.4777154, -4.382113, 6.951007, 4.898973, -1.639123, -1.622799});
        }
    }

    @Test void pytorchFidsFeaturesAreOurs() {
        try (Scope scope = new Scope(); Inception net = Inception.open(file, Preprocess.PYTORCH)) {
            agrees(net, picture(3, 32, 32),
                new double[] {1.206456, 1.980594, 2.958191, 0, 3.741864, 0.8280725, 0, 0.01415425, 0, 1.6943},
                new double[] {0.06239979, 2.731409, -0.6181803, -6.444938, 0.5734236, -3.81074, 6.283106, 4.481949, -1.495021, -1.613842});
            agrees(net, picture(3, 400, 350),
                new double[] {1.600158, 2.626009, 3.804807, 0, 5.100376, 1.004622, 0, 0.006154313, 0, 1.929244},
                new double[] {0.07752235, 3.624291, -0.8833193, -8.523877, 0.6889465, -4.923213, 8.307972, 6.102642, -1.940223, -2.088367});
            agrees(net, picture(1, 28, 28),
                new double[] {1.238529, 2.031158, 2.946938, 0, 3.739288, 0.847832, 0, 0.02212439, 0, 1.692933},
                new double[] {0.06052843, 2.807081, -0.632161, -6.50328, 0.4108592, -4.100385, 6.432795, 4.544561, -1.593604, -1.477946});
        }
    }

    @Test void aPictureOfABatchHasTheFeaturesItHasAlone() {
        try (Scope scope = new Scope(); Inception net = Inception.open(file, Preprocess.PYTORCH)) {
            Tensor x = new Rng(5).uniform(18, 1, 4, 4).mul(2).sub(1);   // more than are computed at once
            Tensor together = net.features(x);
            assertThat(together.shape()).containsExactly(18, InceptionV3.FEATURES);
            for (int i : new int[] {15, 16}) {
                assertThat(together.rows(i, 1).sub(net.features(x.rows(i, 1))).abs().max().item()).isLessThan(1e-3);
            }
            assertThat(net.logits(x.rows(0, 2)).sub(net.scores(together.rows(0, 2))).abs().max().item()).isLessThan(1e-3);
            assertThat(together.rows(0, 1).sub(together.rows(17, 1)).abs().max().item()).isGreaterThan(0.01);
        }
    }

    // clean-fid's resizing of the same pictures: sum, sum of squares, and eight pixels
    @Test void resizingUpIsPillowsWithoutRounding() {
        pixels(picture(3, 13, 9), 34311621.17588714, 5354249253.034659,
            0, 40.36272, 129.899, 136.2135, 102.3495, 178.749, 160.2739, 254.1154);
    }

    @Test void resizingDownIsPillowsWithoutRounding() {
        pixels(picture(1, 400, 350), 35061253.600352935, 5571058036.844397,
            50.1749, 116.2979, 162.4991, 141.6934, 148.3732, 122.7351, 229.2452, 242.675);
    }

    private static void pixels(Tensor x, double sum, double squares, double... want) {
        int[][] places = {{0, 0, 0}, {0, 40, 60}, {0, 99, 99}, {0, 100, 100}, {0, 150, 20}, {2, 200, 250}, {2, 298, 298}, {1, 298, 0}};
        try (Scope scope = new Scope()) {
            Tensor y = Preprocess.CLEAN.of(x).to(DType.F64).mul(128).add(128);
            assertThat(y.shape()).containsExactly(1, 3, InceptionV3.SIZE, InceptionV3.SIZE);
            double[] v = y.doubles();
            for (int i = 0; i < places.length; i++) {
                int at = (places[i][0] * InceptionV3.SIZE + places[i][1]) * InceptionV3.SIZE + places[i][2];
                assertThat(v[at]).as("pixel " + i).isCloseTo(want[i], within(2e-4));
            }
            assertThat(y.sum().item()).isCloseTo(sum, within(1e-7 * sum));
            assertThat(y.square().sum().item()).isCloseTo(squares, within(1e-7 * squares));
        }
    }

    @Test void whatAPngWouldNotHoldIsNotSeen() {
        try (Scope scope = new Scope()) {
            Tensor x = picture(3, 5, 6);
            for (Preprocess how : Preprocess.values()) {
                Tensor y = how.of(x);
                assertThat(how.of(x.add(0.003)).sub(y).abs().max().item()).as("less than half a level").isZero();
                assertThat(how.of(x.add(0.005)).sub(y).abs().max().item()).as("more than half a level").isGreaterThan(0.005);
                Tensor white = how.of(Torch.full(7, 1, 1, 2, 2));
                assertThat(white.sub(how.of(Torch.ones(1, 1, 2, 2))).abs().max().item()).isZero();
            }
        }
    }

    @Test void theNameTellsNetworkResizingAndFile() throws Exception {
        String sha = java.util.HexFormat.of().formatHex(
            java.security.MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        try (Inception clean = Inception.open(file, Preprocess.CLEAN); Inception plain = Inception.open(file, Preprocess.PYTORCH)) {
            assertThat(clean.name()).isEqualTo("inception-clean-" + sha.substring(0, 8));
            assertThat(plain.name()).isEqualTo("inception-pytorch-" + sha.substring(0, 8));
        }
    }

    @Test void weightsThatDoNotFitAreRefusedByNameOfTheTensor() {
        try (Scope scope = new Scope(); InceptionV3 net = new InceptionV3(Rng.silent())) {
            Map<String, Tensor> few = weights(), many = new LinkedHashMap<>(few), other = new LinkedHashMap<>(few);
            few.remove("Mixed_7c.branch3x3_2b.bn.running_var");
            many.put("Mixed_7d.conv.weight", Torch.zeros(1));
            other.put("fc.weight", Torch.zeros(1000, 2048));
            assertThatThrownBy(() -> net.loadPublic(few))
                .hasMessage("weights do not fit the network: missing Mixed_7c.branch3x3_2b.bn.running_var");
            assertThatThrownBy(() -> net.loadPublic(many)).hasMessage("weights do not fit the network: unexpected Mixed_7d.conv.weight");
            assertThatThrownBy(() -> net.loadPublic(other))
                .hasMessage("weights do not fit the network: 'fc.weight' has the shape 1000×2048, wanted is 1008×2048");
        }
    }

    @Test void aFileThatIsNoneIsRefusedByItsName() throws Exception {
        Path small = folder.resolve("small.safetensors"), text = Files.writeString(folder.resolve("text.pth"), "no weights");
        try (Scope scope = new Scope()) { Safetensors.write(small, Map.of("fc.bias", Torch.zeros(1008)), Map.of()); }
        assertThatThrownBy(() -> Inception.open(small, Preprocess.CLEAN)).isInstanceOf(FormatException.class)
            .hasMessageStartingWith(small + ": weights do not fit the network: missing Conv2d_1a_3x3.conv.weight; ");
        assertThatThrownBy(() -> Inception.open(text, Preprocess.CLEAN)).isInstanceOf(FormatException.class)
            .hasMessageContaining("is no file of torch.save");
        assertThatThrownBy(() -> Inception.open(folder.resolve("none.pth"), Preprocess.CLEAN)).isInstanceOf(FormatException.class);
        assertThatThrownBy(() -> Inception.open(folder.resolve("x.safetensors.index.json"), Preprocess.CLEAN))
            .isInstanceOf(FormatException.class).hasMessageEndingWith("is an index of files, wanted is one file with all weights");
    }

    @Test void whatIsNoPictureIsRefused() {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> Preprocess.CLEAN.of(Torch.zeros(1, 2, 4, 4)))
                .hasMessage("Inception wants pictures [B,1 or 3,H,W], got 1×2×4×4");
            assertThatThrownBy(() -> Preprocess.PYTORCH.of(Torch.zeros(3, 4, 4))).hasMessageContaining("[B,1 or 3,H,W]");
        }
    }

    @Test void aRunIsAsFarFromStatisticsAsTheirMeanIsMoved() throws Exception {
        Dataset data = Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT);
        Path run = folder.resolve("run"), same = folder.resolve("same.npz"), moved = folder.resolve("moved.npz");
        RunConfig config = RunConfig.of("vae", "strokes", data, DataOptions.DEFAULT, 0, List.of("train.steps=1"))
            .on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(run, config, data, null, Watcher.SILENT);
        try (Scope scope = new Scope(); Run opened = Run.open(run, "cpu", note -> { });
                Inception net = Inception.open(file, Preprocess.PYTORCH); Moments moments = new Moments()) {
            moments.add(net.features(opened.sample(6, 12345, List.of())));
            Statistics own = Statistics.of(moments);
            own.write(same);
            Tensor away = own.mean().copy();
            away.rows(7, 1).copyFrom(away.rows(7, 1).add(3));
            new Statistics(away, own.covariance()).write(moved);
            List<Measure> near = measured(opened, data, net, same);
            assertThat(near).extracting(Measure::name).containsExactly("FD-" + net.name() + ", n = 6", "inception score-" + net.name());
            double scale = own.covariance().diagonal().sum().item();
            assertThat(near.get(0).value()).isBetween(0.0, 1e-3 * scale);
            double apart = measured(opened, data, net, moved).get(0).value();
            assertThat(apart - near.get(0).value()).isCloseTo(9, within(1e-3));
        }
    }

    private static List<Measure> measured(Run run, Dataset data, Inception net, Path statistics) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return new InceptionDistance().of(new Subject(run.model(), "vae", Device.CPU, data, null, true, 6, List.of(), null,
                new Subject.ByInception(net, statistics, null), null, null, new Course(Watcher.SILENT))).measures();
        }
    }

    @Test void whatInceptionCannotCompareIsRefusedBeforeAnythingIsMeasured() throws Exception {
        Path few = folder.resolve("few.npz");
        try (Scope scope = new Scope()) { new Statistics(Torch.zeros(3), Torch.zeros(3, 3)).write(few); }
        List<String> ticks = new ArrayList<>();
        Watcher watcher = new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures,
                Supplier<Optional<Picture>> preview) {
                ticks.add(what);
            }
        };
        Dataset pictures = new FewPictures(1, 8, 12);
        Dataset points = Datasets.open("toy-moons", Split.TEST, DataOptions.DEFAULT);
        try (Scope scope = new Scope(); Inception net = Inception.open(file, Preprocess.CLEAN)) {
            refused("vae", List.of("latent=2", "net.hidden=8"), pictures, new Subject.ByInception(net, few, null), watcher,
                "has statistics of 3 features");
            refused("classifier", List.of(), pictures, new Subject.ByInception(net, null, null), watcher,
                "'classifier' draws no samples");
            refused("realnvp", List.of("couplings=2"), points, new Subject.ByInception(net, null, null), watcher, "wants pictures");
        }
        assertThat(ticks).isEmpty();
    }

    private static void refused(String family, List<String> keys, Dataset data, Subject.ByInception by, Watcher watcher, String message) {
        RunConfig config = RunConfig.of(family, data.name(), data, DataOptions.DEFAULT, 0, keys);
        try (Run.Built built = Run.build(config, Device.CPU, note -> { })) {
            built.model().net().training(false);
            assertThatThrownBy(() -> Measurements.of(new Subject(built.model(), family, Device.CPU, data, null, true, 100, List.of(), null,
                by, null, null, new Course(watcher)))).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(message);
        }
    }
}
