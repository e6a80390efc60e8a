package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.data.DownloadException.Fault;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Fetches the files of a set of the catalogue over HTTP. Bytes go to NAME.part, from which a later run resumes; the file appears under its
 * own name only when its size and checksum are those published. A file that is already there is left as it is.
 */
public final class Download {
    private final String from;
    private final Http.TransferProgress progress;
    private final Http http;

    /** @param from address of a folder that holds the files under their names, or "" for where they are published */
    public Download(String from, Http.TransferProgress progress) { this(from, progress, Duration.ofSeconds(60)); }

    /** @param patience how long no byte may come before the connection counts as cut */
    Download(String from, Http.TransferProgress progress, Duration patience) {
        if (!from.isEmpty() && !from.matches("https?://[!-~]+")) {
            String shown = from.replaceAll("\\p{Cntrl}", "?");
            throw new ArgumentException("illegal address: '" + shown + "', must begin with http:// or https://");
        }
        this.from = from;
        this.progress = progress;
        http = new Http(patience, () -> false);
    }

    /**
     * Fetches what is missing into dir/NAME, and unpacks it where it has to be.
     *
     * @return that folder
     * @throws DownloadException when something is left missing; what had come stays for the next run
     * @throws FormatException when an archive is not what it should be
     */
    public Path get(CatalogueEntry source, Path dir) {
        if (source.kind() == CatalogueEntry.Kind.CHORALES) {
            throw new ArgumentException(source.name() + " is not downloaded: put " + Chorales.FILE + " into " + dir.resolve("music"));
        }
        if (source.files().isEmpty()) throw new ArgumentException(source.name() + " needs no download");
        Path folder = dir.resolve(source.name());
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot make the folder " + folder + ": " + e.getMessage(), e);
        }
        for (CatalogueEntry.Remote remote : source.files()) {
            if (source.kind() == CatalogueEntry.Kind.CIFAR) {
                if (Cifar10.in(folder, Split.TRAIN) && Cifar10.in(folder, Split.TEST)) continue;
                Path packed = fetch(remote, folder);
                Tar.cifar(packed, folder, Cifar10.RECORDS);
                remove(packed);
            } else {
                fetch(remote, folder);
            }
        }
        return folder;
    }

    private URI address(CatalogueEntry.Remote remote) {
        try {
            return from.isEmpty() ? remote.address() : URI.create(from + (from.endsWith("/") ? "" : "/") + remote.file());
        } catch (IllegalArgumentException e) {
            throw new ArgumentException("illegal address: '" + from + "': " + e.getMessage(), e);
        }
    }

    private Path fetch(CatalogueEntry.Remote remote, Path folder) {
        Path file = folder.resolve(remote.file());
        if (Files.exists(file)) return file;
        Path part = folder.resolve(remote.file() + ".part");
        String md5;
        try (FileChannel channel = FileChannel.open(part,
                StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
             FileLock lock = lock(channel, part)) {
            if (channel.size() > remote.size()) channel.truncate(0);
            if (channel.size() < remote.size()) receive(remote, channel);
            if (channel.size() < remote.size()) {
                throw new DownloadException(Fault.CUT, remote.file() + ": the connection ended after " + channel.size() + " of "
                    + remote.size() + " bytes; running again resumes there", null);
            }
            md5 = md5(channel);
            channel.force(true);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot write " + part + ": " + e.getMessage() + "; running again resumes", e);
        }
        if (!md5.equals(remote.md5())) {
            remove(part);
            throw new DownloadException(Fault.CHECKSUM, remote.file() + ": MD5 " + md5 + ", published is " + remote.md5()
                + "; the file was removed, try again or another --from", null);
        }
        // only once it is closed: some systems do not rename an open file
        try {
            return Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot rename " + part + ": " + e.getMessage(), e);
        }
    }

    private static FileLock lock(FileChannel channel, Path part) throws IOException {
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            throw new DownloadException(Fault.BUSY, "another download writes " + part, e);
        }
        if (lock == null) throw new DownloadException(Fault.BUSY, "another download writes " + part, null);
        return lock;
    }

    /** Appends what is missing; from the start when the server does not resume. */
    private void receive(CatalogueEntry.Remote remote, FileChannel channel) throws IOException {
        long have = channel.size();
        Map<String, String> headers = have > 0 ? Map.of("Range", "bytes=" + have + "-") : Map.of();
        try (Http.Reply reply = http.get(address(remote), headers, Optional.empty())) {
            http.receive(remote.file(), reply, new Http.Part() {
                @Override public long size() throws IOException { return channel.size(); }

                @Override public void restart() throws IOException { channel.truncate(0); }

                @Override public void append(ByteBuffer chunk) throws IOException {
                    channel.position(channel.size());
                    while (chunk.hasRemaining()) channel.write(chunk);
                }
            }, remote.size(), progress);
        }
    }

    private static String md5(FileChannel channel) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has MD5", e);
        }
        ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
        channel.position(0);
        while (channel.read(bytes) >= 0) {
            digest.update(bytes.flip());
            bytes.clear();
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot remove " + file + ": " + e.getMessage(), e);
        }
    }
}
