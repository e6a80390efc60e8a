package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A folder of pictures with captions, or a .zip of one: a {@code metadata.jsonl} of Hugging Face, whose lines have {@code file_name}, from
 * the folder it lies in, and {@code text}; or beside each picture a {@code .txt} of its name in UTF-8. Where both say something, the line
 * counts. Pictures in folders count, too; all are of the training part. Sizes and channels are those of {@link ImageFolder}, but a picture
 * that cannot be read, or has no caption, is an error always.
 */
public final class CaptionFolder implements CaptionedDataset {
    /** Characters of a caption; a text encoder of CLIP reads some 300. */
    private static final int LONGEST = 20_000;
    private static final String METADATA = "metadata.jsonl";
    private static final int SHOWN = 60;

    private final ImageFolder pictures;
    private final List<String> captions;

    private CaptionFolder(ImageFolder pictures, List<String> captions) {
        this.pictures = pictures;
        this.captions = captions;
    }

    /**
     * Opens a folder or a .zip.
     *
     * @param name to report
     * @throws FormatException for a picture that cannot be read or has no caption, a line that is none, or when there are no pictures; and
     *     for the test part, which there is not
     */
    public static CaptionFolder open(Path path, String name, Split split, DataOptions options, Limits limits) {
        if (split == Split.TEST) throw new FormatException(path.toString(), -1, "pictures with captions have no test part");
        Map<String, String> captions = new HashMap<>();   // first, since they are quickly read
        try (Archive archive = Archive.open(path, limits)) {
            for (String file : archive.names()) if (last(file).equals(METADATA)) lines(archive, file, captions);
            Set<String> files = new HashSet<>(archive.names());
            List<String> names = ImageFolder.pictures(archive);
            if (names.isEmpty()) throw new FormatException(path.toString(), -1, "no files of pictures");
            for (String picture : names) captions.computeIfAbsent(picture, p -> beside(archive, files, p));
        }
        DataOptions strict = new DataOptions(options.dir(), options.size(), options.channels(), true);
        ImageFolder pictures = ImageFolder.unlabelled(path, name, strict, limits);
        return new CaptionFolder(pictures, IntStream.range(0, pictures.size()).mapToObj(i -> captions.get(pictures.file(i))).toList());
    }

    private static String last(String file) { return file.substring(file.lastIndexOf('/') + 1); }

    /** A metadata.jsonl, into captions by picture. */
    private static void lines(Archive archive, String file, Map<String, String> said) {
        String folder = file.substring(0, file.length() - METADATA.length());
        Set<String> files = new HashSet<>(archive.names());
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
            if (said.put(picture, caption(archive.describe(file), at + ": ", caption)) != null) {
                throw new FormatException(archive.describe(file), -1, at + " is of '" + shown(picture) + "', as is one before it");
            }
        }
    }

    private static String text(Archive archive, String file, String at, JsonNode json, String key) {
        JsonNode value = json.path(key);
        if (value.isTextual()) return value.asText();
        List<String> keys = new ArrayList<>();
        json.fieldNames().forEachRemaining(k -> keys.add(shown(k)));
        throw new FormatException(archive.describe(file), -1, at + " has no text '" + key + "'; its keys are " + keys);
    }

    private static String beside(Archive archive, Set<String> files, String picture) {
        String file = picture.substring(0, picture.lastIndexOf('.')) + ".txt";
        if (files.contains(file)) return caption(archive.describe(file), "", utf8(archive, file));
        throw new FormatException(archive.describe(picture), -1, "has no caption: wants '" + last(file) + "' beside it, or a line of "
            + METADATA + " with its file_name and text");
    }

    /** In one line. */
    private static String caption(String file, String at, String text) {
        String caption = text.strip().replaceAll("\\s+", " ");
        if (caption.isEmpty()) throw new FormatException(file, -1, at + "the caption is empty");
        if (caption.length() > LONGEST) {
            throw new FormatException(file, -1, at + "the caption has " + caption.length() + " characters, at most " + LONGEST
                + " are read");
        }
        return caption;
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

    /** What picture i shows, never blank. */
    public String caption(int i) { return captions.get(i); }

    @Override public List<String> captions(int i) { return List.of(caption(i)); }

    @Override public String name() { return pictures.name(); }

    /** Of the pictures and of what is said of them. */
    @Override public Fingerprint fingerprint() {
        List<String> sources = new ArrayList<>(List.of(pictures.fingerprint().hash()));
        sources.addAll(captions);
        return Fingerprint.of(this, sources);
    }

    @Override public List<String> notes() { return pictures.notes(); }

    @Override public ImageSpec spec() { return pictures.spec(); }

    @Override public int size() { return pictures.size(); }

    @Override public int label(int i) { return -1; }

    @Override public List<String> classNames() { return List.of(); }

    @Override public void pixels(int i, byte[] out, int offset) { pictures.pixels(i, out, offset); }
}
