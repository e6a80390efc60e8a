package io.palitra.data;

import io.palitra.config.InWords;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.zip.CRC32;

/**
 * A folder, or a .zip, of MIDI files of four voices. The files below its folders {@code train} and {@code test}, where it has both, are the
 * parts; else one file in ten, by its name, is to test. What cannot be read, or has another number of voices, is left out and named.
 */
final class MidiFolder {
    private static final int TENTH = 10;

    private MidiFolder() {}

    /** Whether a path is a folder or .zip of MIDI files, and of no pictures. */
    static boolean named(Path path) {
        if (!Files.isDirectory(path) && !path.toString().toLowerCase(java.util.Locale.ROOT).endsWith(".zip")) return false;
        try (Archive archive = Archive.open(path, Limits.DEFAULT)) {
            return !midis(archive).isEmpty() && ImageFolder.pictures(archive).isEmpty();
        } catch (FormatException e) {
            return false;   // who reads it says why
        }
    }

    private static List<String> midis(Archive archive) { return archive.names().stream().filter(n -> Midi.named(Path.of(n))).toList(); }

    static Dataset open(Path path, String name, Split split, DataOptions options) {
        ScoreSet.refuse(name, options);
        List<String> notes = new ArrayList<>();
        List<ScoreSet.Piece> train = new ArrayList<>(), test = new ArrayList<>();
        try (Archive archive = Archive.open(path, Limits.DEFAULT)) {
            notes.addAll(archive.notes());
            List<String> names = midis(archive), faults = new ArrayList<>(), said = new ArrayList<>();
            boolean parted = names.stream().anyMatch(n -> under(n, "train")) && names.stream().anyMatch(n -> under(n, "test"));
            List<ScoreSet.Piece> all = new ArrayList<>();
            for (String file : names) {
                try {
                    Midi.Read read = Midi.read(archive.read(file), archive.describe(file), ScoreSpec.CHOIR);
                    all.add(new ScoreSet.Piece(file, read.score()));
                    said.addAll(read.notes());
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    faults.add("skipped " + e.getMessage());
                }
            }
            if (all.isEmpty()) {
                throw new FormatException(path.toString(), -1, "none of its " + names.size() + " MIDI files can be used; the first: "
                    + faults.get(0).substring("skipped ".length()));
            }
            notes.addAll(InWords.few(faults, "MIDI files of '" + name + "' that cannot be used, skipped"));
            notes.addAll(InWords.few(said, "notes of the same kind on MIDI files of '" + name + "'"));
            all = ScoreSet.within(all, name, notes);
            int others = archive.names().size() - names.size();
            if (others > 0) notes.add(others + (others == 1 ? " file" : " files") + " of '" + name + "' are no .mid, not used");
            for (ScoreSet.Piece p : all) {
                if (parted ? under(p.source(), "test") : hash(p.source()) % TENTH == 0) test.add(p);
                else if (!parted || under(p.source(), "train")) train.add(p);
            }
            if (parted && train.size() + test.size() < all.size()) {
                notes.add(all.size() - train.size() - test.size() + " MIDI files of '" + name + "' in neither part, not used");
            }
        }
        if (train.size() + test.size() < 2) {
            throw new FormatException(path.toString(), -1, "holds one piece that can be used; two are the least, one of them to test");
        }
        List<ScoreSet.Piece> few = test.isEmpty() ? test : train.isEmpty() ? train : List.of();
        if (few == test || few == train) {   // of a few names chance may have picked none
            List<ScoreSet.Piece> many = few == test ? train : test;
            ScoreSet.Piece one = many.stream().min(Comparator.comparingLong(p -> hash(p.source()))).orElseThrow();
            many.remove(one);
            few.add(one);
        }
        return new ScoreSet(name, split == Split.TRAIN ? train : test, ScoreSet.ranges(train, ScoreSpec.CHOIR), split, options, notes);
    }

    private static boolean under(String file, String part) { return ("/" + file).contains("/" + part + "/"); }

    private static long hash(String name) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        return crc.getValue() * 0x9e3779b97f4a7c15L >>> 33;
    }
}
