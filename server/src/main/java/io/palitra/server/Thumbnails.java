package io.palitra.server;

import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Small forms of pictures, the last used of them in memory. One is made at a time: processors are for jobs. */
final class Thumbnails {
    static final int LEAST = 16, MOST = 1024;
    private static final int KEPT = 500;
    private static final long KEPT_BYTES = 64L << 20;
    /** Of a strip that is much higher than it is wide the upper part is shown. */
    private static final int HIGH = 4;

    private final Map<String, byte[]> made = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /**
     * @param wide pixels, at most; a narrower picture is as it is
     * @throws io.palitra.data.FormatException for what is no picture
     */
    synchronized byte[] of(Path file, int wide) throws IOException {
        String key = wide + " " + Files.getLastModifiedTime(file).toMillis() + " " + file;
        byte[] there = made.get(key);
        if (there != null) return there;
        byte[] png = Png.encode(small(Pictures.read(Files.readAllBytes(file), "the file", Limits.DEFAULT), wide), Map.of());
        made.put(key, png);
        bytes += png.length;
        while (made.size() > KEPT || bytes > KEPT_BYTES && made.size() > 1) {
            Map.Entry<String, byte[]> oldest = made.entrySet().iterator().next();
            bytes -= oldest.getValue().length;
            made.remove(oldest.getKey());
        }
        return png;
    }

    private static Picture small(Picture p, int wide) {
        int width = Math.min(wide, p.width());
        Picture cut = p.height() <= (long) HIGH * p.width() ? p : upper(p, HIGH * p.width());
        if (width == cut.width()) return cut;
        return Pictures.resize(cut, Math.max(1, Math.round((float) cut.height() * width / cut.width())), width);
    }

    private static Picture upper(Picture p, int height) {
        byte[] pixels = new byte[p.channels() * height * p.width()];
        for (int c = 0; c < p.channels(); c++) {
            System.arraycopy(p.pixels(), c * p.height() * p.width(), pixels, c * height * p.width(), height * p.width());
        }
        return new Picture(p.channels(), height, p.width(), pixels);
    }
}
