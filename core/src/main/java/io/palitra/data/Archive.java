package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Named files read one by one, in any order and by several threads: a folder, or a zip that is never unpacked to disk. */
sealed interface Archive extends AutoCloseable permits Archive.Folder, Archive.Zip {
    /** Characters of a name with its folders, as many as systems allow bytes. */
    int LONGEST = 4096;

    /** Names with '/' between folders, in the order of their characters; hidden files are left out. */
    List<String> names();

    /** All bytes of one file. */
    byte[] read(String name);

    /** Bytes of one file, unpacked, by the archive's directory. */
    long size(String name);

    /** What of the archive is read otherwise than one may think, a line each. */
    List<String> notes();

    /** What to call a file in messages. */
    String describe(String name);

    @Override void close();

    static Archive open(Path path, Limits limits) {
        if (Files.isDirectory(path)) return Folder.open(path, limits);
        if (Files.isRegularFile(path) && path.toString().toLowerCase(Locale.ROOT).endsWith(".zip")) return Zip.open(path, limits);
        String fault = Files.exists(path) ? "neither a folder nor a .zip" : "there is no such folder or .zip";
        throw new FormatException(path.toString(), -1, fault);
    }

    private static boolean hidden(String name) { return name.startsWith(".") || name.contains("/.") || name.startsWith("__MACOSX/"); }

    private static void legible(Path path, String name) {
        String fault = name.chars().anyMatch(Character::isISOControl) ? "control characters" : name.length() <= LONGEST ? ""
            : name.length() + " characters, at most " + LONGEST + " are read: " + name.substring(0, 60) + "...";
        if (!fault.isEmpty()) throw new FormatException(path.toString(), -1, "a file name has " + fault);
    }

    private static FormatException tooMany(Path path, Limits limits) {
        return new FormatException(path.toString(), -1, "more than " + limits.entries() + " files");
    }

