package io.palitra.hub;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The calls that saving makes to the file system, and no others: each may fail, and what is not forced a power cut may take back. */
public interface Storage {
    Storage DISK = new Disk();

    /** A file being written, from its start on. */
    interface Output extends Closeable {
        /** Appends all that remains of {@code from}. */
        void write(ByteBuffer from) throws IOException;

        /** Returns when all that was written is on the medium. */
        void force() throws IOException;
    }

    /** A new file; one that is there is an error. */
    Output create(Path file) throws IOException;

    /** A file that is there, to be written on from its end. */
    Output append(Path file) throws IOException;

    /** A new symbolic link; {@code target} may be relative to its folder. Not every system or user can make one. */
    void link(Path link, Path target) throws IOException;

    /** A new folder in one that is there. */
    void createFolder(Path folder) throws IOException;

    /** Renames in one stroke. A file at {@code to} is replaced. */
    void move(Path from, Path to) throws IOException;

    /** Deletes a file or an empty folder. */
    void delete(Path path) throws IOException;

    /** Returns when the names in a folder, not the contents of its files, are on the medium. */
    void force(Path folder) throws IOException;

    /** Bytes that may still be written below a folder, 0 where the file system does not report them. */
    long free(Path folder) throws IOException;

    /** The real one. */
    final class Disk implements Storage {
        private static final boolean WINDOWS = System.getProperty("os.name").startsWith("Windows");

        private Disk() {}

        @Override public Output create(Path file) throws IOException {
            return output(FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
        }

        @Override public Output append(Path file) throws IOException {
            return output(FileChannel.open(file, StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS));
        }

        private static Output output(FileChannel channel) {
            return new Output() {
                @Override public void write(ByteBuffer from) throws IOException {
                    while (from.hasRemaining()) channel.write(from);
                }

                @Override public void force() throws IOException { channel.force(true); }

                @Override public void close() throws IOException { channel.close(); }
            };
        }

        @Override public void link(Path link, Path target) throws IOException { Files.createSymbolicLink(link, target); }

        @Override public void createFolder(Path folder) throws IOException { Files.createDirectory(folder); }

        @Override public void move(Path from, Path to) throws IOException { Files.move(from, to, StandardCopyOption.ATOMIC_MOVE); }

        @Override public void delete(Path path) throws IOException { Files.delete(path); }

        @Override public void force(Path folder) throws IOException {
            if (WINDOWS) return;   // folders cannot be opened there; NTFS journals names itself
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) { channel.force(true); }
        }

        @Override public long free(Path folder) throws IOException { return Files.getFileStore(folder).getUsableSpace(); }
    }
}
