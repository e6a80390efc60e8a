package io.palitra.app;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The words of the command line as they were typed. Java reads them by the locale's character map, and where that does not know a letter,
 * as in a container without a locale, it gives another in its place: a picture of question marks would be painted.
 */
final class Arguments {
    private Arguments() {}

    /** What is wrong with words that Java could not read, and what to do; empty where all of them are as they were typed. */
    static String fault(String[] read) {
        byte[] typed = {};
        try {
            Path line = Path.of("/proc/self/cmdline");
            if (Files.isReadable(line)) typed = Files.readAllBytes(line);
        } catch (IOException e) {
            // the words as Java read them are checked alone
        }
        return fault(read, typed, System.getProperty("sun.jnu.encoding", "UTF-8"));
    }

    /** @param typed all words of the process, each with a zero behind it, or nothing where the system does not give them */
    static String fault(String[] read, byte[] typed, String map) {
        List<byte[]> words = words(typed);
        int first = words.size() - read.length;
        Charset charset = Charset.isSupported(map) ? Charset.forName(map) : null;
        for (int i = 0; i < read.length; i++) {
            boolean lost = charset != null && first >= 0 ? !Arrays.equals(read[i].getBytes(charset), words.get(first + i))
                : read[i].indexOf('\uFFFD') >= 0;
            if (!lost) continue;
            return "word " + (i + 1) + " of the command line, '" + Terminal.plain(read[i]) + "', has letters that the locale's"
                + " character map (" + map + ") cannot read; set LC_ALL=C.UTF-8, or start the launcher (palitra), which does";
        }
        return "";
    }

    private static List<byte[]> words(byte[] line) {
        List<byte[]> words = new ArrayList<>();
        for (int from = 0, i = 0; i < line.length; i++) {
            if (line[i] != 0) continue;
            words.add(Arrays.copyOfRange(line, from, i));
            from = i + 1;
        }
        return words;
    }
}
