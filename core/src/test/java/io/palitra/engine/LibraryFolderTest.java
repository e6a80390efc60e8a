package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@DisabledOnOs(OS.WINDOWS)
class LibraryFolderTest {
    private static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

    @TempDir private Path root = Path.of("");

    @BeforeAll static void loaded() { Torch.load(); }   // from where it always is

    private static Path mode(Path folder, int mode) throws IOException {
        Files.createDirectories(folder);
        Files.setAttribute(folder, "unix:mode", mode);
        return folder;
    }

    private static Path opened(Path named) {
        String before = System.getProperty(PROPERTY, "");
        System.setProperty(PROPERTY, named.toString());
        try {
            return LibraryFolder.open();
        } finally {
            System.setProperty(PROPERTY, before);
        }
    }

    @Test void aNewFolderIsForThisUserAlone() throws IOException {
        Path folder = opened(root.resolve("new/cache"));
        for (Path p : new Path[] {folder, folder.getParent()}) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(p))).isEqualTo("rwx------");
        }
        assertThat(opened(folder)).isEqualTo(folder);
    }

    @Test void aFolderThatOthersCanWriteToIsRefused() throws IOException {
        Path safe = mode(root.resolve("safe"), 0755);
        assertThat(LibraryFolder.writer(safe)).isEmpty();
        assertThat(LibraryFolder.writer(mode(root.resolve("all"), 0777))).contains("every user", "all'");
        assertThat(LibraryFolder.writer(mode(root.resolve("sticky"), 01777))).as("sticky itself").contains("every user");
        assertThat(LibraryFolder.writer(mode(root.resolve("sticky/mine"), 0700))).as("under a sticky one").isEmpty();
        assertThat(LibraryFolder.writer(mode(root.resolve("all/mine"), 0700))).as("under one open to all").contains("all'");
        mode(safe.resolve("planted.jar"), 0777);
        assertThat(LibraryFolder.writer(safe)).as("a folder in it").contains("planted.jar'");
        mode(safe, 0700);
        assertThat(LibraryFolder.writer(safe)).as("where nobody gets to").isEmpty();
        Path link = Files.createSymbolicLink(root.resolve("link"), root.resolve("all/mine"));
        assertThat(LibraryFolder.writer(link)).as("a link there").contains("all'");
        Path through = Files.createSymbolicLink(root.resolve("all/link"), safe);
        assertThat(LibraryFolder.writer(through)).as("a link that others can turn").contains("all'");
        assertThatThrownBy(() -> opened(root.resolve("all/mine"))).isInstanceOf(EngineError.class)
            .hasMessageContainingAll("all/mine'", "others could put code there", "chmod", PROPERTY);
    }

    @Test void soIsOneOfAnotherUserOrOfAGroup() throws IOException {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(root, "unix:uid")), "root alone gives folders away");
        Path theirs = mode(root.resolve("theirs"), 0700), group = mode(root.resolve("group"), 0770);
        Files.setAttribute(theirs, "unix:uid", 12345);
        assertThat(LibraryFolder.writer(theirs)).contains("belongs to user 12345");
        assertThat(LibraryFolder.writer(group)).as("root's group").isEmpty();
        Files.setAttribute(group, "unix:gid", 12345);
        assertThat(LibraryFolder.writer(group)).contains("group 12345 can write");
        Path sticky = mode(root.resolve("their sticky"), 01777), mine = mode(sticky.resolve("mine"), 0700);
        Files.setAttribute(sticky, "unix:uid", 12345);
        assertThat(LibraryFolder.writer(mine)).as("its owner can rename what is in it").contains("12345");
    }

    @Test void whatCannotBeAFolderIsNamedInOneLine() throws IOException {
        Path file = Files.writeString(root.resolve("file"), "");
        for (Path wrong : new Path[] {file, file.resolve("under"), Path.of("")}) {
            assertThatThrownBy(() -> opened(wrong)).isInstanceOf(EngineError.class).message().contains("'" + wrong + "'", PROPERTY)
                .doesNotContain("Exception").hasLineCount(1);
        }
    }

    @Test void whyALoadFailedIsToldInAUsersWords() {
        String[][] cases = {{"java.io.IOException: No space left on device", "its disk is full"},
            {"/x/libtorch.so: failed to map segment from shared object", "noexec"},
            {"/x/libtorch.so: /lib/libc.so.6: version `GLIBC_2.38' not found", "GLIBC_2.38"},
            {"Error loading shared library ld-linux-x86-64.so.2: No such file or directory", "not glibc"},
            {"no jnitorch in java.library.path: /usr/lib\nmore", "no jnitorch in java.library.path: /usr/lib"}};
        for (String[] c : cases) {
            EngineError e = EngineError.of("linux", root, new ExceptionInInitializerError(new UnsatisfiedLinkError(c[0])));
            assertThat(e.getMessage()).contains(c[1], root.toString(), PROPERTY).hasLineCount(1).doesNotContain("Exception");
        }
    }
}
