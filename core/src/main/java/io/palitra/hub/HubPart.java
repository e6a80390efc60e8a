package io.palitra.hub;

import io.palitra.data.Http;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;

/** A file of the cache as far as it has been downloaded. */
final class HubPart implements Http.Part, Closeable {
    private final Storage storage;
    private final Path file;
    private Storage.Output out;
    private long size;
    /** ETag of the file whose bytes these are, known for what was downloaded in this run. */
    Optional<String> server = Optional.empty();
    /** Whether the bytes come from more than one reply, so that a wrong hash may be the fault of an older one. */
    boolean joined;

    HubPart(Storage storage, Path file) throws IOException {
        this.storage = storage;
        this.file = file;
        boolean there = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
        out = there ? storage.append(file) : storage.create(file);
        size = there ? Files.size(file) : 0;
    }

    @Override public long size() { return size; }

    @Override public void restart() throws IOException {
        out.close();
        storage.delete(file);
        out = storage.create(file);
        size = 0;
        joined = false;
    }

    @Override public void append(ByteBuffer chunk) throws IOException {
        int n = chunk.remaining();
        out.write(chunk);
        size += n;
    }

    void force() throws IOException { out.force(); }

    @Override public void close() throws IOException { out.close(); }
}
