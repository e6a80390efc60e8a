package io.palitra.config;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * What a file or a folder is called while it is being written, beside what it becomes: {@code .NAME.MACHINE-PROCESS-START-COUNT.part}. A
 * process that is killed leaves it behind; the name tells the next one that nobody will finish it.
 */
public final class PartFile {
    private static final Pattern NAME = Pattern.compile("\\..+\\.([0-9a-f]{8})-([0-9]{1,18})-([0-9a-f]{8})-[0-9]+\\.part");
    private static final Duration OLD = Duration.ofDays(1);
    private static final String MACHINE = machine();
    private static final String START = UUID.randomUUID().toString().substring(0, 8);
    private static final AtomicLong COUNT = new AtomicLong();
    private static final Set<Path> SWEPT = ConcurrentHashMap.newKeySet();

    private PartFile() {}

    /** A name for {@code file} until it is whole, no other writer's. The first of a folder removes what ended processes left there. */
    public static Path of(Path file) {
        Path folder = file.toAbsolutePath().normalize().getParent();
        if (folder != null && SWEPT.add(folder)) sweep(folder);
        return file.resolveSibling("." + file.getFileName() + "." + MACHINE + "-" + ProcessHandle.current().pid() + "-" + START + "-"
            + COUNT.incrementAndGet() + ".part");
    }

    /** Removes from a folder what was left there half-written; what cannot be removed stays for the next one. */
    public static void sweep(Path folder) {
        List<Path> left;
        try (Stream<Path> files = Files.list(folder)) {
            left = files.filter(PartFile::isLeft).toList();
        } catch (IOException | RuntimeException e) {
            return;   // who writes there says what is wrong with it
        }
        for (Path part : left) {
            try {
                remove(part);
            } catch (IOException e) {
                // another removes it, too
            }
        }
    }

    /** Whether a process that has ended was writing this, or one of another machine that has not touched it for a day. */
    static boolean isLeft(Path part) {
        Matcher name = NAME.matcher(part.getFileName().toString());
        if (!name.matches()) return false;
        long process = Long.parseLong(name.group(2));
        if (name.group(1).equals(MACHINE)) {
            if (process == ProcessHandle.current().pid()) return !name.group(3).equals(START);   // in containers all have the same
            return ProcessHandle.of(process).isEmpty();
        }
        try {
            Instant touched = Files.getLastModifiedTime(part, LinkOption.NOFOLLOW_LINKS).toInstant();
            return touched.isBefore(Instant.now().minus(OLD));
        } catch (IOException e) {
            return false;
        }
    }

    /** Removes a file, or a folder with all in it; no link is followed. */
    public static void remove(Path part) throws IOException {
        Files.walkFileTree(part, new SimpleFileVisitor<>() {
            @Override public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e) throws IOException {
                Files.deleteIfExists(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Where numbers of processes mean the same: a start of a machine, and on Linux the container. */
    private static String machine() {
        StringBuilder place = new StringBuilder();
        try {
            place.append(Files.readString(Path.of("/proc/sys/kernel/random/boot_id")));
            place.append(Files.readSymbolicLink(Path.of("/proc/self/ns/pid")));
        } catch (IOException | RuntimeException e) {
            place.append(System.getenv().getOrDefault("HOSTNAME", System.getenv().getOrDefault("COMPUTERNAME", "")));
        }
        CRC32 crc = new CRC32();
        crc.update(place.toString().getBytes(StandardCharsets.UTF_8));
        return String.format(Locale.ROOT, "%08x", crc.getValue());
    }
}
