package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.config.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Documents in UTF-8: a file; a folder or .zip of files, with all below it; or a file of JSON lines, each an object with a field of text. A
 * byte order mark of UTF-8 is no part of the text.
 *
 * @param documents in the order of their names, none blank
 * @param notes what was left out, a line each
 * @param lines whether one of the files is of JSON lines
 */
record TextFiles(List<Document> documents, List<String> notes, boolean lines) {
    /** @param name below the folder; of a line of JSON with its number */
    record Document(String name, String text) {}

    private static final List<String> USUAL = List.of(".txt", ".md", ".jsonl");
    private static final String LINES = ".jsonl";

    /** Whether data at a path is text: the folder's files are, by their names, and none is a picture; or the file is of no other kind. */
    static boolean at(Path path, DataOptions options) {
        if (Files.isRegularFile(path)) {
            String name = path.toString().toLowerCase(Locale.ROOT);
            if (zip(path)) return !options.suffix().isEmpty() || onlyTextsInside(path);
            return !Table.named(path) && !ImageFolder.named(name);
        }
        if (!Files.isDirectory(path)) return false;
        return !options.suffix().isEmpty() || !ImageFolder.pair(path) && onlyTexts(path);
    }

    /** Whether a path is taken for a .zip. */
    static boolean zip(Path path) { return path.toString().toLowerCase(Locale.ROOT).endsWith(".zip"); }

    private static boolean onlyTextsInside(Path zip) {
        try (Archive archive = Archive.open(zip, Limits.DEFAULT)) {
            return archive.names().stream().anyMatch(n -> ends(n, USUAL)) && ImageFolder.pictures(archive).isEmpty();
        } catch (FormatException e) {
            return false;   // who reads it says why
        }
    }

    /**
     * What a folder or .zip without pictures, texts and music holds, and what reads it: "; it holds 12 .java and 1 .c; data.suffix=.java
     * reads them as texts". Empty of what cannot be listed.
     */
    static String held(Path path) {
        if (!Files.isDirectory(path) && !(Files.isRegularFile(path) && zip(path))) return "";
        Map<String, Integer> kinds = new TreeMap<>();
        try (Archive archive = Archive.open(path, Limits.DEFAULT)) {
            for (String n : archive.names()) {
                String last = n.substring(n.lastIndexOf('/') + 1);
                int dot = last.lastIndexOf('.');
                kinds.merge(dot > 0 ? last.substring(dot).toLowerCase(Locale.ROOT) : "", 1, Integer::sum);
            }
        } catch (FormatException e) {
            return "";
        }
        if (kinds.isEmpty()) return "; it is empty";
        List<String> counts = kinds.entrySet().stream().sorted((a, b) -> b.getValue() - a.getValue())
            .map(e -> e.getValue() + (e.getKey().isEmpty() ? " without a suffix" : " " + e.getKey())).toList();
        String text = kinds.keySet().stream().filter(k -> ends(k, USUAL)).findFirst().or(() -> kinds.entrySet().stream()
            .filter(e -> e.getKey().length() > 1 && !ImageFolder.named("a" + e.getKey()) && !Midi.named(Path.of("a" + e.getKey()))
                && !e.getKey().equals(".zip")).max(Map.Entry.comparingByValue()).map(Map.Entry::getKey)).orElse("");
        return "; it holds " + Notes.some(counts) + (text.isEmpty() ? "" : "; data.suffix=" + text + " reads the " + text
            + " as texts");
    }

