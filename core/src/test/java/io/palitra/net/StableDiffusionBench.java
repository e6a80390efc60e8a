package io.palitra.net;

import io.palitra.config.Json;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.Weights;
import io.palitra.nn.Module;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The Java side of bench/stable_diffusion.py: holds one network of Stable Diffusion and, for each line {@code go} on stdin, tells the
 * seconds of a pass; for a line {@code error} how far its answer is from the one it was given; at the end the most memory it had.
 */
final class StableDiffusionBench {
    private StableDiffusionBench() {}

    /** Arguments: unet or vae, its folder, a file of its input and right answer, f32 or bf16, threads. */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[1]);
        DType type = DType.valueOf(args[3].toUpperCase(Locale.ROOT));
        Device.threads(Integer.parseInt(args[4]));
        try (Scope scope = new Scope(); Guard g = io.palitra.engine.Torch.noGrad()) {
            Map<String, Tensor> io = Weights.read(Path.of(args[2]));
            Supplier<Tensor> pass = args[0].equals("unet") ? unet(folder, io, type) : vae(folder, io, type);
            BufferedReader asked = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            System.out.println("ready");
            for (String line = asked.readLine(); line != null; line = asked.readLine()) {
                try (Scope turn = new Scope()) {
                    long start = System.nanoTime();
                    Tensor out = pass.get();
                    double seconds = (System.nanoTime() - start) * 1e-9;
                    System.out.println(line.equals("go") ? seconds : out.to(DType.F32).sub(io.get("output")).abs().max().item());
                }
            }
        }
        System.out.println(Files.readString(Path.of("/proc/self/status")).lines().filter(l -> l.startsWith("VmHWM")).findFirst()
            .orElseThrow().replaceAll("\\D+", ""));
    }

    private static <M extends Module> M held(Path folder, M net, DType type) {
        try (Scope scope = new Scope()) {
            net.take(Weights.read(folder.resolve("diffusion_pytorch_model.safetensors")), type);
        }
        net.trainable(false);
        net.training(false);
        return net;
    }

    private static Supplier<Tensor> unet(Path folder, Map<String, Tensor> io, DType type) throws Exception {
        UnetCondition2d net = held(folder, new UnetCondition2d(UnetCondition2d.Config.fromJson(Json.read(folder.resolve("config.json"))),
            Rng.silent()), type);
        Tensor x = io.get("sample").to(type), text = io.get("context").to(type), t = io.get("t");
        return () -> net.forward(x, t, UnetCondition2d.Given.text(text));
    }

    private static Supplier<Tensor> vae(Path folder, Map<String, Tensor> io, DType type) throws Exception {
        AutoencoderKl net = held(folder, new AutoencoderKl(AutoencoderKl.Config.fromJson(Json.read(folder.resolve("config.json"))),
            Rng.silent()), type);
        Tensor z = io.get("sample").to(type);
        return () -> net.decode(z);
    }
}
