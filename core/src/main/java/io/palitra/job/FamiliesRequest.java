package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.config.Key;
import io.palitra.family.Families;
import io.palitra.model.Asked;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import java.util.ArrayList;
import java.util.List;

/** The catalogue of families, with every key of each. */
public record FamiliesRequest(@Help("one family, empty = all") String family) implements Request<FamiliesRequest.Result> {
    /** All of them. */
    public FamiliesRequest() { this(""); }

    /** In the catalogue's order. */
    public record Result(List<Entry> families) {
        /** As {@code --json} prints it. */
        public ArrayNode toJson() {
            ArrayNode list = new ObjectMapper().createArrayNode();
            for (Entry f : families) {
                ObjectNode node = list.addObject().put("name", f.name).put("about", f.about).put("paper", f.paper);
                node.put("data", f.data);
                ArrayNode fits = node.putArray("fits");
                for (Fitting fit : f.fits) {
                    ArrayNode keys = fits.addObject().put("data", fit.data()).putArray("keys");
                    fit.keys().forEach(keys::add);
                }
                put(node.putArray("config"), f.config, "");
                put(node.putArray("recipe"), f.recipe, "train.");
                if (f.draws) put(node.putArray("sampling"), f.sampling, "");
            }
            return list;
        }

        private static void put(ArrayNode into, List<Key> keys, String prefix) {
            for (Key k : keys) {
                into.addObject().put("key", prefix + k.path()).put("type", k.type()).put("default", k.defaultValue())
                    .put("range", k.range()).put("help", k.help()).put("when", k.when());
            }
        }
    }

    /**
     * Other defaults, on data of a kind.
     *
     * @param data the kind in words
     * @param keys what they are, {@code key=value}
     */
    public record Fitting(String data, List<String> keys) {}

    /**
     * A family.
     *
     * @param data   it learns from unless other data is asked for; empty where none is
     * @param fits   other defaults, on data of some kinds
     * @param config keys of what it is
     * @param recipe keys of how it is trained
     * @param draws  whether it draws samples, with {@code sampling} keys
     */
    public record Entry(String name, String about, String paper, String data, List<Fitting> fits, List<Key> config, List<Key> recipe,
            boolean draws, List<Key> sampling) {
        private static Entry of(Family<?> f) {
            return new Entry(f.name(), f.about(), f.paper(), f.data(),
                f.fits().stream().map(fit -> new Fitting(fit.data(), fit.keys())).toList(),
                Config.describe(f.defaults()), Config.describe(f.recipe()), f.sampling() != null, sampling(f));
        }

        /** How samples are drawn, and what can be asked of them where a run takes it. */
        private static List<Key> sampling(Family<?> f) {
            if (f.sampling() == null) return List.of();
            List<Key> keys = new ArrayList<>(Config.describe(f.sampling()));
            List<String> asked = f.takes().stream().flatMap(kind -> Asked.key(kind).stream()).toList();
            Config.describe(Asked.ANY).stream().filter(k -> asked.contains(k.path())).forEach(keys::add);
            return keys;
        }
    }

    /** @throws IllegalArgumentException for a family that is not there */
    @Override public Result run(Watcher watcher) {
        Config.check(this);
        List<Family<?>> chosen = family.isEmpty() ? Families.all() : List.of(Families.named(family));
        return new Result(chosen.stream().map(Entry::of).toList());
    }
}
