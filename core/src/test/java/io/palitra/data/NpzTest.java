package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NpzTest {
    // numpy 2.4.6: np.save of [1.5, -2, 0.25], and np.savez_compressed of that as mu, of a 3x3 sigma and of whole numbers as other
    private static final byte[] NPY = decoded("k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKS"
        + "wgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAD4PwAAAAAAAADAAAAAAAAA0D8=");
    private static final byte[] PACKED = decoded(
        "UEsDBC0AAAAIAAAAIQDTTEK8//////////8GABQAbXUubnB5AQAQAJgAAAAAAAAAUAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKU"
        + "mBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuBjD4YQ+hGQ5AqAv2AFBLAwQtAAAACAAAACEAGC61nP//////////CQAUAHNpZ21hLm5weQEAEADI"
        + "AAAAAAAAAF0AAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjoKxpo6CrUKZAMuBghwgFAP"
        + "7CH0hf2o/A9QGgZg8jDA4QAAUEsDBC0AAAAIAAAAIQD3QBLq//////////8JABQAb3RoZXIubnB5AQAQAJgAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2e"
        + "klqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuBihghNJMUBoAUEsBAi0DLQAAAAgAAAAhANNMQrxQAAAAmAAA"
        + "AAYAAAAAAAAAAAAAAIABAAAAAG11Lm5weVBLAQItAy0AAAAIAAAAIQAYLrWcXQAAAMgAAAAJAAAAAAAAAAAAAACAAYgAAABzaWdtYS5ucHlQSwECLQMtAAAA"
        + "CAAAACEA90AS6kwAAACYAAAACQAAAAAAAAAAAAAAgAEgAQAAb3RoZXIubnB5UEsFBgAAAAADAAMAogAAAKcBAAAAAA==");
    private static final double[] SIGMA = {2, 0.5, -0.25, 0.5, 1, 0, -0.25, 0, 3};

    @TempDir private static Path folder;

    private static byte[] decoded(String text) { return Base64.getDecoder().decode(text); }

    private static Path written(byte[] bytes) {
        try {
            return Files.write(folder.resolve("x.npz"), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Npz.Array read(byte[] npy) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(all)) {
            zip.putNextEntry(new ZipEntry("a.npy"));
            zip.write(npy);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return java.util.Objects.requireNonNull(Npz.read(written(all.toByteArray()), Limits.DEFAULT, List.of("a")).get("a"));
    }

    private static byte[] npy(String header, int bytes) {
        return ByteBuffer.allocate(10 + header.length() + bytes).order(ByteOrder.LITTLE_ENDIAN).put(NPY, 0, 8)
            .putShort((short) header.length()).put(header.getBytes(StandardCharsets.ISO_8859_1)).array();
    }

    private static String header(String type, String fortran, String shape) {
        return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': (" + shape + "), }\n";
    }

    @Test void whatNumpyPackedIsRead() {
        Map<String, Npz.Array> arrays = Npz.read(written(PACKED), Limits.DEFAULT, List.of("sigma", "mu"));
        assertThat(arrays).containsOnlyKeys("sigma", "mu");
        assertThat(arrays.get("mu").shape()).containsExactly(3);
        assertThat(arrays.get("mu").values()).containsExactly(1.5, -2, 0.25);
        assertThat(arrays.get("sigma").shape()).containsExactly(3, 3);
        assertThat(arrays.get("sigma").values()).containsExactly(SIGMA);
    }

    @Test void whatIsWrittenIsByteForByteNumpysArrayAndLiesThereUnpacked() throws IOException {
        Map<String, Npz.Array> arrays = new LinkedHashMap<>();
        arrays.put("mu", new Npz.Array(new long[] {3}, new double[] {1.5, -2, 0.25}));
        arrays.put("sigma", new Npz.Array(new long[] {3, 3}, SIGMA));
        Path file = written(Npz.bytes(arrays)), numpys = Files.write(folder.resolve("numpy.npz"), PACKED);
        try (ZipFile ours = new ZipFile(file.toFile()); ZipFile theirs = new ZipFile(numpys.toFile())) {
            for (String name : List.of("mu.npy", "sigma.npy")) {
                assertThat(ours.getEntry(name).getMethod()).isEqualTo(ZipEntry.STORED);
                assertThat(ours.getInputStream(ours.getEntry(name)).readAllBytes())
                    .isEqualTo(theirs.getInputStream(theirs.getEntry(name)).readAllBytes());
            }
            assertThat(ours.getInputStream(ours.getEntry("mu.npy")).readAllBytes()).isEqualTo(NPY);
        }
    }

    @Test void shortFloatsOldHeadersAndSingleNumbersAreRead() {
        byte[] two = npy(header("<f4", "False", "2L, 1L"), 8);
        ByteBuffer.wrap(two).order(ByteOrder.LITTLE_ENDIAN).putFloat(two.length - 8, 0.1f).putFloat(two.length - 4, -3);
        assertThat(read(two).values()).containsExactly(0.1f, -3);
        assertThat(read(two).shape()).containsExactly(2, 1);
        assertThat(read(npy(header("<f8", "False", ""), 8)).shape()).isEmpty();
        assertThat(read(npy(header("<f8", "False", "0, 7"), 0)).values()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "<f8 ; True ; 1, ; 8 ; is in Fortran's order",
        ">f8 ; False ; 1, ; 8 ; holds values of type '>f8', read are '<f8' and '<f4'",
        "<i8 ; False ; 1, ; 8 ; holds values of type '<i8'",
        "|O ; False ; 1, ; 8 ; holds values of type '|O'",
        "<f8 ; False ; 2, ; 15 ; has 15 bytes of values, the shape 2 wants more",
        "<f8 ; False ; 2, ; 24 ; has 24 bytes of values, the shape 2 wants fewer",
        "<f8 ; False ; 9999999999, 9999999999, 9999999999, 9999999999 ; 8 ; wants more",
        "<f8 ; False ; -1, ; 8 ; has another header than",
        "<f8 ; false ; 1, ; 8 ; has another header than",
        "<f8 ; False ; 99999999999, ; 8 ; has another header than"}, quoteCharacter = '"')
    void anArrayThatIsNotReadIsRefused(String type, String fortran, String shape, int bytes, String message) {
        assertThatThrownBy(() -> read(npy(header(type, fortran, shape), bytes))).isInstanceOf(FormatException.class)
            .hasMessageContaining("x.npz!a.npy at byte").hasMessageContaining(message);
    }

    @Test void everyLengthButTheRightOneIsRefused() {
        assertThat(read(NPY).values()).containsExactly(1.5, -2, 0.25);
        for (int n = 0; n < NPY.length + 9; n++) {
            byte[] cut = Arrays.copyOf(NPY, n);
            if (n != NPY.length) assertThatThrownBy(() -> read(cut)).as(n + " bytes").isInstanceOf(FormatException.class);
        }
        for (int n = 0; n < PACKED.length; n++) {
            Path cut = written(Arrays.copyOf(PACKED, n));
            assertThatThrownBy(() -> Npz.read(cut, Limits.DEFAULT, List.of("mu"))).as(n + " bytes of the zip")
                .isInstanceOf(FormatException.class);
        }
    }

    @Test void otherFormatsVersionsAndHugeHeadersAreRefused() {
        byte[] other = NPY.clone(), version = NPY.clone(), huge = npy(" ".repeat(20_000), 0);
        other[1] = 'M';
        version[6] = 2;
        assertThatThrownBy(() -> read(other)).hasMessageContaining("it must begin with byte 0x93 and 'NUMPY'");
        assertThatThrownBy(() -> read(version)).hasMessageContaining("is of version 2.0, read is 1.0");
        assertThatThrownBy(() -> read(huge)).hasMessageContaining("claims a header of 20000 bytes, allowed are 10000");
    }

    @Test void aBombIsRefused() {
        assertThatThrownBy(() -> read(npy(header("<f8", "False", "4000000,"), 32_000_000))).isInstanceOf(FormatException.class)
            .hasMessageContaining("bytes packed in");
    }

    @Test void aMissingNameIsToldWithThoseThatAreThere() {
        Path file = written(PACKED), none = folder.resolve("none.npz");
        assertThatThrownBy(() -> Npz.read(file, Limits.DEFAULT, List.of("mu", "cov")))
            .hasMessage(file + ": holds no array 'cov'; there are mu.npy, other.npy, sigma.npy");
        assertThatThrownBy(() -> Npz.read(file, Limits.DEFAULT, List.of("other"))).hasMessageContaining("holds values of type '<i8'");
        assertThatThrownBy(() -> Npz.read(none, Limits.DEFAULT, List.of("mu"))).hasMessage(none + ": there is no such file");
    }
}
