package io.palitra.engine;

import io.palitra.config.PartFile;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * Where JavaCPP found the native libraries last time. To look for them under all their possible names in all jars takes it two thirds of
 * the engine's start; so the places are kept in a file beside the libraries that it extracts, and hold as long as the class path is the
 * same and each library that was extracted still lies there. What came from elsewhere than a jar is looked for anew each time, and so is
 * everything where there are CUDA's libraries. With another JavaCPP, which has no such table, or a folder that cannot be written, it looks
 * as it always did.
 */
final class FoundLibraries {
    private static final String FORMAT = "palitra-libraries 2", END = "end";

    private final Map<String, URL[]> table;   // JavaCPP's own
    private final Path file;
    private final String classPath;

    FoundLibraries(Map<String, URL[]> table, Path file, String classPath) {
        this.table = table;
        this.file = file;
        this.classPath = classPath;
    }

    /** Null where there is nothing to spare. */
    @SuppressWarnings("unchecked")   // by the field's declaration
    static @Nullable FoundLibraries ofThisClassPath() {
        try {
            Field field = Loader.class.getDeclaredField("foundLibraries");
            field.setAccessible(true);
            StringBuilder classPath = new StringBuilder(FORMAT);
            for (String entry : System.getProperty("java.class.path", "").split(File.pathSeparator)) {
                classPath.append(' ').append(stamp(new File(entry)));
            }
            CRC32 name = new CRC32();   // of where JavaCPP lies: one file for each place, however many class paths begin there
            name.update(Loader.class.getProtectionDomain().getCodeSource().getLocation().toString().getBytes(StandardCharsets.UTF_8));
            Path file = Loader.getCacheDir().toPath().resolve(String.format("palitra-%08x.txt", name.getValue()));
            return new FoundLibraries((Map<String, URL[]>) field.get(null), file, classPath.toString());
        } catch (ReflectiveOperationException | RuntimeException | IOException e) {
            return null;
        }
    }

    private static String stamp(File file) { return file.getAbsolutePath() + ' ' + file.length() + ' ' + file.lastModified(); }

    /** Fills the table before anything is loaded. Whether there was something to fill it with. */
    boolean recall() {
        Map<String, URL[]> found = new LinkedHashMap<>();
        try {
            List<String> lines = Files.readAllLines(file);
            int last = lines.size() - 1;
            if (!lines.get(0).equals(classPath) || !lines.get(last).equals(END)) return false;
            for (String line : lines.subList(1, last)) {
                String[] words = line.split("\t");
                if (words[0].isEmpty()) {   // a file that was extracted
                    if (!stamp(new File(words[1])).equals(words[2])) return false;
                    continue;
                }
                URL[] urls = new URL[words.length / 2];
                for (int i = 0; i < urls.length; i++) {
                    urls[i] = new URL(words[1 + 2 * i]);
                    if (!stamp(jar(urls[i])).equals(words[2 + 2 * i])) return false;
                }
                found.put(words[0], urls);
            }
        } catch (IOException | RuntimeException e) {
            return false;   // none, or a torn one
        }
        table.putAll(found);
        return true;
    }

    /** The file that a URL of the kind jar:file:/...!/... is in. */
    private static File jar(URL url) throws MalformedURLException {
        String inner = url.getPath();
        return new File(java.net.URI.create(new URL(inner.substring(0, inner.indexOf("!/"))).toString()));
    }

    /** Writes what the table holds after all is loaded. */
    void remember() {
        Map<String, String> loaded = Loader.getLoadedLibraries();
        List<String> lines = new ArrayList<>(List.of(classPath));
        try {
            for (Map.Entry<String, URL[]> e : new TreeMap<>(table).entrySet()) {
                StringBuilder line = new StringBuilder(e.getKey());
                boolean jars = true;
                for (URL url : e.getValue()) {
                    jars &= url.getProtocol().equals("jar");
                    if (jars && url.getPath().contains("-gpu")) return;
                    if (jars) line.append('\t').append(url).append('\t').append(stamp(jar(url)));
                }
                String[] names = e.getKey().split("#");
                boolean isLoaded = loaded.containsKey(names[0]) || loaded.containsKey(names[names.length - 1]);
                boolean fromSystem = isLoaded && e.getValue().length == 0;
                if (jars && !fromSystem) lines.add(line.toString());
            }
            for (String name : new TreeSet<>(loaded.values())) {
                if (new File(name).isAbsolute()) lines.add('\t' + name + '\t' + stamp(new File(name)));
            }
            lines.add(END);
            Path part = PartFile.of(file);
            try {
                Files.write(part, lines);
                Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);   // of a disk that is full
            }
        } catch (IOException | RuntimeException e) {
            // the next start looks again
        }
    }

    /** After a load that failed: the kept entries may be the cause. */
    void forget() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // the next start fails as this one did
        }
    }
}
