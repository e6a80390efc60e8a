package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableTest {
    @TempDir Path dir;
    private final StringBuilder sensors = new StringBuilder("pressure, flow ,state,broken\n");

    @BeforeEach void write() {
        Random random = new Random(1);
        for (int i = 0; i < 200; i++) {
            String flow = i % 50 == 7 ? "" : i % 50 == 8 ? "NA" : String.valueOf(3 + 2 * random.nextGaussian());
            sensors.append(100 + 10 * random.nextGaussian()).append(',').append(flow).append(',')
                .append(i % 4 == 0 ? "\"stop, now\"" : "run").append(",5\n");
        }
    }

    private Path file(String text) {
        try {
            return Files.writeString(dir.resolve("table.csv"), text);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private Table open(String text, Split split, String label, String... except) {
        return Table.open(file(text), split, new DataOptions("", 0, 0, false, List.of(except), label), null);
    }

    @Test void columnsAreMadeStandardByTheRowsForTraining() {
        Table train = open(sensors.toString(), Split.TRAIN, "state"), test = open(sensors.toString(), Split.TEST, "state");
        assertThat(train.spec().columns()).containsExactly("pressure", "flow", "broken");
        assertThat(train.classNames()).containsExactly("run", "stop, now");
        assertThat(train.size() + test.size()).isEqualTo(200);
        assertThat(test.size()).isBetween(8, 40);
        assertThat(test.spec()).isEqualTo(train.spec());
        double[] sum = new double[3], square = new double[3];
        float[] row = new float[3];
        for (int i = 0; i < train.size(); i++) {
            train.values(i, row, 0);
            for (int c = 0; c < 3; c++) {
                sum[c] += row[c];
                square[c] += row[c] * row[c];
            }
        }
        for (int c = 0; c < 3; c++) assertThat(sum[c] / train.size()).isCloseTo(0, within(1e-5));
        assertThat(square[0] / train.size()).isCloseTo(1, within(1e-4));
        assertThat(square[2]).isZero();                                               // a column that never changes
        assertThat(train.spec().means().get(0)).isBetween(95.0, 105.0);
    }

    @Test void aMissingValueCountsAsTheMean() {
        Table all = Table.open(file(sensors.toString()), null, new DataOptions("", 0, 0, false, List.of(), "state"), null);
        float[] row = new float[3];
        all.values(7, row, 0);
        assertThat(row[1]).isZero();
        assertThat(row[0]).isNotZero();
        all.values(8, row, 0);
        assertThat(row[1]).isZero();
        assertThat(all.row(8)).isEqualTo(9);
    }

    @Test void anotherFileIsSeenAsTheModelsOwn() {
        Table train = open(sensors.toString(), Split.TRAIN, "state");
        Table other = Table.open(file("flow,broken,extra,pressure\n3,5,text,110\n"), null, DataOptions.DEFAULT, train.spec());
        float[] row = new float[3];
        other.values(0, row, 0);
        VectorSpec s = train.spec();
        assertThat(row[0]).isCloseTo((float) ((110 - s.means().get(0)) / s.deviations().get(0)), within(1e-5f));
        assertThatThrownBy(() -> Table.open(file("flow,broken\n3,5\n"), null, DataOptions.DEFAULT, s))
            .hasMessageContaining("has no column 'pressure', which the model was trained on");
    }

    @Test void aClassIsLeftOutBeforeMeansAreTaken() {
        Table run = open(sensors.toString(), Split.TRAIN, "state", "stop, now");
        assertThat(run.classNames()).containsExactly("run");
        assertThat(run.spec().classes()).isEqualTo(1);
        assertThat(run.size()).isBetween(100, 150);
    }

    @Test void whatIsNoTableIsRefusedInALine() {
        assertThatThrownBy(() -> open("a,b\n1,2\n3,Paris\n", Split.TRAIN, "")).isInstanceOf(FormatException.class)
            .hasMessageContaining("row 3, column 'b': 'Paris' is not a number");
        assertThatThrownBy(() -> open("", Split.TRAIN, "")).hasMessageContaining("is empty");
        assertThatThrownBy(() -> open("1,2\n3,4\n", Split.TRAIN, "")).hasMessageContaining("begins with numbers");
        assertThatThrownBy(() -> open("a,a\n3,4\n", Split.TRAIN, "")).hasMessageContaining("names a column twice");
        assertThatThrownBy(() -> open("a,b\n3\n", Split.TRAIN, "")).hasMessageContaining("row 2 has 1 cells");
        assertThatThrownBy(() -> open("a,b\n", Split.TRAIN, "")).hasMessageContaining("has no rows");
        assertThatThrownBy(() -> open("a,b\n,1\n", Split.TRAIN, "")).hasMessageContaining("column 'a' holds no number");
        assertThatThrownBy(() -> open("a,b\n1,1e999\n", Split.TRAIN, "")).hasMessageContaining("'1e999' is not a number");
        assertThatThrownBy(() -> open("a,b\n1,2\n", Split.TEST, "")).hasMessageContaining("too few for a test part");
        assertThatThrownBy(() -> open("a,b\n1,2\n", Split.TRAIN, "c")).hasMessageContaining("no column 'c'").hasMessageContaining("[a, b]");
        assertThatThrownBy(() -> open("a,b\n\"1,2\n", Split.TRAIN, "")).isInstanceOf(FormatException.class);
    }

    @Test void aTableIsOpenedByItsPath() {
        Dataset set = Datasets.open(file(sensors.toString()).toString(), Split.TRAIN,
            new DataOptions("", 0, 0, false, List.of(), "state"));
        assertThat(set.name()).isEqualTo("table.csv");
        assertThat(set.spec().classes()).isEqualTo(2);
    }

    @Test void classesOfPicturesCanBeLeftOut() {
        Dataset all = Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT);
        Dataset eight = Datasets.open("strokes", Split.TEST, new DataOptions("", 0, 0, false, List.of("0", "3"), ""));
        assertThat(eight.spec().classes()).isEqualTo(8);
        assertThat(eight.classNames()).containsExactly("1", "2", "4", "5", "6", "7", "8", "9");
        assertThat(eight.size()).isBetween(all.size() * 7 / 10, all.size() * 9 / 10);
        for (int i = 0; i < 50; i++) assertThat(eight.label(i)).isBetween(0, 7);
        assertThatThrownBy(() -> Datasets.open("strokes", Split.TEST, new DataOptions("", 0, 0, false, List.of("x"), "")))
            .hasMessage("no class 'x' in 'strokes'; there are [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
    }
}
