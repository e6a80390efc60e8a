package io.palitra.hub;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Ways to damage a sound file. The blind one most readers refuse at once; those that know the form come past the first checks. */
@FunctionalInterface interface Damage {
    byte[] of(byte[] sound, SplittableRandom random);

    String[] NUMBERS = {"-1", "0", "1", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "-9223372036854775808", "1e400", "1e9", "0.5", "-0", "NaN", "Infinity", "null", "true", "\"1\"", "[1]",
        "{}", "9".repeat(400), "9".repeat(2000), "1e999999999"};
    String[] WORDS = {"\"\"", "null", "[]", "{}", "0", "\"F8_E4M3\"", "\"C64\"", "\"F4\"", "\"I64\"", "\"BOOL\"", "\"\\u0000\"",
        "\"\\ud800\"", "\"../../x\"", "\"__metadata__\"", "\"data_offsets\"", "\"shape\""};
    Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE]-?\\d+)?");
    Pattern WORD = Pattern.compile("\"[^\"]*\"");
    String OPCODES = "(012NIJKLMGUTX)]tlae}dsuqrhjciQRb.\u0080\u0082\u0085\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u008d\u008e\u008f"
        + "\u0093\u0094\u0095\u0096";

    /** One to four changes: a bit, a byte, an extreme value, a cut, a stretch doubled, removed, or over another. */
    static byte[] bytes(byte[] seed, SplittableRandom random) {
        byte[] b = seed.clone();
        for (int changes = random.nextInt(1, 5); changes > 0 && b.length > 1; changes--) {
            int at = random.nextInt(b.length);
            int length = random.nextInt(1, Math.min(16, b.length - at) + 1);
            switch (random.nextInt(9)) {
                case 0, 1 -> b[at] ^= (byte) (1 << random.nextInt(8));
                case 2, 3 -> b[at] = (byte) random.nextInt(256);
                case 4 -> Arrays.fill(b, at, at + Math.min(4, length), (byte) (random.nextBoolean() ? 0xff : 0x7f));
                case 5 -> b = random.nextInt(4) == 0 ? Arrays.copyOf(b, Math.max(1, at)) : b;
                case 6 -> {
                    byte[] longer = Arrays.copyOf(b, b.length + length);
                    System.arraycopy(b, at, longer, at + length, b.length - at);
                    b = longer;
                }
                case 7 -> System.arraycopy(seed, random.nextInt(seed.length - Math.min(length, seed.length) + 1), b, at,
                    Math.min(length, seed.length));
                default -> {
                    System.arraycopy(b, at + length, b, at, b.length - at - length);
                    b = Arrays.copyOf(b, Math.max(1, b.length - length));
                }
            }
        }
        return b;
    }

    /** JSON: a number or text becomes an extreme one, texts change places, brackets within each other; or blindly. */
    static byte[] json(byte[] sound, SplittableRandom random) {
        String text = new String(sound, StandardCharsets.UTF_8);
        for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
            int at = random.nextInt(text.length() + 1);
            switch (random.nextInt(6)) {
                case 0, 1 -> text = replaced(text, NUMBER, NUMBERS[random.nextInt(NUMBERS.length)], random);
                case 2 -> text = replaced(text, WORD, WORDS[random.nextInt(WORDS.length)], random);
                case 3 -> {
                    MatchResult[] words = WORD.matcher(text).results().toArray(MatchResult[]::new);
                    if (words.length > 0) text = replaced(text, WORD, words[random.nextInt(words.length)].group(), random);
                }
                case 4 -> {
                    String open = random.nextBoolean() ? "[" : "{\"a\":";
                    text = text.substring(0, at) + open.repeat(1 << random.nextInt(12)) + text.substring(at);
                }
                default -> {
                    return bytes(text.getBytes(StandardCharsets.UTF_8), random);
                }
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String replaced(String text, Pattern what, String by, SplittableRandom random) {
        long count = what.matcher(text).results().count();
        if (count == 0) return text;
        Matcher m = what.matcher(text);
        for (long left = random.nextLong(count); left >= 0; left--) m.find();
        return text.substring(0, m.start()) + by + text.substring(m.end());
    }

    /** A file of safetensors: its header as JSON, of the length it says; that length; the values; or blindly. */
    static byte[] header(byte[] sound, SplittableRandom random) {
        int n = (int) ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).getLong();
        byte[] json = Arrays.copyOfRange(sound, 8, 8 + n), values = Arrays.copyOfRange(sound, 8 + n, sound.length);
        long length = -1;
        switch (random.nextInt(8)) {
            case 0 -> length = random.nextLong() >>> random.nextInt(64);
            case 1 -> values = Arrays.copyOf(values, random.nextInt(2 * values.length));
            case 2 -> {
                return bytes(sound, random);
            }
            default -> json = json(json, random);
        }
        return ByteBuffer.allocate(8 + json.length + values.length).order(ByteOrder.LITTLE_ENDIAN)
            .putLong(length < 0 ? json.length : length).put(json).put(values).array();
    }

    /** A pickle: operations put in, with arguments that are extreme, or many times; stretches twice; or blindly. */
    static byte[] opcodes(byte[] sound, SplittableRandom random) {
        byte[] b = sound;
        for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
            ByteArrayOutputStream more = new ByteArrayOutputStream();
            int at = random.nextInt(b.length);
            switch (random.nextInt(5)) {
                case 0 -> {
                    for (int i = random.nextInt(1, 9); i > 0; i--) {
                        more.write(OPCODES.charAt(random.nextInt(OPCODES.length())));
                        for (int k = random.nextInt(6); k > 0; k--) more.write(random.nextInt(4) == 0 ? 0xff : random.nextInt(4));
                    }
                }
                case 1 -> {   // lengths and places beyond the end
                    more.write("XTUrj\u008a\u008b\u008c\u008d\u0095".charAt(random.nextInt(10)));
                    more.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(random.nextLong() >>> random.nextInt(64))
                        .array());
                }
                case 2 -> {   // values within each other
                    String open = new String[] {"(", "]", ")", "}", "N"}[random.nextInt(5)];
                    String close = new String[] {"t", "l", "a", "\u0085", "d", "2", "K\0s"}[random.nextInt(7)];
                    int times = 1 << random.nextInt(13);
                    more.writeBytes((open.repeat(times) + close.repeat(times)).getBytes(StandardCharsets.ISO_8859_1));
                }
                case 3 -> more.write(b, at, random.nextInt(1, Math.min(200, b.length - at) + 1));
                default -> {
                    return bytes(b, random);
                }
            }
            int to = random.nextInt(b.length);
            b = ByteBuffer.allocate(b.length + more.size()).put(b, 0, to).put(more.toByteArray()).put(b, to, b.length - to).array();
        }
        return b;
    }
}
