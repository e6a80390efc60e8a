package io.palitra.engine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder into which JavaCPP puts native libraries, and from which it loads them: whoever can write there runs code as this user. So it
 * is made for this user alone, and one that others can write to is refused.
 */
final class LibraryFolder {
    private static final String PROPERTY = "org.bytedeco.javacpp.cachedir", OTHER_PROPERTY = "org.bytedeco.javacpp.cacheDir";
    private static final int STICKY = 01000, BY_GROUP = 0020, BY_ALL = 0002, ENTERED_BY_OTHERS = 0011;

    private LibraryFolder() {}

    /**
     * The one that is named by JavaCPP's property, else JavaCPP's own in the home folder, else in that for temporary files; made where it
     * is not there.
     *
     * @throws EngineError if none can be used, or others can write to it
     */
    static Path open() {
        List<String> faults = new ArrayList<>();
        for (String name : names()) {
            try {
                Path folder = made(name);
                String writer = writer(folder);
                if (!writer.isEmpty()) {
                    throw new EngineError("the native libraries are not loaded from '" + folder + "', for others could put code there: "
                        + writer + "; take it from them (chown, chmod -R go-w), or remove it");
                }
                System.setProperty(PROPERTY, folder.toString());
                return folder;
            } catch (IOException e) {
                faults.add("'" + name + "' " + reason(e));
            }
        }
        throw new EngineError("there is no folder for the native libraries: " + String.join(", ", faults));
    }

    private static List<String> names() {
        String given = System.getProperty(PROPERTY, System.getProperty(OTHER_PROPERTY));
        if (given != null) return List.of(given);
        List<String> names = new ArrayList<>();
        String home = System.getProperty("user.home", "");
        if (Path.of(home).isAbsolute()) names.add(Path.of(home, ".javacpp", "cache").toString());   // "?" where the user has none
        names.add(Path.of(System.getProperty("java.io.tmpdir"), ".javacpp-" + System.getProperty("user.name"), "cache").toString());
        return names;
    }

    private static Path made(String name) throws IOException {
        if (name.isEmpty()) throw new FileSystemException(name, null, "is no name");
        Path folder;
        try {
            folder = Path.of(name).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw new FileSystemException(name, null, "is no name of a folder");
        }
        if (!Files.isDirectory(folder)) {
            if (unix(folder)) {
                Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } else {
                Files.createDirectories(folder);
            }
        }
        // JavaCPP checks the same: it would silently take another folder than one that fails
        if (Files.isReadable(folder) && Files.isWritable(folder) && Files.isExecutable(folder)) return folder;
        throw new FileSystemException(name, null, "cannot be written to");
    }

    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) return "cannot be made: permission denied";
        if (e instanceof FileAlreadyExistsException) return "is not a folder";
        if (e instanceof NoSuchFileException) return "cannot be made: there is no such folder";
        if (e instanceof FileSystemException f && f.getReason() != null) {
            boolean own = f.getReason().startsWith("is ") || f.getReason().startsWith("cannot");
            return own ? f.getReason() : "cannot be made: " + f.getReason();
        }
        return "cannot be made: " + e.getMessage();
    }

    private static boolean unix(Path folder) { return folder.getFileSystem().supportedFileAttributeViews().contains("unix"); }

    /** Users other than this one and root who could put a library into {@code folder}, or replace the folder; empty for none. */
    static String writer(Path folder) throws IOException {
        if (!unix(folder)) return "";
        Path proc = Path.of("/proc/self"), home = Path.of(System.getProperty("user.home", "/"));
        int self = (Integer) Files.getAttribute(Files.exists(proc) ? proc : home, "unix:uid");
        Path real = folder.toRealPath(), top = Files.isDirectory(home) ? home.toRealPath() : home;
        String who = writer(real, self, true);
        if (!who.isEmpty()) return who;
        if (((Integer) Files.getAttribute(real, "unix:mode") & ENTERED_BY_OTHERS) != 0) {
            List<Path> inside;
            try (Stream<Path> list = Files.list(real)) { inside = list.filter(Files::isDirectory).toList(); }
            for (Path child : inside) {
                who = writer(child, self, true);
                if (!who.isEmpty()) return who;
            }
        }
        for (Path start : List.of(real, folder)) {   // the way that was named, and where its links lead
            for (Path p = start; p != null && !p.equals(top); p = p.getParent()) {
                Path parent = p.getParent();
                who = parent == null ? "" : writer(parent, self, false);
                if (!who.isEmpty()) return who;
            }
        }
        return "";
    }

    /** A folder above it may be writable by all if users cannot rename each other's files there, as in /tmp. */
    private static String writer(Path folder, int self, boolean last) throws IOException {
        Map<String, Object> facts = Files.readAttributes(folder, "unix:uid,gid,mode,owner,group");
        int uid = number(facts, "uid"), mode = number(facts, "mode");
        String owner = String.valueOf(facts.get("owner")), group = String.valueOf(facts.get("group"));
        if (uid != 0 && uid != self) return "'" + folder + "' belongs to user " + owner;
        if (!last && (mode & STICKY) != 0) return "";
        if ((mode & BY_ALL) != 0) return "every user can write to '" + folder + "'";
        boolean alone = group.equals(owner) || number(facts, "gid") == 0;   // each user a group of its own name, as many systems do
        return (mode & BY_GROUP) != 0 && !alone ? "group " + group + " can write to '" + folder + "'" : "";
    }

    private static int number(Map<String, Object> facts, String name) { return (Integer) Objects.requireNonNull(facts.get(name)); }

    /**
     * Waits until no other process extracts libraries. JavaCPP locks each file, but two that begin at once take each other's links away and
     * then write over a library that the other has loaded. Null where the file system knows no locks: then it is as it was.
     */
    static @Nullable FileLock lock(Path folder) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(folder.resolve("palitra.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            return channel.lock();
        } catch (IOException | RuntimeException e) {
            release(channel);
            return null;
        }
    }

    static void release(@Nullable AutoCloseable channel) {
        try {
            if (channel != null) channel.close();
        } catch (Exception e) {
            // the end of the process releases it
        }
    }
}