    private static boolean onlyTexts(Path folder) {
        boolean[] seen = {false, false};   // a text, a picture
        try {
            Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Limits.DEFAULT.depth(), new SimpleFileVisitor<>() {
                @Override public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    String name = String.valueOf(file.getFileName());
                    if (!attributes.isRegularFile() || name.startsWith(".")) return FileVisitResult.CONTINUE;
                    seen[0] |= ends(name, USUAL);
                    seen[1] = ImageFolder.named(name) || name.toLowerCase(Locale.ROOT).endsWith(".zip");
                    return seen[1] ? FileVisitResult.TERMINATE : FileVisitResult.CONTINUE;
                }

                @Override public FileVisitResult visitFileFailed(Path file, IOException e) { return FileVisitResult.CONTINUE; }
            });
        } catch (IOException e) {
            return false;   // reading it reports the fault
        }
        return seen[0] && !seen[1];
    }

    private static boolean ends(String name, List<String> suffixes) {
        return suffixes.stream().anyMatch(s -> name.regionMatches(true, name.length() - s.length(), s, 0, s.length()));
    }

    /**
     * Reads all of it.
     *
     * @throws FormatException for what is no UTF-8, is blank, or is more than the limits and the heap allow; in a folder such a file is
     *     left out and named in the notes, unless the options are strict
     */
    static TextFiles read(Path path, DataOptions options, Limits limits) {
        Reader reader = new Reader(options, Math.min(limits.arrayBytes(), Runtime.getRuntime().maxMemory() / 16), limits);
        return Files.isDirectory(path) || zip(path) ? reader.folder(path) : reader.file(path);
    }

    private static final class Reader {
        private final DataOptions options;
        private final Limits limits;
        private final long most;
        private final List<Document> documents = new ArrayList<>();
        private final List<String> blanks = new ArrayList<>();   // a line for each file of JSON lines with some that are empty
        private boolean lines;
        private long left;

        Reader(DataOptions options, long most, Limits limits) {
            this.options = options;
            this.limits = limits;
            this.most = most;
            left = most;
        }

        TextFiles file(Path file) {
            add(file.toString(), String.valueOf(file.getFileName()), bytes(file));
            return new TextFiles(List.copyOf(documents), List.copyOf(blanks), lines);
        }

        TextFiles folder(Path folder) {
            try (Archive archive = Archive.open(folder, limits)) { return of(archive, folder); }
        }

        private TextFiles of(Archive archive, Path folder) {
            List<String> suffixes = options.suffix().isEmpty() ? USUAL : List.of(options.suffix());
            List<String> all = archive.names(), skipped = new ArrayList<>(), notes = new ArrayList<>(archive.notes());
            List<String> texts = all.stream().filter(n -> ends(n, suffixes)).toList();
            if (texts.isEmpty()) {
                throw new FormatException(folder.toString(), -1, "holds no file whose name ends in " + InWords.list(suffixes)
                    + held(folder));
            }
            for (String name : texts) {
                int before = documents.size(), blank = blanks.size();
                try {
                    add(archive.describe(name), name, archive instanceof Archive.Folder f ? bytes(f.root().resolve(name))
                        : archive.read(name));
                } catch (FormatException e) {
                    if (options.strict() || left < 0) throw e;
                    documents.subList(before, documents.size()).clear();
                    blanks.subList(blank, blanks.size()).clear();
                    skipped.add(e.getMessage());
                }
            }
            if (documents.isEmpty()) throw new FormatException(folder.toString(), -1, "holds no text: " + skipped.get(0));
            int others = all.size() - texts.size();
            if (others > 0) {
                notes.add("'" + folder + "': " + others + (others == 1 ? " file is" : " files are") + " left out, whose names do not end "
                    + "in " + InWords.list(suffixes));
            }
            notes.addAll(InWords.few(blanks, "files of JSON lines the same"));
            notes.addAll(InWords.few(skipped.stream().map(s -> "left out: " + s).toList(), "files the same"));
            return new TextFiles(List.copyOf(documents), notes, lines);
        }

        private byte[] bytes(Path file) {
            try (InputStream in = Files.newInputStream(file)) {
                return in.readNBytes((int) Math.min(Integer.MAX_VALUE - 16, left + 1));
            } catch (IOException e) {
                throw new FormatException(file.toString(), -1, "cannot be read: " + Reason.of(e), e);
            }
        }

        private void add(String file, String name, byte[] bytes) {
            left -= bytes.length;
            if (left < 0) {
                throw new FormatException(file, -1, "more than " + InWords.bytes(most)
                    + " of text in all, the most that is read with a heap of " + InWords.bytes(Runtime.getRuntime().maxMemory()));
            }
            if (name.toLowerCase(Locale.ROOT).endsWith(LINES)) lines(file, name, bytes);
            else document(file, name, decoded(file, bytes, 0, bytes.length));
        }

        private void document(String file, String name, String text) {
            if (text.isBlank()) throw new FormatException(file, -1, text.isEmpty() ? "is empty" : "holds nothing but white space");
            if (documents.size() == limits.entries()) throw new FormatException(file, -1, "more than " + limits.entries() + " texts");
            documents.add(new Document(name, text));
        }

        /** One JSON object a line; blank lines are none, and objects of an empty text are left out and counted. */
        private void lines(String file, String name, byte[] bytes) {
            int number = 0, before = documents.size(), blank = 0, first = 0;
            lines = true;
            for (int from = mark(bytes), to; from < bytes.length; from = to + 1) {
                to = from;
                while (to < bytes.length && bytes[to] != '\n') to++;
                number++;
                String line = decoded(file, bytes, from, to);
                if (line.isBlank()) continue;
                String text = field(file + " line " + number, line);
                if (!text.isBlank() || options.strict()) document(file + " line " + number, name + " line " + number, text);
                else if (blank++ == 0) first = number;
            }
            if (documents.size() == before) {
                throw new FormatException(file, -1, blank == 0 ? "is empty" : "holds no text: the field '" + options.field()
                    + "' of each of its " + blank + (blank == 1 ? " object" : " objects") + " is empty");
            }
            if (blank > 0) {
                blanks.add("'" + name + "': " + blank + (blank == 1 ? " empty text is" : " empty texts are") + " left out, "
                    + (blank == 1 ? "" : "the first ") + "in line " + first);
            }
        }

        private String field(String where, String line) {
            JsonNode json;
            try {
                json = Json.read(where, line);
            } catch (ConfigException e) {
                throw FormatException.of(e);
            }
            JsonNode text = json.path(options.field());
            if (!text.isTextual()) {
                throw new FormatException(where, -1, json.isObject() ? "wants a text in the field '" + options.field() + "', got "
                    + InWords.json(text) + "; data.field= names another" : "wants an object, got " + InWords.json(json));
            }
            if (!StandardCharsets.UTF_8.newEncoder().canEncode(text.textValue())) {
                throw new FormatException(where, -1, "holds half a surrogate pair, which is not text");
            }
            return text.textValue();
        }
    }

    /** Length of a byte order mark of UTF-8. */
    private static int mark(byte[] bytes) {
        return bytes.length >= 3 && bytes[0] == (byte) 0xEF && bytes[1] == (byte) 0xBB && bytes[2] == (byte) 0xBF ? 3 : 0;
    }

    private static String decoded(String file, byte[] bytes, int from, int to) {
        if (from == 0 && to >= 2) {
            int first = (bytes[0] & 255) << 8 | bytes[1] & 255;
            if (first == 0xFEFF || first == 0xFFFE) {
                boolean wide = to >= 4 && first == 0xFFFE && bytes[2] == 0 && bytes[3] == 0;
                throw new FormatException(file, 0, "is " + (wide ? "UTF-32" : "UTF-16") + " by its first bytes; only UTF-8 is read");
            }
        }
        for (int i = from; i < to; i++) {
            if (bytes[i] == 0) throw new FormatException(file, i, "a byte of 0 is in no text; it is binary, or UTF-16; only UTF-8 is read");
        }
        if (from == 0) from = mark(bytes);
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes, from, to - from);
        CharBuffer out = CharBuffer.allocate(to - from);
        CoderResult result = decoder.decode(in, out, true);
        if (result.isError()) {
            throw new FormatException(file, in.position(), "not UTF-8, which alone is read; iconv turns Latin-1, Windows-1251 and others "
                + "into it");
        }
        return out.flip().toString();
    }

    /** SHA-256 of a text, by which parts are chosen. */
    static byte[] hash(String text) { return Fingerprint.sha256().digest(text.getBytes(StandardCharsets.UTF_8)); }

    /** Whether a text with such a hash is one of the tenth for testing. */
    static boolean tests(byte[] hash) { return (Arrays.hashCode(Arrays.copyOf(hash, 8)) >>> 1) % 10 == 0; }
}
