package io.palitra.bench.peers;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What Palitra's side wrote for the others: weights, a batch, noise; all fp32 here. */
final class Given {
    /** @param values in row-major order */
    record Array(long[] shape, float[] values) {
        /** Columns for rows, of a matrix. */
        Array transposed() {
            int rows = (int) shape[0], columns = (int) shape[1];
            float[] t = new float[values.length];
            for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) t[c * rows + r] = values[r * columns + c];
            return new Array(new long[] {columns, rows}, t);
        }

        /** [B,...] to [B,D]. */
        Array flat() { return new Array(new long[] {shape[0], values.length / shape[0]}, values); }
    }

    private final Map<String, Array> arrays = new LinkedHashMap<>();

    Given(Path file) throws IOException {
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(all.getLong())];
        all.get(header);
        int data = all.position();
        JsonObject json = JsonParser.parseString(new String(header, StandardCharsets.UTF_8)).getAsJsonObject();
        for (String key : json.keySet()) {
            if (key.equals("__metadata__") || !json.getAsJsonObject(key).get("dtype").getAsString().equals("F32")) continue;
            JsonArray shape = json.getAsJsonObject(key).getAsJsonArray("shape");
            JsonArray at = json.getAsJsonObject(key).getAsJsonArray("data_offsets");
            float[] values = new float[(at.get(1).getAsInt() - at.get(0).getAsInt()) / Float.BYTES];
            all.position(data + at.get(0).getAsInt()).slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
            arrays.put(key, new Array(shape.asList().stream().mapToLong(e -> e.getAsLong()).toArray(), values));
        }
    }

    Array get(String key) {
        Array found = arrays.get(key);
        if (found == null) throw new IllegalArgumentException("no '" + key + "' among " + arrays.keySet());
        return found;
    }
}
