package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads event files back, by the format alone. */
public final class EventRecords {
    private EventRecords() {}

    /** The events of a file, each as field number to values; checks lengths and checksums on the way. */
    public static List<Map<Integer, List<Object>>> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<Map<Integer, List<Object>>> events = new ArrayList<>();
        while (in.hasRemaining()) {
            byte[] head = new byte[8];
            in.get(head);
            assertThat(in.getInt()).isEqualTo(masked(head));
            byte[] data = new byte[Math.toIntExact(ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong())];
            in.get(data);
            assertThat(in.getInt()).isEqualTo(masked(data));
            events.add(message(data));
        }
        return events;
    }

    /** CRC-32C bit by bit (polynomial 0x1EDC6F41, reflected), and the mask TensorFlow puts on it. */
    private static int masked(byte[] bytes) {
        int crc = -1;
        for (byte b : bytes) {
            crc ^= b & 0xff;
            for (int k = 0; k < 8; k++) crc = (crc & 1) != 0 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
        }
        crc = ~crc;
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }

    /** The fields of a protocol buffer, by their numbers. */
    public static Map<Integer, List<Object>> message(byte[] bytes) {
        Map<Integer, List<Object>> fields = new HashMap<>();
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            long key = varint(in);
            Object value;
            switch ((int) key & 7) {
                case 0 -> value = varint(in);
                case 1 -> value = in.getDouble();
                case 5 -> value = in.getFloat();
                case 2 -> {
                    byte[] part = new byte[Math.toIntExact(varint(in))];
                    in.get(part);
                    value = part;
                }
                default -> throw new AssertionError("wire type " + (key & 7));
            }
            fields.computeIfAbsent((int) (key >>> 3), k -> new ArrayList<>()).add(value);
        }
        return fields;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = in.get();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) return value;
        }
    }
}
