package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Sound files of others, damaged 2,000 times each, or as often as -Dpalitra.mutations says: what they hold or one line of a typed
 * exception, soon, and without much memory.
 */
class HubMutationTest {
    private static final int TIMES = Integer.getInteger("palitra.mutations", 2000);
    /** No row reads a file of a megabyte. */
    private static final long MOST_BYTES = 64 << 20;
    private static final com.sun.management.ThreadMXBean THREADS =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final byte[] SCHEDULER = bytes("{'_class_name': 'DPMSolverMultistepScheduler', 'beta_end': 0.012, "
        + "'beta_start': 0.00085, 'beta_schedule': 'scaled_linear', 'num_train_timesteps': 1000, 'solver_order': 2, 'steps_offset': 1, "
        + "'trained_betas': null, "
        + "'use_karras_sigmas': true, 'algorithm_type': 'dpmsolver++', 'timestep_spacing': 'leading', 'thresholding': false}");
    private static final byte[] UNET = bytes("{'_class_name': 'UNet2DConditionModel', 'sample_size': 4, 'block_out_channels': [8, 8], "
        + "'attention_head_dim': 2, 'cross_attention_dim': 8, 'layers_per_block': 1, 'norm_num_groups': 4, 'norm_eps': 1e-5, "
        + "'down_block_types': ['CrossAttnDownBlock2D', 'DownBlock2D'], 'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D']}");
    private static final byte[] TEXT = bytes("{'architectures': ['CLIPTextModel'], 'vocab_size': 54, 'hidden_size': 8, "
        + "'intermediate_size': 16, 'num_hidden_layers': 1, 'num_attention_heads': 2, 'eos_token_id': 53, 'layer_norm_eps': 1e-5}");
    private static final byte[] TOKENIZER = bytes("{'version': '1.0', 'added_tokens': [{'id': 6, 'content': '<|startoftext|>', "
        + "'normalized': false}, {'id': 7, 'content': '<|endoftext|>'}], 'padding': {'pad_token': '<|endoftext|>'}, 'model': "
        + "{'type': 'BPE', 'end_of_word_suffix': '</w>', 'vocab': {'a': 0, 'a</w>': 1, 'c': 2, 's': 3, 'ca': 4, 'cas': 5}, "
        + "'merges': ['c a', ['ca', 's']]}}");

    @TempDir private static Path dir;

    private static byte[] bytes(String json) { return json.replace('\'', '"').getBytes(StandardCharsets.UTF_8); }

    private static Arguments of(String name, byte[] seed, Damage damage, Consumer<byte[]> reader) {
        return Arguments.of(name, seed, Named.of("damage", damage), Named.of("reader", reader));
    }

    private static Stream<Arguments> readers() {
        byte[] whole = TorchFileTest.resource("zip.pth");
        byte[] directory = Arrays.copyOfRange(whole, directoryAt(whole), whole.length);
        try (Scope scope = new Scope()) {
            Safetensors.write(dir.resolve("m1.safetensors"), Map.of("a", Torch.ones(2), "b", Torch.zeros(3)), Map.of());
            Safetensors.write(dir.resolve("m2.safetensors"), Map.of("c", Torch.ones(1)), Map.of());
        }
        String index = "{\"metadata\": {\"total_size\": 24},\n\"weight_map\": {\"a\": \"m1.safetensors\", \"b\": \"m1.safetensors\", "
            + "\"c\": \"m2.safetensors\"}}";
        return Stream.of(
            of("zip", TorchFileTest.resource("module.pth"), Damage::bytes, HubMutationTest::torch),
            of("directory of a zip", directory, Damage::bytes, b ->
                torch(joined(Arrays.copyOf(whole, whole.length - directory.length), b))),
            pickle("pickle", TorchFileTest.resource("module.pth")),
            pickle("pickle of views", whole),
            pickle("pickle of protocol 4", TorchFileTest.resource("protocol4.pth")),
            of("old form", TorchFileTest.resource("legacy.pth"), Damage::opcodes, HubMutationTest::torch),
            of("index of shards", index.getBytes(StandardCharsets.UTF_8), Damage::json, b -> {
                try (Scope scope = new Scope()) { assertThat(Shards.read(write("m.json", b))).isNotEmpty(); }
            }),
            of("safetensors", safetensors(), Damage::header, b -> {
                try (Scope scope = new Scope()) { assertThat(Safetensors.read(write("x.safetensors", b)).tensors()).isNotNull(); }
            }),
            of("safetensors of a LoRA", lora(), Damage::header, b -> {
                try (Scope scope = new Scope()) { assertThat(LoraFile.read(write("l.safetensors", b)).changes()).isNotEmpty(); }
            }),
            of("scheduler", SCHEDULER, Damage::json, b -> {
                DiffusersScheduler scheduler = new DiffusersScheduler(Json.read("s", b));
                assertThat(scheduler.plan(20).legs()).isNotEmpty();
            }),
            of("network", UNET, Damage::json, b -> UnetCondition2d.Config.fromJson(Json.read("u", b))),
            of("text encoder", TEXT, Damage::json, b -> ClipText.Config.fromJson(Json.read("t", b))),
            of("tokenizer", TOKENIZER, Damage::json, b -> {
                write("tokenizer.json", b);
                ClipTokenizer.open(dir).windows("a castle");
            }));
    }

