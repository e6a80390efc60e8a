package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartFileTest {
    @TempDir private Path folder;

    /** Of a process of this machine that has ended, and has an own name. */
    private static String ended(String name) {
        String own = PartFile.of(Path.of(name)).getFileName().toString();
        return own.replaceFirst("-[0-9]+-[0-9a-f]{8}-", "-999999999-0123abcd-");
    }

    @Test void whatAnEndedProcessLeftIsRemovedAndWhatIsStillWrittenStays() throws IOException {
        Path left = Files.createFile(folder.resolve(ended("model.safetensors")));
        Path leftFolder = Files.createDirectories(folder.resolve(ended("export")));
        Files.createFile(Files.createDirectories(leftFolder.resolve("unet")).resolve("config.json"));
        Path own = Files.createFile(PartFile.of(folder.resolve("summary.json")));   // sweeps, being the first here
        Path others = Files.createFile(folder.resolve(".x.png.00000000-1-0123abcd-1.part"));
        Path foreign = Files.createFile(folder.resolve(".notes.part"));
        assertThat(left).doesNotExist();
        assertThat(leftFolder).doesNotExist();
        PartFile.sweep(folder);
        assertThat(own).exists();
        assertThat(foreign).exists();
        assertThat(others).exists();   // another machine may be writing it
        Files.setLastModifiedTime(others, FileTime.from(Instant.now().minusSeconds(2 * 86_400)));
        PartFile.sweep(folder);
        assertThat(others).doesNotExist();
    }

    @Test void aProcessOfTheSameNumberThatEndedIsNotThisOne() {
        Path own = PartFile.of(folder.resolve("a"));
        String before = own.getFileName().toString().replaceFirst("-[0-9a-f]{8}-([0-9]+)\\.part$", "-fedcba98-$1.part");   // in a container
        assertThat(PartFile.isLeft(own)).isFalse();
        assertThat(PartFile.isLeft(folder.resolve(before))).isTrue();
    }

    @Test void aReasonHasNoNameOfAnException() throws IOException {
        assertThat(Reason.of(new IOException("No space left on device"))).isEqualTo("no space left on device");
        assertThat(Reason.of(new FileSystemException("a", null, "Read-only file system"))).isEqualTo("read-only file system");
        assertThat(Reason.of(new IOException())).isEqualTo("input or output failed");
        assertThat(Reason.of(new EOFException())).isEqualTo("ends too soon");
        assertThat(Reason.told(new NoSuchFileException("a.txt"))).isEqualTo("'a.txt': no such file or folder");
        Path none = folder.resolve("none/x.json");
        assertThatThrownBy(() -> Json.write(none, JsonNodeFactory.instance.objectNode()))
            .hasMessage("cannot write '" + none + "': no such file or folder");
    }
}
