package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.Picture;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file, only ever appended to: scalars and pictures by step. Each record reaches the operating system before the call
 * returns. A resumed run opens a new file in the same folder; TensorBoard reads both, and drops what the first has at or after the step
 * where the second begins.
 * Record: {@code u64 length | u32 masked CRC32C of it | event | u32 masked CRC32C of it}, little endian; the events are protocol buffers.
 */
public final class EventFile implements Closeable {
    private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.(\\d{10,15})\\..*");

    private final Path path;
    private final FileChannel channel;

    private EventFile(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /**
     * Opens a new file that sorts behind those already in the folder, which is made where there is none.
     *
     * @param firstStep the first step that will be written: 0 for a new run, else the step a run resumes at
     * @throws java.io.UncheckedIOException where the disk refuses
     */
    public static EventFile open(Path folder, long firstStep) {
        if (firstStep < 0) throw new ArgumentException("illegal firstStep: " + firstStep + ", must be at least 0");
        try {
            Files.createDirectories(folder);
            long newest = newest(folder), seconds = Math.max(System.currentTimeMillis() / 1000, newest + 1);
            for (int uid = 0; ; uid++) {
                long pid = ProcessHandle.current().pid();
                Path path = folder.resolve(String.format(Locale.ROOT, "events.out.tfevents.%010d.%s.%d.%d", seconds, host(), pid, uid));
                try {
                    FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                    EventFile file = new EventFile(path, channel);
                    file.begin(firstStep, newest > 0);
                    return file;
                } catch (FileAlreadyExistsException e) {
                    continue;                                      // another run took this name just now
                }
            }
        } catch (IOException e) {
            throw WholeFile.failed("open an event file in", folder, e);
        }
    }

    public Path path() {
        return path;
    }

    /** One value; NaN and infinities are kept, as 32-bit floats. */
    public void scalar(String tag, long step, double value) {
        scalars(step, Map.of(tag, value));
    }

    /** Several values of one step in one record. Tags with a slash, such as {@code loss/kl}, are shown as a group. */
    public void scalars(long step, Map<String, Double> values) {
        Message summary = new Message();
        new LinkedHashMap<>(values).forEach((tag, value) ->
                summary.bytes(1, new Message().text(1, tag).float32(2, value.floatValue())));
        append(event(step).bytes(5, summary));
    }

    /** A picture, stored as PNG. */
    public void image(String tag, long step, Picture picture) {
        Message image = new Message().varint(1, picture.height()).varint(2, picture.width())
                .varint(3, picture.channels()).bytes(4, Png.encode(picture, Map.of()));
        append(event(step).bytes(5, new Message().bytes(1, new Message().text(1, tag).bytes(4, image))));
    }

    @Override public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw WholeFile.failed("close", path, e);
        }
    }

    private void begin(long firstStep, boolean goesOn) {
        append(event(0).text(3, "brain.Event:2").bytes(10, new Message().text(1, "palitra")));
        // SessionLog START: this step and later ones of earlier files are void, also when a run begins anew
        if (firstStep > 0 || goesOn) append(event(firstStep).bytes(7, new Message().varint(1, 1)));
    }

    private static Message event(long step) {
        if (step < 0) throw new ArgumentException("illegal step: " + step + ", must be at least 0");
        return new Message().float64(1, System.currentTimeMillis() / 1000.0).varint(2, step);
    }

    private void append(Message event) {
        byte[] data = event.out.toByteArray();
        ByteBuffer record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(masked(record.array(), 0, 8)).put(data);
        record.putInt(masked(record.array(), 12, data.length)).flip();
        try {
            while (record.hasRemaining()) channel.write(record);
        } catch (IOException e) {
            throw WholeFile.failed("append to", path, e);
        }
    }

    private static int masked(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
    }

    private static long newest(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> NAME.matcher(f.getFileName().toString())).filter(Matcher::matches)
                    .mapToLong(m -> Long.parseLong(m.group(1))).max().orElse(0);
        }
    }

    private static String host() {
        // not InetAddress: asking a name server may take seconds, and the name is only for people
        String host = System.getenv().getOrDefault("HOSTNAME", System.getenv().getOrDefault("COMPUTERNAME", ""));
        String safe = host.replaceAll("[^A-Za-z0-9-]", "-");
        return safe.isEmpty() ? "localhost" : safe;
    }

    /** A protocol buffer message as it is built, field by field. */
    private static final class Message {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Message varint(int field, long value) {
            put((long) field << 3);
            put(value);
            return this;
        }

        Message float64(int field, double value) {
            put((long) field << 3 | 1);
            out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
            return this;
        }

        Message float32(int field, float value) {
            put((long) field << 3 | 5);
            out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
            return this;
        }

        Message text(int field, String value) {
            return bytes(field, value.getBytes(StandardCharsets.UTF_8));
        }

        Message bytes(int field, Message value) {
            return bytes(field, value.out.toByteArray());
        }

        Message bytes(int field, byte[] value) {
            put((long) field << 3 | 2);
            put(value.length);
            out.writeBytes(value);
            return this;
        }

        private void put(long value) {
            long left = value;
            while ((left & ~0x7fL) != 0) {
                out.write((int) (left & 0x7f | 0x80));
                left >>>= 7;
            }
            out.write((int) left);
        }
    }
}
