package io.palitra.server;

import io.palitra.config.ConfigException;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Midi;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Pictures that callers handed in, each decoded and written anew, so that nothing but its pixels is left, and scores, MIDI files that were
 * read once and are kept as they are. They are known by ids that nobody can guess, and are deleted a day after they were last used. Any
 * thread may call.
 */
final class Uploads {
    static final int MOST_BYTES = 32 << 20;
    /** How the name of a score ends. */
    static final String NOTES = ".mid";
    static final List<String> SCORES = List.of("audio/midi", "audio/x-midi", "audio/mid");
    private static final int MOST_NOTES = 4 << 20;
    private static final Limits LIMITS = new Limits(Limits.DEFAULT.pixels(), Limits.DEFAULT.side(), Limits.DEFAULT.ratio(), MOST_BYTES,
        Limits.DEFAULT.arrayBytes(), Limits.DEFAULT.entries(), Limits.DEFAULT.depth(), Limits.DEFAULT.millis());
    private static final Duration DAY = Duration.ofDays(1);

    /** What a type of the answer begins with. */
    private static final Map<String, String> BEGINS = Map.of("image/png", "89504e470d0a1a0a", "image/jpeg", "ffd8ff",
        "image/webp", "52494646........57454250", "image/gif", "47494638", "image/bmp", "424d");

    private record Held(Path file, long bytes) {}

    private final Path folder;
    private final Map<String, Held> held = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();

    /** @throws ConfigException for a folder that cannot be made or read */
    Uploads(Path jobs) {
        folder = jobs.resolve("uploads");
        try {
            Files.createDirectories(folder);
            List<Path> there;
            try (Stream<Path> all = Files.list(folder)) {
                there = all.filter(f -> f.getFileName().toString().matches("[0-9a-f]{32}\\.(png|mid)"))
                    .filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).toList();
            }
            for (Path file : there) held.put(file.getFileName().toString().substring(0, 32), new Held(file, Files.size(file)));
        } catch (IOException e) {
            throw new ConfigException("jobs", "the folder of uploads in jobs= cannot be made or read", e);
        }
    }

    /** @param id a name for it in requests @param notes what was read otherwise than one may think */
    record Upload(String id, int width, int height, List<String> notes) {}

    /**
     * Keeps a picture.
     *
     * @param type of what the caller says that it is
     * @param mask whether transparent parts are black, as in masks, and not white
     * @throws Refused for what is no such picture, or too large
     */
    synchronized Upload add(byte[] bytes, String type, boolean mask) {
        String wanted = BEGINS.get(type);
        if (wanted == null) {
            throw new Refused(415, "no_picture", "", "pictures are taken, as PNG, JPEG, WebP, GIF or BMP, and scores, as MIDI, with their "
                + "Content-Type, such as image/png or audio/midi");
        }
        String begin = HexFormat.of().formatHex(bytes, 0, Math.min(bytes.length, wanted.length() / 2));
        if (!begin.matches(wanted)) throw new Refused(422, "bad_picture", "", "the body is not what its type says, " + type);
        Picture picture;
        List<String> notes = new ArrayList<>();
        try {
            picture = mask ? Pictures.mask(bytes, "the picture", LIMITS, notes::add)
                : Pictures.read(bytes, "the picture", LIMITS, notes::add);
        } catch (FormatException e) {
            // what decoders of others say is not for callers
            throw new Refused(422, "bad_picture", "", e.getCause() == null ? String.valueOf(e.getMessage()) : "the picture is damaged");
        } catch (CancellationException e) {
            throw new Refused(503, "closing", "", "the server is closing");
        }
        String id = newId();
        Path file = folder.resolve(id + ".png");
        try {
            Png.write(file, picture, Map.of());
            held.put(id, new Held(file, Files.size(file)));
        } catch (IOException | RuntimeException e) {
            throw new Refused(507, "no_room", "", "the picture cannot be written");
        }
        return new Upload(id, picture.width(), picture.height(), List.copyOf(notes));
    }

    private String newId() {
        byte[] id = new byte[16];
        random.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    /** A score that was handed in. @param steps sixteenths */
    record Piece(String id, int steps) {}

    /** Keeps a score. @throws Refused for what is no MIDI file with notes, or too large */
    synchronized Piece addScore(byte[] bytes) {
        if (bytes.length > MOST_NOTES) throw new Refused(413, "too_large", "", "a score has at most " + (MOST_NOTES >> 20) + " MiB");
        String id = newId();
        Path file = folder.resolve(id + NOTES);
        try {
            Files.write(file, bytes);
            int steps = Midi.melody(file).steps();
            held.put(id, new Held(file, bytes.length));
            return new Piece(id, steps);
        } catch (FormatException e) {
            delete(file);
            throw new Refused(422, "bad_score", "", String.valueOf(e.getMessage()).replace(file.toString(), "the score"));
        } catch (IOException e) {
            delete(file);
            throw new Refused(507, "no_room", "", "the score cannot be written");
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            Notes.common().accept("an upload that was refused cannot be deleted");
        }
    }

    /** The file of an upload, which from now on is kept for another day. */
    Optional<Path> named(String id) {
        Held one = held.get(id);
        if (one == null || !Files.isRegularFile(one.file, LinkOption.NOFOLLOW_LINKS)) return Optional.empty();
        try {
            Files.setLastModifiedTime(one.file, FileTime.fromMillis(System.currentTimeMillis()));
        } catch (IOException e) {
            // it ends earlier then
        }
        return Optional.of(one.file);
    }

    /** Bytes of all. */
    long bytes() { return held.values().stream().mapToLong(Held::bytes).sum(); }

    /**
     * Deletes those that were not used for a day, and the longest unused where they take more room than that.
     *
     * @param room bytes
     * @param used whether a job that has not ended names an upload
     */
    void sweep(long room, Predicate<String> used) {
        long old = System.currentTimeMillis() - DAY.toMillis(), taken = bytes();
        SortedMap<Long, List<String>> byAge = new TreeMap<>();
        held.forEach((id, one) -> byAge.computeIfAbsent(touched(one.file), t -> new ArrayList<>()).add(id));
        for (Map.Entry<Long, List<String>> e : byAge.entrySet()) {
            for (String id : e.getValue()) {
                if (e.getKey() > old && taken <= room) return;
                if (used.test(id)) continue;
                Held one = held.remove(id);
                if (one == null) continue;
                taken -= one.bytes;
                try {
                    Files.deleteIfExists(one.file);
                } catch (IOException fault) {
                    Notes.common().accept("an old upload cannot be deleted");
                }
            }
        }
    }

    /** In milliseconds; of a file that is gone long ago. */
    private static long touched(Path file) {
        try {
            return Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).toMillis();
        } catch (IOException e) {
            return 0;
        }
    }
}
