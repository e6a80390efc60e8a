package io.palitra.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.RuntimeJsonMappingException;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Ordered;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A CSV file of numbers: a first line with the names of its columns, then a row for each item. One column may name the class; a row with
 * nothing there has none. Each other column is made standard by its mean and deviation in the rows for training, in doubles until then; an
 * empty cell, NA, NaN, null or ? counts as the mean. Numbers are digits with at most one point, a sign and an exponent. About a tenth of
 * the rows, by their number, are for testing.
 */
public final class Table implements VectorDataset {
    private static final Set<String> MISSING = Ordered.set("", "na", "n/a", "nan", "null", "?");
    private static final int MOST_COLUMNS = 4096;
    private static final long MOST_NUMBERS = 1L << 28;
    private static final int FEWEST = 10;
    /** Characters in the name of a column or a class; a run's configuration holds them all. */
    private static final int LONGEST_NAME = 200;
    private static final int MOST_CLASSES = 10_000;
    /** Size of a number: the squares of as many as are read have a sum. */
    private static final double LARGEST = 1e100;
    /** What people write, without what Java adds to it: 1f, 12D, 0x1p3, Infinity. Nothing is tried twice, however long a cell is. */
    private static final Pattern NUMBER = Pattern.compile("[+-]?+(?:[0-9]++(?:\\.[0-9]*+)?+|\\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+");
    /** Digits with a decimal comma, or with something between the thousands. */
    private static final Pattern GROUPED = Pattern.compile("[+-]?[0-9]+(?:[.,' _\\u00A0\\u2009\\u202F][0-9]+)+(?:[eE][+-]?[0-9]+)?");
    private static final int SHOWN = 40;
    private static final double[] NONE = {};

    private final String name;
    private final VectorSpec spec;
    private final List<String> classNames;
    private final float[] values;
    private final int[] labels;
    private final int[] rows;
    private final int[] inFile;
    private final String raw;
    private final List<String> notes;

    private Table(String name, VectorSpec spec, List<String> classNames, float[] values, int[] labels, int[] rows, int[] inFile, String raw,
            List<String> notes) {
        this.name = name;
        this.spec = spec;
        this.classNames = classNames;
        this.values = values;
        this.labels = labels;
        this.rows = rows;
        this.inFile = inFile;
        this.raw = raw;
        this.notes = notes;
    }