    private static byte[] safetensors() {
        Path file = dir.resolve("seed.safetensors");
        try (Scope scope = new Scope()) {
            Safetensors.write(file, SafetensorsTest.everyKind(), Map.of("k", "v"));
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] lora() {
        Path file = dir.resolve("seed.safetensors");
        try (Scope scope = new Scope()) {
            String settings = "{\"unet.r\": 2, \"unet.lora_alpha\": 4.0, \"unet.alpha_pattern\": {\"b.to_q\": 1}}";
            Safetensors.write(file, Map.of("unet.a.to_q.lora_A.weight", Torch.ones(2, 3), "unet.a.to_q.lora_B.weight", Torch.ones(4, 2),
                "unet.b.to_q.lora_A.weight", Torch.ones(2, 3), "unet.b.to_q.lora_B.weight", Torch.ones(4, 2)),
                Map.of("lora_adapter_metadata", settings));
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int directoryAt(byte[] zip) {
        return ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN).getInt(zip.length - 6);
    }

    /** By name; the first ends in data.pkl. */
    private static Map<String, byte[]> entries(byte[] zip) {
        Map<String, byte[]> all = new LinkedHashMap<>();
        try (ZipFile file = new ZipFile(write("seed.pth", zip).toFile())) {
            for (ZipEntry e : Collections.list(file.entries())) all.put(e.getName(), file.getInputStream(e).readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all;
    }

    /** Damages the pickle alone; its checksum is right, so that the damage reaches the machine. */
    private static Arguments pickle(String name, byte[] zip) {
        Map<String, byte[]> sound = entries(zip);
        String key = sound.keySet().iterator().next();
        assertThat(key).endsWith("/data.pkl");
        return of(name, Objects.requireNonNull(sound.get(key)), Damage::opcodes, b -> {
            Map<String, byte[]> damaged = new LinkedHashMap<>(sound);
            damaged.put(key, b);
            torch(TorchFileTest.zip(damaged, ZipEntry.STORED));
        });
    }

    private static byte[] joined(byte[] a, byte[] b) { return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array(); }

    private static void torch(byte[] bytes) {
        try (Scope scope = new Scope()) { TorchFile.read(write("x.pth", bytes)); }
    }

    private static Path write(String name, byte[] bytes) {
        try {
            // a new file each time: some file systems flush one that is overwritten
            Files.deleteIfExists(dir.resolve(name));
            return Files.write(dir.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readers")
    void everyDamageGivesWhatIsHeldOrOneLineWithinASecond(String name, byte[] seed, Damage damage, Consumer<byte[]> reader) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        int read = 0;
        int refused = 0;
        long longest = 0;
        long most = 0;
        long live = Scope.livePointers();
        long thread = Thread.currentThread().getId();
        for (int i = 0; i < TIMES; i++) {
            byte[] bytes = damage.of(seed, random);
            long start = THREADS.getCurrentThreadCpuTime();   // a busy machine does not count
            long before = THREADS.getThreadAllocatedBytes(thread);
            try {
                reader.accept(bytes);
                read++;
            } catch (FormatException | ConfigException e) {
                refused++;
                assertThat(e.getMessage()).as("one line").hasLineCount(1);
            }
            most = Math.max(most, THREADS.getThreadAllocatedBytes(thread) - before);
            longest = Math.max(longest, THREADS.getCurrentThreadCpuTime() - start);
        }
        if (TIMES > 10_000) {
            System.out.printf("%s: %d damaged, %d refused, longest %.1f ms, most memory %.1f MiB%n", name, TIMES, refused, longest / 1e6,
                most / 1048576.0);
        }
        assertThat(read + refused).isEqualTo(TIMES);
        assertThat(refused).as("damage seen").isGreaterThan(TIMES / 4);
        assertThat(read).as("damage that does not matter").isPositive();
        assertThat(longest).as("longest, in ns").isLessThan(1_000_000_000L);
        assertThat(most).as("bytes of memory").isLessThan(MOST_BYTES);
        assertThat(Scope.livePointers()).as("tensors left behind").isLessThanOrEqualTo(live);
    }
}
