package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.data.DownloadException;
import io.palitra.data.FormatException;
import io.palitra.hub.Hub;
import io.palitra.hub.HubSettings;
import io.palitra.job.ModelsRequest;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The one list of models and files that a request may name: those that were given when the server was started, those that come with the
 * program, the runs of its folder, and where jobs may fetch models those of the hub's cache. Of two of one name the first in this order is
 * meant. What lies in a folder is read again when it changes. Any thread may call.
 */
final class Registry {
    /** Of names of runs that jobs make. */
    static final String RUN_NAME = "[\\p{L}\\p{N}][\\p{L}\\p{N}._-]{0,79}";
    private static final String PREFIX = "palitra-models/", CONFIG = "config.json", WEIGHTS = "model.safetensors", HUB_FOLDER = "models--";

    /** Where one comes from. */
    enum Source { GIVEN, INCLUDED, RUN, HUB }

    /**
     * One that may be named.
     *
     * @param place what a request takes in the stead of the name: an absolute path, or the name of a model that comes with the program
     * @param stamp changes when what lies there does
     */
    record Entry(String name, Source source, String place, long stamp, ModelFacts facts) {
        boolean file() { return source == Source.GIVEN && Files.isRegularFile(Path.of(place)); }

        boolean model() { return facts.kind() != ModelFacts.Kind.FILE; }
    }

    private final Path runs;
    private final Map<String, String> given = new LinkedHashMap<>();
    private final boolean hub;
    private final List<Entry> included = new ArrayList<>();
    private final Map<Path, Entry> read = new ConcurrentHashMap<>();

    /** @throws ConfigException for two given models of one name, and for a name that cannot be one */
    Registry(ServerConfig config) {
        runs = Path.of(config.runs()).toAbsolutePath().normalize();
        hub = config.pull();
        if (!Files.isDirectory(runs) && !config.runs().equals(ServerConfig.DEFAULT.runs())) {
            Notes.common().accept("runs=" + config.runs() + " is not there yet: a training makes it");
        }
        long links = list(runs).stream().filter(f -> Files.isSymbolicLink(f) && Files.isDirectory(f)).count();
        if (links > 0) {
            Notes.common().accept("runs=" + config.runs() + ": " + links + (links == 1 ? " link is" : " links are")
                + " not followed; models=NAME=FOLDER serves a run that lies elsewhere");
        }
        for (String model : config.models()) {
            int sign = model.indexOf('=');
            String place = model.substring(sign + 1), name = sign > 0 ? model.substring(0, sign) : last(place);
            if (!name.matches(RUN_NAME)) throw new ConfigException("models", "illegal name: '" + name + "', must match " + RUN_NAME);
            if (given.put(name, place) != null) {
                throw new ConfigException("models", "two models are called '" + name + "'; NAME= tells apart");
            }
            if (given(name, place).isEmpty()) {
                throw new ConfigException("models", "models=" + place + " is not here: a folder, a file, or org/name that was fetched "
                    + "('palitra pull org/name') is allowed");
            }
        }
    }

    private static String last(String place) {
        Path name = Path.of(place).toAbsolutePath().normalize().getFileName();
        return name == null ? "" : name.toString().replaceFirst("@.*$", "").replaceFirst("(?i)\\.(safetensors|ckpt|pth|pt|bin)$", "");
    }

    /** All of them, the first of each name. */
    List<Entry> all() {
        Map<String, Entry> all = new LinkedHashMap<>();
        given.forEach((name, place) -> given(name, place).ifPresent(e -> all.putIfAbsent(name, e)));
        for (Entry e : included()) all.putIfAbsent(e.name, e);
        for (Path folder : folders(runs)) {
            if (isRun(folder)) all.putIfAbsent(name(folder), run(folder));
        }
        if (hub) for (Entry e : fetched()) all.putIfAbsent(e.name, e);
        return List.copyOf(all.values());
    }

    /** Of exactly that name; looks no further than where it is found. */
    Optional<Entry> named(String name) {
        String place = given.get(name);
        Optional<Entry> found = place == null ? Optional.empty() : given(name, place);
        if (found.isEmpty()) found = included().stream().filter(e -> e.name.equals(name)).findFirst();
        if (found.isEmpty()) found = Optional.ofNullable(runs().get(name)).map(this::run);
        return found.isPresent() || !hub ? found : fetched().stream().filter(e -> e.name.equals(name)).findFirst();
    }

    /** Runs of the folder, by the names of their folders; not those that links lead to. */
    Map<String, Path> runs() {
        Map<String, Path> all = new LinkedHashMap<>();
        for (Path folder : folders(runs)) if (isRun(folder)) all.put(name(folder), folder);
        return all;
    }

    private static String name(Path folder) { return String.valueOf(folder.getFileName()); }

    private static boolean isRun(Path folder) { return Files.isRegularFile(folder.resolve(CONFIG), LinkOption.NOFOLLOW_LINKS); }

