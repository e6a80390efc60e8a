package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Cifar10Test {
    @Test void recordsGoOnFromFileToFile(@TempDir Path dir) throws IOException {
        for (String name : Cifar10.names(Split.TRAIN)) Files.write(dir.resolve(name), Seeds.cifar(3));
        Cifar10 set = Cifar10.read(dir, Split.TRAIN, 3);
        assertThat(set.size()).isEqualTo(15);
        assertThat(set.label(5)).isEqualTo(2);
        byte[] out = new byte[3 * 32 * 32];
        set.pixels(5, out, 0);
        assertThat(out[0]).isEqualTo((byte) 3);
        assertThat(out[3071]).isEqualTo((byte) (2 + 3072));
    }

    @Test void anotherLengthIsRefused(@TempDir Path dir) throws IOException {
        Files.write(dir.resolve("test_batch.bin"), Seeds.cifar(3));
        assertThatThrownBy(() -> Cifar10.read(dir, Split.TEST))
            .isInstanceOf(FormatException.class).hasMessageContaining("9219 bytes, must be 30730000");
    }

    @Test void aLabelAboveNineIsRefused(@TempDir Path dir) throws IOException {
        byte[] bytes = Seeds.cifar(3);
        bytes[2 * Cifar10.RECORD] = 10;
        Files.write(dir.resolve("test_batch.bin"), bytes);
        assertThatThrownBy(() -> Cifar10.read(dir, Split.TEST, 3))
            .isInstanceOf(FormatException.class).hasMessageContaining("byte 6146: label 10");
    }

    private static Map<String, byte[]> archive() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("cifar-10-batches-bin/readme.html", new byte[10]);
        for (String name : Cifar10.names(Split.TRAIN)) files.put("cifar-10-batches-bin/" + name, Seeds.cifar(2));
        files.put("../../evil.sh", new byte[600]);
        files.put("cifar-10-batches-bin/test_batch.bin", Seeds.cifar(2));
        return files;
    }

    @Test void onlyTheSixFilesComeOutOfTheArchive(@TempDir Path dir) throws IOException {
        Path folder = Files.createDirectories(dir.resolve("in/side"));
        Path packed = Files.write(dir.resolve("x.tar.gz"), Seeds.gzip(Seeds.tar(archive())));
        Tar.cifar(packed, folder, 2);
        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
            "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin");
        assertThat(dir.toFile().list()).containsExactlyInAnyOrder("in", "x.tar.gz");
        assertThat(Cifar10.read(folder, Split.TRAIN, 2).size()).isEqualTo(10);
    }

    @Test void aLinkUnderOneOfTheNamesIsRefused(@TempDir Path dir) throws IOException {
        Map<String, byte[]> files = archive();
        files.remove("cifar-10-batches-bin/test_batch.bin");
        files.put("cifar-10-batches-bin/test_batch.bin@", new byte[0]);
        Path packed = Files.write(dir.resolve("x.tar.gz"), Seeds.gzip(Seeds.tar(files)));
        assertThatThrownBy(() -> Tar.cifar(packed, dir, 2)).isInstanceOf(FormatException.class).hasMessageContaining("is a link");
    }

    @Test void anArchiveThatLacksAFileIsRefused(@TempDir Path dir) throws IOException {
        Map<String, byte[]> files = archive();
        files.remove("cifar-10-batches-bin/data_batch_4.bin");
        Path packed = Files.write(dir.resolve("x.tar.gz"), Seeds.gzip(Seeds.tar(files)));
        assertThatThrownBy(() -> Tar.cifar(packed, dir, 2))
            .isInstanceOf(FormatException.class).hasMessageContaining("lacks data_batch_4.bin");
    }
}
