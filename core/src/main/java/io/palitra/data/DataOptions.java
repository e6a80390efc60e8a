package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import java.util.List;

/** How a data set is opened: {@link Datasets}. Captions are those of a {@link CaptionFolder}, of other sets the names of the classes. */
public record DataOptions(
        @Help(value = "folder to look in, and then nowhere else; empty = the usual ones", place = Help.Place.DATA) String dir,
        @Help("side of the square that pictures are fitted to, in pixels; 0 = the size of the set, in a folder of the first picture")
        int size,
        @Help("1 = grey, 3 = colour, 0 = as they are; a folder is in colour if any of 64 pictures is") int channels,
        @Help("whether one broken picture in a folder is an error; otherwise it is skipped and named") boolean strict,
        @Help("names of classes that are left out, as if the set had never held them") List<String> except,
        @Help("of a table: the column that names the class; empty = it has none") String label,
        @Help("whether pictures come with captions: those of the folder, the class names of other sets") boolean captions,
        @Help("of a folder or .zip of text: the end of its files' names, such as .java; empty = .txt, .md and .jsonl") String suffix,
        @Help("of text: what a token is, a character, a byte of UTF-8, or a pair of bytes learnt from the text") Tokens tokens,
        @Help(value = "of text in pairs: ids wanted, 256 bytes and the end among them", min = 257, max = Merges.MOST) int vocabulary,
        @Help("of text: tokens of an item; 0 = 256, of programs 160") int length,
        @Help("of text in .jsonl: the field that holds it") String field,
        @Help(value = "of music: sixteenths of an item", min = 4, max = MOST_STEPS) int steps,
        @Help(value = "of music: semitones by which pieces for training are moved up and down, as far as their voices go; -1 = all keys, "
            + "of parts, which are drawn in all keys, 0", min = -1, max = 11) int transpose,
        @Help(value = "of video: frames of an item", min = 2, max = VideoSpec.MOST) int frames,
        @Help("of the set moving: what moves, digits that bounce or shapes of scenes that go where a caption says") Moves kind,
        @Help("of a folder: whether its folders are films, each picture a frame; a folder of .gif that move is one of films without it")
        boolean films) {
    /** What the set {@code moving} shows. */
    public enum Moves { DIGITS, SCENES }

    /** What a token of a text is. */
    public enum Tokens { CHARS, BYTES, PAIRS }

    /** Largest side training takes, in pixels: a picture of 2048x2048 in colour is 12 MiB in every batch. */
    static final int MOST = 2048;

    /** Longest item of music, in sixteenths. */
    static final int MOST_STEPS = 4096;
    /** Four bars of four quarters. */
    private static final int STEPS = 64;
    /** Frames of an item of video. */
    private static final int FRAMES = 16;

    /** As the data is. */
    public static final DataOptions DEFAULT = new DataOptions("", 0, 0, false);

    /** No text and no music. */
    public DataOptions(String dir, int size, int channels, boolean strict, List<String> except, String label, boolean captions) {
        this(dir, size, channels, strict, except, label, captions, "", Tokens.CHARS, 512, 0, "text", STEPS, -1, FRAMES, Moves.DIGITS,
            false);
    }

    /** All classes, no table, no captions. */
    public DataOptions(String dir, int size, int channels, boolean strict) { this(dir, size, channels, strict, List.of(), ""); }

    /** No captions. */
    public DataOptions(String dir, int size, int channels, boolean strict, List<String> except, String label) {
        this(dir, size, channels, strict, except, label, false);
    }

    public DataOptions {
        except = List.copyOf(except);
        if (size < 0 || size > MOST) throw new ArgumentException("illegal size: " + size + ", must be 0 (native) to " + MOST);
        if (channels != 0 && channels != 1 && channels != 3) {
            throw new ArgumentException("illegal channels: " + channels + ", must be 0 (native), 1 (grey) or 3 (colour)");
        }
        if (steps < 4 || steps > MOST_STEPS) throw new ArgumentException("illegal steps: " + steps + ", must be 4 to " + MOST_STEPS);
        if (frames < 2 || frames > VideoSpec.MOST) {
            throw new ArgumentException("illegal frames: " + frames + ", must be 2 to " + VideoSpec.MOST);
        }
        if (transpose < -1 || transpose > 11) throw new ArgumentException("illegal transpose: " + transpose + ", must be -1 to 11");
        if (!suffix.isEmpty() && (suffix.charAt(0) != '.' || suffix.length() < 2)) {
            throw new ArgumentException("illegal suffix: '" + suffix + "', must be empty or a dot and letters, such as .java");
        }
        if (vocabulary < 257 || vocabulary > Merges.MOST) {
            throw new ArgumentException("illegal vocabulary: " + vocabulary + ", must be between 257 and " + Merges.MOST);
        }
        if (length < 0 || length > TextSpec.MOST) {
            throw new ArgumentException("illegal length: " + length + ", must be 0 (as usual) to " + TextSpec.MOST);
        }
        if (field.isEmpty()) throw new ArgumentException("illegal field: none, must be a name");
    }

    /** Whether a key of music is another than the default. */
    boolean asksForMusic() { return steps != DEFAULT.steps || transpose != DEFAULT.transpose; }

    /** Whether a key of text is another than the default. */
    boolean asksForText() {
        return !suffix.isEmpty() || tokens != DEFAULT.tokens || vocabulary != DEFAULT.vocabulary || length != DEFAULT.length
            || !field.equals(DEFAULT.field);
    }
}
