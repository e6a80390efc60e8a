package io.palitra.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.RuntimeJsonMappingException;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A CSV file of numbers: a first line with the names of its columns, then a row for each item. One column may name the class. Each other
 * column is made standard by its mean and deviation in the rows for training; an empty cell, NA, NaN, null or ? counts as the mean. About
 * a tenth of the rows, by their number, are for testing.
 */
public final class Table implements VectorDataset {
    private static final Set<String> MISSING = Set.of("", "na", "n/a", "nan", "null", "?");
    private static final int MOST_COLUMNS = 4096;
    private static final long MOST_NUMBERS = 1L << 28;
    private static final int FEWEST = 10;

    private final String name;
    private final VectorSpec spec;
    private final List<String> classNames;
    private final float[] values;
    private final int[] labels;
    private final int[] rows;
    private final int[] inFile;

    private Table(String name, VectorSpec spec, List<String> classNames, float[] values, int[] labels, int[] rows, int[] inFile) {
        this.name = name;
        this.spec = spec;
        this.classNames = classNames;
        this.values = values;
        this.labels = labels;
        this.rows = rows;
        this.inFile = inFile;
    }

    /** Whether a path is taken for a table. */
    static boolean named(Path path) { return path.toString().toLowerCase(java.util.Locale.ROOT).endsWith(".csv"); }

