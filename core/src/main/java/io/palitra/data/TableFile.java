package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

/** Points as a table that {@link Table} reads: a line of column names, a row for each, numbers in the units of the columns. */
public final class TableFile {
    /** Digits of a standardised number behind its point: as many as a float of about 1 has. */
    private static final int DIGITS = 8;

    private TableFile() {}

    /**
     * Writes a table, whole or not at all.
     *
     * @param spec whose means and deviations the numbers get back; numbers without names are x and y, or x1, x2, ...
     * @param values standardised, row by row, [rows x spec.size()]
     * @param label name of a last column that holds the classes
     * @param classes one for each row; empty for a table without that column
     * @throws IllegalArgumentException for a value that is not finite
     */
    public static void write(Path file, VectorSpec spec, float[] values, String label, List<String> classes) throws IOException {
        int d = spec.size(), n = values.length / d;
        List<String> columns = new ArrayList<>(spec.columns());
        if (columns.isEmpty()) columns.addAll(d == 2 ? List.of("x", "y") : IntStream.rangeClosed(1, d).mapToObj(i -> "x" + i).toList());
        if (!classes.isEmpty()) columns.add(label);
        Path fresh = file.resolveSibling("." + UUID.randomUUID() + ".tmp");
        try {
            try (BufferedWriter out = Files.newBufferedWriter(fresh, StandardCharsets.UTF_8)) {
                out.write(String.join(",", columns.stream().map(TableFile::quoted).toList()) + "\n");
                for (int i = 0; i < n; i++) {
                    StringBuilder row = new StringBuilder();
                    for (int c = 0; c < d; c++) row.append(c == 0 ? "" : ",").append(number(values[i * d + c], spec, i, c));
                    if (!classes.isEmpty()) row.append(',').append(quoted(classes.get(i)));
                    out.write(row.append('\n').toString());
                }
            }
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static String number(float z, VectorSpec spec, int row, int column) {
        if (!Float.isFinite(z)) throw new ArgumentException("number " + column + " of sample " + row + " is not finite: " + z);
        boolean named = !spec.columns().isEmpty();
        double deviation = named ? spec.deviations().get(column) : 1, mean = named ? spec.means().get(column) : 0;
        int places = Math.max(0, DIGITS - (int) Math.floor(Math.log10(deviation)));
        BigDecimal v = new BigDecimal(z * deviation + mean).setScale(places, RoundingMode.HALF_EVEN).stripTrailingZeros();
        return v.scale() > 2 * DIGITS || v.precision() - v.scale() > 2 * DIGITS ? v.toString() : v.toPlainString();
    }

    private static String quoted(String cell) {
        boolean plain = !cell.isEmpty() && cell.equals(cell.strip()) && cell.chars().noneMatch(c -> c == ',' || c == '"' || c < ' ');
        return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
    }
}
