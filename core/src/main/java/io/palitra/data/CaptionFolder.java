package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A folder of pictures with captions, or a .zip of one: a {@code metadata.jsonl} of Hugging Face, whose lines have {@code file_name}, from
 * the folder it lies in, and {@code text}; or beside each picture a {@code .txt} of its name in UTF-8, each line of it a caption. Several
 * lines of one picture are several captions, of which an epoch shows one. Where both files have some, the metadata counts. Pictures in
 * folders count, too, and have no labels. Parts, sizes and channels are those of {@link ImageFolder}, and a picture that
 * cannot be read is skipped as there; one of the part without a caption is an error.
 */
public final class CaptionFolder implements ImageDataset {
    /** Characters of a caption; a text encoder of CLIP reads some 300. */
    private static final int LONGEST = 20_000;
    private static final String METADATA = "metadata.jsonl";
    private static final int SHOWN = 60;
    /** Captions of a picture. */
    private static final int MOST = 1000;

    private final ImageFolder pictures;
    private final List<List<String>> captions;

    private CaptionFolder(ImageFolder pictures, List<List<String>> captions) {
        this.pictures = pictures;
        this.captions = captions;
    }

    /**
     * Opens a folder or a .zip.
     *
     * @param name to report
     * @throws FormatException for a picture without a caption, a line that is none, or when there are no pictures in the part that can be
     *     read; of strict options for any that cannot be read
     */
    public static CaptionFolder open(Path path, String name, Split split, DataOptions options, Limits limits) {
        return open(path, name, split, true, options, limits);
    }

    /** As {@link #open}, but a folder without parts of its own is all for training. */
    static CaptionFolder undivided(Path path, String name, Split split, DataOptions options, Limits limits) {
        return open(path, name, split, false, options, limits);
    }

    private static CaptionFolder open(Path path, String name, Split split, boolean divided, DataOptions options, Limits limits) {
        Map<String, List<String>> captions = new LinkedHashMap<>();   // first, since they are quickly read
        try (ImageFolder.Parts parts = ImageFolder.parts(path, divided, limits)) {
            Archive archive = parts.of(split).archive();
            for (String file : archive.names()) if (last(file).equals(METADATA)) lines(archive, file, captions);
            Set<String> files = new LinkedHashSet<>(archive.names());
            for (String picture : parts.of(split).names()) captions.computeIfAbsent(picture, p -> beside(archive, files, p));
        }
        ImageFolder pictures = ImageFolder.unlabelled(path, name, split, divided, options, limits);
        return new CaptionFolder(pictures, IntStream.range(0, pictures.size())
            .mapToObj(i -> List.copyOf(Objects.requireNonNull(captions.get(pictures.file(i))))).toList());
    }

    private static String last(String file) { return file.substring(file.lastIndexOf('/') + 1); }

    /** A metadata.jsonl, into captions by picture. */
    private static void lines(Archive archive, String file, Map<String, List<String>> captions) {
        String folder = file.substring(0, file.length() - METADATA.length());
        Set<String> files = new LinkedHashSet<>(archive.names());
        int number = 0;
        for (String line : utf8(archive, file).split("\n", -1)) {
            number++;
            if (line.isBlank()) continue;
            String at = "line " + number;
            JsonNode json;
            try {
                json = Json.read(at, line);
            } catch (ConfigException e) {
                throw new FormatException(archive.describe(file), -1, String.valueOf(e.getMessage()), e);
            }
            String picture = folder + text(archive, file, at, json, "file_name"), caption = text(archive, file, at, json, "text");
            if (!files.contains(picture)) {
                throw new FormatException(archive.describe(file), -1, at + " is of '" + shown(picture) + "', and there is no such file");
            }
            List<String> all = captions.computeIfAbsent(picture, p -> new ArrayList<>());
            add(all, caption, archive.describe(file), at + ": ");
        }
    }

    private static String text(Archive archive, String file, String at, JsonNode json, String key) {
        JsonNode value = json.path(key);
        if (value.isTextual()) return value.asText();
        List<String> keys = new ArrayList<>();
        json.fieldNames().forEachRemaining(k -> keys.add(shown(k)));
        throw new FormatException(archive.describe(file), -1, at + " has no text '" + key + "'; its keys are " + InWords.list(keys));
    }

    private static List<String> beside(Archive archive, Set<String> files, String picture) {
        String file = picture.substring(0, picture.lastIndexOf('.')) + ".txt";
        if (!files.contains(file)) {
            throw new FormatException(archive.describe(picture), -1, "has no caption: wants '" + last(file) + "' beside it, or a line of "
                + METADATA + " with its file_name and text");
        }
        List<String> all = new ArrayList<>();
        utf8(archive, file).lines().filter(line -> !line.isBlank()).forEach(line -> add(all, line, archive.describe(file), ""));
        if (all.isEmpty()) throw new FormatException(archive.describe(file), -1, "the caption is empty");
        return all;
    }

    /** In one line. */
    private static void add(List<String> all, String text, String file, String at) {
        if (text.length() > LONGEST) {
            throw new FormatException(file, -1, at + "the caption has " + text.length() + " characters, at most " + LONGEST
                + " are read");
        }
        String caption = text.strip().replaceAll("\\s+", " ");
        if (caption.isEmpty()) throw new FormatException(file, -1, at + "the caption is empty");
        if (all.size() == MOST) throw new FormatException(file, -1, at + "a picture has more than " + MOST + " captions");
        all.add(caption);
    }

    private static String utf8(Archive archive, String file) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(archive.read(file))).toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new FormatException(archive.describe(file), -1, "is no text in UTF-8", e);
        }
    }

    private static String shown(String text) {
        String plain = text.replaceAll("\\p{Cntrl}", "?");
        return plain.length() <= SHOWN ? plain : plain.substring(0, SHOWN) + "...";
    }

    @Override public List<String> captions(int i) { return captions.get(i); }

    @Override public String name() { return pictures.name(); }

    /** Of the pictures and of their captions. */
    @Override public Fingerprint fingerprint() {
        List<String> sources = new ArrayList<>(List.of(pictures.fingerprint().hash()));
        for (List<String> all : captions) sources.add(all.size() + " " + String.join("\n", all));
        return Fingerprint.of(this, sources);
    }

    @Override public String source(int i) { return pictures.source(i); }

    @Override public List<String> notes() { return pictures.notes(); }

    @Override public ImageSpec spec() { return pictures.spec(); }

    @Override public int size() { return pictures.size(); }

    @Override public int label(int i) { return -1; }

    @Override public List<String> classNames() { return List.of(); }

    @Override public void pixels(int i, byte[] out, int offset) { pictures.pixels(i, out, offset); }
}
