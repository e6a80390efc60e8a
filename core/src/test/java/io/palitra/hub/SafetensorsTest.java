package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.parity.References;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    @TempDir Path folder;

    /** One tensor of every type, beside 0-d, empty, transposed and 8-d ones. */
    static Map<String, Tensor> everyKind() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        for (DType d : DType.values()) all.put("of." + d, new Rng(1).integers(2, 3, 5).to(d));
        all.put("scalar", Torch.full(-2.5));
        all.put("empty", Torch.zeros(0, 4));
        all.put("größe ✓", Torch.ones(2));
        all.put("turned", Torch.arange(0, 6).reshape(2, 3).t());
        all.put("deep", Torch.ones(1, 1, 2, 1, 1, 2, 1, 1));
        return all;
    }

    /** A file of this header and so many bytes of values. */
    private Path file(String json, int values) throws IOException {
        byte[] head = json.getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + head.length + values).order(ByteOrder.LITTLE_ENDIAN).putLong(head.length).put(head);
        return Files.write(folder.resolve("a.safetensors"), all.array());
    }

    /** Nanoseconds that this thread has worked; a busy machine does not count. */
    private static long cpuTime() { return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime(); }

    @Test void everyTypeAndShapeComesBackAsItWas() {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = everyKind();
            Safetensors.write(file, all, Map.of("note", "a \"quoted\"\nline"));
            Safetensors back = Safetensors.read(file);
            assertThat(back.metadata()).containsExactlyInAnyOrderEntriesOf(Map.of("format", "pt", "note", "a \"quoted\"\nline"));
            assertThat(back.tensors().keySet()).containsExactlyInAnyOrderElementsOf(all.keySet());
            all.forEach((name, t) -> {
                Tensor b = back.tensors().get(name);
                assertThat(b.dtype()).isEqualTo(t.dtype());
                assertThat(b.shape()).isEqualTo(t.shape());
                assertThat(b.doubles()).isEqualTo(t.doubles());
            });
            assertThat(file).hasSize(Safetensors.fileBytes(all, Map.of("note", "a \"quoted\"\nline")));
            assertThat(folder.toFile().list()).containsExactly("a.safetensors");
        }
    }

    @Test void everyValueLiesAtAMultipleOfItsSize() {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) { Safetensors.write(file, everyKind(), Map.of()); }
        Safetensors.Header header = Safetensors.header(file);
        assertThat(header.dataAt() % 8).isZero();
        assertThat(header.entries()).hasSize(15);
        header.entries().forEach((name, e) -> assertThat(e.begin() % e.dtype().bytes()).as(name).isZero());
    }

    @Test void aFileOfTheReferenceIsWrittenBackByteForByte() throws IOException {
        References.find("models");
        List<Path> files = new ArrayList<>();
        for (Path models : References.all("models")) {
            try (Stream<Path> walk = Files.walk(models)) {
                walk.filter(p -> p.toString().endsWith(".safetensors")).sorted().forEach(files::add);
            }
        }
        assertThat(files).isNotEmpty();
        for (Path file : files) {
            try (Scope scope = new Scope()) {
                Safetensors read = Safetensors.read(file);
                assertThat(read.tensors().keySet()).containsExactlyElementsOf(Safetensors.header(file).entries().keySet());
                if (!Map.of("format", "pt").equals(read.metadata())) continue;
                Path copy = folder.resolve("copy.safetensors");
                Safetensors.write(copy, read.tensors(), read.metadata());
                assertThat(Files.mismatch(copy, file)).as(file.toString()).isEqualTo(-1);
            }
        }
    }

    @Test void readingLeavesNothingBehindButTheTensors() throws IOException {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) { Safetensors.write(file, everyKind(), Map.of()); }
        try (Scope outer = new Scope()) {
            Safetensors.read(file);
            long before = LivePointers.settled();
            Safetensors.read(file);
            assertThat(Scope.livePointers() - before).isEqualTo(15);
            Path broken = folder.resolve("b.safetensors");
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 1] = 7;   // in a BOOL
            Files.write(broken, bytes);
            long then = LivePointers.settled();
            assertThatThrownBy(() -> Safetensors.read(broken)).isInstanceOf(FormatException.class)
                .hasMessageContaining("tensor 'of.BOOL' of BOOL holds a byte 7, allowed are 0 and 1");
            assertThat(Scope.livePointers()).isEqualTo(then);
        }
    }

    @Test void aHeaderThatBreaksARuleIsRefusedByName() throws IOException {
        Map<String, String> cases = new LinkedHashMap<>();
        String good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";
        cases.put("[]", "must begin with '{'");
        cases.put(" {}", "must begin with '{'");
        cases.put("{}x", "unexpected word 'x'");
        cases.put("{} {}", "goes on after its end");
        cases.put("{\"a\":{" + good + "},\"a\":{" + good + "}}", "Duplicate field 'a'");
        cases.put("{\"a\":{\"dtype\":\"F32\"," + good + "}}", "Duplicate field 'dtype'");
        cases.put("{\"a\":{" + good + "},\"\\u0061\":{" + good + "}}", "Duplicate field 'a'");
        cases.put("{\"a\":{" + good.replace("F32", "F4") + "}}", "tensor 'a' has dtype 'F4'; there are F64, F32");
        cases.put("{\"a\":{" + good.replace("[2]", "[3]") + "}}", "wants 12 bytes, but its data_offsets are 0, 8");
        cases.put("{\"a\":{" + good.replace("[2]", "[-2]") + "}}", "negative");
        cases.put("{\"a\":{" + good.replace("[2]", "[2.0]") + "}}", "must be a whole number, got a number with a fraction");
        cases.put("{\"a\":{" + good.replace("[2]", "[99999999999999999999]") + "}}", "out of range");
        cases.put("{\"a\":{" + good.replace("[2]", "[4611686018427387904,4]") + "}}", "more bytes than can be counted");
        cases.put("{\"a\":{" + good.replace("[2]", "[0,4611686018427387904,4]") + "}}", "more bytes than can be counted");
        cases.put("{\"a\":{" + good.replace("[2]", "[1,1,1,1,1,1,1,1,2]") + "}}", "more than 8 numbers");
        cases.put("{\"a\":{" + good.replace("[0,8]", "[8,0]") + "}}", "data_offsets are 8, 0");
        cases.put("{\"a\":{" + good.replace("[0,8]", "[0,8,8]") + "}}", "more than 2 numbers");
        cases.put("{\"a\":{" + good + ",\"strides\":[1]}}", "unknown field 'strides'");
        cases.put("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "wants a dtype, a shape and two data_offsets");
        cases.put("{\"a\":{" + good.replace("[0,8]", "[4,12]") + "}}", "after a hole");
        cases.put("{\"a\":{" + good + "},\"b\":{" + good.replace("[0,8]", "[4,12]") + "}}", "inside another");
        cases.put("{\"a\":{" + good.replace("[2]", "[1]").replace("[0,8]", "[0,4]") + "}}", "promises 4 bytes of values, the file holds 8");
        cases.put("{\"" + "n".repeat(1025) + "\":{" + good + "}}", "has 1025 bytes, allowed are 1024");
        cases.put("{\"a\\n\":{" + good + "}}", "control character");
        cases.put("{\"\\ud800\":{" + good + "}}", "half a surrogate pair");
        cases.put("{\"__metadata__\":{\"a\":1},\"a\":{" + good + "}}", "must be a text, got a whole number");
        cases.put("{\"__metadata__\":{\"a\":{}},\"a\":{" + good + "}}", "must be a text, got an object");
        cases.put("{\"a\":" + "[".repeat(100_000), "must be an object, got a list");
        cases.put("{\"a\":{\"shape\":[" + "[".repeat(100_000), "");
        cases.put("{\"a\":{\"shape\":[" + "9".repeat(1_000_000) + "]}}", "");
        cases.put("{\"\\udc00\\ud800\":{" + good + "}}", "half a surrogate pair");
        cases.put("{\"" + "\ud83d\ude00".repeat(257) + "\":{" + good + "}}", "has 1028 bytes, allowed are 1024");
        for (Map.Entry<String, String> c : cases.entrySet()) {
            Path file = file(c.getKey(), 8);
            assertThatThrownBy(() -> Safetensors.header(file)).as(c.getKey().substring(0, Math.min(90, c.getKey().length())))
                .isInstanceOf(FormatException.class).hasMessageContaining(c.getValue()).hasMessageNotContaining("\n")
                .satisfies(e -> assertThat(e.getMessage().length()).isLessThan(1500));
        }
        Path file = file("{\"a\":{" + good + "}}  \n", 8);
        assertThat(Safetensors.header(file).entries().get("a").shape()).containsExactly(2);
    }

    /** A tensor of this type and shape with these bytes, as read. */
    private Tensor stored(String type, String shape, int... values) throws IOException {
        Path file = file("{\"a\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[0," + values.length + "]}}", 0);
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) values[i];
        Files.write(file, bytes, java.nio.file.StandardOpenOption.APPEND);
        assertThat(Safetensors.header(file).entries().get("a").stored()).isEqualTo(type);
        return Safetensors.read(file).tensors().get("a");
    }

    @Test void typesThatTheEngineLacksAreReadAsLargerOnes() throws IOException {
        try (Scope scope = new Scope()) {
            assertThat(stored("U16", "[2]", 1, 0, 0xff, 0xff).longs()).containsExactly(1, 65535);
            assertThat(stored("U32", "[1]", 0xfe, 0xff, 0xff, 0xff).longs()).containsExactly(4294967294L);
            assertThat(stored("U64", "[1,1]", 255, 255, 255, 255, 255, 255, 255, 127).longs()).containsExactly(Long.MAX_VALUE);
            assertThatThrownBy(() -> stored("U64", "[1]", 0, 0, 0, 0, 0, 0, 0, 128)).isInstanceOf(FormatException.class)
                .hasMessageContaining("tensor 'a' of U64 holds a number above 9223372036854775807");
            // least, largest below 1, 1, largest, -1.5, 0, not a number
            assertThat(stored("F8_E4M3", "[7]", 1, 0x37, 0x38, 0x7e, 0xbc, 0, 0xff).doubles())
                .containsExactly(1.0 / 512, 0.9375, 1, 448, -1.5, 0, Double.NaN);
            assertThat(stored("F8_E5M2", "[7]", 1, 0x3b, 0x3c, 0x7b, 0xbe, 0xfc, 0x7d).doubles())
                .containsExactly(1.0 / 65536, 0.875, 1, 57344, -1.5, Double.NEGATIVE_INFINITY, Double.NaN);
            assertThat(stored("F8_E4M3FNUZ", "[4]", 1, 0x40, 0x7f, 0x80).doubles()).containsExactly(1.0 / 1024, 1, 240, Double.NaN);
            assertThat(stored("F8_E5M2FNUZ", "[4]", 1, 0x40, 0x7f, 0x80).doubles()).containsExactly(1.0 / 131072, 1, 57344, Double.NaN);
            assertThat(stored("F8_E8M0", "[3]", 127, 130, 255).doubles()).containsExactly(1, 8, Double.NaN);
            Tensor complex = stored("C64", "[1]", 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
            assertThat(complex.shape()).containsExactly(1, 2);
            assertThat(complex.doubles()).containsExactly(1, -2);
        }
    }

    @Test void theTypeAndShapeThatAFileSaysAreToldApartFromThoseReadAs() throws IOException {
        Path file = folder.resolve("said.safetensors");
        String header = "{\"__metadata__\": null, \"a\": {\"dtype\": \"F8_E4M3\", \"shape\": [2], \"data_offsets\": [0, 2]}, "
            + "\"b\": {\"dtype\": \"C64\", \"shape\": [1, 1], \"data_offsets\": [2, 10]}}";
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        Files.write(file, ByteBuffer.allocate(8 + json.length + 10).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).array());
        Safetensors.Header read = Safetensors.header(file);
        assertThat(read.metadata()).as("null, as the reference reads it").isEmpty();
        assertThat(Objects.requireNonNull(read.entries().get("a")).said()).isEqualTo("F8_E4M3 2");
        assertThat(Objects.requireNonNull(read.entries().get("a")).dtype()).isEqualTo(DType.F32);
        assertThat(Objects.requireNonNull(read.entries().get("b")).said()).isEqualTo("C64 1×1");
        Files.write(file, ByteBuffer.allocate(8 + 20).order(ByteOrder.LITTLE_ENDIAN).putLong(20).put("{\"a\": {\"dtype\": \"F3"
            .getBytes(StandardCharsets.UTF_8)).array());
        assertThatThrownBy(() -> Safetensors.header(file)).isInstanceOf(FormatException.class).message().hasLineCount(1)
            .doesNotContain("Source").doesNotContain("`").doesNotContain("REDACTED");
    }

    @Test void theByteOfAFaultIsNamedEvenAfterLettersOfSeveralBytes() throws IOException {
        String before = "{\"ÄÖ✓\":{\"shape\":[2],\"dtype\":";
        Path file = file(before + "\"F7\",\"data_offsets\":[0,8]}}", 8);
        assertThatThrownBy(() -> Safetensors.header(file)).isInstanceOfSatisfying(FormatException.class,
            e -> assertThat(e.offset()).isEqualTo(8 + before.getBytes(StandardCharsets.UTF_8).length));
    }

    @Test void whatIsNoFileOfTensorsIsRefused() throws IOException {
        assertThatThrownBy(() -> Safetensors.read(folder.resolve("none"))).isInstanceOf(FormatException.class)
            .hasMessageContaining("there is no such file");
        assertThatThrownBy(() -> Safetensors.read(folder)).isInstanceOf(FormatException.class)
            .hasMessageContaining("is not a regular file");
        Path tiny = Files.write(folder.resolve("tiny"), new byte[7]);
        assertThatThrownBy(() -> Safetensors.read(tiny)).isInstanceOf(FormatException.class).hasMessageContaining("has at least 8 bytes");
        Path latin = Files.write(folder.resolve("latin"), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', (byte) 0xE4});
        assertThatThrownBy(() -> Safetensors.read(latin)).isInstanceOf(FormatException.class).hasMessageContaining("not UTF-8");
    }

    @Test void bombsAreRefusedWithinASecond() throws IOException {
        List<Path> bombs = new ArrayList<>();
        for (long claim : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 33, 100_000_001, 90_000_000}) {
            Path bomb = folder.resolve("length" + claim);
            Files.write(bomb, ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(claim).array());
            bombs.add(bomb);
        }
        StringBuilder many = new StringBuilder("{");
        for (int i = 0; many.length() < 16_000_000; i++) {
            many.append(i == 0 ? "" : ",").append("\"").append(i).append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
        }
        bombs.add(Files.move(file(many.append('}').toString(), 0), folder.resolve("many")));
        Path sparse = folder.resolve("sparse");   // claims 4 EiB of values
        Files.copy(file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4611686018427387904],\"data_offsets\":[0,4611686018427387904]}}", 8), sparse);
        bombs.add(sparse);
        for (Path bomb : bombs) {
            long start = cpuTime();
            assertThatThrownBy(() -> Safetensors.read(bomb)).isInstanceOf(FormatException.class);
            assertThat(cpuTime() - start).as(bomb.toString()).isLessThan(1_000_000_000L);
        }
    }

    @Test void aTensorLargerThanMemoryIsRefusedWithoutHarm() throws IOException {
        String json = "{\"a\":{\"dtype\":\"U8\",\"shape\":[4398046511104],\"data_offsets\":[0,4398046511104]}}";
        Path file = file(json, 0);
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(8 + json.length() + (1L << 42));   // 4 TiB that take no room on the disk
        } catch (IOException e) {
            assumeTrue(false, "this file system holds no sparse file of 4 TiB: " + e.getMessage());
        }
        assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(FormatException.class)
            .hasMessageContaining("tensor 'a' wants 4398046511104 bytes of memory");
    }

    @Test void twentyThousandMutatedFilesGiveTensorsOrAFormatException() throws IOException {
        Path file = folder.resolve("a.safetensors");
        Path other = folder.resolve("m.safetensors");
        byte[] good;
        try (Scope scope = new Scope()) {
            Safetensors.write(file, everyKind(), Map.of("k", "v"));
            good = Files.readAllBytes(file);
        }
        int head = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong();
        SplittableRandom random = new SplittableRandom(7);
        int refused = 0;
        long slowest = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = mutate(good, head, random);
            Files.write(other, bad);
            long start = cpuTime();
            try (Scope scope = new Scope()) {
                Safetensors read = Safetensors.read(other);
                long values = read.tensors().values().stream().mapToLong(t -> t.numel() * t.dtype().bytes()).sum();
                boolean widened = Safetensors.header(other).entries().values().stream().anyMatch(e -> !e.stored().equals(e.dtype().name()));
                if (!widened) assertThat(Safetensors.header(other).dataAt() + values).isEqualTo(bad.length);
            } catch (FormatException e) {
                refused++;
                assertThat(e.getMessage()).doesNotContain("\n");
            }
            slowest = Math.max(slowest, cpuTime() - start);
        }
        assertThat(slowest).isLessThan(1_000_000_000L);
        assertThat(refused).isBetween(10_000, 19_999);
    }

    private static byte[] mutate(byte[] good, int head, SplittableRandom random) {
        byte[] bad = good.clone();
        int kind = random.nextInt(6);
        if (kind == 0) bad[random.nextInt(8)] = (byte) random.nextInt(256);   // length of the header
        if (kind == 1) bad[8 + random.nextInt(head - 8)] = (byte) random.nextInt(256);
        if (kind == 2) {   // a digit of a shape or a place
            int at = 8 + random.nextInt(head - 8);
            while (bad[at] < '0' || bad[at] > '9') at = at + 1 == head ? 8 : at + 1;
            bad[at] = (byte) ('0' + random.nextInt(10));
        }
        if (kind == 3) bad = java.util.Arrays.copyOf(good, random.nextInt(good.length));
        if (kind == 4) bad = java.util.Arrays.copyOf(good, good.length + 1 + random.nextInt(64));
        if (kind == 5) {   // a piece of the header over another
            int n = 1 + random.nextInt(40);
            System.arraycopy(good, 8 + random.nextInt(head - 8 - n), bad, 8 + random.nextInt(head - 8 - n), n);
        }
        return bad;
    }

    @Test void namesThatWouldBeRefusedAreNotWritten() {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) {
            for (String name : new String[] {"__metadata__", "a\nb", "n".repeat(1025), "\ud800"}) {
                assertThatThrownBy(() -> Safetensors.write(file, Map.of(name, Torch.ones(1)), Map.of()))
                    .isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> Safetensors.write(file, Map.of("a", Torch.ones(1, 1, 1, 1, 1, 1, 1, 1, 1)), Map.of()))
                .isInstanceOf(IllegalArgumentException.class).hasMessage("tensor 'a' has 9 dims, allowed are 8");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test void namesStandInTheFileAsPlainUtf8() throws IOException {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) { Safetensors.write(file, Map.of("ß\ud83d\ude00", Torch.zeros(1)), Map.of()); }
        assertThat(Files.readString(file)).contains("\"ß\ud83d\ude00\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}");
        assertThat(Safetensors.header(file).entries()).containsOnlyKeys("ß\ud83d\ude00");
    }

    @Test void aFolderThatIsMissingIsSaidSo() {
        try (Scope scope = new Scope()) {
            Path file = folder.resolve("none/a.safetensors");
            assertThatThrownBy(() -> Safetensors.write(file, Map.of("a", Torch.ones(3)), Map.of())).isInstanceOf(StorageException.class)
                .hasMessageStartingWith("cannot write '" + file + "': no such folder; it needs");
        }
    }

    @Tag("slow")
    @Test void aTensorOfMoreThanTwoGibibytesComesBack() throws IOException {
        long n = (1L << 31) + 12_345;
        Path file = folder.resolve("large.safetensors");
        assumeTrue(Files.getFileStore(folder).getUsableSpace() > 2 * n, "too little room on the disk");
        try (Scope scope = new Scope()) {
            Tensor large = Torch.empty(DType.U8, n);
            large.fill(3);
            large.rows(n - 2, 2).copyFrom(Torch.of(new float[] {7, 9}, 2));
            Safetensors.write(file, Map.of("a", Torch.full(0.5, 3), "large", large), Map.of());
            large.free();
            Tensor back = Safetensors.read(file).tensors().get("large");
            assertThat(back.numel()).isEqualTo(n);
            assertThat(back.rows(n - 3, 3).longs()).containsExactly(3, 7, 9);
            assertThat(back.rows((1L << 31) - 2, 4).longs()).containsExactly(3, 3, 3, 3);
        }
    }
}
