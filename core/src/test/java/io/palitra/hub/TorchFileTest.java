package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
    /** A tensor of two floats in storage 0, as a pickle: its opening and its end, with size and strides between. */
    private static final String STORAGE = "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + "0"
        + "X\3\0\0\0cpuK\2tQ";
    private static final String REST = "\211ccollections\nOrderedDict\n)RtR";

    @TempDir Path folder;

    static byte[] resource(String name) {
        try (InputStream in = Objects.requireNonNull(TorchFileTest.class.getResourceAsStream(name), name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path fixture(String name) throws IOException { return Files.write(folder.resolve(name), resource(name)); }

    /** Such a file with this pickle and storage 0 of these bytes. */
    static byte[] zip(byte[] pickle, byte[] storage) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put("a/data.pkl", pickle);
        entries.put("a/data/0", storage);
        return zip(entries, ZipEntry.STORED);
    }

    static byte[] zip(Map<String, byte[]> entries, int method) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> e : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(e.getKey());
                entry.setMethod(method);
                CRC32 crc = new CRC32();
                crc.update(e.getValue());
                entry.setCrc(crc.getValue());
                entry.setSize(e.getValue().length);
                zip.putNextEntry(entry);
                zip.write(e.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static byte[] latin(String pickle) { return pickle.getBytes(StandardCharsets.ISO_8859_1); }

    private static String dict(String value) { return "\200\2}X\1\0\0\0a" + value + "s."; }

    /** A tensor from these bytes that put offset, size and strides on the stack. */
    private static String tensor(String view) { return dict(STORAGE + view + REST); }

    private Path file(String pickle) throws IOException {
        return Files.write(folder.resolve("a.pth"), zip(latin(pickle), new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, 0x40}));
    }

    private void refused(Path file, String why) {
        assertThatThrownBy(() -> TorchFile.read(file)).isInstanceOf(FormatException.class).hasMessageContaining(why)
            .hasMessageStartingWith(file.toString()).satisfies(e -> assertThat(e.getMessage()).hasLineCount(1).hasSizeLessThan(1500));
    }

    private static Tensor get(Map<String, Tensor> all, String name) { return Objects.requireNonNull(all.get(name), name); }

    @ParameterizedTest
    @ValueSource(strings = {"zip.pth", "protocol4.pth", "legacy.pth", "big.pth"})
    void everyFormOfTorchSaveGivesTheSameTensors(String name) throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = TorchFile.read(fixture(name));
            assertThat(all).hasSize(22);
            Map<String, DType> kinds = Map.of("float64", DType.F64, "float32", DType.F32, "float16", DType.F16, "bfloat16", DType.BF16,
                "int64", DType.I64, "int32", DType.I32, "int16", DType.I16, "int8", DType.I8, "uint8", DType.U8, "bool", DType.BOOL);
            kinds.forEach((kind, dtype) -> {
                Tensor t = get(all, "state_dict." + kind);
                assertThat(t.dtype()).isEqualTo(dtype);
                assertThat(t.shape()).containsExactly(2, 3);
                double[] wanted = dtype == DType.BOOL ? new double[] {0, 1, 0, 1, 0, 1} : new double[] {0, 1, 2, 3, 4, 5};
                assertThat(t.doubles()).containsExactly(wanted);
            });
            assertThat(get(all, "state_dict.transposed").shape()).containsExactly(3, 2);
            assertThat(get(all, "state_dict.transposed").doubles()).containsExactly(0, 3, 1, 4, 2, 5);
            assertThat(get(all, "state_dict.slice").doubles()).containsExactly(5, 8, 11, 14);
            assertThat(get(all, "state_dict.channels_last").shape()).containsExactly(1, 2, 3, 4);
            for (int i = 0; i < 24; i++) assertThat(get(all, "state_dict.channels_last").doubles()[i]).isEqualTo(i);
            assertThat(get(all, "state_dict.expanded").doubles()).containsExactly(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
            assertThat(get(all, "state_dict.scalar").dims()).isZero();
            assertThat(get(all, "state_dict.scalar").item()).isEqualTo(-2.5);
            assertThat(get(all, "state_dict.empty").shape()).containsExactly(0, 4);
            assertThat(get(all, "state_dict.parameter").doubles()).containsExactly(7, 7);
            assertThat(get(all, "history.0.1").doubles()).containsExactly(1, 1);
            assertThat(get(all, "history.1.x").doubles()).containsExactly(0);
            assertThat(get(all, "5").doubles()).containsExactly(1);
        }
    }

    @Test void tensorsThatSharedAStorageAreTheirOwnAfterwards() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = TorchFile.read(fixture("zip.pth"));
            get(all, "state_dict.tied.a").fill(9);
            assertThat(get(all, "state_dict.tied.b").doubles()).containsExactly(0, 1, 2, 3, 4, 5);
        }
    }

    @Test void aModulesStateDictHasItsNamesInItsOrder() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = TorchFile.read(fixture("module.pth"));
            assertThat(all.keySet()).containsExactly("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                "1.num_batches_tracked");
            assertThat(get(all, "0.weight").doubles()).containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(get(all, "1.num_batches_tracked").dtype()).isEqualTo(DType.I64);
        }
    }

    @Test void whatIsReadCanBeWrittenAsSafetensors() throws IOException {
        Path file = folder.resolve("a.safetensors");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = TorchFile.read(fixture("zip.pth"));
            Safetensors.write(file, all, Map.of());
            Map<String, Tensor> back = Safetensors.read(file).tensors();
            assertThat(back.keySet()).containsExactlyInAnyOrderElementsOf(all.keySet());
            all.forEach((name, t) -> assertThat(get(back, name).doubles()).as(name).isEqualTo(t.doubles()));
        }
    }

    @Test void readingLeavesNothingBehindButTheTensors() throws IOException {
        Path file = fixture("zip.pth");
        try (Scope outer = new Scope()) {
            TorchFile.read(file);
            long before = LivePointers.settled();
            TorchFile.read(file);
            assertThat(Scope.livePointers() - before).isEqualTo(22);
        }
    }

    @Test void aFileWithoutChecksumsIsReadAndAWrongChecksumRefused() throws IOException {
        try (Scope scope = new Scope()) {
            assertThat(get(TorchFile.read(fixture("nocrc.pth")), "a").doubles()).containsExactly(0, 1, 2);
        }
        byte[] bytes = resource("module.pth");
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("\0\0\200\100\0\0\240\100");   // 4 and 5
        bytes[at] ^= 1;
        refused(Files.write(folder.resolve("b.pth"), bytes), "has checksum");
    }

    @Test void whateverIsNotOfAStateDictIsRefusedByName() throws IOException {
        Map<String, String> cases = new LinkedHashMap<>();
        cases.put("\200\2cos\nsystem\nX\4\0\0\0true\205R.", "asks for 'os.system'");
        cases.put("\200\2cposix\nsystem\n.", "asks for 'posix.system'");
        cases.put("\200\4\214\2os\214\6system\223.", "asks for 'os.system'");
        cases.put("(ios\nsystem\n.", "asks for 'os.system'");
        cases.put("c__builtin__\neval\n.", "asks for '__builtin__.eval'");
        cases.put("cbuiltins\ngetattr\n.", "asks for 'builtins.getattr'");
        cases.put("ctorch\nload\n.", "asks for 'torch.load'");
        cases.put("ctorch._utils\n_rebuild_tensor_v3\n.", "asks for 'torch._utils._rebuild_tensor_v3'");
        cases.put("ctorch._utils\n_rebuild_sparse_tensor\n.", "asks for 'torch._utils._rebuild_sparse_tensor'");
        cases.put("ctorch\nComplexFloatStorage\n.", "asks for 'torch.ComplexFloatStorage'");
        cases.put("cnumpy.core.multiarray\nscalar\n.", "asks for 'numpy.core.multiarray.scalar'");
        cases.put("ccollections\nOrderedDict\n)\201.", "operation 0x81");
        cases.put("ccollections\nOrderedDict.__init__\n.", "asks for 'collections.OrderedDict.__init__'");
        cases.put("cos\nsys\33[2Jtem\n.", "asks for 'os.sys?[2Jtem'");
        cases.put("P0\n.", "operation 0x50");
        cases.put("\202\1.", "operation 0x82");
        cases.put("\227.", "operation 0x97");
        cases.put("ctorch\nFloatStorage\n)R.", "calls 'torch.FloatStorage'");
        cases.put("X\1\0\0\0a)R.", "calls a text with a tuple");
        cases.put("ccollections\nOrderedDict\n}R.", "calls 'collections.OrderedDict' with a dictionary");
        cases.put("ccollections\nOrderedDict\nK\1\205R.", "OrderedDict wants nothing or a list of pairs");
        cases.put("ccollections\nOrderedDict\n]K\1a\205R.", "OrderedDict wants pairs");
        cases.put("ctorch\nSize\n)R.", "Size wants a tuple, got 0 values");
        cases.put("ctorch._utils\n_rebuild_parameter\n)R.", "_rebuild_parameter wants a tensor");
        cases.put("ctorch._utils\n_rebuild_tensor_v2\n(K\1K\1K\1K\1K\1K\1tR.", "a tensor wants a storage");
        cases.put("K\1Q.", "refers to a whole number outside itself");
        cases.put("]}b.", "sets the state of a list");
        cases.put("}]b.", "from a list");
        cases.put("K\1.", "holds a whole number, wanted is a dictionary of tensors");
        cases.put("}K\1K\2sK\1K\3s.", "has the key '1' twice");
        cases.put("}]K\2s.", "has a list for a key");
        cases.put("}G\0\0\0\0\0\0\0\0K\2s.", "has a number for a key");
        cases.put("}(K\2u.", "a key without a value");
        cases.put("K\1K\2s.", "takes a value where none is");
        cases.put("]K\1K\2s.", "sets an item of a list");
        cases.put("}K\2a.", "appends to a dictionary");
        cases.put("}(0.", "takes a value where none is");
        cases.put("}t.", "a mark that was never set");
        cases.put("}}.", "1 values left over");
        cases.put("}(.", "takes a value where none is");
        cases.put("}h\0.", "recalls value 0 of 0 noted");
        cases.put("}r\377\377\377\377.", "notes value 4294967295 after 0");
        cases.put("}q\1q\11.", "notes value 9 after 2");
        cases.put("\200\6}.", "of protocol 6");
        cases.put("X\377\377\377\377a.", "wants 4294967295 bytes more");
        cases.put("\215\0\0\0\0\0\0\0\200a.", "wants 9223372036854775808 bytes more");
        cases.put("X\1\0\0\0\377.", "not UTF-8");
        cases.put("\213\377\377\377\177.", "a number of 2147483647 bytes");
        cases.put("Iabc\n.", "'abc' is no whole number");
        cases.put("c" + "n".repeat(2000) + "\n.", "a name of more than 1024 bytes");
        cases.put("}", "wants 1 bytes more, but only 0 follow");
        cases.put("}. ", "goes on after its end");
        cases.put("", "wants 1 bytes more");
        cases.put(dict("\200\2" + ")" + "\205".repeat(100)), "more than the allowed 64 levels deep");
        cases.put("]q\0h\0a.", "levels deep");   // a list in itself
        cases.put("}X\1\0\0\0aK\1K\2s.", "sets an item of a text");
        cases.put("}X\2\0\0\0a\n" + STORAGE + "K\0K\2\205K\1\205" + REST + "s.", "control character");
        cases.put("}X\20\4\0\0" + "n".repeat(1040) + "K\1s.", "a key of 1040 letters");
        for (Map.Entry<String, String> c : cases.entrySet()) refused(file(c.getKey()), c.getValue());
    }

    @Test void viewsThatLeaveTheirStorageAreRefused() throws IOException {
        Path good = file(tensor("K\0K\2\205K\1\205"));
        try (Scope scope = new Scope()) { assertThat(get(TorchFile.read(good), "a").doubles()).containsExactly(1, 2); }
        Map<String, String> cases = new LinkedHashMap<>();
        cases.put("K\0K\3\205K\1\205", "goes up to element 3 of a storage of 2");
        cases.put("K\1K\2\205K\1\205", "goes up to element 3 of a storage of 2");
        cases.put("K\0K\2\205K\2\205", "goes up to element 3 of a storage of 2");
        cases.put("K\3K\0\205K\1\205", "goes up to element 3 of a storage of 2");
        cases.put("J\377\377\377\377K\2\205K\1\205", "goes up to element 1 of a storage of 2");
        cases.put("K\1K\2\205J\377\377\377\377\205", "the strides of a tensor must be whole numbers of at least 0");
        cases.put("K\0J\377\377\377\377\205K\1\205", "the size of a tensor must be whole numbers of at least 0");
        cases.put("K\0K\2\205)", "has not one stride for each extent");
        cases.put("K\0(" + "K\1".repeat(9) + "t(" + "K\1".repeat(9) + "t", "has 9 numbers, allowed are 8");
        cases.put("K\0\212\10\0\0\0\0\0\0\0\100\212\10\0\0\0\0\0\0\0\100\206K\0K\0\206", "more bytes than can be counted");
        cases.put("K\0\212\10\0\0\0\0\0\0\0\100\205\212\10\0\0\0\0\0\0\0\100\205", "more bytes than can be counted");
        cases.put("K\0J\0\0\0\100\205K\0\205", "tensors want more than 8 times the bytes of the file");   // 4 GiB of one number
        cases.put("K\0G\0\0\0\0\0\0\0\0\205K\1\205", "the size of a tensor must be whole numbers");
        for (Map.Entry<String, String> c : cases.entrySet()) refused(file(tensor(c.getKey())), c.getValue());
        refused(file(dict(STORAGE + "K\0K\2\205K\1\205\211}}X\4\0\0\0conj\210stR")), "conjugated or negative");
    }

    @Test void storagesThatDoNotFitAreRefused() throws IOException {
        String view = "K\0K\2\205K\1\205";
        Path file = folder.resolve("b.pth");
        Files.write(file, zip(latin(tensor(view)), new byte[7]));
        refused(file, "storage '0' should have 2 F32, its bytes are 7");
        Files.write(file, zip(Map.of("a/data.pkl", latin(tensor(view))), ZipEntry.STORED));
        refused(file, "has no entry for storage '0'");
        Files.write(file, zip(latin(tensor(view).replace("FloatStorage", "BoolStorage")), new byte[] {1, 2}));
        refused(file, "storage '0' of BOOL holds a byte 2, allowed are 0 and 1");
        String twice = "\200\2}(X\1\0\0\0a" + STORAGE + view + REST + "X\1\0\0\0b"
            + STORAGE.replace("Float", "Int") + view + REST + "u.";
        refused(file(twice), "storage '0' is asked for as 2 F32 and as 2 I32");
        String same = "\200\2}(X\3\0\0\0a.b" + STORAGE + view + REST + "X\1\0\0\0a}X\1\0\0\0b" + STORAGE + view + REST + "su.";
        refused(file(same), "two tensors have the name 'a.b'");
    }

    @Test void limitsAreKept() throws IOException {
        Path file = fixture("zip.pth");
        TorchFile.Limits d = TorchFile.Limits.DEFAULT;
        Map<TorchFile.Limits, String> cases = new LinkedHashMap<>();
        cases.put(new TorchFile.Limits(1000, d.ops(), d.depth(), d.tensors(), d.ratio()), "allowed are 1000");
        cases.put(new TorchFile.Limits(d.pickleBytes(), 100, d.depth(), d.tensors(), d.ratio()), "more than the allowed 100 operations");
        cases.put(new TorchFile.Limits(d.pickleBytes(), d.ops(), 2, d.tensors(), d.ratio()), "more than the allowed 2 levels deep");
        cases.put(new TorchFile.Limits(d.pickleBytes(), d.ops(), d.depth(), 10, d.ratio()), "more storages than the allowed 10");
        cases.forEach((limits, why) -> assertThatThrownBy(() -> TorchFile.read(file, limits)).as(why)
            .isInstanceOf(FormatException.class).hasMessageContaining(why));
        assertThatThrownBy(() -> new TorchFile.Limits(1, 1, 0, 1, 1)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("illegal depth: 0, must be at least 1");
    }

    /** Each list holds the one before twice: 2^40 values from 200 bytes. */
    @Test void aBillionLaughsAreRefusedSoon() throws IOException {
        StringBuilder laughs = new StringBuilder("]q\0");
        for (char i = 0; i < 40; i++) laughs.append("h").append(i).append("h").append(i).append("\206q").append((char) (i + 1));
        String all = "(" + laughs + "l.";
        Path file = file(all);
        long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        refused(file, "makes more than the allowed 1000000 values");
        assertThat(ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start).isLessThan(1_000_000_000L);
    }

    @Test void zipFilesOfAnotherMakeAreRefused() throws IOException {
        Path file = folder.resolve("b.pth");
        byte[] pickle = latin(tensor("K\0K\2\205K\1\205"));
        Files.write(file, zip(Map.of("a/data.pkl", pickle), ZipEntry.DEFLATED));
        refused(file, "of method 8");
        Files.write(file, zip(Map.of("a/data.pkl", pickle, "b/data.pkl", pickle), ZipEntry.STORED));
        refused(file, "has 2 entries named data.pkl");
        Files.write(file, zip(Map.of("a/version", new byte[1]), ZipEntry.STORED));
        refused(file, "has 0 entries named data.pkl");
        Files.write(file, zip(Map.of("a/data.pkl", pickle, "a/constants.pkl", pickle), ZipEntry.STORED));
        refused(file, "is a TorchScript program");
        Files.write(file, zip(Map.of("a/data.pkl", pickle, "a/data/0", new byte[8], "a/byteorder", latin("middle")), ZipEntry.STORED));
        refused(file, "byte order is 'middle', allowed are little and big");
        byte[] sound = zip(pickle, new byte[8]);
        ByteBuffer b = ByteBuffer.wrap(sound.clone()).order(ByteOrder.LITTLE_ENDIAN);
        int directory = b.getInt(sound.length - 6);
        b.put(30, (byte) 'b');   // the first name before its entry
        refused(Files.write(file, b.array()), "has entry 'a/data.pkl' with one header in the directory and another before it");
        b = ByteBuffer.wrap(sound.clone()).order(ByteOrder.LITTLE_ENDIAN);
        int second = directory + 46 + 10;
        assertThat(b.getInt(second)).isEqualTo(0x02014b50);
        b.putInt(second + 42, 4);   // the second entry begins within the first
        refused(Files.write(file, b.array()), "inside another");
        b = ByteBuffer.wrap(sound.clone()).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(sound.length - 6, directory - 1);
        refused(Files.write(file, b.array()), "but it must end at");
        refused(Files.write(file, Arrays.copyOf(sound, sound.length + 1)), "has no end of directory");
    }

    @Test void whatIsNoFileOfTorchSaveIsRefused() throws IOException {
        refused(folder.resolve("none"), "there is no such file");
        refused(Files.write(folder.resolve("empty"), new byte[0]), "is no file of torch.save");
        refused(Files.write(folder.resolve("tar"), new byte[1024]), "must begin with 'PK' or with byte 0x80");
        refused(Files.write(folder.resolve("pickle"), latin("\200\2}.")), "not with the magic number");
    }

    @ParameterizedTest
    @ValueSource(strings = {"zip.pth", "legacy.pth"})
    void aFileCutAnywhereIsRefused(String name) throws IOException {
        byte[] whole = resource(name);
        Path file = folder.resolve("cut");
        for (int n = 0; n < whole.length; n += n < 3000 ? 13 : 29) refused(Files.write(file, Arrays.copyOf(whole, n)), "");
        refused(Files.write(file, Arrays.copyOf(whole, whole.length - 1)), "");
    }

    @Test void aFileOfTheOldFormMustNameEachStorageOnceAndEndWithTheLast() throws IOException {
        byte[] whole = resource("legacy.pth");
        Path file = folder.resolve("b.pth");
        refused(Files.write(file, Arrays.copyOf(whole, whole.length + 1)), "goes on after its last storage");
        assertThat(new String(whole, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT)).contains("little_endian");
    }

    /** Of make_trainer.py: classes of training programs by every operation that Python's own pickle writes for them. */
    @ParameterizedTest
    @ValueSource(strings = {"trainer.ckpt", "trainer4.ckpt"})
    void filesOfTrainingAreReadPastTheObjectsOfOthers(String name) throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = TorchFile.read(fixture(name));
            assertThat(all.keySet()).containsExactly("state_dict.a.weight", "state_dict.a.bias", "optimizer_states.0.state.0.exp_avg");
            assertThat(get(all, "state_dict.a.bias").doubles()).containsExactly(4, 5);
            assertThat(Weights.read(fixture(name)).keySet()).containsExactly("a.weight", "a.bias");
        }
    }

    @Test void aTensorThatOnlyOthersCanMakeIsRefusedByName() throws IOException {
        String sparse = "ctorch._utils\n_rebuild_sparse_tensor\n)R", quantised = "ctorch._utils\n_rebuild_tensor_v2\n("
            + "(X\7\0\0\0storagectorch\nQInt8Storage\nX\1\0\0\0" + "0X\3\0\0\0cpuK\2tQK\0K\2\205K\1\205\211}tR";
        refused(file(dict(sparse)), "tensor 'a' asks for 'torch._utils._rebuild_sparse_tensor', which is not read");
        refused(file(dict(quantised)), "tensor 'a' asks for 'torch.QInt8Storage', which is not read");
        refused(file(dict("cmodels\nNet\n)\201}b")), "it asks for 'models.Net'");
        refused(file("\200\2cmodels\nNet\n)\201}b."), "asks for 'models.Net' and is what only Python makes of it");
    }

    /** Were it ever loaded, it would say so. */
    static final class Canary {
        static {
            System.setProperty("palitra.canary", "loaded");
        }

        private Canary() {}

        static void run() {}
    }

    private static List<String> attacks(Path marker) {
        String command = "touch " + marker, m = "X" + (char) command.length() + "\0\0\0" + command;
        List<String> all = new ArrayList<>();
        for (String name : List.of("os\nsystem", "posix\nsystem", "nt\nsystem", "os\npopen", "os\nexecv", "subprocess\nPopen",
            "subprocess\ncall", "subprocess\ncheck_output", "builtins\neval", "builtins\nexec", "__builtin__\neval",
            "builtins\ncompile", "builtins\nopen", "builtins\n__import__", "builtins\ngetattr", "runpy\nrun_path", "runpy\n_run_code",
            "importlib\nimport_module", "pty\nspawn", "timeit\ntimeit", "pdb\nrun", "cProfile\nrun", "doctest\ndebug_script",
            "code\nInteractiveInterpreter", "torch.serialization\nload", "torch.hub\nload", "torch.jit\nload", "torch\nload",
            "numpy.testing._private.utils\nrunstring", "pickle\nloads", "dill\nloads", "joblib\nload", "marshal\nloads",
            "types\nFunctionType", "types\nCodeType", "ctypes\nCDLL", "shutil\nrmtree", "socket\nsocket", "urllib.request\nurlopen",
            "webbrowser\nopen", "functools\npartial", "operator\nattrgetter", "java.lang.Runtime\nexec",
            "io.palitra.hub.TorchFileTest$Canary\nrun", "collections\nOrderedDict.__init__", "torch\nTensor.__reduce_ex__")) {
            all.add("c" + name + "\n" + m + "\205R");
        }
        String system = "cos\nsystem\n", module = "X\2\0\0\0osX\6\0\0\0system";
        all.add("(" + m + "ios\nsystem\n");
        all.add("(" + system + m + "o");
        all.add(system + m + "\205\201");
        all.add(system + m + "\205}\222");
        all.add(module + "\223" + m + "\205R");
        all.add("cbuiltins\ngetattr\n" + system + "X\10\0\0\0__call__\206R" + m + "\205R");
        all.add("cbuiltins\ngetattr\n(cbuiltins\n__import__\nX\2\0\0\0os\205RX\6\0\0\0systemtR" + m + "\205R");
        all.add(system + (m + "\205R").repeat(20));
        all.add(system + ")\201}X\14\0\0\0__setstate__" + system + "sb");
        all.add(system + ")\201" + m + "\205b");
        all.add("ccollections\nOrderedDict\n)R}X\12\0\0\0__reduce__" + system + "sb");
        for (String odd : List.of("\202\1", "\203\1\0", "\204\1\0\0\0", "P0\n", m + "Q", "K\1Q", "]Q", "NQ", "(" + m + "tQ", system + "Q",
            "(X\7\0\0\0storage" + system + "X\1\0\0\0" + "0NK\2tQ", "(" + system + "ctorch\nFloatStorage\nX\1\0\0\0" + "0NK\2tQ",
            "K\1X\6\0\0\0system\223", "X\2\0\0\0osK\1\223", "NN\223", "]]\223", system + system + "\223", ")X\1\0\0\0a\223", "}}\223")) {
            all.add(odd);
        }
        all.add(system + "q\0" + m + "\205R0h\0" + m + "\205R");
        all.add("h\77" + m + "\205R");
        all.add(system + "r\377\377\377\177");
        all.add("N(" + system + "1");
        all.add(system + "2R");
        all.add("}" + system + m + "s");
        all.add("}" + system + m + "\206K\1s");
        all.add(system + ")\201]" + m + "a" + m + "a");
        all.add(system + ")\201(" + m + "e(" + m + m + "u");
        all.add("ctorch._utils\n_rebuild_tensor_v2\n(" + system + "K\0))\211}tR");
        all.add("ctorch._utils\n_rebuild_parameter\n(" + system + "\210}tR");
        all.add("ctorch._utils\n_rebuild_from_type_v2\n(" + system + system + m + "\205}tR");
        all.add("ccollections\nOrderedDict\n" + system + "\205R");
        all.add("ctorch\nSize\n" + system + "\205R");
        all.add("ctorch\nFloatStorage\n" + m + "\205\201");
        all.add("\217(" + system + m + "\205R\220");
        all.add("](" + m + "\220");
        all.add("(" + system + m + "\205R\221");
        all.add("\226\377\377\377\377\377\377\377\177");
        all.add("\216\0\0\0\0\0\0\0\200");
        all.add("B\377\377\377\377");
        all.add("\227");
        all.add("\230");
        all.add("o");
        all.add("(o");
        all.add("(K\1o");
        all.add("K\1)\201");
        return all;
    }

    /** Each alone and beside a tensor; what is refused is refused in a line, what is passed over leaves the tensor alone. */
    @Test void noPickleRunsOrLoadsAnything() throws IOException {
        Path marker = folder.resolve("was-here");
        List<String> attacks = attacks(marker);
        assertThat(attacks).hasSizeGreaterThan(90);
        int passed = 0;
        long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        for (String attack : attacks) {
            refused(file("\200\4" + attack + "."), "");
            String tensor = STORAGE + "K\0K\2\205K\1\205" + REST;
            Path beside = file("\200\4}(X\1\0\0\0a" + tensor + "X\1\0\0\0b" + attack + "u.");
            try (Scope scope = new Scope()) {
                Map<String, Tensor> read = TorchFile.read(beside);
                assertThat(read.keySet()).as(attack).containsExactly("a");
                passed++;
            } catch (FormatException e) {
                assertThat(e.getMessage()).as(attack).hasLineCount(1);
            }
        }
        assertThat(passed).isGreaterThan(50);
        assertThat(marker).doesNotExist();
        assertThat(System.getProperty("palitra.canary")).isNull();
        assertThat(ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start).isLessThan(10_000_000_000L);
    }

    @Test void namesOfOthersTakeNoMemoryWithoutEnd() throws IOException {
        StringBuilder many = new StringBuilder("(");
        for (int i = 0; i < 10_001; i++) many.append("cm\nn").append(i).append('\n');
        refused(file(many + "l."), "more than the allowed 10000 names of others");
        String longest = "n".repeat(1025);
        refused(file("X\1\4\0\0" + longest + "X\1\0\0\0a\223."), "a name of more than 1024 letters");
        String name = "X\0\4\0\0" + "n".repeat(1024), again = "h\0h\0\223" + "0";
        assertThat(new String(latin(name), StandardCharsets.ISO_8859_1)).hasSize(1029);
        try (Scope scope = new Scope()) {
            assertThat(TorchFile.read(file(dict("cm\nn\n0" + name + "q\0" + "0" + again.repeat(200_000) + tensorOnly())))).hasSize(1);
        }
    }

    private static String tensorOnly() { return STORAGE + "K\0K\2\205K\1\205" + REST; }
}
