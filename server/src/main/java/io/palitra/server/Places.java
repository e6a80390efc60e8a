package io.palitra.server;

import io.palitra.config.Config;
import io.palitra.config.Help.Place;
import io.palitra.data.DreamPrompt;
import io.palitra.job.DreamJob;
import io.palitra.job.ModelsRequest;
import io.palitra.job.PaintJob;
import io.palitra.job.Request;
import io.palitra.job.ResumeRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The one way from a text of a request to a place on the disk. A model is named by its folder in the folder of runs, or by its name among
 * those that come with the program; a set of data by its name in the catalogue; what is written goes into the job's own folder. Names are
 * looked up in lists, never joined to a path.
 */
final class Places {
    private static final String RUN_NAME = "[\\p{L}\\p{N}][\\p{L}\\p{N}._-]{0,79}";
    /** What a kind of job writes. */
    private static final Map<String, String> MADE = made();

    private final Path runs;
    private final List<String> data;
    private final Uploads uploads;

    /** @param data names of the catalogue */
    Places(Path runs, List<String> data, Uploads uploads) {
        this.runs = runs;
        this.data = List.copyOf(data);
        this.uploads = uploads;
    }

    private static Map<String, String> made() {
        Map<String, String> made = new LinkedHashMap<>();
        made.put("draw", "drawing.png");
        made.put("sample", "samples.png");
        made.put("complete", "complete.png");
        made.put("interpolate", "interpolate.png");
        made.put("map", "map.png");
        made.put("walk", "walk");
        made.put("reconstruct", "reconstruct.png");
        made.put("compare", "compare.html");
        made.put("paint", "painted");
        made.put("dream", "dream");
        return made;
    }

    /** The models that a job may name. */
    List<String> models() {
        TreeSet<String> names = new TreeSet<>();
        new ModelsRequest().run(Watcher.SILENT).models().stream().map(IncludedModels.Card::name).forEach(names::add);
        if (Files.isDirectory(runs)) {
            try (Stream<Path> folders = Files.list(runs)) {
                folders.filter(f -> Files.isRegularFile(f.resolve("config.json"))).map(f -> f.getFileName().toString()).forEach(names::add);
            } catch (IOException e) {
                throw new Refused(500, "unreadable", "", "the folder of runs cannot be read");
            }
        }
        return List.copyOf(names);
    }

    /** The request with places in the stead of names. @throws Refused for a name that is none */
    Request<?> placed(String kind, Request<?> request, String id, Path folder) {
        Config.Move move = (key, place, text) -> to(kind, key, place, text, id, folder);
        Request<?> asked = request instanceof TrainRequest t ? t.placed(move) : request;
        if (asked instanceof ResumeRequest r && !r.set().stream().allMatch(key -> key.matches("train\\.(steps|epochs)=\\d{1,12}"))) {
            throw new Refused(422, "not_allowed", "set", "a resumed run keeps its keys, but for train.steps and train.epochs");
        }
        if (asked instanceof PaintJob p) named(p);
        if (asked instanceof DreamJob d) asked = Config.replace(d, "targets", targets(d.targets()));
        return (Request<?>) Config.moved((Record) asked, move);
    }

    /** Texts of a request to paint that name files, without being such in the record. */
    private static void named(PaintJob job) {
        if (!job.lora().isEmpty()) throw new Refused(422, "not_allowed", "lora", "lora cannot be given here");
        if (!job.switchTo().isEmpty()) throw new Refused(422, "not_allowed", "switchTo", "switchTo cannot be given here");
    }

    /** Pictures to resemble, each an upload with its weight. */
    private String targets(String asked) {
        if (asked.isBlank()) return "";
        List<String> all = new ArrayList<>();
        for (List<DreamPrompt.WeightedTarget> phase : DreamPrompt.parse(asked).phases()) {
            for (DreamPrompt.WeightedTarget t : phase) {
                String file = upload("targets", t.what()).replaceAll("[|:^\\\\]", "\\\\$0");
                all.add(file + " :" + BigDecimal.valueOf(t.weight()).toPlainString()
                    + (Double.isInfinite(t.stop()) ? "" : ":" + BigDecimal.valueOf(t.stop()).toPlainString()));
            }
        }
        return String.join(" | ", all);
    }

    private String upload(String key, String id) {
        return uploads.named(id).orElseThrow(() -> new Refused(422, "no_such_upload", key,
            key + " must be the id of an upload, POST /v1/uploads; there is none of that id")).toString();
    }

    private String to(String kind, String key, Place place, String text, String id, Path folder) {
        return switch (place) {
            case NONE -> text;
            case MODEL -> text.isEmpty() ? text : model(key, text);
            case DATA -> {
                if (text.isEmpty() || data.contains(text)) yield text;
                throw new Refused(422, "no_such_data", key, "there is no data set of that name; there are " + String.join(", ", data));
            }
            case PICTURE, FILE -> {
                if (text.isEmpty()) yield text;
                // a picture to be like may name any file
                if (place == Place.PICTURE && !key.equals("like")) yield upload(key, text);
                throw new Refused(422, "not_allowed", key, key + " cannot be given here");
            }
            case OUT -> out(kind, key, text, id, folder);
        };
    }

    private String model(String key, String name) {
        List<String> all = models();
        if (!all.contains(name)) {
            throw new Refused(422, "no_such_model", key, "there is no model of that name; there are " + String.join(", ", all));
        }
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(runs)) {
            try (Stream<Path> folders = Files.list(runs)) {
                folders.filter(f -> f.getFileName().toString().equals(name)).forEach(found::add);
            } catch (IOException e) {
                throw new Refused(500, "unreadable", "", "the folder of runs cannot be read");
            }
        }
        return found.isEmpty() ? name : found.get(0).toAbsolutePath().normalize().toString();
    }

    private String out(String kind, String key, String text, String id, Path folder) {
        if (kind.equals("train") && key.equals("out")) {
            String name = text.isEmpty() ? id : text;
            if (!name.matches(RUN_NAME)) throw new Refused(422, "bad_name", key, "a run's name has letters, digits, '.', '_' and '-'");
            return runs.resolve(name).toAbsolutePath().normalize().toString();
        }
        if (!text.isEmpty()) throw new Refused(422, "not_allowed", key, key + " is not to be given: a job writes into its own folder");
        String made = key.equals("out") ? MADE.get(kind) : null;
        return made == null ? text : folder.resolve(made).toString();
    }
}
