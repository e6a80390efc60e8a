package io.palitra.server;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The data sets that a caller may name: those of the catalogue, and the folders, .zip and .csv files that lie directly in the folder of
 * data, but for hidden ones and links. A few stay open. Any thread may call; who asks for one that is being opened waits.
 */
final class DataSets {
    private static final int OPEN = 4;
    private static final String CAPTIONS = "metadata.jsonl";

    /** An opened set. @param labels of each item, -1 = none @param counts of the items of each class */
    record Opened(Dataset data, int[] labels, int[] counts) {
        private static Opened of(Dataset data) {
            int[] labels = new int[data.size()], counts = new int[data.classNames().size()];
            for (int i = 0; i < labels.length; i++) {
                labels[i] = data.label(i);
                if (labels[i] >= 0 && labels[i] < counts.length) counts[labels[i]]++;
            }
            return new Opened(data, labels, counts);
        }
    }

    private record Key(String name, Split split, long stamp) {}

    private final String folder;
    private final List<CatalogueEntry> catalogue = Datasets.catalogue();
    private final Map<Key, Opened> open = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override protected boolean removeEldestEntry(Map.Entry<Key, Opened> eldest) { return size() > OPEN; }
    };

    /** @param folder of data; empty = the catalogue alone */
    DataSets(String folder) {
        this.folder = folder;
        if (!folder.isEmpty() && !Files.isDirectory(Path.of(folder))) {
            throw new ConfigException("data", "data=" + folder + " is no folder; its folders and files would be the data sets");
        }
    }

    List<CatalogueEntry> catalogue() { return catalogue; }

    /** Whether the catalogue has it. */
    boolean named(String name) { return catalogue.stream().anyMatch(e -> e.name().equals(name)); }

    /** Whether the files of a set of the catalogue are here. */
    boolean isHere(String name) { return catalogue.stream().anyMatch(e -> e.name().equals(name) && Datasets.here(e)); }

    /** Of the folder of data, by name. */
    Map<String, Path> here() {
        Map<String, Path> here = new LinkedHashMap<>();
        if (folder.isEmpty()) return here;
        for (Path path : Registry.list(Path.of(folder).toAbsolutePath().normalize())) {
            String name = path.getFileName().toString(), lower = name.toLowerCase(Locale.ROOT);
            boolean set = Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
                || Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) && (lower.endsWith(".zip") || lower.endsWith(".csv"));
            if (set && !named(name)) here.put(name, path);
        }
        return here;
    }

    Optional<Path> folder(String name) { return Optional.ofNullable(here().get(name)); }

    List<String> folders() { return List.copyOf(here().keySet()); }

    List<String> names() {
        List<String> names = new ArrayList<>(catalogue.stream().map(CatalogueEntry::name).toList());
        names.addAll(here().keySet());
        return names;
    }

    /**
     * Opens a set, unless it is open.
     *
     * @throws Refused for a name that is none
     * @throws io.palitra.data.FormatException where files are missing or damaged
     */
    synchronized Opened open(String name, Split split) {
        Path place = here().get(name);
        if (place == null && !named(name)) throw new Refused(404, "no_such_data", "name", "there is no data set of that name");
        Key key = new Key(name, split, place == null ? 0 : modified(place));
        Opened opened = open.get(key);
        if (opened != null) return opened;
        boolean captions = place != null && captioned(place);
        opened = Opened.of(Datasets.open(place == null ? name : place.toString(), split, captions
            ? Config.with(DataOptions.DEFAULT, "captions=true") : DataOptions.DEFAULT));
        open.put(key, opened);
        return opened;
    }

    private static long modified(Path place) {
        try {
            return Files.getLastModifiedTime(place).toMillis();
        } catch (IOException e) {
            return 0;
        }
    }

    /** Whether texts lie beside the pictures of a folder, or of its part for training. */
    private static boolean captioned(Path place) {
        for (Path at : List.of(place, place.resolve("train"))) {
            if (Files.isRegularFile(at.resolve(CAPTIONS))) return true;
            if (!Files.isDirectory(at)) continue;
            try (Stream<Path> files = Files.list(at)) {
                if (files.limit(1000).anyMatch(f -> f.toString().endsWith(".txt"))) return true;
            } catch (IOException e) {
                return false;   // who opens it says why
            }
        }
        return false;
    }
}
