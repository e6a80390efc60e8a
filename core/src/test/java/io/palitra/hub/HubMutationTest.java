package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
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

/** Sound files of others, damaged 10,000 times each, or as often as -Dpalitra.mutations says: tensors or a FormatException, and soon. */
class HubMutationTest {
    private static final int TIMES = Integer.getInteger("palitra.mutations", 10_000);

    @TempDir private static Path dir;

    private static Arguments of(String name, byte[] seed, Consumer<byte[]> reader) {
        return Arguments.of(name, seed, Named.of("reader", reader));
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
            of("zip", TorchFileTest.resource("module.pth"), HubMutationTest::torch),
            of("directory of a zip", directory, b -> torch(joined(Arrays.copyOf(whole, whole.length - directory.length), b))),
            pickle("pickle", TorchFileTest.resource("module.pth")),
            pickle("pickle of views", whole),
            pickle("pickle of protocol 4", TorchFileTest.resource("protocol4.pth")),
            of("old form", TorchFileTest.resource("legacy.pth"), HubMutationTest::torch),
            of("index of shards", index.getBytes(StandardCharsets.UTF_8), b -> {
                try (Scope scope = new Scope()) { assertThat(Shards.read(write("m.json", b))).isNotEmpty(); }
            }));
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
        return of(name, Objects.requireNonNull(sound.get(key)), b -> {
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

    /** One to four changes: a bit, a byte, an extreme value, a cut, a stretch doubled, removed, or over another. */
    static byte[] mutated(byte[] seed, SplittableRandom random) {
        byte[] b = seed.clone();
        for (int changes = random.nextInt(1, 5); changes > 0 && b.length > 1; changes--) {
            int at = random.nextInt(b.length);
            int length = random.nextInt(1, Math.min(16, b.length - at) + 1);
            switch (random.nextInt(9)) {
                case 0, 1 -> b[at] ^= (byte) (1 << random.nextInt(8));
                case 2, 3 -> b[at] = (byte) random.nextInt(256);
                case 4 -> Arrays.fill(b, at, at + Math.min(4, length), (byte) (random.nextBoolean() ? 0xff : 0x7f));
                case 5 -> b = random.nextInt(4) == 0 ? Arrays.copyOf(b, Math.max(1, at)) : b;
                case 6 -> {
                    byte[] longer = Arrays.copyOf(b, b.length + length);
                    System.arraycopy(b, at, longer, at + length, b.length - at);
                    b = longer;
                }
                case 7 -> System.arraycopy(seed, random.nextInt(seed.length - Math.min(length, seed.length) + 1), b, at,
                    Math.min(length, seed.length));
                default -> {
                    System.arraycopy(b, at + length, b, at, b.length - at - length);
                    b = Arrays.copyOf(b, Math.max(1, b.length - length));
                }
            }
        }
        return b;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readers")
    void everyDamageGivesTensorsOrAFormatExceptionWithinASecond(String name, byte[] seed, Consumer<byte[]> reader) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        int read = 0;
        int refused = 0;
        long longest = 0;
        long live = Scope.livePointers();
        for (int i = 0; i < TIMES; i++) {
            byte[] bytes = mutated(seed, random);
            long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();   // a busy machine does not count
            try {
                reader.accept(bytes);
                read++;
            } catch (FormatException e) {
                refused++;
                assertThat(e.getMessage()).as("one line").hasLineCount(1);
            }
            longest = Math.max(longest, ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start);
        }
        assertThat(read + refused).isEqualTo(TIMES);
        assertThat(refused).as("damage seen").isGreaterThan(TIMES / 4);
        assertThat(read).as("damage that does not matter").isPositive();
        assertThat(longest).as("longest, in ns").isLessThan(1_000_000_000L);
        assertThat(Scope.livePointers()).as("tensors left behind").isEqualTo(live);
    }
}
