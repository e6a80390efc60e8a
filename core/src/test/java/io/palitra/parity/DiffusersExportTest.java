package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.net.Activation;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.CoderConfig;
import io.palitra.net.Unet2d;
import io.palitra.net.VqModel;
import io.palitra.nn.Module;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks trained and saved here: what Python's diffusers computes with their files is what we do. A README.md lies beside them. */
class DiffusersExportTest {
    /** Of the largest number; the README.md beside the files has what was measured. */
    private static final double TOLERANCE = 1e-5;
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    private static Path folder(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(DiffusersExportTest.class.getResource("diffusers")).toURI()).resolve(name);
    }

    private static Map<String, Tensor> numbers(String name) throws URISyntaxException {
        return Safetensors.read(folder(name).resolve("numbers.safetensors")).tensors();
    }

    private static Tensor get(Map<String, Tensor> all, String name) { return Objects.requireNonNull(all.get(name), name); }

    private static void same(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double worst = got.sub(wanted).abs().max().item() / wanted.abs().max().item();
        assertThat(worst).as("largest difference, of the largest number").isLessThanOrEqualTo(TOLERANCE);
    }

    @Test void theUnetOfARunAnswersAndDrawsInPythonAsHere() throws Exception {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> numbers = numbers("diffusion");
            ModelFolder pipeline = ModelFolder.open(folder("diffusion"));
            assertThat(pipeline.classes()).containsEntry("unet", "UNet2DModel").containsEntry("scheduler", "DDPMScheduler");
            Tensor x = get(numbers, "sample"), labels = get(numbers, "class_labels");
            try (Unet2d unet = new Unet2d(Unet2d.Config.fromJson(pipeline.config("unet")), Rng.silent())) {
                unet.load(pipeline.weights("unet"));
                unet.training(false);
                same(unet.forward(x, get(numbers, "timestep"), labels), get(numbers, "output"));

                JsonNode json = ((ObjectNode) pipeline.config("scheduler")).put("_class_name", "DDIMScheduler");
                DiffusersScheduler ddim = new DiffusersScheduler(json);
                assertThat(ddim.noiseTable().size()).isEqualTo((int) get(numbers, "alphas_cumprod").numel());
                double[] alphaBar = get(numbers, "alphas_cumprod").doubles();
                for (int t = 0; t < alphaBar.length; t++) assertThat((float) ddim.noiseTable().alphaBar(t)).isEqualTo((float) alphaBar[t]);
                Tensor drawn = ddim.plan(4).sample(ddim.denoiser((y, t) -> unet.forward(y, Torch.full(t, y.size(0)), labels)), x,
                    new Rng(0)::normalLike);
                same(drawn, get(numbers, "drawn"));
            }
        }
    }

    @Test void theAutoencoderOfAVaeEncodesAndDecodesInPythonAsHere() throws Exception {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> numbers = numbers("vae");
            AutoencoderKl.Config config = AutoencoderKl.Config.fromJson(Json.read(folder("vae").resolve("config.json")));
            try (AutoencoderKl vae = loaded(new AutoencoderKl(config, Rng.silent()), folder("vae"))) {
                AutoencoderKl.Posterior q = vae.encode(get(numbers, "sample"));
                same(q.mean(), get(numbers, "mean"));
                same(q.logVar(), get(numbers, "logvar"));
                same(vae.scaled(q.mean()), get(numbers, "scaled"));
                same(vae.decode(get(numbers, "mean")), get(numbers, "decoded"));
            }
        }
    }

    @Test void theVqModelFindsInPythonTheCodesItFindsHere() throws Exception {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> numbers = numbers("vq");
            VqModel.Config config = VqModel.Config.fromJson(Json.read(folder("vq").resolve("config.json")));
            try (VqModel vq = loaded(new VqModel(config, Rng.silent()), folder("vq"))) {
                Tensor latents = vq.encode(get(numbers, "sample"));
                same(latents, get(numbers, "latents"));
                long[] codes = get(numbers, "indices").longs();
                assertThat(vq.codes(latents).longs()).isEqualTo(codes);
                assertThat(Arrays.stream(codes).distinct().count()).as("codes in use").isGreaterThan(4);
                same(vq.decode(latents), get(numbers, "decoded"));
            }
        }
    }

    private static <M extends Module> M loaded(M net, Path folder) {
        net.load(Safetensors.read(folder.resolve(WEIGHTS)).tensors());
        net.training(false);
        return net;
    }

    @Test void aNetworkOfAnyKindIsSavedWithItsConfigurationAndReadBack(@TempDir Path root) throws IOException {
        try (VqModel vq = new VqModel(smallVq(), new Rng(1)); Scope scope = new Scope()) {
            double before = train(vq, 1), after = train(vq, 25);
            assertThat(after).isLessThan(0.7 * before);
            Path saved = save(vq, root.resolve("vq"));
            assertThat(VqModel.Config.fromJson(Json.read(saved.resolve("config.json")))).isEqualTo(vq.config());
            assertThat(Safetensors.read(saved.resolve(WEIGHTS)).metadata()).containsEntry("format", "pt");
            try (VqModel read = loaded(new VqModel(smallVq(), Rng.silent()), saved); Guard g = Torch.noGrad()) {
                Tensor x = strokes(0, 4);
                vq.training(false);
                assertThat(read.decode(read.encode(x)).floats()).isEqualTo(vq.decode(vq.encode(x)).floats());
            }
        }
    }

    private static VqModel.Config smallVq() {
        List<CoderConfig.Block> plain = Collections.nCopies(2, CoderConfig.Block.PLAIN);
        return new VqModel.Config(new CoderConfig(1, 1, plain, plain, List.of(8, 16), 1, Activation.SILU, 4, 4, List.of(28), 1, false,
            false), 32, 0, VqModel.Norms.GROUP, false);
    }

    private static Tensor strokes(int first, int n) {
        Dataset data = Datasets.open("strokes", Split.TRAIN, DataOptions.DEFAULT);
        int[] items = new int[n];
        for (int i = 0; i < n; i++) items[i] = (first + i) % data.size();
        return DataLoader.of(data, items, Device.named("cpu")).x();
    }

    /** The loss of the last step: |x - x'|^2 + |sg z - e|^2 + 1/4 |z - sg e|^2, eq. 3 of van den Oord et al. 2017, arXiv:1711.00937. */
    private static double train(VqModel vq, int steps) {
        double last = 0;
        try (Optimizer adam = new Optimizer(new OptimizerSpec.Adam(3e-3, 0.9, 0.99, 1e-8), vq.parameters())) {
            for (int step = 0; step < steps; step++) {
                try (Scope scope = new Scope()) {
                    Tensor x = strokes(16 * step, 16), z = vq.encode(x), e = vq.lookup(vq.codes(z));
                    Tensor loss = vq.decode(z).sub(x).square().mean().add(z.detach().sub(e).square().mean())
                        .add(z.sub(e.detach()).square().mean().mul(0.25));
                    adam.zeroGrad();
                    loss.backward();
                    adam.step(adam.spec().lr());
                    last = loss.item();
                }
            }
        }
        return last;
    }

    private static Path save(VqModel vq, Path folder) {
        try (FolderDraft draft = new FolderDraft(folder); Guard g = Torch.noGrad()) {
            draft.network("", vq.config().toJson(), vq.state());
            draft.publish();
        }
        return folder;
    }

    /** Makes the vq of the files: trains it for 1,000 steps and saves it in the folder that is the one argument. */
    public static void main(String[] args) throws IOException {
        Device.threads(1);
        try (VqModel vq = new VqModel(smallVq(), new Rng(1))) {
            train(vq, 1000);
            save(vq, Path.of(args[0]));
        }
    }
}
