package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.PartFile;
import io.palitra.data.FormatException;
import io.palitra.data.Http;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder that all programs share: models--org--name/{refs, blobs, snapshots, trees} and .locks. A snapshot's files are links to blobs
 * named by their hash; where no links can be made they lie in the snapshot themselves.
 */
final class HubCache {
    private static final int TREE_FORMAT = 1;
    /** Text of the file by which backup programs leave a folder out. */
    private static final String TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# What is deleted here is fetched anew.\n";
    private static final Duration LOCK_POLL = Duration.ofMillis(100);

    private final Path root;
    private final Storage storage;

    HubCache(Path root, Storage storage) {
        this.root = root;
        this.storage = storage;
    }

    Path repository(HubName name) { return root.resolve(name.folder()); }

    Path snapshot(HubName name, String commit) { return repository(name).resolve("snapshots").resolve(commit); }

    Path ref(HubName name) { return repository(name).resolve("refs").resolve(name.revision()); }

    private Path tree(HubName name, String commit) { return repository(name).resolve("trees").resolve(commit + ".json"); }

    private Path blob(HubName name, HubFile file) { return repository(name).resolve("blobs").resolve(file.etag()); }

    /** Not the name that Python's own downloads have: its locks and ours do not see each other on every system. */
    Path incomplete(HubName name, HubFile file) { return repository(name).resolve("blobs").resolve(file.etag() + ".palitra.incomplete"); }

    /** The commit that a revision named when the hub was last asked. */
    Optional<String> commit(HubName name) throws IOException {
        if (HubName.isCommit(name.revision())) return Optional.of(name.revision());
        if (!Files.isRegularFile(ref(name))) return Optional.empty();
        try (InputStream in = Files.newInputStream(ref(name))) {
            String text = new String(in.readNBytes(100), StandardCharsets.ISO_8859_1).strip();
            if (!HubName.isCommit(text)) throw new FormatException(ref(name).toString(), 0, "holds no commit of 40 hexadecimal digits");
            return Optional.of(text);
        }
    }

    void remember(HubName name, String commit) throws IOException {
        if (HubName.isCommit(name.revision()) || commit(name).equals(Optional.of(commit))) return;
        // without a line end: Python takes the whole content for the commit
        write(ref(name), commit.getBytes(StandardCharsets.US_ASCII));
    }

    /** The files of a commit as they were listed; empty when they never were, or in the format of another program. */
    Optional<List<HubFile>> list(HubName name, String commit) throws IOException {
        Path file = tree(name, commit);
        if (!Files.isRegularFile(file)) return Optional.empty();
        JsonNode json;
        try {
            json = Json.read(file);
        } catch (ConfigException e) {
            return Optional.empty();
        }
        if (json.path("format_version").asInt() != TREE_FORMAT || !json.path("files").isObject()) return Optional.empty();
        List<HubFile> files = new ArrayList<>();
        for (Map.Entry<String, JsonNode> e : json.path("files").properties()) {
            JsonNode f = e.getValue();
            boolean large = f.path("lfs_sha256").isTextual();
            files.add(new HubFile(e.getKey(), f.path(large ? "lfs_size" : "size").asLong(-1), f.path("blob_id").asText(),
                large ? Optional.of(f.path("lfs_sha256").asText()) : Optional.empty()));
        }
        HubFile.refuseClashes(file.toString(), files);
        return Optional.of(files);
    }

    void remember(HubName name, String commit, List<HubFile> files) throws IOException {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("format_version", TREE_FORMAT);
        ObjectNode all = json.putObject("files");
        files.stream().sorted(Comparator.comparing(HubFile::path)).forEach(f -> {
            ObjectNode one = all.putObject(f.path()).put("size", f.size()).put("blob_id", f.blob());
            f.sha256().ifPresent(sha -> one.put("lfs_sha256", sha).put("lfs_size", f.size()));
        });
        write(tree(name, commit), json.toString().getBytes(StandardCharsets.UTF_8));
        if (!Files.exists(root.resolve("CACHEDIR.TAG"))) write(root.resolve("CACHEDIR.TAG"), TAG.getBytes(StandardCharsets.US_ASCII));
    }

    /** Whether a file of a snapshot is there, whole, and not a link to something else. */
    boolean holds(HubName name, String commit, HubFile file) throws IOException {
        Path at = snapshot(name, commit).resolve(file.path());
        if (!Files.isRegularFile(at) || Files.size(at) != file.size()) return false;
        if (!at.toRealPath().startsWith(root.toRealPath())) return false;
        return !Files.isSymbolicLink(at) || Files.readSymbolicLink(at).endsWith(file.etag());
    }

