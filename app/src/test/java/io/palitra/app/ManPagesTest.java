package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManPagesTest {
    @TempDir Path folder;

    @Test void everyCommandHasAPageWithEachOfItsOptions() throws Exception {
        ManPages.main(new String[] {folder.toString(), "1.2"});
        try (Stream<Path> pages = Files.list(folder.resolve("man/man1"))) {
            assertThat(pages.map(p -> p.getFileName().toString())).contains("palitra.1", "palitra-train.1",
                "palitra-data-get.1", "palitra-doctor.1");
        }
        String train = Files.readString(folder.resolve("man/man1/palitra-train.1"));
        assertThat(train).startsWith(".TH \"PALITRA\\-TRAIN\" 1 \"\" \"palitra 1.2\"").contains(".SH NAME\npalitra\\-train \\- ",
            "\n\\fB\\-\\-epochs=", ".SH SEE ALSO\npalitra(1)").doesNotContain("@|", "${", "%n");
        assertThat(Files.readString(folder.resolve("man/man1/palitra.1"))).contains(".SH COMMANDS", "\\fBtrain\\fR", "palitra\\-sample(1)");
        assertThat(folder.resolve("completion/palitra")).content().contains("complete -F", "--epochs");
    }

    @Test void noWordIsTakenForAMacro() {
        assertThat(List.of(".png", "a\\b", "--x")).map(ManPages::roff).containsExactly("\\&.png", "a\\eb", "\\-\\-x");
    }
}
