package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Help.Place;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.hub.HubName;
import io.palitra.job.PaintJob;
import io.palitra.job.PullRequest;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import io.palitra.job.ResumeRequest;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The one way from a text of a request to a place on the disk. Models and files are named as {@link Registry} has them, data sets as {@link
 * DataSets}, pictures by the ids of uploads; what is written goes into the job's own folder. Names are looked up in lists, never joined to
 * a path.
 */
final class Places {
    /** Components that the server sets, and nobody else. */
    static final Set<String> OWN = Set.of("device", "threads", "force", "like", "dataDir", "loraDir", "preview", "writeStatistics");
    private static final int LONGEST = 60;
    private static final String OUT = "out", ANIMATION = "animation.gif", SCORE = "score", LENGTH = "train\\.(steps|epochs)=\\d{1,12}";
    /** Of trainings that lead somewhere else. */
    private static final Set<String> TAKEN = Set.of("compare");
    /** What a kind of job writes. */
    private static final Map<String, String> MADE = made();

    private final Registry registry;
    private final DataSets data;
    private final Function<String, Optional<Path>> uploads;
    private final Path runs;
    private final Map<String, JsonNode> usual = new ConcurrentHashMap<>();

    /** @param uploads the file of an upload by its id; empty for what is none */
    Places(ServerConfig config, Registry registry, DataSets data, Function<String, Optional<Path>> uploads) {
        this.registry = registry;
        this.data = data;
        this.uploads = uploads;
        runs = Path.of(config.runs()).toAbsolutePath().normalize();
    }

    private static Map<String, String> made() {
        Map<String, String> made = new LinkedHashMap<>();
        made.put("draw", "drawing.png");
        made.put("sample", "samples.png");
        made.put("complete", "complete.png");
        made.put("continue", "continued.gif");
        made.put("vary", "varied.png");
        made.put("interpolate", "interpolate.png");
        made.put("map", "map.png");
        made.put("walk", "walk");
        made.put("project", "projected");
        made.put("mix", "mix.png");
        made.put("directions", "directions");
        made.put("reconstruct", "reconstruct.png");
        made.put("compare", "compare.html");
        made.put("paint", "painted");
        made.put("dream", "dream");
        made.put("search", "search.html");
        made.put("anomalies", "anomalies");
        made.put("balance", "balance");
        made.put("import", "imported");
        made.put("harmonise", "harmonised");
        return made;
    }

    /** The models that a job may name. */
    List<String> models() { return Registry.names(registry.all().stream().filter(Registry.Entry::model).toList()); }

    /** The low-rank changes that a job may name, and files that may be some. */
    List<String> loras() { return Registry.names(registry.all().stream().filter(Places::changes).toList()); }

    private static boolean changes(Registry.Entry e) {
        return e.file() || e.facts().kind() == ModelFacts.Kind.LORA || e.facts().about().path("family").asText().equals("lora");
    }

    /** JSON Schema of what a caller may ask of a kind: without what is the server's own. */
    static ObjectNode schema(String kind, String language) {
        ObjectNode schema = Requests.schema(kind, language);
        ObjectNode properties = (ObjectNode) schema.path("properties");
        properties.remove(OWN);
        if (!kind.equals("train")) properties.remove(OUT);
        if (properties.path("animation") instanceof ObjectNode gif) gif.putArray("enum").add("").add(ANIMATION);
        List<String> required = new ArrayList<>();
        schema.path("required").forEach(name -> required.add(name.asText()));
        required.removeIf(name -> !properties.has(name));
        schema.putArray("required");
        required.forEach(schema.withArray("required")::add);
        return schema;
    }

