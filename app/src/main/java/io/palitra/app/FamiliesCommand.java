package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.Key;
import io.palitra.family.Families;
import io.palitra.model.Family;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "families", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The catalogue; with a name, its paper and every key with default, range and meaning.")
final class FamiliesCommand implements Callable<Integer> {
    @Parameters(index = "0", arity = "0..1", paramLabel = "FAMILY", description = "one family, whole")
    private @Nullable String name;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        List<Family<?>> chosen = name == null ? Families.all() : List.of(Families.named(name));
        if (json) {
            ArrayNode list = new ObjectMapper().createArrayNode();
            for (Family<?> f : chosen) {
                ObjectNode node = list.addObject().put("name", f.name()).put("about", f.about()).put("paper", f.paper());
                node.put("data", f.data());
                keys(node.putArray("config"), Config.describe(f.defaults()), "");
                keys(node.putArray("recipe"), Config.describe(f.recipe()), "train.");
                if (f.sampling() != null) keys(node.putArray("sampling"), Config.describe(f.sampling()), "");
            }
            Common.json(list);
            return 0;
        }
        for (Family<?> f : chosen) {
            Common.OUT.printf("%-12s %s%n", f.name(), f.about());
            if (name == null) continue;
            Common.OUT.println("             " + f.paper());
            Common.OUT.println("             learns from " + (f.data().isEmpty() ? "the DATA that is asked for" : f.data()
                + " unless other DATA is asked for"));
            print("what it is: palitra train " + f.name() + " --set key=value", Config.describe(f.defaults()), "");
            print("how it is trained", Config.describe(f.recipe()), "train.");
            if (f.sampling() != null) print("how it is drawn: palitra sample RUN --set key=value", Config.describe(f.sampling()), "");
        }
        return 0;
    }

    static void print(String title, List<Key> keys, String prefix) {
        Common.OUT.println();
        Common.OUT.println(title);
        for (Key k : keys) {
            if (k.path().contains("NAME.")) continue;   // the keys of an optimiser, as above
            String allowed = k.type() + (k.range().isEmpty() ? "" : ", " + k.range());
            Common.OUT.printf("  %-28s = %-12s %s (%s)%s%n", prefix + k.path(), k.defaultValue(), k.help(), allowed,
                k.when().isEmpty() ? "" : " when " + k.when());
        }
    }

    private static void keys(ArrayNode into, List<Key> keys, String prefix) {
        for (Key k : keys) {
            into.addObject().put("key", prefix + k.path()).put("type", k.type()).put("default", k.defaultValue()).put("range", k.range())
                .put("help", k.help()).put("when", k.when());
        }
    }
}
