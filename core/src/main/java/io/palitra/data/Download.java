package io.palitra.data;

import io.palitra.data.DownloadException.Fault;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
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
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Fetches the files of a set of the catalogue over HTTP. Bytes go to NAME.part, from which a later run resumes; the file appears under its
 * own name only when its size and checksum are those published. A file that is already there is left as it is.
 */
public final class Download {
    /** Told of each chunk; total is in bytes. */
    @FunctionalInterface
    public interface Progress {
        void at(String file, long bytes, long total);
    }

    private final String from;
    private final Progress progress;
    private final Duration patience;
    private final HttpClient client = HttpClient.newBuilder()
        .followRedirects(HttpClient.Redirect.NORMAL).connectTimeout(Duration.ofSeconds(20)).build();

    /** @param from address of a folder that holds the files under their names, or "" for where they are published */
    public Download(String from, Progress progress) { this(from, progress, Duration.ofSeconds(60)); }

    /** @param patience how long no byte may come before the connection counts as cut */
    Download(String from, Progress progress, Duration patience) {
        if (!from.isEmpty() && !from.matches("https?://[!-~]+")) {
            String shown = from.replaceAll("\\p{Cntrl}", "?");
            throw new IllegalArgumentException("illegal address: '" + shown + "', must begin with http:// or https://");
        }
        this.from = from;
        this.progress = progress;
        this.patience = patience;
    }

    /**
     * Fetches what is missing into dir/NAME, and unpacks it where it has to be.
     *
     * @return that folder
     * @throws DownloadException when something is left missing; what had come stays for the next run
     * @throws FormatException when an archive is not what it should be
     */
    public Path get(Source source, Path dir) {
        if (source.files().isEmpty()) throw new IllegalArgumentException(source.name() + " needs no download");
        Path folder = dir.resolve(source.name());
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot make the folder " + folder + ": " + e.getMessage(), e);
        }
        for (Source.Remote remote : source.files()) {
            if (source.kind() == Source.Kind.CIFAR) {
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

    private URI address(Source.Remote remote) {
        try {
            return from.isEmpty() ? remote.address() : URI.create(from + (from.endsWith("/") ? "" : "/") + remote.file());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("illegal address: '" + from + "': " + e.getMessage(), e);
        }
    }

    private Path fetch(Source.Remote remote, Path folder) {
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
    private void receive(Source.Remote remote, FileChannel channel) throws IOException {
        long have = channel.size();
        URI address = address(remote);
        HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(patience).header("Accept-Encoding", "identity");
        if (have > 0) request.header("Range", "bytes=" + have + "-");
        HttpResponse<InputStream> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (IOException e) {
            throw cut(remote, address, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException(remote.file() + ": the download was interrupted");
        }
        try (InputStream body = response.body()) {
            int status = response.statusCode();
            if (status == 416) {
                channel.truncate(0);
                throw new DownloadException(Fault.CUT, address + " cannot resume at byte " + have + "; running again starts anew", null);
            }
            if (status != 200 && status != 206) {
                throw new DownloadException(Fault.STATUS, address + " answered with HTTP status " + status, null);
            }
            if (status == 200) channel.truncate(0);
            if (status == 206 && !resumes(response.headers().firstValue("Content-Range"), have)) {
                throw new DownloadException(Fault.STATUS, address + " was asked for bytes from " + have + " on, and sent others", null);
            }
            channel.position(channel.size());
            copy(remote, address, body, channel);
        }
    }

    private static boolean resumes(Optional<String> range, long at) {
        return range.map(text -> text.toLowerCase(Locale.ROOT).startsWith("bytes " + at + "-")).orElse(false);
    }

    private void copy(Source.Remote remote, URI address, InputStream body, FileChannel channel) throws IOException {
        AtomicLong last = new AtomicLong(System.nanoTime());
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "download-watch");
            thread.setDaemon(true);
            return thread;
        });
        long period = Math.max(1, patience.toMillis() / 4);
        ScheduledFuture<?> watch = clock.scheduleAtFixedRate(() -> {
            if (System.nanoTime() - last.get() > patience.toNanos()) close(body);
        }, period, period, TimeUnit.MILLISECONDS);
        try {
            byte[] chunk = new byte[1 << 16];
            while (true) {
                int n;
                try {
                    n = body.read(chunk);
                } catch (IOException e) {
                    throw cut(remote, address, e);
                }
                if (n < 0) return;
                last.set(System.nanoTime());
                if (channel.position() + n > remote.size()) {
                    channel.truncate(0);
                    throw new DownloadException(Fault.SIZE, address + " sends more than the " + remote.size() + " bytes published", null);
                }
                ByteBuffer bytes = ByteBuffer.wrap(chunk, 0, n);
                while (bytes.hasRemaining()) channel.write(bytes);
                progress.at(remote.file(), channel.position(), remote.size());
            }
        } finally {
            watch.cancel(false);
            clock.shutdownNow();
        }
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException e) {
            // the reader, for whom this is done, sees the stream closed either way
            throw new UncheckedIOException(e);
        }
    }

    private static DownloadException cut(Source.Remote remote, URI address, IOException e) {
        String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new DownloadException(Fault.CUT, remote.file() + " from " + address.getHost() + ": " + why + "; running again resumes", e);
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