    /**
     * What is asked, with what only the server sets.
     *
     * @throws Refused where it sets something of that itself, to other than its default
     */
    JsonNode asked(String kind, JsonNode json) {
        if (!json.isObject()) return json;
        JsonNode defaults = usual.computeIfAbsent(kind, k -> Requests.schema(k, "en").path("properties"));
        List<String> known = new ArrayList<>();
        schema(kind, "en").path("properties").fieldNames().forEachRemaining(known::add);
        for (String name : (Iterable<String>) json::fieldNames) {
            if (!defaults.has(name)) {
                throw new ConfigException(shown(name), "no such key '" + shown(name) + "'; there are " + String.join(", ", known)
                    + InWords.didYouMean(name, known));
            }
            boolean set = OWN.contains(name) && defaults.has(name) && !json.get(name).equals(defaults.path(name).path("default"));
            if (set) throw new Refused(422, "not_allowed", name, name + " is not to be given: the server sets it");
        }
        // where it has no default, or another than that of a job's own folder
        JsonNode out = defaults.path(OUT);
        boolean own = !kind.equals("train") && out.isObject() && !json.has(OUT)
            && !(out.has("default") && out.path("default").asText().isEmpty());
        return own ? ((ObjectNode) json.deepCopy()).put(OUT, "") : json;
    }

    /** What a training's run is called that nobody names. @param id of its job */
    static String runOf(String family, String id) { return family.replaceAll("\\W", "") + "-" + id.substring(0, Math.min(8, id.length())); }

    /** A name that somebody typed, for a line. */
    static String shown(String name) { return name.length() <= LONGEST ? name : name.substring(0, LONGEST) + "..."; }

    /** The request with places in the stead of names. @throws Refused for a name that is none */
    Request<?> placed(String kind, Request<?> request, String id, Path folder) {
        if (request instanceof ResumeRequest r && !r.set().stream().allMatch(key -> key.matches(LENGTH))) {
            throw new Refused(422, "not_allowed", "set", "a resumed run keeps its keys, but for train.steps and train.epochs");
        }
        if (request instanceof PullRequest pull) name(pull.name());
        Asked asked = new Asked(kind, request, id, folder);
        return request.placed(asked::to);
    }

    /**
     * What the models that are named cannot do, as far as that is known without their weights.
     *
     * @param request with names
     * @param placed the same with places
     * @throws Refused for a model that does something else, @throws io.palitra.config.ConfigException for a key that it does not have
     */
    void refuseUnfit(String kind, Request<?> request, Request<?> placed) {
        List<Registry.Entry> all = registry.all();
        request.placed((key, place, text) -> {
            if (place != Place.MODEL) return text;
            all.stream().filter(e -> e.model() && e.name().equals(text)).findFirst().ifPresent(model -> {
                Fitting.refuse(kind, key, model, all);
                if (key.equals("run") || key.equals("model")) Fitting.refuseKeys(request, model);
                if (key.equals("run")) Fitting.refuseItems(request, model);
            });
            return text;
        });
        if (placed instanceof PaintJob paint) Fitting.refuseSizes(paint);
    }

    private static void name(String text) {
        try {
            HubName.parse(text);
        } catch (IllegalArgumentException e) {
            throw new Refused(422, "bad_request", "name",
                "name must be org/name or org/name@revision of letters, digits, '.', '_' and '-'");
        }
    }

    /** One request that is being placed. */
    private final class Asked {
        private final String kind;
        private final Request<?> request;
        private final String id;
        private final Path folder;
        private List<Registry.Entry> all = List.of();

        Asked(String kind, Request<?> request, String id, Path folder) {
            this.kind = kind;
            this.request = request;
            this.id = id;
            this.folder = folder;
        }

        private String to(String key, Place place, String text) {
            if (place == Place.OUT) return out(key, text);
            if (text.isEmpty()) return text;
            if (OWN.contains(key) || key.equals("set") && place == Place.DATA) {
                throw new Refused(422, "not_allowed", key, key + " cannot name a folder here");
            }
            return switch (place) {
                case MODEL -> entry(key, text, "model", Registry.Entry::model).place();
                case FILE -> key.equals("lora") ? lora(text) : entry(key, text, "file", this::read).place();
                case DATA -> data(key, text);
                case PICTURE -> picture(key, text);
                default -> text;
            };
        }