    boolean holds(HubName name, HubFile file) throws IOException {
        Path blob = blob(name, file);
        return Files.isRegularFile(blob) && Files.size(blob) == file.size();
    }

    /** What lies in a snapshot, for one that was never listed. */
    List<String> paths(HubName name, String commit) throws IOException {
        Path folder = snapshot(name, commit);
        if (!Files.isDirectory(folder)) return List.of();
        try (Stream<Path> walk = Files.walk(folder, 32)) {
            return walk.filter(Files::isRegularFile).map(p -> folder.relativize(p).toString().replace('\\', '/')).sorted().toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Bytes of a file that are still missing. */
    long missing(HubName name, HubFile file) throws IOException {
        if (holds(name, file)) return 0;
        Path part = incomplete(name, file);
        return file.size() - (Files.isRegularFile(part, LinkOption.NOFOLLOW_LINKS) ? Math.min(file.size(), Files.size(part)) : 0);
    }

    long free() throws IOException {
        folders(root);
        return storage.free(root);
    }

    /** Where a part goes; its folder is made. */
    HubPart part(HubName name, HubFile file) throws IOException {
        folders(repository(name).resolve("blobs"));
        return new HubPart(storage, incomplete(name, file));
    }

    void drop(HubName name, HubFile file) throws IOException { storage.delete(incomplete(name, file)); }

    /** The part, whole and checked, becomes the blob. */
    void finish(HubName name, HubFile file) throws IOException {
        storage.move(incomplete(name, file), blob(name, file));
        storage.force(folder(blob(name, file)));
    }

    /** Gives a blob its name in a snapshot: by a link, else the blob itself when nobody else can have it, else a copy. */
    void place(HubName name, String commit, HubFile file, boolean fresh) throws IOException {
        Path at = snapshot(name, commit);
        folders(at);
        Path last = at.resolve(file.path());
        // names below a snapshot are the hub's: none of its folders may be a link that leads out
        for (Path part : at.relativize(folder(last))) {
            if (part.toString().isEmpty()) continue;
            at = at.resolve(part);
            if (Files.isDirectory(at, LinkOption.NOFOLLOW_LINKS)) continue;
            try {
                storage.createFolder(at);
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(at, LinkOption.NOFOLLOW_LINKS)) throw new FileSystemException(at + " is in the way of a folder");
            }
        }
        if (Files.exists(last, LinkOption.NOFOLLOW_LINKS)) {
            if (holds(name, commit, file)) return;
            storage.delete(last);
        }
        Path blob = blob(name, file);
        try {
            storage.link(last, folder(last).relativize(blob));
        } catch (IOException | UnsupportedOperationException e) {
            if (fresh) storage.move(blob, last);
            else copy(blob, last);
        }
        storage.force(folder(last));
    }

    private void copy(Path from, Path to) throws IOException {
        Path fresh = PartFile.of(to);
        try (InputStream in = Files.newInputStream(from)) {
            try (Storage.Output out = storage.create(fresh)) {
                byte[] chunk = new byte[1 << 16];
                for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) out.write(ByteBuffer.wrap(chunk, 0, n));
                out.force();
            }
            storage.move(fresh, to);
        } catch (IOException e) {
            sweep(fresh, e);
            throw e;
        }
    }

    private void write(Path file, byte[] bytes) throws IOException {
        folders(folder(file));
        Path fresh = PartFile.of(file);
        try {
            try (Storage.Output out = storage.create(fresh)) {
                out.write(ByteBuffer.wrap(bytes));
                out.force();
            }
            storage.move(fresh, file);
        } catch (IOException e) {
            sweep(fresh, e);
            throw e;
        }
        storage.force(folder(file));
    }

    private void sweep(Path fresh, IOException why) {
        try {
            if (Files.exists(fresh)) storage.delete(fresh);
        } catch (IOException e) {
            why.addSuppressed(e);
        }
    }

    private static Path folder(Path file) { return file.resolveSibling(""); }

    private void folders(Path folder) throws IOException {
        if (Files.isDirectory(folder)) return;
        if (folder.getParent() != null) folders(folder.getParent());
        try {
            storage.createFolder(folder);
        } catch (FileAlreadyExistsException e) {
            // another process may have been faster
            if (!Files.isDirectory(folder)) throw e;
        }
    }

    /** Only one process downloads a blob; a second one waits and finds it. */
    Closeable lock(HubName name, HubFile file, Http http) throws IOException {
        Path folder = root.resolve(".locks").resolve(name.folder());
        folders(folder);
        FileChannel channel = FileChannel.open(folder.resolve(file.etag() + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
        try {
            for (FileLock lock = lock(channel); lock == null; lock = lock(channel)) http.pause(LOCK_POLL);
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static @Nullable FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;   // another thread of this process has it
        }
    }
}
