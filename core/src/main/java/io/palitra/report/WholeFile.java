package io.palitra.report;

import io.palitra.config.PartFile;
import io.palitra.config.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A file written whole or not at all: what was there before stays until the new bytes are on the disk. */
public final class WholeFile {
    private WholeFile() {}

    /** @throws UncheckedIOException in one line that names the file; the old content is then untouched */
    public static void write(Path file, byte[] bytes) {
        Path part = PartFile.of(file.toAbsolutePath());   // not Files.createTempFile: only its owner could read the file
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
        return new UncheckedIOException("cannot " + verb + " '" + file + "': " + Reason.of(e), e);
    }
}
