package io.palitra.train;

import io.palitra.hub.Storage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A disk that remembers what was forced. {@link #cutPower} takes back the rest as a file system may: of a folder's changes of names, made
 * in order, any number of the last; of a file's pages of 4 KiB any, left old or zero; of its length any part.
 */
final class CrashStorage implements Storage {
    private static final int PAGE = 4096;

    private static final class Node {
        final boolean folder;
        Map<String, Node> names = new TreeMap<>();
        Map<String, Node> forcedNames = new TreeMap<>();
        List<Consumer<Map<String, Node>>> pending = new ArrayList<>();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] forcedBytes = new byte[0];

        Node(boolean folder) { this.folder = folder; }
    }

    private final Path root;
    private final SplittableRandom random;
    private Node top = new Node(true);
    private int left = Integer.MAX_VALUE;
    int calls;

    CrashStorage(Path root, SplittableRandom random) {
        this.root = root.toAbsolutePath();
        this.random = random;
    }

    /** After so many calls every further one fails, until {@link #cutPower}. */
    void dieAfter(int calls) { left = calls; }

    private void call() throws IOException {
        calls++;
        if (left-- <= 0) {
            left = 0;
            throw new IOException("the power is off");
        }
    }

    private Node node(Path path) throws IOException {
        Node n = top;
        for (Path name : root.relativize(path.toAbsolutePath())) {
            if (!name.toString().isEmpty()) n = child(n, name.toString());
        }
        return n;
    }

    private static Node child(Node folder, String name) throws IOException {
        @Nullable Node n = folder.names.get(name);
        if (n == null) throw new IOException("no " + name);
        return n;
    }

    private void change(Path folder, Consumer<Map<String, Node>> change) throws IOException {
        Node n = node(folder);
        change.accept(n.names);
        n.pending.add(change);
    }

    @Override public Output create(Path file) throws IOException {
        call();
        Output out = DISK.create(file);
        Node made = new Node(false);
        change(file.getParent(), names -> names.put(file.getFileName().toString(), made));
        return new Output() {
            @Override public void write(ByteBuffer from) throws IOException {
                boolean torn = left <= 0;
                if (torn) from.limit(from.position() + from.remaining() / 2);
                byte[] b = new byte[from.remaining()];
                from.duplicate().get(b);
                made.bytes.writeBytes(b);
                out.write(from);
                call();
            }

            @Override public void force() throws IOException {
                call();
                made.forcedBytes = made.bytes.toByteArray();
            }

            @Override public void close() throws IOException {
                out.close();
                call();
            }
        };
    }

    @Override public Output append(Path file) { throw new UnsupportedOperationException("a save writes new files only"); }

    @Override public void link(Path link, Path target) { throw new UnsupportedOperationException("a save makes no links"); }

    @Override public void createFolder(Path folder) throws IOException {
        call();
        DISK.createFolder(folder);
        Node made = new Node(true);
        change(folder.getParent(), names -> names.put(folder.getFileName().toString(), made));
    }

    @Override public void move(Path from, Path to) throws IOException {
        call();
        if (!from.getParent().equals(to.getParent())) throw new IOException("renaming is modelled within one folder only");
        DISK.move(from, to);
        Node moved = node(from);
        change(from.getParent(), names -> {
            names.remove(from.getFileName().toString());
            names.put(to.getFileName().toString(), moved);
        });
    }

    @Override public void delete(Path path) throws IOException {
        call();
        DISK.delete(path);
        change(path.getParent(), names -> names.remove(path.getFileName().toString()));
    }

    @Override public void force(Path folder) throws IOException {
        call();
        Node n = node(folder);
        n.forcedNames = new TreeMap<>(n.names);
        n.pending.clear();
    }

    @Override public long free(Path folder) throws IOException {
        call();
        return Long.MAX_VALUE;
    }

    /** What was not forced is taken back, in part or whole; the power is on again. */
    void cutPower() throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) { all = walk.sorted(Comparator.reverseOrder()).toList(); }
        for (Path p : all) if (!p.equals(root)) Files.delete(p);
        settle(top, root);
        left = Integer.MAX_VALUE;
    }

    private void settle(Node n, Path path) throws IOException {
        if (!n.folder) {
            n.forcedBytes = survivor(n.forcedBytes, n.bytes.toByteArray());
            n.bytes = new ByteArrayOutputStream();
            n.bytes.writeBytes(n.forcedBytes);
            Files.write(path, n.forcedBytes);
            return;
        }
        Map<String, Node> names = new TreeMap<>(n.forcedNames);
        int reached = random.nextInt(n.pending.size() + 1);
        for (int i = 0; i < reached; i++) n.pending.get(i).accept(names);
        n.names = names;
        n.forcedNames = new TreeMap<>(names);
        n.pending.clear();
        if (!Files.isDirectory(path)) Files.createDirectory(path);
        for (Map.Entry<String, Node> e : names.entrySet()) settle(e.getValue(), path.resolve(e.getKey()));
    }

    private byte[] survivor(byte[] forced, byte[] written) {
        int length = forced.length == written.length ? forced.length : forced.length + random.nextInt(written.length - forced.length + 1);
        byte[] out = new byte[length];
        System.arraycopy(forced, 0, out, 0, Math.min(forced.length, length));
        for (int at = 0; at < length; at += PAGE) {
            int end = Math.min(at + PAGE, length);
            if (random.nextBoolean()) System.arraycopy(written, at, out, at, end - at);
        }
        return out;
    }
}
