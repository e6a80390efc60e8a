package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import javax.sound.midi.MetaMessage;
import javax.sound.midi.MidiEvent;
import javax.sound.midi.MidiMessage;
import javax.sound.midi.MidiSystem;
import javax.sound.midi.Sequence;
import javax.sound.midi.ShortMessage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MusicTest {
    @TempDir Path dir;

    private static Score part(int i) { return new Parts(Split.TRAIN, 64).score(i); }

    private static Score item(Dataset data, int i) {
        ScoreSpec spec = (ScoreSpec) data.spec();
        ByteBuffer bytes = ByteBuffer.allocate(spec.bytes());
        data.read(i, bytes);
        int[][] pitches = new int[spec.steps()][spec.voices()];
        for (int k = 0; k < bytes.capacity(); k++) pitches[k / spec.voices()][k % spec.voices()] = spec.pitch(bytes.get(k));
        return new Score(pitches);
    }

    private static byte[] file(int form, int tracks, byte[]... chunks) {
        ByteBuffer out = ByteBuffer.allocate(1 << 16);
        out.put("MThd".getBytes(StandardCharsets.US_ASCII)).putInt(6).putShort((short) form).putShort((short) tracks).putShort((short) 480);
        for (byte[] c : chunks) out.put("MTrk".getBytes(StandardCharsets.US_ASCII)).putInt(c.length).put(c);
        byte[] all = new byte[out.position()];
        out.flip().get(all);
        return all;
    }

    @Test void aScoreWrittenAsMidiAndReadAgainIsTheSame() {
        for (int i = 0; i < 50; i++) {
            Score score = part(i);
            assertThat(Midi.read(Midi.bytes(score, 80), "x.mid", 4).score()).isEqualTo(score);
        }
    }

    @Test void restsAndHeldNotesComeBack() {
        int[][] p = new int[32][4];
        for (int t = 0; t < 32; t++) p[t] = new int[] {t < 8 ? Score.REST : 72, t % 16 < 12 ? 67 : Score.REST, 60 + t / 8, 48};
        Score score = new Score(p);
        assertThat(score.notes(3)).containsExactly(new Score.Note(3, 48, 0, 32));
        assertThat(Midi.read(Midi.bytes(score, 120), "x.mid", 4).score()).isEqualTo(score);
    }

    /** Soprano and alto cross: the tenor and the bass do not. */
    private static Score crossed() {
        int[][] p = new int[32][4];
        for (int t = 0; t < 32; t++) p[t] = new int[] {62 + t / 8, 70 - t / 16, 55, 48};
        return new Score(p);
    }

    private static byte[] with(byte[] midi, int tick, MidiMessage... more) throws Exception {
        Sequence sequence = MidiSystem.getSequence(new ByteArrayInputStream(midi));
        for (MidiMessage m : more) sequence.getTracks()[0].add(new MidiEvent(m, tick));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        MidiSystem.write(sequence, 1, out);
        return out.toByteArray();
    }

    private static byte[] renamed(byte[] midi, String from, String to) {
        String all = new String(midi, StandardCharsets.ISO_8859_1);
        assertThat(all).contains(from);
        return all.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test void namesOfTracksOrderTheVoicesWhateverTheirPitch() {
        byte[] midi = Midi.bytes(crossed(), 80);
        assertThat(Midi.read(midi, "x.mid", 4)).isEqualTo(new Midi.Read(crossed(), OptionalDouble.of(80), true, List.of()));
        byte[] unnamed = renamed(midi, "Soprano", "Violins");
        Midi.Read read = Midi.read(unnamed, "x.mid", 4);
        assertThat(read.score().pitches()[0]).containsExactly(70, 62, 55, 48);
        assertThat(read.notes()).containsExactly("x.mid: its voices are not named soprano, alto, tenor and bass, and are ordered by their "
            + "average pitch: those of the file are, from the highest, 2, 1, 3, 4");
        assertThat(Midi.read(renamed(Midi.bytes(part(0), 80), "Soprano", "Violins"), "x.mid", 4).notes()).isEmpty();
    }

    @Test void metreTempoAndDrumsOfAFileAreSaid() throws Exception {
        byte[] midi = with(Midi.bytes(crossed(), 90), 960, new MetaMessage(0x58, new byte[] {3, 2, 24, 8}, 4),
            new MetaMessage(0x51, new byte[] {7, (byte) 0xa1, 0x20}, 3), new ShortMessage(ShortMessage.NOTE_ON, 9, 40, 80));
        Midi.Read read = Midi.read(midi, "x.mid", 4);
        assertThat(read.score()).isEqualTo(crossed());
        assertThat(read.tempo()).hasValue(90);
        assertThat(read.steady()).isFalse();
        assertThat(read.notes()).containsExactly("x.mid: 1 note of channel 10, which is that of drums, is left out",
            "x.mid: is in 3/4; bars are counted as 4/4, of 16 sixteenths");
        byte[] drums = with(Midi.bytes(new Score(new int[][] {{Score.REST}}), 80), 0, new ShortMessage(ShortMessage.NOTE_ON, 9, 40, 80));
        assertThatThrownBy(() -> Midi.read(drums, "x.mid", 4)).isInstanceOf(FormatException.class)
            .hasMessageContaining("holds no note beside drums: 1 note of channel 10, which is that of drums, is left out");
    }

    @Test void aHeldNoteIsStruckOnceInItsTrack() {
        byte[] bytes = Midi.bytes(new Score(new int[][] {{72, 67, 60, 48}, {72, 67, 60, 48}, {72, 65, 60, 48}}), 80);
        assertThat(new String(bytes, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("MThd");
        assertThat(ByteBuffer.wrap(bytes).getShort(10)).isEqualTo((short) 4);   // tracks
        int struck = 0;
        for (int i = 0; i + 2 < bytes.length; i++) if ((bytes[i] & 0xf0) == 0x90 && bytes[i + 2] == 80) struck++;
        assertThat(struck).isEqualTo(5);
    }

    @Test void twoTracksOfTwoNotesAtOnceAreFourVoices() {
        Score four = part(3);
        int[][] upper = new int[64][2], lower = new int[64][2];
        for (int t = 0; t < 64; t++) {
            upper[t] = new int[] {four.pitches()[t][0], four.pitches()[t][1]};
            lower[t] = new int[] {four.pitches()[t][2], four.pitches()[t][3]};
        }
        byte[] a = chunk(Midi.bytes(new Score(upper), 80)), b = chunk(Midi.bytes(new Score(lower), 80));
        assertThat(Midi.read(file(1, 2, a, b), "x.mid", 4).score()).isEqualTo(four);
    }

    /** Both voices of a file of two tracks as one track and channel. */
    private static byte[] chunk(byte[] midi) {
        Score s = Midi.read(midi, "two.mid", 2).score();
        ByteBuffer out = ByteBuffer.allocate(1 << 15);
        for (int t = 0; t <= s.steps(); t++) {
            int delta = t == 0 ? 0 : 120;
            for (int on = 0; on < 2; on++) {
                for (int v = 0; v < 2; v++) {
                    int now = t < s.steps() ? s.pitches()[t][v] : -1, old = t > 0 ? s.pitches()[t - 1][v] : -1;
                    if (now == old || (on == 1 ? now : old) < 0) continue;
                    if (delta > 0) out.put((byte) delta);
                    else out.put((byte) 0);
                    delta = 0;
                    out.put((byte) (on == 1 ? 0x90 : 0x80)).put((byte) (on == 1 ? now : old)).put((byte) 80);
                }
            }
            if (delta == 120) out.put((byte) 120).put((byte) 0xb0).put((byte) 1).put((byte) 0);
        }
        out.put(new byte[] {0, (byte) 0xff, 0x2f, 0});
        byte[] all = new byte[out.position()];
        out.flip().get(all);
        return all;
    }

    @Test void aChoraleOfThreeVoicesIsRefusedInOneLine() {
        Score four = part(1);
        int[][] three = new int[64][3];
        for (int t = 0; t < 64; t++) System.arraycopy(four.pitches()[t], 0, three[t], 0, 3);
        assertThatThrownBy(() -> Midi.read(Midi.bytes(new Score(three), 80), "trio.mid", 4)).isInstanceOf(FormatException.class)
            .hasMessage("trio.mid: has 3 voices (3 tracks or channels with notes, counted by their notes at once), must be 4");
    }

    @Test void lyingFilesAreRefusedInOneLine() {
        byte[] track = {0, (byte) 0x90, 60, 80, 120, (byte) 0x80, 60, 0, 0, (byte) 0xff, 0x2f, 0};
        refused(file(1, 65_535, track), "declares 65535 tracks, must be 1 to 64");
        refused(file(1, 2, track), "ends after 1 of the 2 tracks that it declares");
        byte[] longer = file(0, 1, track);
        ByteBuffer.wrap(longer).putInt(18, Integer.MAX_VALUE);
        refused(longer, "declares a track of 2147483647 bytes, 12 are there");
        refused(file(0, 1, new byte[] {0, (byte) 0xff, 1, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f}), "bytes of an event, 0 are there");
        refused(file(0, 1, new byte[] {0, (byte) 0xf0, (byte) 0x8f, (byte) 0xff, 0x7f}), "bytes of an event, 0 are there");
        refused(file(0, 1, new byte[] {0, (byte) 0xff, 0x2f, 0}), "holds no note");
        refused(new byte[0], "is no MIDI file");
        refused("RIFF....WAVEfmt ".getBytes(StandardCharsets.US_ASCII), "is no MIDI file");
        refused(file(0, 1, new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f, (byte) 0x90, 60, 80, (byte) 0xff,
            (byte) 0xff, (byte) 0xff, 0x7f, (byte) 0x80, 60, 0, 0, (byte) 0xff, 0x2f, 0}), "lasts longer than");
    }

    private static void refused(byte[] bytes, String why) {
        assertThatThrownBy(() -> Midi.read(bytes, "x.mid", 4)).isInstanceOf(FormatException.class).hasMessageContaining(why)
            .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @Test void mutatedFilesGiveAScoreOrATypedError() { mutate(20_000); }

    @Tag("slow")
    @Test void aMillionMutatedFilesGiveAScoreOrATypedError() { mutate(1_000_000); }

    private static void mutate(int times) {
        Random random = new Random(7);
        List<byte[]> seeds = List.of(Midi.bytes(part(0).part(0, 16), 80), Midi.bytes(part(1).part(0, 8), 80), Midi.bytes(part(2), 80));
        int read = 0;
        for (int i = 0; i < times; i++) {
            byte[] bytes = seeds.get(i % seeds.size()).clone();
            for (int k = random.nextInt(4); k >= 0; k--) {
                int at = random.nextInt(random.nextBoolean() ? 40 : bytes.length);
                bytes[at] = random.nextInt(3) == 0 ? (byte) 0xff : (byte) random.nextInt(256);
            }
            if (random.nextInt(5) == 0) bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
            try {
                assertThat(Midi.read(bytes, "x.mid", 4).score().steps()).isPositive();
                read++;
            } catch (FormatException e) {
                assertThat(e.getMessage()).doesNotContain("\n").doesNotContain("java.");
            }
        }
        assertThat(read).isBetween(times / 50, times);
    }

    @Test void partsAreInTheirRangesWithoutParallelsAndAPureFunctionOfTheirPlace() {
        int parallel = 0, moves = 0, rests = 0;
        for (int i = 0; i < 200; i++) {
            Score s = part(i);
            assertThat(s).isEqualTo(part(i));
            for (int t = 0; t < 64; t++) {
                for (int v = 0; v < 4; v++) {
                    if (s.pitches()[t][v] == Score.REST) rests++;
                    if (v > 0) assertThat(s.pitches()[t][v]).isLessThan(s.pitches()[t][v - 1]);
                }
                if (t == 0) continue;
                for (int v = 0; v < 4; v++) {
                    for (int w = v + 1; w < 4; w++) {
                        int[] a = s.pitches()[t - 1], b = s.pitches()[t];
                        if (a[v] != b[v] && a[w] != b[w]) moves++;
                        if (Parts.parallel(a[v], a[w], b[v], b[w])) parallel++;
                    }
                }
            }
        }
        assertThat(rests).isZero();
        assertThat(parallel).isLessThan(moves / 1000);
        assertThat(part(0)).isNotEqualTo(part(1));
        assertThat(new Parts(Split.TEST, 64).score(0)).isNotEqualTo(part(0));
    }

    @Test void aSetIsDividedByPieceAndMovedOnlyInTraining() throws Exception {
        Path folder = Files.createDirectories(dir.resolve("tunes"));
        for (int i = 0; i < 30; i++) Files.write(folder.resolve("piece" + i + ".mid"), Midi.bytes(part(i), 80));
        Files.writeString(folder.resolve("readme.txt"), "not music");
        Files.write(folder.resolve("broken.mid"), new byte[] {1, 2, 3});
        DataOptions options = io.palitra.config.Config.with(DataOptions.DEFAULT, "steps=32");
        Dataset train = Datasets.open(folder.toString(), Split.TRAIN, options);
        Dataset test = Datasets.open(folder.toString(), Split.TEST, options);
        assertThat(train.spec()).isEqualTo(new ScoreSpec(32));
        java.util.Set<String> of = new java.util.HashSet<>(), other = new java.util.HashSet<>();
        for (int i = 0; i < train.size(); i++) of.add(train.source(i).replaceFirst(",.*", ""));
        for (int i = 0; i < test.size(); i++) other.add(test.source(i).replaceFirst(",.*", ""));
        assertThat(of).doesNotContainAnyElementsOf(other).hasSizeGreaterThan(15);
        assertThat(of.size() + other.size()).isEqualTo(30);
        assertThat(test.source(0)).doesNotContain("semitones");
        assertThat(train.notes()).anyMatch(n -> n.contains("broken.mid")).anyMatch(n -> n.startsWith("1 file of"));
        int moved = -1;
        for (int i = 0; i < train.size() && moved < 0; i++) if (train.source(i).endsWith("+1 semitones")) moved = i;
        String piece = train.source(moved).replaceFirst(",.*", "");
        Score original = Midi.read(folder.resolve(piece), 4);
        assertThat(item(train, moved)).isEqualTo(original.transposed(1).part(0, 32));
        assertThat(train.fingerprint()).isEqualTo(Datasets.open(folder.toString(), Split.TRAIN, options).fingerprint());
    }

    @Test void aChoraleFileIsReadWithItsRestsInTheVoicesThatFit() throws Exception {
        Files.writeString(dir.resolve(Chorales.FILE), "{\"train\": [[[72,67,60,48],[72,67,60,48],[72,60,48],[67.0],[72,67,60,48],[]]],"
            + " \"valid\": [], \"test\": [[[72,67,60,48],[72,67,60,48],[71,67,62,43],[71,67,62,43]]]}");
        DataOptions options = io.palitra.config.Config.with(DataOptions.DEFAULT, "steps=4", "dir=" + dir);
        Dataset train = Datasets.open("chorales", Split.TRAIN, io.palitra.config.Config.with(options, "transpose=0"));
        assertThat(item(train, 0).pitches()).isDeepEqualTo(new int[][] {{72, 67, 60, 48}, {72, 67, 60, 48}, {72, -1, 60, 48},
            {-1, 67, -1, -1}});
        assertThat(Datasets.open("chorales", Split.TEST, options).size()).isEqualTo(1);
        assertThatThrownBy(() -> Datasets.open("chorales", Split.TRAIN, io.palitra.config.Config.with(options, "steps=64")))
            .hasMessageContaining("none of its 1 pieces lasts the 64 sixteenths");
        Files.writeString(dir.resolve(Chorales.FILE), "{\"train\": [[[72,67,60,48,36]]]}");
        assertThatThrownBy(() -> Datasets.open("chorales", Split.TRAIN, options)).isInstanceOf(FormatException.class)
            .hasMessageContaining("a step of more than 4 notes");
    }

    @Test void theChoralesThemselvesAreRead() {
        org.junit.jupiter.api.Assumptions.assumeTrue(Datasets.here(Datasets.source("chorales")));
        Dataset test = Datasets.open("chorales", Split.TEST, DataOptions.DEFAULT);
        Dataset train = Datasets.open("chorales", Split.TRAIN, DataOptions.DEFAULT);
        assertThat(test.spec()).isEqualTo(new ScoreSpec(64));
        assertThat(test.size()).isBetween(300, 400);
        assertThat(train.size()).isGreaterThan(10_000);
        for (int i = 0; i < train.size(); i += 97) item(train, i);
    }
}
