package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sound.midi.InvalidMidiDataException;
import javax.sound.midi.MetaMessage;
import javax.sound.midi.MidiEvent;
import javax.sound.midi.MidiMessage;
import javax.sound.midi.MidiSystem;
import javax.sound.midi.Sequence;
import javax.sound.midi.ShortMessage;
import javax.sound.midi.Track;

/**
 * Standard MIDI files and scores. The JDK reads and writes them; before it reads, every declared length is checked against the bytes that
 * are there, because it makes room for what a file declares. Times are rounded to sixteenths; drums (channel 10), loudness, pedals and
 * changes of tempo are passed over. A note that is struck again while it sounds is one held note. Four voices are ordered by the names of
 * their tracks, where these are those of a choir, and else by their average pitch.
 */
public final class Midi {
    /** Bytes of a file, tracks, events in all, and sixteenths: what takes part in no piece for four voices is above them. */
    static final int MOST_BYTES = 4 << 20, MOST_TRACKS = 64, MOST_EVENTS = 500_000, MOST_STEPS = 1 << 14;
    /** Quarters a minute. */
    private static final int SLOWEST = 4, FASTEST = 1000;
    private static final int HEADER = 14, DRUMS = 9, TICKS = 480, QUARTER = 4;
    private static final int TEMPO = 0x51, NAME = 0x03, METRE = 0x58;
    private static final List<String> NAMES = List.of("Soprano", "Alto", "Tenor", "Bass");
    /** Names of tracks by which voices are known, from the highest voice down. */
    private static final List<List<String>> KNOWN = List.of(List.of("soprano", "s", "сопрано"), List.of("alto", "a", "альт"),
        List.of("tenor", "t", "тенор"), List.of("bass", "b", "бас"));
    /** Flute, oboe, clarinet, bassoon, by General MIDI's numbers from 0. */
    private static final int[] PROGRAMS = {73, 68, 71, 70};

    private Midi() {}

