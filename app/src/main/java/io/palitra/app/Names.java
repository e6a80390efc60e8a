package io.palitra.app;

import io.palitra.data.CatalogueEntry;
import io.palitra.data.Datasets;
import io.palitra.job.FamiliesRequest;
import io.palitra.job.ModelsRequest;
import io.palitra.model.Watcher;
import java.util.Iterator;
import java.util.List;

/** Names that a shell completes. */
final class Names {
    private Names() {}

    static final class Families implements Iterable<String> {
        @Override public Iterator<String> iterator() {
            return new FamiliesRequest("").run(Watcher.SILENT).families().stream().map(FamiliesRequest.Entry::name).iterator();
        }
    }

    static final class Data implements Iterable<String> {
        @Override public Iterator<String> iterator() { return Datasets.catalogue().stream().map(CatalogueEntry::name).iterator(); }
    }

    static final class Models implements Iterable<String> {
        @Override public Iterator<String> iterator() { return models().iterator(); }
    }

    /** Those that come with the program. */
    static List<String> models() {
        return new ModelsRequest("").run(Watcher.SILENT).models().stream().map(c -> c.name()).toList();
    }
}
