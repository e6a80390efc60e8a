package io.palitra.train;

import io.palitra.hub.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** The disk, without waiting for it, of which a chosen call fails or which has only so much room. Counts the calls. */
public final class FaultStorage implements Storage {
    public enum Fault { NONE, ONE_ERROR, DEAD_FROM_THERE, DEAD_WITH_HALF_A_WRITE }

    private final Fault fault;
    private final int at;
    public int calls;
    /** Bytes that may still be written. */
    public long room = Long.MAX_VALUE;
    /** Whether {@link #free} tells the truth or 0. */
    public boolean tells = true;
    /** Whether symbolic links can be made. */
    public boolean links = true;

    public FaultStorage(Fault fault, int at) {
        this.fault = fault;
        this.at = at;
    }

    private void call() throws IOException {
        calls++;
        if (fault == Fault.ONE_ERROR && calls == at || dead()) throw new IOException("Input/output error");
    }

    private boolean dead() {
        return (fault == Fault.DEAD_FROM_THERE || fault == Fault.DEAD_WITH_HALF_A_WRITE) && calls >= at;
    }

    @Override public Output create(Path file) throws IOException {
        call();
        return output(DISK.create(file));
    }

    @Override public Output append(Path file) throws IOException {
        call();
        return output(DISK.append(file));
    }

    private Output output(Output out) {
        return new Output() {
            @Override public void write(ByteBuffer from) throws IOException {
                boolean before = dead();
                try {
                    call();
                } catch (IOException e) {
                    if (fault == Fault.DEAD_WITH_HALF_A_WRITE && !before) out.write(from.limit(from.position() + from.remaining() / 2));
                    throw e;
                }
                if (from.remaining() > room) {
                    out.write(from.limit(from.position() + (int) room));
                    room = 0;
                    throw new IOException("No space left on device");
                }
                room -= from.remaining();
                out.write(from);
            }

            @Override public void force() throws IOException { call(); }

            @Override public void close() throws IOException {
                out.close();
                call();
            }
        };
    }

    @Override public void link(Path link, Path target) throws IOException {
        call();
        if (!links) throw new UnsupportedOperationException("no links here");
        DISK.link(link, target);
    }

    @Override public void createFolder(Path folder) throws IOException {
        call();
        DISK.createFolder(folder);
    }

    @Override public void move(Path from, Path to) throws IOException {
        call();
        DISK.move(from, to);
    }

    @Override public void delete(Path path) throws IOException {
        call();
        DISK.delete(path);
    }

    @Override public void force(Path folder) throws IOException { call(); }

    @Override public long free(Path folder) throws IOException {
        call();
        return tells ? room : 0;
    }
}