    /** Whether a path is taken for a MIDI file. */
    public static boolean named(Path path) {
        String name = path.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".mid") || name.endsWith(".midi");
    }

    /**
     * A score, and what its file says beside the notes.
     *
     * @param tempo quarters a minute at the beginning; empty where the file says none
     * @param steady whether that is the only tempo
     * @param notes what is read otherwise than one may think, a line each
     */
    public record Read(Score score, OptionalDouble tempo, boolean steady, List<String> notes) {}

    /** All that is read of a file. @param lines by their average pitch, the highest first */
    private record Contents(List<Line> lines, OptionalDouble tempo, boolean steady, List<String> notes) {
        Read of(Score score) { return new Read(score, tempo, steady, List.copyOf(notes)); }
    }

    /** Notes of one track and channel, [from, to, pitch] in sixteenths. @param place in the file @param called the name of the track */
    private record Line(int place, String called, List<int[]> notes) {
        double mean() { return notes.stream().mapToInt(n -> n[2]).average().orElse(0); }

        /** Most notes at once. */
        int width(int steps) { return Arrays.stream(counts(steps)).max().orElse(0); }

        private int[] counts(int steps) {
            int[] counts = new int[steps];
            for (int[] n : notes) for (int t = n[0]; t < n[1]; t++) counts[t]++;
            return counts;
        }

        /** The highest so many notes of each step, from above. */
        List<int[]> chords(int steps, int most) {
            List<List<Integer>> at = new ArrayList<>();
            for (int t = 0; t < steps; t++) at.add(new ArrayList<>());
            for (int[] n : notes) for (int t = n[0]; t < n[1]; t++) at.get(t).add(n[2]);
            return at.stream().map(c -> c.stream().sorted(Comparator.reverseOrder()).limit(most).mapToInt(p -> p).toArray()).toList();
        }
    }

    /**
     * Reads a file as a score of so many voices: as many tracks or channels with notes, or fewer of them that have several notes at once.
     *
     * @throws FormatException for a file that is damaged, too large, or of another number of voices
     */
    public static Score read(Path file, int voices) { return read(bytes(file), file.toString(), voices).score; }

    /** As {@link #read(Path, int)}, with what the file says beside. */
    public static Read whole(Path file, int voices) { return read(bytes(file), file.toString(), voices); }

    /** The highest voice of a file, whatever else it holds. @throws FormatException for a file that is damaged or holds no note */
    public static Score melody(Path file) { return highest(file).score; }

    /** As {@link #melody}, with what the file says beside. */
    public static Read highest(Path file) {
        String name = file.toString();
        Contents read = contents(bytes(file), name);
        List<Line> lines = read.lines;
        int steps = steps(lines);
        int[][] top = new int[steps][1];
        for (int[] step : top) step[0] = Score.REST;
        Line first = lines.get(0);
        List<int[]> chords = first.chords(steps, 1);
        for (int t = 0; t < steps; t++) if (chords.get(t).length > 0) top[t][0] = chords.get(t)[0];
        return read.of(new Score(top));
    }

    /** What a file holds, by names for a person: its voices, bars, tempo, and what is left out. @throws FormatException as {@link #read} */
    public static Map<String, String> about(Path file) {
        Contents read = contents(bytes(file), file.toString());
        int steps = steps(read.lines);
        Map<String, String> about = new LinkedHashMap<>();
        for (int i = 0; i < read.lines.size(); i++) {
            Line line = read.lines.get(i);
            about.put("voice " + (i + 1), (line.called.isEmpty() ? "" : "'" + line.called + "', ") + "notes: " + line.notes.size()
                + ", at once: " + line.width(steps) + ", pitches: " + line.notes.stream().mapToInt(n -> n[2]).min().orElseThrow() + " to "
                + line.notes.stream().mapToInt(n -> n[2]).max().orElseThrow());
        }
        about.put("bars", String.valueOf((steps + ScoreItems.BAR - 1) / ScoreItems.BAR) + " of " + ScoreItems.BAR + " sixteenths");
        about.put("tempo", read.tempo.isEmpty() ? "none is written" : read.tempo.getAsDouble() + " quarters a minute"
            + (read.steady ? "" : ", changes"));
        for (int i = 0; i < read.notes.size(); i++) about.put("note " + (i + 1), read.notes.get(i).substring(file.toString().length() + 2));
        return about;
    }

    private static byte[] bytes(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(MOST_BYTES + 1);
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    static Read read(byte[] bytes, String name, int voices) {
        Contents read = contents(bytes, name);
        List<Line> lines = ordered(read, name, voices);
        if (lines.size() > voices) {
            throw new FormatException(name, -1, "has notes in " + lines.size() + " tracks and channels, must have " + voices + " voices");
        }
        int steps = steps(lines);
        int[] widths = lines.stream().mapToInt(l -> lines.size() == voices ? 1 : l.width(steps)).toArray();
        int all = Arrays.stream(widths).sum();
        if (all != voices) {
            throw new FormatException(name, -1, "has " + all + (all == 1 ? " voice" : " voices") + " (" + lines.size()
                + (lines.size() == 1 ? " track or channel" : " tracks or channels") + " with notes, counted by their notes at once), "
                + "must be " + voices);
        }
        int[][] pitches = new int[steps][voices];
        int first = 0;
        for (int i = 0; i < widths.length; i++) {
            Score part = Score.assigned(lines.get(i).chords(steps, widths[i]), widths[i]);
            for (int t = 0; t < steps; t++) System.arraycopy(part.pitches()[t], 0, pitches[t], first, widths[i]);
            first += widths[i];
        }
        return read.of(new Score(pitches));
    }

    /** By the names of a choir where each of four has one; else by pitch, of which a note is made where the file has another order. */
    private static List<Line> ordered(Contents read, String name, int voices) {
        List<Line> lines = read.lines;
        int[] named = lines.stream().mapToInt(l -> voice(l.called)).toArray();
        if (voices == KNOWN.size() && lines.size() == voices && Arrays.stream(named).filter(v -> v >= 0).distinct().count() == voices) {
            return lines.stream().sorted(Comparator.comparingInt(l -> voice(l.called))).toList();
        }
        List<Integer> places = lines.stream().map(Line::place).toList(), inFile = places.stream().sorted().toList();
        if (!places.equals(inFile)) {
            read.notes.add(name + ": its voices are not named soprano, alto, tenor and bass, and are ordered by their average pitch: "
                + "those of the file are, from the highest, " + String.join(", ", places.stream()
                .map(p -> "" + (inFile.indexOf(p) + 1)).toList()));
        }
        return lines;
    }

    /** From 0, the highest; -1 where a track is not called as one of a choir is. */
    private static int voice(String called) {
        for (int v = 0; v < KNOWN.size(); v++) if (KNOWN.get(v).contains(called)) return v;
        return -1;
    }

    private static int steps(List<Line> lines) {
        return lines.stream().flatMap(l -> l.notes.stream()).mapToInt(n -> n[1]).max().orElseThrow();
    }

    private static Contents contents(byte[] bytes, String name) {
        check(bytes, name);
        Sequence sequence;
        try {
            sequence = MidiSystem.getSequence(new ByteArrayInputStream(bytes));
        } catch (InvalidMidiDataException | IOException | RuntimeException e) {
            throw new FormatException(name, -1, "is no MIDI file that can be read: " + e.getMessage(), e);
        }
        if (sequence.getDivisionType() != Sequence.PPQ) {
            throw new FormatException(name, 12, "counts in frames of a film, not in parts of a quarter");
        }
        Map<Integer, Line> lines = new LinkedHashMap<>();
        Track[] tracks = sequence.getTracks();
        int drums = 0;
        for (int k = 0; k < tracks.length; k++) drums += notes(tracks[k], k, sequence.getResolution(), name, lines);
        String left = drums == 0 ? "" : drums + (drums == 1 ? " note" : " notes") + " of channel 10, which is that of drums, "
            + (drums == 1 ? "is" : "are") + " left out";
        if (lines.isEmpty()) throw new FormatException(name, -1, drums == 0 ? "holds no note" : "holds no note beside drums: " + left);
        List<Line> all = lines.values().stream().sorted(Comparator.comparingDouble(Line::mean).reversed()
            .thenComparingInt(Line::place)).toList();
        List<String> notes = new ArrayList<>();
        if (drums > 0) notes.add(name + ": " + left);
        metre(tracks).ifPresent(m -> notes.add(name + ": is in " + m + "; bars are counted as 4/4, of " + ScoreItems.BAR + " sixteenths"));
        double[] tempos = metas(tracks, TEMPO).mapToDouble(Midi::quarters).filter(q -> q >= SLOWEST && q <= FASTEST).toArray();
        return new Contents(all, Arrays.stream(tempos).findFirst(), Arrays.stream(tempos).distinct().count() < 2, notes);
    }

    /** Messages of a kind, in the order of their times. */
    private static Stream<byte[]> metas(Track[] tracks, int kind) {
        return Arrays.stream(tracks).flatMap(t -> IntStream.range(0, t.size()).mapToObj(t::get))
            .filter(e -> e.getMessage() instanceof MetaMessage m && m.getType() == kind)
            .sorted(Comparator.comparingLong(MidiEvent::getTick)).map(e -> ((MetaMessage) e.getMessage()).getData());
    }

    /** Quarters a minute; 0 of a message that is none. */
    private static double quarters(byte[] data) {
        int micros = data.length < 3 ? 0 : (data[0] & 255) << 16 | (data[1] & 255) << 8 | data[2] & 255;
        return micros == 0 ? 0 : Math.round(60e8 / micros) / 100.0;
    }

    /** The first whose bars are not of 16 sixteenths, as "3/4". */
    private static Optional<String> metre(Track[] tracks) {
        return metas(tracks, METRE).filter(d -> d.length >= 2 && d[0] > 0 && d[1] >= 0 && d[1] < 7)
            .filter(d -> d[0] * ScoreItems.BAR != ScoreItems.BAR << d[1]).map(d -> d[0] + "/" + (1 << d[1])).findFirst();
    }

    /** @return notes of drums, which are passed over */
    private static int notes(Track track, int number, int perQuarter, String name, Map<Integer, Line> lines) {
        String called = metas(new Track[] {track}, NAME).findFirst()
            .map(d -> new String(d, StandardCharsets.UTF_8).strip().toLowerCase(Locale.ROOT)).orElse("");
        int drums = 0;
        long[][] since = new long[16][128];
        for (long[] s : since) Arrays.fill(s, -1);
        long last = 0;
        for (int i = 0; i < track.size(); i++) {
            MidiEvent event = track.get(i);
            last = event.getTick();
            MidiMessage message = event.getMessage();
            if (!(message instanceof ShortMessage m)) continue;
            boolean on = m.getCommand() == ShortMessage.NOTE_ON && m.getData2() > 0;
            boolean off = m.getCommand() == ShortMessage.NOTE_OFF || m.getCommand() == ShortMessage.NOTE_ON && m.getData2() == 0;
            int channel = m.getChannel(), pitch = m.getData1();
            if (pitch < 0 || pitch > 127 || !on && !off) continue;
            if (channel == DRUMS) {
                if (on) drums++;
                continue;
            }
            if (on && since[channel][pitch] < 0) since[channel][pitch] = event.getTick();
            if (off && since[channel][pitch] >= 0) {
                add(lines, called, number * 16 + channel, since[channel][pitch], event.getTick(), pitch, perQuarter, name);
                since[channel][pitch] = -1;
            }
        }
        for (int c = 0; c < 16; c++) {
            for (int p = 0; p < 128; p++) {   // a note that nobody ends lasts to the end of its track
                if (since[c][p] >= 0) add(lines, called, number * 16 + c, since[c][p], last, p, perQuarter, name);
            }
        }
        return drums;
    }

    private static void add(Map<Integer, Line> lines, String called, int line, long from, long to, int pitch, int perQuarter, String name) {
        long first = Math.round(from * (double) QUARTER / perQuarter), end = Math.round(to * (double) QUARTER / perQuarter);
        if (end > MOST_STEPS || first > MOST_STEPS) {
            throw new FormatException(name, -1, "lasts longer than " + MOST_STEPS + " sixteenths");
        }
        if (end <= first) return;   // shorter than half a sixteenth
        lines.computeIfAbsent(line, k -> new Line(line, called, new ArrayList<>())).notes.add(new int[] {(int) first, (int) end, pitch});
    }

    /** Walks over all that the file declares. Reads past nothing and keeps nothing. */
    private static void check(byte[] bytes, String name) {
        if (bytes.length > MOST_BYTES) throw new FormatException(name, -1, "has more than " + MOST_BYTES + " bytes, the most that is read");
        ByteBuffer in = ByteBuffer.wrap(bytes);
        if (bytes.length < HEADER || in.getInt(0) != 0x4d546864) throw new FormatException(name, 0, "is no MIDI file: it lacks 'MThd'");
        long header = Integer.toUnsignedLong(in.getInt(4));
        int form = Short.toUnsignedInt(in.getShort(8)), tracks = Short.toUnsignedInt(in.getShort(10));
        if (header < 6 || header > bytes.length - 8) throw new FormatException(name, 4, "declares a header of " + header + " bytes");
        if (form > 1) throw new FormatException(name, 8, "is of form " + form + "; 0 and 1 are read");
        if (tracks < 1 || tracks > MOST_TRACKS) {
            throw new FormatException(name, 10, "declares " + tracks + " tracks, must be 1 to " + MOST_TRACKS);
        }
        if (in.getShort(12) == 0) throw new FormatException(name, 12, "declares a quarter of 0 parts");
        int at = 8 + (int) header, seen = 0, events = 0;
        while (seen < tracks) {
            if (bytes.length - at < 8) {
                throw new FormatException(name, at, "ends after " + seen + " of the " + tracks + " tracks that it declares");
            }
            long length = Integer.toUnsignedLong(in.getInt(at + 4));
            if (length > bytes.length - at - 8) {
                throw new FormatException(name, at + 4, "declares a track of " + length + " bytes, " + (bytes.length - at - 8)
                    + " are there");
            }
            int end = at + 8 + (int) length;
            if (in.getInt(at) == 0x4d54726b) {
                seen++;
                events += new Walk(bytes, name, at + 8, end).events(MOST_EVENTS - events);
            }
            at = end;
        }
    }

    /** The events of one track. */
    private static final class Walk {
        private final byte[] bytes;
        private final String name;
        private final int end;
        private int at;

        Walk(byte[] bytes, String name, int from, int end) {
            this.bytes = bytes;
            this.name = name;
            this.at = from;
            this.end = end;
        }

        /** How many there are. */
        int events(int most) {
            int status = 0, n = 0;
            long time = 0;
            while (at < end) {
                time += number();
                if (++n > most) throw new FormatException(name, at, "has more than " + MOST_EVENTS + " events, the most that is read");
                int next = at < end ? bytes[at] & 0xff : -1;
                if (next < 0) throw new FormatException(name, at, "a track ends within an event");
                if (next >= 0x80) {
                    status = next;
                    at++;
                } else if (status < 0x80 || status >= 0xf0) {
                    throw new FormatException(name, at, "an event without a status");
                }
                if (status == 0xff) {
                    at++;
                    int kind = at <= end ? bytes[at - 1] & 0xff : 0;
                    skip(number());
                    if (kind == 0x2f) {
                        if (at < end) throw new FormatException(name, at, "a track goes on after its end");
                        return n;
                    }
                } else if (status == 0xf0 || status == 0xf7) {
                    skip(number());
                } else if (status > 0xf0) {
                    throw new FormatException(name, at - 1, "an event " + Integer.toHexString(status) + ", which files do not hold");
                } else {
                    int kind = status >> 4;
                    skip(kind == 0xc || kind == 0xd ? 1 : 2);
                }
            }
            return n;
        }

        private void skip(long n) {
            if (n > end - at) throw new FormatException(name, at, "declares " + n + " bytes of an event, " + Math.max(0, end - at)
                + " are there");
            at += (int) n;
        }

        /** A number of one to four bytes, seven bits in each. */
        private long number() {
            long value = 0;
            for (int i = 0; i < 4; i++) {
                if (at >= end) throw new FormatException(name, at, "a track ends within an event");
                int b = bytes[at++] & 0xff;
                value = value << 7 | b & 0x7f;
                if (b < 0x80) return value;
            }
            throw new FormatException(name, at, "a number of more than four bytes");
        }
    }

    /**
     * A file of a track for each voice; a held note is struck once.
     *
     * @param quarters in a minute
     */
    public static byte[] bytes(Score score, double quarters) {
        if (!(quarters >= SLOWEST && quarters <= FASTEST)) {
            throw new ArgumentException("illegal quarters: " + quarters + ", must be " + SLOWEST + " to " + FASTEST);
        }
        try {
            Sequence sequence = new Sequence(Sequence.PPQ, TICKS);
            for (int v = 0; v < score.voices(); v++) {
                Track track = sequence.createTrack();
                if (v == 0) {
                    int micros = (int) Math.round(60e6 / quarters);
                    track.add(new MidiEvent(new MetaMessage(TEMPO, new byte[] {(byte) (micros >> 16), (byte) (micros >> 8), (byte) micros},
                        3), 0));
                }
                byte[] called = (score.voices() == NAMES.size() ? NAMES.get(v) : "Voice " + (v + 1)).getBytes(StandardCharsets.US_ASCII);
                track.add(new MidiEvent(new MetaMessage(NAME, called, called.length), 0));
                int channel = v < DRUMS ? v : v + 1 & 15;
                track.add(new MidiEvent(new ShortMessage(ShortMessage.PROGRAM_CHANGE, channel, PROGRAMS[v % PROGRAMS.length], 0), 0));
                int step = TICKS / QUARTER;
                for (Score.Note n : score.notes(v)) {
                    track.add(new MidiEvent(new ShortMessage(ShortMessage.NOTE_ON, channel, n.pitch(), 80), (long) n.from() * step));
                    track.add(new MidiEvent(new ShortMessage(ShortMessage.NOTE_OFF, channel, n.pitch(), 0),
                        (long) (n.from() + n.length()) * step));
                }
            }
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            MidiSystem.write(sequence, 1, out);
            return out.toByteArray();
        } catch (InvalidMidiDataException e) {
            throw new ArgumentException("illegal pitch: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException("memory does not fail", e);
        }
    }
}
