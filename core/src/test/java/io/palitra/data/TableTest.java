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

    @Test void aColumnFarFromZeroKeepsItsVariance() {
        Random random = new Random(2);
        StringBuilder text = new StringBuilder("time,level\n");
        for (int i = 0; i < 400; i++) text.append(1.7e9 + random.nextGaussian()).append(",1\n");
        Table all = Table.open(file(text.toString()), null, DataOptions.DEFAULT, null);
        Table again = Table.open(file("level,time\n1,1700000001.5\n"), null, DataOptions.DEFAULT, all.spec());
        assertThat(all.spec().means().get(0)).isCloseTo(1.7e9, within(0.3));
        assertThat(all.spec().deviations().get(0)).isBetween(0.85, 1.15);
        double sum = 0, square = 0;
        java.util.Set<Float> seen = new java.util.HashSet<>();
        float[] row = new float[2];
        for (int i = 0; i < all.size(); i++) {
            all.values(i, row, 0);
            seen.add(row[0]);
            sum += row[0] / all.size();
            square += row[0] * row[0] / all.size();
        }
        assertThat(seen).hasSizeGreaterThan(390);
        assertThat(sum).isCloseTo(0, within(0.1));
        assertThat(square).isCloseTo(1, within(0.1));
        again.values(0, row, 0);
        VectorSpec s = all.spec();
        assertThat(row[0]).isCloseTo((float) ((1700000001.5 - s.means().get(0)) / s.deviations().get(0)), within(1e-5f));
        // as a page writes it back
        assertThat(row[0] * s.deviations().get(0) + s.means().get(0)).isCloseTo(1700000001.5, within(1e-5));
    }

    @Test void aColumnOfEqualNumbersHasThemAsMeanAndOneAsDeviation() {
        Table all = Table.open(file("a,b\n" + "0.1,1e100\n".repeat(30)), null, DataOptions.DEFAULT, null);
        assertThat(all.spec().means()).containsExactly(0.1, 1e100);
        assertThat(all.spec().deviations()).containsExactly(1.0, 1.0);
        float[] row = new float[2];
        all.values(3, row, 0);
        assertThat(row).containsOnly(0f);
    }

    @Test void largeAndSmallNumbersHaveTheirDeviation() {
        Table all = Table.open(file("a,b\n" + "1e99,1e-200\n-1e99,-1e-200\n".repeat(4)), null, DataOptions.DEFAULT, null);
        assertThat(all.spec().deviations()).containsExactly(1e99, 1e-200);
        assertThatThrownBy(() -> Table.open(file("a,b\n1,1e50\n"), null, DataOptions.DEFAULT, all.spec()))
            .isInstanceOf(FormatException.class).hasMessageContaining("row 2, column 'b': 1.0E50 is more than");
    }

    @Test void aRowWithNothingForItsClassHasNone() {
        String text = "a,kind\n" + "1,x\n2,\n3,y\n4,  \n".repeat(5);
        Table all = Table.open(file(text), null, new DataOptions("", 0, 0, false, List.of(), "kind"), null);
        assertThat(all.classNames()).containsExactly("x", "y");
        assertThat(all.spec().classes()).isEqualTo(2);
        assertThat(new int[] {all.label(0), all.label(1), all.label(2), all.label(3)}).containsExactly(0, -1, 1, -1);
        assertThat(all.notes()).containsExactly("10 of 20 rows of 'table.csv' have nothing in column 'kind': they are of no class");
        try (io.palitra.engine.Scope scope = new io.palitra.engine.Scope()) {
            Batch told = DataLoader.of(all, new int[] {0, 2}, io.palitra.engine.Device.CPU);
            Batch untold = DataLoader.of(all, new int[] {0, 1, 3}, io.palitra.engine.Device.CPU);
            assertThat(told.given().labels("x").longs()).containsExactly(0, 1);
            assertThatThrownBy(() -> untold.given().labels("a Vae")).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a Vae wants a class for each item, got 2 of no class in a batch");
        }
        assertThat(open("a,kind\n1,x\n2,y\n", Split.TRAIN, "kind").notes()).isEmpty();
        assertThatThrownBy(() -> open("a,kind\n1,\n2,\n", Split.TRAIN, "kind")).isInstanceOf(FormatException.class)
            .hasMessageContaining("column 'kind' names no class in any row");
    }

    @Test void numbersAreWhatPeopleWrite() {
        float[] row = new float[1];
        Table all = Table.open(file("a\n1.\n-.5\n+3e-2\n1E5\n007\n"), null, DataOptions.DEFAULT, new VectorSpec(1, 0, List.of("a"),
            List.of(0.0), List.of(1.0)));
        double[] want = {1, -0.5, 0.03, 1e5, 7};
        for (int i = 0; i < want.length; i++) {
            all.values(i, row, 0);
            assertThat(row[0]).isEqualTo((float) want[i]);
        }
        for (String no : List.of("12D", "1f", "0x1p3", "Infinity", "-Infinity", "+NaN", "1e", ".", "1.2.3e", "\u0663", "5%")) {
            assertThatThrownBy(() -> open("a,b\n1," + no + "\n", Split.TRAIN, "")).as(no).isInstanceOf(FormatException.class)
                .hasMessageContaining("row 2, column 'b': '" + no + "' is not a number; a column of classes");
            // no number, so a name
            assertThat(open(no + ",2f\n1,2\n3,4\n", Split.TRAIN, "").spec().columns()).containsExactly(no, "2f");
        }
        long start = System.nanoTime();
        assertThatThrownBy(() -> open("a\n" + "1".repeat(1_000_000) + "x\n", Split.TRAIN, "")).isInstanceOf(FormatException.class);
        assertThat(System.nanoTime() - start).isLessThan(5_000_000_000L);
    }

    @Test void aDecimalCommaAndGroupsOfDigitsAreRefusedByThatName() {
        for (String no : List.of("\"3,14\"", "\"1,234.5\"", "1 234.5", "1'234", "1.234.567", "1_000", "1\u00A0234", "\"-1.234,5\"")) {
            assertThatThrownBy(() -> open("a,b\n1," + no + "\n", Split.TRAIN, "")).as(no).isInstanceOf(FormatException.class)
                .hasMessageContaining("with a point before the fraction and nothing between the thousands");
        }
        assertThatThrownBy(() -> open("a;b\n1;2\n", Split.TRAIN, "")).hasMessageContaining("columns are separated by commas");
        assertThatThrownBy(() -> open("a;b\n1,5;2,5\n", Split.TRAIN, "")).hasMessageContaining("columns are separated by commas");
    }

    @Test void namesAreOfALengthThatARunCanKeep() {
        String longest = "n".repeat(5_000_000);
        assertThatThrownBy(() -> open("a," + longest + "\n1,2\n", Split.TRAIN, "")).isInstanceOf(FormatException.class)
            .hasMessageContaining("column 2 is called by 5000000 characters, at most 200 are read: 'nnn")
            .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(500));
        assertThatThrownBy(() -> open("a,b\n1," + longest + "\n", Split.TRAIN, "b")).isInstanceOf(FormatException.class)
            .hasMessageContaining("row 2 has a class of 5000000 characters");
        StringBuilder many = new StringBuilder("a,id\n");
        for (int i = 0; i < 10_001; i++) many.append("1,").append(i).append('\n');
        assertThatThrownBy(() -> open(many.toString(), Split.TRAIN, "id")).isInstanceOf(FormatException.class)
            .hasMessageContaining("column 'id' names more than 10000 classes");
        String wide = String.join(",", java.util.stream.IntStream.range(0, 4000).mapToObj(i -> "c" + i).toList());
        assertThatThrownBy(() -> open(wide + "\n", Split.TRAIN, "x")).hasMessageContaining("c19 and 3980 more")
            .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(500));
    }

    @Test void whatIsWrittenInTheUnitsOfATableIsReadBackAsItWas() throws IOException {
        Table train = open("\"a \"\"b\"\"\",time, small,whole,kind\n1,1700000000,1e-9,3,\"x, y\"\n"
            + "2,1700003600,2e-9,4, z\n4,1700000100,5e-9,9,z\n",
            Split.TRAIN, "kind");
        float[] values = new float[3 * 4];
        java.util.List<String> classes = new java.util.ArrayList<>();
        for (int i = 0; i < 3; i++) {
            train.values(i, values, 4 * i);
            classes.add(train.classNames().get(train.label(i)));
        }
        values[1] = 0.12345679f;
        Path written = dir.resolve("written.csv");
        TableFile.write(written, train.spec(), values, "kind", classes);
        assertThat(Files.readAllLines(written).get(0)).isEqualTo("\"a \"\"b\"\"\",time,small,whole,kind");
        assertThat(Files.readAllLines(written).get(2)).startsWith("2").endsWith(",z").contains(",4");
        Table again = Table.open(written, null, new DataOptions("", 0, 0, false, List.of(), "kind"), train.spec());
        assertThat(again.classNames()).isEqualTo(train.classNames());
        for (int i = 0; i < 3; i++) {
            float[] row = new float[4];
            again.values(i, row, 0);
            assertThat(again.label(i)).isEqualTo(train.label(i));
            for (int c = 0; c < 4; c++) assertThat(row[c]).isCloseTo(values[4 * i + c], within(c == 1 ? 0.05f : 1e-5f));   // read as floats
        }
        TableFile.write(written, new VectorSpec(3, 0), new float[] {0.5f, -1, 2e-7f}, "class", List.of());
        assertThat(Files.readAllLines(written)).containsExactly("x1,x2,x3", "0.5,-1,0.0000002");
        assertThatThrownBy(() -> TableFile.write(written, new VectorSpec(2, 0), new float[] {0, Float.NaN}, "class", List.of()))
            .hasMessage("number 1 of sample 0 is not finite: NaN");
        assertThat(Files.readAllLines(written)).hasSize(2);
    }

    @Test void aMissingValueCountsAsTheMean() {
        Table all = Table.open(file(sensors.toString()), null, new DataOptions("", 0, 0, false, List.of(), "state"), null);
        float[] row = new float[3];
        all.values(7, row, 0);
        assertThat(row[1]).isZero();
        assertThat(row[0]).isNotZero();
        all.values(8, row, 0);
        assertThat(row[1]).isZero();
        assertThat(all.number(8)).isEqualTo(9);
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
        assertThatThrownBy(() -> open("a,b\n1,2\n", Split.TRAIN, "c")).hasMessageContaining("no column 'c'").hasMessageContaining("a, b");
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
            .hasMessage("no class 'x' in 'strokes'; there are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
    }
}
