package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Json;
import io.palitra.config.PartFile;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A new folder of files and of folders of files. It gets its name when all of it is on the medium; until then it is a hidden one beside,
 * which closing removes.
 */
public final class FolderDraft implements AutoCloseable {
    private final Storage storage;
    private final Path target;
    private final Path built;
    private boolean published;

    /**
     * A folder to be, in one that is there.
     *
     * @throws IllegalArgumentException if something has that name: nothing is overwritten
     * @throws StorageException if nothing can be written there
     */
    public FolderDraft(Path target) { this(Storage.DISK, target); }

    FolderDraft(Storage storage, Path target) {
        this.storage = storage;
        this.target = target.toAbsolutePath().normalize();
        if (Files.exists(this.target, LinkOption.NOFOLLOW_LINKS)) {
            throw new ArgumentException("'" + target + "' exists; choose another folder");
        }
        built = PartFile.of(this.target);
        run(0, () -> storage.createFolder(built));
    }

    @FunctionalInterface private interface Writing { void run() throws IOException; }

    private void run(long bytes, Writing writing) {
        try {
            writing.run();
        } catch (IOException e) {
            long free = -1;
            try {
                free = storage.free(parent());
            } catch (IOException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw new StorageException(target, bytes, free, e);
        }
    }

    private Path parent() { return built.resolveSibling("").toAbsolutePath().normalize(); }

    /** @param path "file" or "folder/file" */
    private Path file(String path) {
        if (!path.matches("([A-Za-z0-9_-][A-Za-z0-9._-]*/)?[A-Za-z0-9_-][A-Za-z0-9._-]*")) {
            throw new ArgumentException("illegal path in a folder: '" + Safetensors.printable(path) + "'");
        }
        Path file = built.resolve(path);
        Path folder = path.contains("/") ? built.resolve(path.substring(0, path.indexOf('/'))) : built;
        if (!Files.isDirectory(folder)) run(0, () -> storage.createFolder(folder));
        return file;
    }

    public void json(String path, JsonNode json) { run(0, () -> Json.write(file(path), json)); }

    /** Text in UTF-8. */
    public void text(String path, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        run(bytes.length, () -> {
            try (Storage.Output out = storage.create(file(path))) {
                out.write(ByteBuffer.wrap(bytes));
                out.force();
            }
        });
    }

    /** A safetensors file. Waits for the device. */
    public void tensors(String path, Map<String, Tensor> tensors) {
        tensors(path, tensors, Map.of("format", "pt"));   // some versions of transformers refuse files without it
    }

    /** A safetensors file with these words in its header. Waits for the device. */
    public void tensors(String path, Map<String, Tensor> tensors, Map<String, String> words) {
        Safetensors.write(storage, file(path), tensors, words);
    }

    /**
     * A network as diffusers saves it: {@code config.json} and {@code diffusion_pytorch_model.safetensors}. Waits for the device.
     *
     * @param part of a pipeline, or empty for a network alone
     * @param config with the library's {@code _class_name}
     */
    public void network(String part, JsonNode config, Map<String, Tensor> state) {
        String folder = part.isEmpty() ? "" : part + "/";
        json(folder + "config.json", config);
        tensors(folder + "diffusion_pytorch_model.safetensors", state);
    }

    /** The bytes of another file. @throws io.palitra.data.FormatException if that cannot be read */
    public void copy(String path, Path from) {
        Path to = file(path);
        try (FileChannel in = Safetensors.open(from)) {
            long size = in.size();
            run(size, () -> {
                try (Storage.Output out = storage.create(to)) {
                    ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(Safetensors.CHUNK, size));
                    for (long at = 0; at < size; at += chunk.limit()) {
                        chunk.clear().limit((int) Math.min(chunk.capacity(), size - at));
                        Safetensors.readFully(from.toString(), in, at, chunk);
                        out.write(chunk.flip());
                    }
                    out.force();
                }
            });
        } catch (IOException e) {
            throw Safetensors.unreadable(from.toString(), e);
        }
    }

    /** Gives the folder its name. When this returns it survives a power cut. */
    public void publish() {
        run(0, () -> {
            for (Path child : children(built)) if (Files.isDirectory(child)) storage.force(child);
            storage.force(built);
            storage.move(built, target);
            published = true;
            storage.force(parent());
        });
    }

    /** @throws StorageException if what was not published cannot be removed */
    @Override public void close() {
        if (!published && Files.exists(built)) run(0, () -> remove(built));
    }

    private void remove(Path path) throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            for (Path child : children(path)) remove(child);
        }
        storage.delete(path);
    }

    private static Path[] children(Path folder) throws IOException {
        try (Stream<Path> list = Files.list(folder)) { return list.toArray(Path[]::new); }
    }
}
