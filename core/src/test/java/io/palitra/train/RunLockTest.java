package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
    @TempDir Path folder;

    /** Takes the folder it is given, says so or why not, and holds it until its input ends. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws IOException {
            try (RunLock lock = RunLock.take(Path.of(args[0]))) {
                System.out.println("held");
                System.in.read();
            } catch (CheckpointException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private Process holder() throws IOException {
        return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
            System.getProperty("java.class.path"), Holder.class.getName(), folder.toString()).redirectErrorStream(true).start();
    }

    @Test void oneThreadOfAProcessHoldsAFolder() {
        try (RunLock lock = RunLock.take(folder)) {
            assertThatThrownBy(() -> RunLock.take(folder)).isInstanceOf(CheckpointException.class)
                .hasMessage("run folder " + folder + " is in use by this process, " + ProcessHandle.current().pid()
                    + "; wait for it to end, or choose another folder");
            assertThatThrownBy(() -> RunLock.take(folder.resolve("x/.."))).isInstanceOf(CheckpointException.class);
        }
        RunLock again = RunLock.take(folder);
        again.close();
        again.close();
        RunLock.take(folder).close();
    }

    @Test void aFailedAttemptDoesNotFreeTheFolderForOtherProcesses() throws Exception {
        try (RunLock lock = RunLock.take(folder)) {
            assertThatThrownBy(() -> RunLock.take(folder)).isInstanceOf(CheckpointException.class);
            Process other = holder();
            try (BufferedReader said = other.inputReader()) {
                assertThat(said.readLine()).contains("is in use by process " + ProcessHandle.current().pid() + ";");
            }
            assertThat(other.waitFor()).isZero();
        }
    }

    @Test void aProcessThatDiesGivesItBack() throws Exception {
        Process other = holder();
        try (BufferedReader said = other.inputReader()) {
            assertThat(said.readLine()).isEqualTo("held");
            assertThatThrownBy(() -> RunLock.take(folder)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is in use by process " + other.pid() + ";");
        } finally {
            other.destroyForcibly();
        }
        other.waitFor();
        RunLock.take(folder).close();
    }

    @Test void aFolderThatIsMissingIsMadeAndAFileInItsPlaceIsRefused() throws IOException {
        RunLock.take(folder.resolve("a/b")).close();
        assertThat(folder.resolve("a/b")).isDirectory();
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> RunLock.take(file)).isInstanceOf(CheckpointException.class).hasMessageContaining(file.toString());
    }
}
