package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Picture;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
    @TempDir
    private Path folder;

    private static Object one(Map<Integer, List<Object>> message, int field) {
        assertThat(message.get(field)).as("field " + field).hasSize(1);
        return message.get(field).get(0);
    }

    private static Map<Integer, List<Object>> inner(Map<Integer, List<Object>> message, int field) {
        return EventRecords.message((byte[]) one(message, field));
    }

    private static String text(Object bytes) {
        return new String((byte[]) bytes, StandardCharsets.UTF_8);
    }

    @Test void scalarsComeBackWithTagStepAndValue() throws IOException {
        Path path;
        long now = System.currentTimeMillis() / 1000;
        try (EventFile file = EventFile.open(folder.resolve("new/tb"), 0)) {
            path = file.path();
            file.scalar("loss/total", 0, 1.5);
            file.scalar("\u043f\u043e\u0442\u0435\u0440\u0438", 3_000_000_000L, Double.NaN);
            file.scalars(7, Map.of("a", -2.0, "b", 1e-30));
            assertThat(EventRecords.read(path)).as("records are there before the file is closed").hasSize(4);
        }
        assertThat(path.getFileName().toString()).matches("events\\.out\\.tfevents\\.\\d{10}\\.[A-Za-z0-9-]+\\.\\d+\\.\\d+");
        List<Map<Integer, List<Object>>> events = EventRecords.read(path);
        assertThat(text(one(events.get(0), 3))).isEqualTo("brain.Event:2");
        assertThat((Double) one(events.get(1), 1)).isBetween(now - 1.0, now + 60.0);
        assertThat(one(events.get(1), 2)).isEqualTo(0L);
        Map<Integer, List<Object>> first = inner(inner(events.get(1), 5), 1);
        assertThat(text(one(first, 1))).isEqualTo("loss/total");
        assertThat(one(first, 2)).isEqualTo(1.5f);
        assertThat(one(events.get(2), 2)).isEqualTo(3_000_000_000L);
        Map<Integer, List<Object>> second = inner(inner(events.get(2), 5), 1);
        assertThat(text(one(second, 1))).isEqualTo("\u043f\u043e\u0442\u0435\u0440\u0438");
        assertThat(one(second, 2)).isEqualTo(Float.NaN);
        Map<String, Object> pair = new HashMap<>();
        for (Object bytes : inner(events.get(3), 5).get(1)) {
            Map<Integer, List<Object>> value = EventRecords.message((byte[]) bytes);
            pair.put(text(one(value, 1)), one(value, 2));
        }
        assertThat(pair).isEqualTo(Map.of("a", -2f, "b", 1e-30f));
    }

    @Test void picturesComeBackAsPng() throws IOException {
        Picture picture = PngTest.noise(3, 5, 9, 4);
        Path path;
        try (EventFile file = EventFile.open(folder, 0)) {
            path = file.path();
            file.image("samples", 12, picture);
        }
        Map<Integer, List<Object>> value = inner(inner(EventRecords.read(path).get(1), 5), 1);
        assertThat(text(one(value, 1))).isEqualTo("samples");
        Map<Integer, List<Object>> image = inner(value, 4);
        assertThat(List.of(one(image, 1), one(image, 2), one(image, 3))).isEqualTo(List.of(5L, 9L, 3L));
        assertThat(PngTest.rgb(ImageIO.read(new ByteArrayInputStream((byte[]) one(image, 4))))).isEqualTo(picture.pixels());
    }

    @Test void aResumedRunWritesAFileBehindTheOthersThatSaysWhereItBegins() throws IOException {
        byte[] before;
        Path first;
        try (EventFile file = EventFile.open(folder, 0)) {
            file.scalar("loss", 99, 1);
            first = file.path();
            before = Files.readAllBytes(first);
        }
        try (EventFile file = EventFile.open(folder, 90)) {
            Map<Integer, List<Object>> start = EventRecords.read(file.path()).get(1);
            assertThat(one(start, 2)).isEqualTo(90L);
            assertThat(one(inner(start, 7), 1)).isEqualTo(1L);
            assertThat(file.path().getFileName().toString()).isGreaterThan(first.getFileName().toString());
        }
        assertThat(Files.readAllBytes(first)).isEqualTo(before);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).hasSize(2);
        }
    }

    @Test void aRunThatBeginsAnewForgetsAllThatTheFilesBeforeHold() throws IOException {
        try (EventFile file = EventFile.open(folder, 0)) {
            assertThat(EventRecords.read(file.path())).hasSize(1);   // nothing to forget
            file.scalar("loss", 0, 1);
        }
        try (EventFile file = EventFile.open(folder, 0)) {
            Map<Integer, List<Object>> start = EventRecords.read(file.path()).get(1);
            assertThat(one(start, 2)).isEqualTo(0L);
            assertThat(one(inner(start, 7), 1)).isEqualTo(1L);
        }
    }

    @Test void negativeStepsAreRefused() {
        try (EventFile file = EventFile.open(folder, 0)) {
            assertThatThrownBy(() -> file.scalar("a", -1, 0)).hasMessage("illegal step: -1, must be at least 0");
        }
        assertThatThrownBy(() -> EventFile.open(folder, -5)).hasMessage("illegal firstStep: -5, must be at least 0");
    }
}