    /** Folders themselves, no links, none that are hidden, by name. */
    static List<Path> folders(Path in) {
        return list(in).stream().filter(f -> Files.isDirectory(f, LinkOption.NOFOLLOW_LINKS)).toList();
    }

    /** What lies in a folder and is not hidden, by name; nothing where there is no folder. */
    static List<Path> list(Path in) {
        if (!Files.isDirectory(in)) return List.of();
        try (Stream<Path> all = Files.list(in)) {
            return all.filter(f -> !name(f).startsWith(".")).sorted().toList();
        } catch (IOException e) {
            throw new Refused(500, "unreadable", "", "a folder of this server cannot be read");
        }
    }

    /** Changes when the folder's model does: of times and lengths. */
    private static long stamp(Path place) {
        long stamp = 17;
        boolean folder = false;
        for (String name : new String[] {"", CONFIG, WEIGHTS}) {
            if (!name.isEmpty() && !folder) break;
            try {
                BasicFileAttributes now = Files.readAttributes(place.resolve(name), BasicFileAttributes.class);
                folder |= now.isDirectory();
                stamp = 31 * (31 * stamp + now.lastModifiedTime().toMillis()) + (now.isDirectory() ? 0 : now.size());
            } catch (IOException e) {
                stamp *= 31;   // it is not there
            }
        }
        return stamp;
    }

    private Entry run(Path folder) { return read(name(folder), Source.RUN, folder); }

    private Entry read(String name, Source source, Path place) {
        long stamp = stamp(place);
        Entry known = read.get(place);
        if (known != null && known.stamp == stamp) return known;
        Entry made = new Entry(name, source, place.toString(), stamp, ModelFacts.of(place));
        read.put(place, made);
        return made;
    }

    /** Empty for what is not there (yet, or any more). */
    private Optional<Entry> given(String name, String place) {
        Path path = Path.of(place);
        if (Files.exists(path)) return Optional.of(read(name, Source.GIVEN, path.toAbsolutePath().normalize()));
        try {
            return Optional.of(read(name, Source.HUB, Hub.resolve(place)));
        } catch (IllegalArgumentException | UncheckedIOException | FormatException | DownloadException e) {
            return Optional.empty();
        }
    }

    private synchronized List<Entry> included() {
        if (!included.isEmpty()) return included;
        for (IncludedModels.Card card : new ModelsRequest().run(Watcher.SILENT).models()) {
            URL config = resource(card.name(), CONFIG), weights = resource(card.name(), WEIGHTS);
            if (config == null || weights == null) continue;
            try (var in = config.openStream()) {
                JsonNode json = Json.read(CONFIG, in.readAllBytes());
                ModelFacts facts = ModelFacts.run(json, Math.max(0, weights.openConnection().getContentLengthLong()));
                ObjectNode more = facts.about().put("about", card.about()).put("licence", card.licence());
                card.files().stream().filter(f -> f.endsWith("  " + WEIGHTS)).findFirst()
                    .ifPresent(f -> more.put("sha256", f.substring(0, 64)));
                included.add(new Entry(card.name(), Source.INCLUDED, card.name(), 0, facts));
            } catch (IOException e) {
                throw new Refused(500, "unreadable", "", "the models that come with the program cannot be read");
            }
        }
        return included;
    }

    private static @Nullable URL resource(String model, String file) {
        ClassLoader loader = IncludedModels.class.getClassLoader();
        return loader.getResource(PREFIX + model + "/" + file);
    }

    private List<Entry> fetched() {
        Path cache = HubSettings.fromEnvironment().cache();
        List<Entry> all = new ArrayList<>();
        for (Path folder : folders(cache)) {
            String[] parts = name(folder).split("--", -1);
            if (!name(folder).startsWith(HUB_FOLDER) || parts.length != 3) continue;
            String name = parts[1] + "/" + parts[2];
            try {
                all.add(read(name, Source.HUB, Hub.resolve(name)));
            } catch (IllegalArgumentException | UncheckedIOException | FormatException | DownloadException e) {
                continue;   // fetched in part
            }
        }
        return all;
    }

    /** As JSON of the API, without what only who loads it knows. */
    static ObjectNode toJson(Entry e) {
        ObjectNode node = Job.JSON.createObjectNode().put("name", e.name).put("source", e.source.name().toLowerCase(Locale.ROOT))
            .put("kind", e.facts.kind().name().toLowerCase(Locale.ROOT));
        node.setAll(e.facts.about());
        if (e.facts.kind() == ModelFacts.Kind.RUN) Fitting.jobs(e.facts).forEach(node.putArray("jobs")::add);
        return node.put("bytes", e.facts.bytes());
    }

    /** Names, for a refusal. */
    static List<String> names(Collection<Entry> entries) {
        List<String> names = new ArrayList<>(entries.stream().map(Entry::name).toList());
        Collections.sort(names);
        return names;
    }
}
