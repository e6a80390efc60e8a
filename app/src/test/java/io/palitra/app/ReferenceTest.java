package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ReferenceTest {
    private static final String RENEW = "mvn -q test -pl core,app -am -Dtest=ReferenceTest -Dsurefire.failIfNoSpecifiedTests=false "
        + "-Dpalitra.renew=true";

    @Test void theReferenceIsWhatRecordsAndOptionsSay() throws Exception {
        Path docs = Stream.of("docs", "../docs").map(Path::of).filter(Files::isDirectory).findFirst().orElseThrow();
        Path page = docs.resolve("reference.md");
        String made = Reference.text();
        if (Boolean.getBoolean("palitra.renew")) Files.writeString(page, made);
        assertThat(page).as("renew it: " + RENEW).exists();
        assertThat(Files.readString(page).replace("\r\n", "\n")).as(page + " is another than the program says; renew it: " + RENEW)
            .isEqualTo(made);
    }

    @Test void theReferenceHoldsNoMarksOfTheParserAndEveryFamily() throws Exception {
        assertThat(Reference.text()).doesNotContain("${", "@|", "%n").contains("\n## vae\n", "\n## palitra train\n", "`train.ema`",
            "`--strict`", "`data.captions`");
    }
}