        private List<Registry.Entry> all() {
            if (all.isEmpty()) all = registry.all();
            return all;
        }

        private Registry.Entry entry(String key, String name, String what, Predicate<Registry.Entry> fits) {
            List<Registry.Entry> fitting = all().stream().filter(fits).toList();
            return fitting.stream().filter(e -> e.name().equals(name)).findFirst().orElseThrow(() -> {
                List<String> names = Registry.names(fitting);
                return new Refused(422, "no_such_" + what, key, "there is no " + what + " of that name; there "
                    + (names.isEmpty() ? "are none" : "are " + Notes.some(names)) + InWords.didYouMean(name, names));
            });
        }

        /** What an import takes may be a folder, too. */
        private boolean read(Registry.Entry e) {
            boolean run = e.facts().kind() == ModelFacts.Kind.RUN;
            return e.file() || kind.equals("import") && !run && (e.source() == Registry.Source.GIVEN || e.source() == Registry.Source.HUB);
        }

        private String lora(String name) {
            return entry("lora", name, "file", Places::changes).place();
        }

        private String data(String key, String name) {
            Optional<Path> folderOf = data.folder(name);
            boolean files = kind.equals("search");
            if (folderOf.isPresent()) return folderOf.get().toString();
            if (!files && data.named(name)) {
                if (data.isHere(name)) return name;
                throw new Refused(422, "data_not_here", key, "the data set '" + name + "' is not here; palitra data get " + name
                    + " fetches it");
            }
            List<String> names = files ? data.folders() : data.names();
            throw new Refused(422, "no_such_data", key, "there is no " + (files ? "folder of pictures" : "data set")
                + " of that name; there "
                + (names.isEmpty() ? "are none" : "are " + Notes.some(names)) + InWords.didYouMean(name, names));
        }

        private String picture(String key, String id) {
            boolean score = key.equals(SCORE);
            Optional<Path> file = uploads.apply(id).filter(f -> f.toString().endsWith(Uploads.NOTES) == score);
            if (file.isPresent()) return file.get().toString();
            if (key.equals("query")) return " " + id;   // words: behind a blank no file's name is looked for
            throw new Refused(422, score ? "no_such_score" : "no_such_picture", key, key + " must be the id of a "
                + (score ? "MIDI file" : "picture") + " that was uploaded");
        }

        private String out(String key, String text) {
            boolean main = key.equals(OUT);
            if (kind.equals("train") && main) return run(text).toString();
            if (key.equals("animation") && text.equals(ANIMATION)) return folder.resolve(ANIMATION).toString();
            if (!text.isEmpty()) throw new Refused(422, "not_allowed", key, key + " is not to be given: a job writes into its own folder");
            String made = main ? MADE.get(kind) : null;
            if (made == null) return text;
            return folder.resolve(request instanceof SampleRequest s ? sample(s, made) : made).toString();
        }

        private String sample(SampleRequest sample, String usual) {
            if (sample.each()) return "samples";
            try {
                return "samples" + SampleRequest.suffix(entry("run", sample.run(), "model", Registry.Entry::model).place());
            } catch (IOException | RuntimeException e) {
                return usual;   // no run, or a damaged one: who opens it says so
            }
        }

        private Path run(String text) {
            TrainRequest train = (TrainRequest) request;
            String name = text.isEmpty() ? runOf(train.family(), id) : text;
            if (!name.matches(Registry.RUN_NAME) || TAKEN.contains(name)) {
                throw new Refused(422, "bad_name", OUT, "a run's name has letters, digits, '.', '_' and '-'");
            }
            if (all().stream().anyMatch(e -> e.name().equals(name))) {
                throw new Refused(409, "name_taken", OUT, "a run or model of that name is there; choose another");
            }
            Path folder = runs.resolve(name);
            if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {   // a link, or what is no run
                throw new Refused(409, "name_taken", OUT, "something of that name is in the folder of runs; choose another");
            }
            return folder;
        }
    }
}