    /**
     * @param split null = all rows
     * @param like a table that a model was trained on: the same columns are taken, in its order and by its means and deviations; null =
     *     all columns, by their own
     * @throws FormatException for a file that is no such table, with the line
     * @throws IllegalArgumentException for a column of the options that is not there
     */
    public static Table open(Path file, @Nullable Split split, DataOptions options, @Nullable VectorSpec like) {
        if (!Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "is not a file");
        CsvMapper mapper = CsvMapper.builder().enable(CsvParser.Feature.WRAP_AS_ARRAY).enable(CsvParser.Feature.TRIM_SPACES)
            .enable(CsvParser.Feature.SKIP_EMPTY_LINES).build();
        try (InputStream in = Files.newInputStream(file);
            MappingIterator<String[]> lines = mapper.readerFor(String[].class).readValues(in)) {
            return new Reading(file, options, like).of(lines, split);
        } catch (JsonProcessingException | RuntimeJsonMappingException e) {
            String message = e.getMessage() == null ? "is not CSV" : e.getMessage().split("\\R", 2)[0];
            throw new FormatException(file.toString(), -1, "is not CSV: " + message);
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage());
        }
    }

    /** A file on its way to a table. */
    private record Reading(Path file, DataOptions options, @Nullable VectorSpec like) {
        Table of(MappingIterator<String[]> lines, @Nullable Split split) throws IOException {
            if (!lines.hasNextValue()) throw wrong("is empty; a table begins with a line of column names");
            String[] header = lines.nextValue();
            if (header.length > MOST_COLUMNS) throw wrong("has " + header.length + " columns, allowed are " + MOST_COLUMNS);
            List<String> all = Arrays.asList(header);
            if (all.stream().allMatch(Table::number)) throw wrong("begins with numbers; a table begins with a line of column names");
            if (new HashSet<>(all).size() < all.size()) throw wrong("names a column twice: " + all);
            int label = options.label().isEmpty() ? -1 : all.indexOf(options.label());
            if (!options.label().isEmpty() && label < 0 && like == null) {
                throw new IllegalArgumentException("no column '" + options.label() + "' in " + file + "; there are " + all);
            }
            List<String> wanted = like != null ? like.columns() : all.stream().filter(c -> !c.equals(options.label())).toList();
            for (String c : wanted) if (!all.contains(c)) throw wrong("has no column '" + c + "', which the model was trained on");
            if (wanted.isEmpty()) throw wrong("has no column of numbers");
            int[] from = wanted.stream().mapToInt(all::indexOf).toArray();
            List<float[]> rows = new ArrayList<>();
            List<String> classes = new ArrayList<>();
            List<Integer> inFile = new ArrayList<>();
            for (int line = 2; lines.hasNextValue(); line++) {
                String[] cells = lines.nextValue();
                if (cells.length != header.length) {
                    throw wrong("row " + line + " has " + cells.length + " cells, the first line names " + header.length + " columns");
                }
                String own = label < 0 ? "" : cells[label].trim();
                if (options.except().contains(own)) continue;
                if ((rows.size() + 1L) * from.length > MOST_NUMBERS) throw wrong("has more than " + MOST_NUMBERS + " numbers");
                float[] row = new float[from.length];
                for (int i = 0; i < from.length; i++) row[i] = value(cells[from[i]], line, wanted.get(i));
                rows.add(row);
                classes.add(own);
                inFile.add(line - 2);
            }
            if (rows.isEmpty()) throw wrong("has no rows");
            return table(wanted, rows, inFile.stream().mapToInt(i -> i).toArray(), classes, label >= 0, split);
        }

        private Table table(List<String> columns, List<float[]> rows, int[] inFile, List<String> classes, boolean labelled,
                @Nullable Split split) {
            int n = rows.size(), d = columns.size();
            boolean divided = n >= FEWEST;
            int[] train = IntStream.range(0, n).filter(i -> !divided || !tenth(inFile[i])).toArray();
            int[] chosen = split == null ? IntStream.range(0, n).toArray() : split == Split.TRAIN ? train
                : IntStream.range(0, n).filter(i -> divided && tenth(inFile[i])).toArray();
            if (chosen.length == 0) throw wrong("has " + n + " rows, too few for a test part; " + FEWEST + " are enough");
            List<String> names = labelled ? List.copyOf(new TreeSet<>(classes)) : List.of();
            List<Double> means = new ArrayList<>(), deviations = new ArrayList<>();
            for (int c = 0; c < d && like == null; c++) {
                double sum = 0, square = 0;
                int seen = 0;
                for (int i : train) {
                    float v = rows.get(i)[c];
                    if (Float.isNaN(v)) continue;
                    seen++;
                    sum += v;
                }
                if (seen == 0) throw wrong("column '" + columns.get(c) + "' holds no number in the rows for training");
                for (int i : train) if (!Float.isNaN(rows.get(i)[c])) square += Math.pow(rows.get(i)[c] - sum / seen, 2);
                means.add(sum / seen);
                deviations.add(square > 0 ? Math.sqrt(square / seen) : 1);
            }
            VectorSpec spec = like != null ? new VectorSpec(d, names.size(), columns, like.means(), like.deviations())
                : new VectorSpec(d, names.size(), columns, means, deviations);
            float[] values = new float[Math.multiplyExact(n, d)];
            int[] labels = new int[n];
            for (int i = 0; i < n; i++) {
                labels[i] = names.indexOf(classes.get(i));
                for (int c = 0; c < d; c++) {
                    float v = rows.get(i)[c];
                    values[i * d + c] = Float.isNaN(v) ? 0 : (float) ((v - spec.means().get(c)) / spec.deviations().get(c));
                }
            }
            Path last = file.getFileName();
            return new Table(last == null ? file.toString() : last.toString(), spec, names, values, labels, chosen, inFile);
        }

        private float value(String cell, long line, String column) {
            if (MISSING.contains(cell.trim().toLowerCase(java.util.Locale.ROOT))) return Float.NaN;
            try {
                float v = Float.parseFloat(cell.trim());
                if (Float.isFinite(v)) return v;
            } catch (NumberFormatException e) {
                // said below
            }
            String shown = cell.length() > 40 ? cell.substring(0, 40) + "..." : cell;
            throw wrong("row " + line + ", column '" + column + "': '" + shown
                + "' is not a number; a column of classes is named by data.label");
        }

        private FormatException wrong(String what) {
            return new FormatException(file.toString(), -1, what.replaceAll("\\R|\\p{Cntrl}", "?"));
        }
    }

    private static boolean number(String cell) {
        try {
            Double.parseDouble(cell.trim());
            return true;
        } catch (NumberFormatException e) {
            return false;
        }
    }

    private static boolean tenth(int row) { return (row * 0x9e3779b97f4a7c15L >>> 33) % 10 == 0; }

    @Override public String name() { return name; }

    /** Of the columns and the numbers. */
    @Override public Fingerprint fingerprint() {
        List<String> sources = new ArrayList<>(spec.columns());
        spec.means().forEach(m -> sources.add(m.toString()));
        spec.deviations().forEach(v -> sources.add(v.toString()));
        int d = spec.size();
        for (int row : rows) sources.add(Integer.toString(Arrays.hashCode(Arrays.copyOfRange(values, row * d, (row + 1) * d))));
        return Fingerprint.of(this, sources);
    }

    @Override public VectorSpec spec() { return spec; }

    @Override public int size() { return rows.length; }

    @Override public int label(int i) { return labels[rows[i]]; }

    @Override public List<String> classNames() { return classNames; }

    @Override public void values(int i, float[] out, int offset) {
        System.arraycopy(values, rows[i] * spec.size(), out, offset, spec.size());
    }

    /** The row of item i in the file, counted from 1 without the first line. */
    public int row(int i) { return inFile[rows[i]] + 1; }

    /** Whether the row of item i is one of those for training, whatever classes are left out. */
    public boolean trains(int i) { return !tenth(inFile[rows[i]]); }
}
