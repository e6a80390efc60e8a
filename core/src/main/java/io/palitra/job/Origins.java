package io.palitra.job;

import io.palitra.config.ConfigException;
import io.palitra.hub.Hub;
import io.palitra.hub.HubName;
import io.palitra.hub.ModelHash;
import io.palitra.model.IncludedModels;
import io.palitra.model.ModelRef;
import io.palitra.report.Places;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a picture was made of, as its text has it: names and the first digits of hashes, and how the files are found again. */
final class Origins {
    private static final int DEEPEST = 8;

    private final Map<String, String> hashes = new LinkedHashMap<>();

    /** A file or model as a picture's text names it. @param hash its first digits, in lower case; empty = unknown */
    record Named(String name, String hash) {
        static final Named NONE = new Named("", "");

        boolean none() { return name.isEmpty(); }
    }

    /** As others may read it: a relative path and a name of the hub as they are, any other path by its last name. */
    Named named(String given) { return given.isEmpty() ? Named.NONE : new Named(Places.name(given), hash(given)); }

    /** The first digits of what a name stands for. Reads all of it, once. */
    String hash(String given) { return full(new ModelRef(given).place()).substring(0, ModelHash.SHORT); }

    private String full(Path place) {
        synchronized (hashes) { return hashes.computeIfAbsent(place.toAbsolutePath().toString(), p -> ModelHash.of(place)); }
    }

    /**
     * What a picture's text names: a path, an org/name of the hub, or a file of that name in one of some folders; where the text has the
     * hash, the first whose hash begins so.
     *
     * @param key     of the request that may name another, for the error
     * @param endings of files that a name without one may mean
     * @throws ConfigException that says what is wanted and what was found instead
     */
    String find(String what, String key, Named wanted, List<Path> folders, List<String> endings) {
        List<String> others = new ArrayList<>();
        for (String place : candidates(wanted.name, folders, endings)) {
            String hash = wanted.hash.isEmpty() ? "" : full(new ModelRef(place).place());
            if (hash.startsWith(wanted.hash)) return place;
            others.add("'" + place + "' has " + hash.substring(0, ModelHash.SHORT));
        }
        String looked = others.isEmpty() ? "there is none here" + (folders.isEmpty() ? "" : " nor in " + folders.get(0))
            + " nor in the cache of the hub" : String.join(", ", others.subList(0, Math.min(3, others.size())));
        throw new ConfigException(key, "the picture was made with the " + what + " '" + wanted.name + "'"
            + (wanted.hash.isEmpty() ? "" : " of hash " + wanted.hash) + "; " + looked + "; " + key + "= names it");
    }

    private static List<String> candidates(String name, List<Path> folders, List<String> endings) {
        List<String> found = new ArrayList<>();
        for (String ending : endings) {
            file(name + ending).filter(Files::exists).ifPresent(p -> found.add(p.toString()));
            for (Path folder : folders) {
                for (String in : List.of(name + ending, Places.name("/" + name + ending))) {
                    file(in).filter(p -> !p.isAbsolute()).map(folder::resolve).filter(Files::exists)
                        .ifPresent(p -> found.add(p.toString()));
                }
            }
        }
        if (IncludedModels.named(name).isPresent()) found.add(name);
        try {
            HubName.parse(name);
            Hub.resolve(name);
            found.add(name);
        } catch (IllegalArgumentException e) {
            // no name of the hub, or never pulled
        }
        return found.stream().distinct().toList();
    }

    private static Optional<Path> file(String name) {
        try {
            return name.isEmpty() ? Optional.empty() : Optional.of(Path.of(name));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** The file of that name, with an ending of weights, in the first of some folders that has one; folders within {@code deep}, too. */
    static Optional<Path> weights(String name, @Nullable Path deep, List<Path> folders) {
        if (name.isEmpty() || name.matches("(?s).*[/\\\\\\u0000].*") || name.matches("\\.+")) return Optional.empty();
        List<String> names = Stream.of(".safetensors", ".ckpt", ".pt", ".bin").map(ending -> name + ending).toList();
        if (deep != null) {
            try (Stream<Path> all = Files.find(deep, DEEPEST, (p, a) -> a.isRegularFile() && names.contains(p.getFileName().toString()))) {
                Optional<Path> found = all.sorted().findFirst();
                if (found.isPresent()) return found;
            } catch (IOException e) {
                throw new ConfigException("loraDir", "cannot look into loraDir=" + deep + ": " + e.getMessage(), e);
            }
        }
        return folders.stream().flatMap(f -> names.stream().map(f::resolve)).filter(Files::isRegularFile).findFirst();
    }
}
