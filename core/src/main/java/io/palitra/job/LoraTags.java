package io.palitra.job;

import io.palitra.config.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code <lora:name:0.8>} in a prompt, as other tools have it: no words, but a file and how much of it is added.
 *
 * @param prompt without them
 * @param tags   in their order
 * @param unread those of other networks, as they are written
 */
record LoraTags(String prompt, List<Tag> tags, List<String> unread) {
    private static final Pattern TAG = Pattern.compile("<(lora|lyco|hypernet):([^<>]+)>", Pattern.CASE_INSENSITIVE);
    private static final Pattern NUMBER = Pattern.compile("[+-]?(?:\\d{1,6}(?:\\.\\d{0,9})?|\\.\\d{1,9})");

    /** @param uneven whether the text encoder was to have another weight than the U-Net, whose is taken */
    record Tag(String written, String name, double weight, boolean uneven) {}

    /** @throws ConfigException for a weight that is no number */
    static LoraTags of(String prompt) {
        List<Tag> tags = new ArrayList<>();
        List<String> unread = new ArrayList<>();
        StringBuilder words = new StringBuilder();
        Matcher m = TAG.matcher(prompt);
        while (m.find()) {
            m.appendReplacement(words, "");
            if (m.group(1).toLowerCase(Locale.ROOT).equals("hypernet")) unread.add(m.group());
            else tags.add(tag(m.group(), m.group(2).split(":", -1)));
        }
        if (tags.isEmpty() && unread.isEmpty()) return new LoraTags(prompt, tags, unread);
        return new LoraTags(m.appendTail(words).toString().strip(), tags, unread);
    }

    /** name:both, name:text encoder:U-Net, or by te= and unet=. */
    private static Tag tag(String written, String[] parts) {
        List<String> plain = new ArrayList<>();
        String text = "", unet = "";
        for (int i = 1; i < parts.length; i++) {
            String s = parts[i].strip();
            if (s.startsWith("te=")) text = s.substring(3);
            else if (s.startsWith("unet=")) unet = s.substring(5);
            else if (!s.startsWith("dyn=")) plain.add(s);
        }
        if (text.isEmpty()) text = plain.isEmpty() ? "1" : plain.get(0);
        if (unet.isEmpty()) unet = plain.size() > 1 ? plain.get(1) : text;
        double a = number(written, text), b = number(written, unet);
        return new Tag(written, parts[0].strip(), b, a != b);
    }

    private static double number(String written, String text) {
        if (NUMBER.matcher(text).matches()) return Double.parseDouble(text);
        throw new ConfigException("prompt", "illegal weight in " + written + ": '" + text + "', must be a number, as <lora:name:0.8>");
    }
}