    /** Whether a path is taken for a table. */
    static boolean named(Path path) { return path.toString().toLowerCase(Locale.ROOT).endsWith(".csv"); }

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
            for (int i = 0; i < header.length; i++) name(header[i], "column " + (i + 1) + " is called by");
            if (all.stream().allMatch(c -> !Double.isNaN(number(c.trim())))) {
                throw wrong("begins with numbers; a table begins with a line of column names");
            }
            if (new LinkedHashSet<>(all).size() < all.size()) throw wrong("names a column twice: " + shown(all));
            int label = options.label().isEmpty() ? -1 : all.indexOf(options.label());
            if (!options.label().isEmpty() && label < 0 && like == null) {
                throw new ArgumentException("no column '" + options.label() + "' in " + file + "; there are " + shown(all)
                    + InWords.didYouMean(options.label(), all));
            }
            List<String> wanted = like != null ? like.columns() : all.stream().filter(c -> !c.equals(options.label())).toList();
            for (String c : wanted) if (!all.contains(c)) throw wrong("has no column '" + c + "', which the model was trained on");
            if (wanted.isEmpty()) throw wrong("has no column of numbers");
            int[] from = wanted.stream().mapToInt(all::indexOf).toArray();
            String hint = header.length == 1 && (header[0].indexOf(';') >= 0 || header[0].indexOf('\t') >= 0)
                ? "; columns are separated by commas" : "";
            List<double[]> rows = new ArrayList<>();
            List<String> classes = new ArrayList<>();
            List<Integer> inFile = new ArrayList<>();
            Set<String> names = new TreeSet<>();
            for (int line = 2; lines.hasNextValue(); line++) {
                String[] cells = lines.nextValue();
                if (cells.length != header.length) {
                    throw wrong("row " + line + " has " + cells.length + " cells, the first line names " + header.length + " columns"
                        + hint);
                }
                String own = label < 0 ? "" : cells[label].trim();
                if (options.except().contains(own)) continue;
                if ((rows.size() + 1L) * from.length > MOST_NUMBERS) throw wrong("has more than " + MOST_NUMBERS + " numbers");
                double[] row = new double[from.length];
                for (int i = 0; i < from.length; i++) row[i] = value(cells[from[i]], line, wanted.get(i), hint);
                rows.add(row);
                classes.add(own);
                inFile.add(line - 2);
                if (own.isEmpty() || !names.add(own)) continue;
                name(own, "row " + line + " has a class of");
                if (names.size() > MOST_CLASSES) {
                    throw wrong("column '" + options.label() + "' names more than " + MOST_CLASSES + " classes");
                }
            }
            if (rows.isEmpty()) throw wrong("has no rows");
            if (label >= 0 && names.isEmpty() && like == null) throw wrong("column '" + options.label() + "' names no class in any row");
            return table(wanted, rows, inFile.stream().mapToInt(i -> i).toArray(), classes, List.copyOf(names), label >= 0, split);
        }

        /** @param rows are let go of one by one */
        private Table table(List<String> columns, List<double[]> rows, int[] inFile, List<String> classes, List<String> names,
                boolean labelled, @Nullable Split split) {
            int n = rows.size(), d = columns.size();
            boolean divided = n >= FEWEST;
            int[] train = IntStream.range(0, n).filter(i -> !divided || !tenth(inFile[i])).toArray();
            int[] chosen = split == null ? IntStream.range(0, n).toArray() : split == Split.TRAIN ? train
                : IntStream.range(0, n).filter(i -> divided && tenth(inFile[i])).toArray();
            if (chosen.length == 0) throw wrong("has " + n + " rows, too few for a test part; " + FEWEST + " are enough");
            List<Double> means = new ArrayList<>(), deviations = new ArrayList<>();
            for (int c = 0; c < d && like == null; c++) {
                double[] all = column(rows, train, c);
                if (all.length == 0) throw wrong("column '" + columns.get(c) + "' holds no number in the rows for training");
                double mean = mean(all);
                means.add(mean);
                deviations.add(deviation(all, mean));
            }
            VectorSpec spec = like != null ? new VectorSpec(d, names.size(), columns, like.means(), like.deviations())
                : new VectorSpec(d, names.size(), columns, means, deviations);
            String raw = hash(rows, chosen);
            Map<String, Integer> numbers = new LinkedHashMap<>();
            for (String c : names) numbers.put(c, numbers.size());
            float[] values = new float[Math.multiplyExact(n, d)];
            int[] labels = new int[n];
            int unlabelled = 0;
            for (int i = 0; i < n; i++) {
                labels[i] = numbers.getOrDefault(classes.get(i), -1);
                if (labels[i] < 0) unlabelled++;
                double[] row = rows.set(i, NONE);
                for (int c = 0; c < d; c++) {
                    if (Double.isNaN(row[c])) continue;
                    float v = (float) ((row[c] - spec.means().get(c)) / spec.deviations().get(c));
                    if (!Float.isFinite(v)) {
                        throw wrong("row " + (inFile[i] + 2) + ", column '" + columns.get(c) + "': " + row[c] + " is more than "
                            + Float.MAX_VALUE + " deviations off the mean " + spec.means().get(c));
                    }
                    values[i * d + c] = v;
                }
            }
            Path last = file.getFileName();
            String name = last == null ? file.toString() : last.toString();
            List<String> notes = !labelled || unlabelled == 0 ? List.of() : List.of(unlabelled + " of " + n + " rows of '" + name
                + "' have nothing in column '" + options.label() + "': they are of no class");
            return new Table(name, spec, names, values, labels, chosen, inFile, raw, notes);
        }

        private double value(String cell, long line, String column, String hint) {
            String text = cell.trim();
            if (MISSING.contains(text.toLowerCase(Locale.ROOT))) return Double.NaN;
            double v = number(text);
            if (Math.abs(v) <= LARGEST) return v;
            String shown = text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text;
            String where = "row " + line + ", column '" + column + "': '" + shown + "' is not a number";
            if (!Double.isNaN(v)) throw wrong(where + " of at most " + LARGEST + " in size");
            if (text.length() <= SHOWN && GROUPED.matcher(text).matches()) {
                throw wrong(where + " as they are read: with a point before the fraction and nothing between the thousands, as 1234.5");
            }
            throw wrong(where + (hint.isEmpty() ? "; a column of classes is named by data.label" : hint));
        }

        private void name(String name, String what) {
            if (name.length() <= LONGEST_NAME) return;
            throw wrong(what + " " + name.length() + " characters, at most " + LONGEST_NAME + " are read: '" + name.substring(0, SHOWN)
                + "...'");
        }

        private FormatException wrong(String what) {
            return new FormatException(file.toString(), -1, what.replaceAll("\\R|\\p{Cntrl}", "?"));
        }
    }

    /** NaN for what is no number. */
    private static double number(String text) {
        return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    }

    /** To twenty, then how many. */
    private static String shown(List<String> names) {
        return names.size() <= 20 ? InWords.list(names) : InWords.list(names.subList(0, 20)) + " and " + (names.size() - 20) + " more";
    }

    /** The numbers of a column that are there. */
    private static double[] column(List<double[]> rows, int[] of, int c) {
        return Arrays.stream(of).mapToDouble(i -> rows.get(i)[c]).filter(v -> !Double.isNaN(v)).toArray();
    }

    /** What the first sum rounds off, a second one brings back; equal numbers have themselves as mean. */
    private static double mean(double[] all) {
        double mean = 0, rest = 0;
        for (double v : all) mean += v;
        mean /= all.length;
        for (double v : all) rest += v - mean;
        return Arrays.stream(all).allMatch(v -> v == all[0]) ? all[0] : mean + rest / all.length;
    }

    /** 1 for equal numbers. */
    private static double deviation(double[] all, double mean) {
        double most = 0, square = 0;
        for (double v : all) most = Math.max(most, Math.abs(v - mean));
        if (most == 0) return 1;
        for (double v : all) square += (v - mean) / most * ((v - mean) / most);
        double deviation = most * Math.sqrt(square / all.length);
        return deviation > 0 ? deviation : 1;
    }

    /** SHA-256 of the numbers as the file has them. */
    private static String hash(List<double[]> rows, int[] chosen) {
        MessageDigest sha = Fingerprint.sha256();
        for (int i : chosen) {
            ByteBuffer bytes = ByteBuffer.allocate(8 * rows.get(i).length);
            for (double v : rows.get(i)) bytes.putLong(Double.doubleToLongBits(v));
            sha.update(bytes.flip());
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    private static boolean tenth(int row) { return (row * 0x9e3779b97f4a7c15L >>> 33) % 10 == 0; }

    @Override public String name() { return name; }

    /** Of the columns, what they are made standard by, and the numbers as the file has them. */
    @Override public Fingerprint fingerprint() {
        List<String> sources = new ArrayList<>(spec.columns());
        spec.means().forEach(m -> sources.add(m.toString()));
        spec.deviations().forEach(v -> sources.add(v.toString()));
        sources.add(raw);
        return Fingerprint.of(this, sources);
    }

    @Override public List<String> notes() { return notes; }

    @Override public VectorSpec spec() { return spec; }

    @Override public int size() { return rows.length; }

    @Override public int label(int i) { return labels[rows[i]]; }

    @Override public List<String> classNames() { return classNames; }

    @Override public void values(int i, float[] out, int offset) {
        System.arraycopy(values, rows[i] * spec.size(), out, offset, spec.size());
    }

    /** The row of item i in the file, counted from 1 without the first line. */
    @Override public int number(int i) { return inFile[rows[i]] + 1; }

    @Override public String source(int i) { return String.valueOf(number(i)); }

    /** Whether the row of item i is one of those for training, whatever classes are left out. */
    public boolean trains(int i) { return inFile.length < FEWEST || !tenth(inFile[rows[i]]); }
}
