package io.palitra.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/** A file written whole or not at all: what was there before stays until the new bytes are on the disk. */
public final class WholeFile {
    private static final AtomicLong COUNT = new AtomicLong();

    private WholeFile() {}

    /** @throws UncheckedIOException in one line that names the file; the old content is then untouched */
    public static void write(Path file, byte[] bytes) {
        // not Files.createTempFile: it would leave the file readable by its owner alone
        String name = "." + file.getFileName() + "." + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet() + ".part";
        Path part = file.toAbsolutePath().resolveSibling(name);
        try {
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer left = ByteBuffer.wrap(bytes);
                while (left.hasRemaining()) channel.write(left);
                channel.force(true);
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            try {
                Files.deleteIfExists(part);
            } catch (IOException also) {
                e.addSuppressed(also);
            }
            throw failed("write", file, e);
        }
    }

    static UncheckedIOException failed(String verb, Path file, IOException e) {
        String why = e instanceof NoSuchFileException ? "no such file or folder"
                : e instanceof AccessDeniedException ? "permission denied" : String.valueOf(e.getMessage());
        return new UncheckedIOException("cannot " + verb + " " + file + ": " + why, e);
    }
}
