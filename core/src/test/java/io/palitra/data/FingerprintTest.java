package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FingerprintTest {
    @TempDir Path dir;

    private Path table(String name, String rows) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "a,b\n" + rows);
        return file;
    }

    private static Fingerprint of(Path file) { return Table.open(file, null, DataOptions.DEFAULT, null).fingerprint(); }

    @Test void theSameItemsElsewhereAreTheSame() throws IOException {
        Fingerprint here = of(table("x/t.csv", "1,2\n3,4\n")), there = of(table("y/u.csv", "1,2\n3,4\n"));
        assertThat(here).isEqualTo(there);
        assertThat(here.key()).isEqualTo(there.key()).matches("[0-9a-f]{16}");
        assertThat(here.differences(there)).isEmpty();
    }

    @Test void whatDiffersIsNamed() throws IOException {
        Fingerprint two = of(table("t.csv", "1,2\n3,4\n"));
        Fingerprint three = of(table("u.csv", "1,2\n3,4\n5,6\n")), other = of(table("v.csv", "1,2\n3,9\n"));
        assertThat(two.differences(three)).containsExactly("2 items, now 3");
        assertThat(two.differences(other)).hasSize(1).first().asString().contains("2 items differ");
        assertThat(two.key()).isNotEqualTo(three.key()).isNotEqualTo(other.key());
    }

    @Test void numbersCountToTheLastDigitOfTheFile() throws IOException {
        // the mean is at one and the same number, and floats cannot tell the others apart
        Fingerprint one = of(table("t.csv", "0,0\n1700000001.25,1\n-1700000001.25,2\n"));
        Fingerprint other = of(table("u.csv", "0,0\n1700000001.5,1\n-1700000001.5,2\n"));
        assertThat(one.differences(other)).hasSize(1);
    }

    @Test void classesCount() {
        Dataset all = new Strokes(Split.TEST, 28), some = Subset.of(all, java.util.List.of("7"));
        assertThat(all.fingerprint().key()).isNotEqualTo(some.fingerprint().key());
        assertThat(all.fingerprint().differences(some.fingerprint())).anyMatch(s -> s.startsWith("10000 items, now "))
            .anyMatch(s -> s.startsWith("classes "));
    }
}