    /** A folder with all below it. Links are followed, loops of them are not. */
    record Folder(Path root, List<String> names, Limits limits) implements Archive {
        static Folder open(Path root, Limits limits) {
            List<String> names = new ArrayList<>();
            try {
                Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), limits.depth(), new SimpleFileVisitor<>() {
                    @Override public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        String name = root.relativize(file).toString().replace(root.getFileSystem().getSeparator(), "/");
                        if (!attributes.isRegularFile() || hidden(name)) return FileVisitResult.CONTINUE;
                        legible(root, name);
                        if (names.size() == limits.entries()) throw tooMany(root, limits);
                        names.add(name);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                        // a loop or a link to nothing holds no picture; a folder that may not be read does
                        if (e instanceof FileSystemLoopException || e instanceof NoSuchFileException) return FileVisitResult.CONTINUE;
                        throw e;
                    }
                });
            } catch (IOException e) {
                throw new FormatException(root.toString(), -1, "cannot be read: " + e.getMessage(), e);
            }
            names.sort(null);
            return new Folder(root, names, limits);
        }

        @Override public byte[] read(String name) {
            try (InputStream in = Files.newInputStream(root.resolve(name))) {
                byte[] bytes = in.readNBytes(limits.pictureBytes() + 1);
                if (bytes.length <= limits.pictureBytes()) return bytes;
            } catch (IOException e) {
                throw new FormatException(describe(name), -1, "cannot be read: " + e.getMessage(), e);
            }
            throw new FormatException(describe(name), -1, "more than " + limits.pictureBytes() + " bytes");
        }

        @Override public long size(String name) {
            try {
                return Files.size(root.resolve(name));
            } catch (IOException e) {
                throw new FormatException(describe(name), -1, "cannot be read: " + e.getMessage(), e);
            }
        }

        @Override public List<String> notes() { return List.of(); }

        @Override public String describe(String name) { return root.resolve(name).toString(); }

        @Override public void close() { }
    }

    /** A zip. Names are only keys here: nothing is written under them. */
    record Zip(Path path, ZipFile file, List<String> names, Map<String, ZipEntry> entries, List<String> notes, Limits limits)
            implements Archive {
        static Zip open(Path path, Limits limits) {
            try {
                return open(path, StandardCharsets.UTF_8, limits);
            } catch (FormatException e) {
                throw e;
            } catch (IOException | RuntimeException e) {
                try {
                    // names in the code page of a DOS are no UTF-8
                    return open(path, ZipNames.RAW, limits);
                } catch (FormatException f) {
                    throw f;
                } catch (IOException | RuntimeException f) {
                    throw new FormatException(path.toString(), -1, "not a sound zip: " + e.getMessage(), e);
                }
            }
        }

        private static Zip open(Path path, Charset names, Limits limits) throws IOException {
            ZipFile file = new ZipFile(path.toFile(), names);
            try {
                return list(path, file, names == ZipNames.RAW, limits);
            } catch (RuntimeException | IOException e) {
                file.close();
                throw e;
            }
        }

        private static Zip list(Path path, ZipFile file, boolean raw, Limits limits) throws IOException {
            if (file.size() > limits.entries()) throw tooMany(path, limits);
            List<ZipEntry> all = new ArrayList<>();
            for (Enumeration<? extends ZipEntry> each = file.entries(); each.hasMoreElements(); ) all.add(each.nextElement());
            ZipNames pages = raw ? ZipNames.of(all) : null;
            List<String> notes = new ArrayList<>();
            Map<String, ZipEntry> entries = new LinkedHashMap<>();
            long packed = 0;
            for (ZipEntry entry : all) {
                String name = pages == null ? entry.getName() : pages.name(entry);
                if (entry.isDirectory() || hidden(name)) continue;
                legible(path, name);
                if (entries.put(name, entry) != null) throw new FormatException(path.toString(), -1, "holds two files named " + name);
                packed += Math.max(0, entry.getCompressedSize());
                if (pages != null && notes.isEmpty() && pages.guesses(entry)) {
                    notes.add(path + ": its names have no code page and are read as " + pages + ", as '" + name + "'");
                }
            }
            // entries that share their bytes are how a small zip becomes terabytes
            if (packed > Files.size(path)) {
                throw new FormatException(path.toString(), -1, "its files claim " + packed + " packed bytes, it has " + Files.size(path));
            }
            return new Zip(path, file, entries.keySet().stream().sorted().toList(), entries, notes, limits);
        }

        @Override public byte[] read(String name) {
            ZipEntry entry = entries.get(name);
            if (entry == null) throw new ArgumentException("no file '" + name + "' in " + path);
            long size = entry.getSize();
            if (size < 0 || size > limits.pictureBytes()) {
                throw new FormatException(describe(name), -1, "claims " + size + " bytes, at most " + limits.pictureBytes() + " are read");
            }
            if (size / limits.ratio() > Math.max(1024, entry.getCompressedSize())) {
                throw new FormatException(describe(name), -1, "claims " + size + " bytes packed in " + entry.getCompressedSize());
            }
            byte[] bytes;
            try (InputStream in = file.getInputStream(entry)) {
                bytes = in.readNBytes((int) size + 1);
            } catch (IOException | RuntimeException e) {
                throw new FormatException(describe(name), -1, "damaged in the zip: " + e.getMessage(), e);
            }
            if (bytes.length != size) throw new FormatException(describe(name), -1, "claims " + size + " bytes, unpacks to another number");
            CRC32 crc = new CRC32();
            crc.update(bytes);
            if (entry.getCrc() != crc.getValue()) throw new FormatException(describe(name), -1, "damaged in the zip: wrong checksum");
            return bytes;
        }

        @Override public long size(String name) { return java.util.Objects.requireNonNull(entries.get(name)).getSize(); }

        @Override public String describe(String name) { return path + "!" + name; }

        @Override public void close() {
            try {
                file.close();
            } catch (IOException e) {
                throw new FormatException(path.toString(), -1, "cannot be closed: " + e.getMessage(), e);
            }
        }
    }
}
