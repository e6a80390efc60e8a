package io.palitra.hub;

import io.palitra.data.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Identifies a model among others of its name: the SHA-256 of its file, as model sites have it; of a folder that of its files of weights
 * one after the other, in the order of their names.
 */
public final class ModelHash {
    /** Digits that pictures hold. */
    public static final int SHORT = 10;
    /** What runs hold for others, before their own weights. */
    private static final List<String> PUBLISHED = List.of("vqmodel", "clip", "gpt2");

    private ModelHash() {}

    /** 64 hexadecimal digits. @throws FormatException where there are no weights, or they cannot be read */
    public static String of(Path place) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            ByteBuffer chunk = ByteBuffer.allocateDirect(Safetensors.CHUNK);
            for (Path file : files(place)) add(file, digest, chunk);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);   // every Java has SHA-256
        }
    }

    private static void add(Path file, MessageDigest digest, ByteBuffer chunk) {
        try (FileChannel in = Safetensors.open(file)) {
            while (in.read(chunk.clear()) >= 0) digest.update(chunk.flip());
        } catch (IOException e) {
            throw Safetensors.unreadable(file.toString(), e);
        }
    }

    private static List<Path> files(Path place) {
        if (!Files.isDirectory(place)) return List.of(place);
        for (String name : PUBLISHED) {
            Path own = place.resolve(name);
            if (Files.isRegularFile(own.resolve("config.json"))) return weights(own);
        }
        if (!ModelFolder.is(place)) return weights(place);
        List<Path> files = new ArrayList<>();
        for (Path part : listed(place)) if (holds(part)) files.addAll(weights(part));
        if (files.isEmpty()) throw new FormatException(place.toString(), -1, "holds no weights");
        return files;
    }

    /** Whether a part has weights: a scheduler and a tokenizer have none. */
    private static boolean holds(Path part) {
        return Files.isDirectory(part) && listed(part).stream().anyMatch(f -> Weights.named(f) || f.toString().endsWith(".index.json"));
    }

    /** The file of a network, or its index and all shards beside it. */
    private static List<Path> weights(Path network) {
        Path file = ModelFolder.file(network);
        if (!file.toString().endsWith(".json")) return List.of(file);
        List<Path> files = new ArrayList<>(List.of(file));
        listed(network).stream().filter(f -> Weights.named(f) && !f.toString().endsWith(".json")).forEach(files::add);
        return files;
    }

    private static List<Path> listed(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            return all.sorted().toList();
        } catch (IOException e) {
            throw Safetensors.unreadable(folder.toString(), e);
        }
    }
}
