package io.palitra.app;

import io.palitra.config.Key;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
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
    @Parameters(index = "0", arity = "0..1", paramLabel = "FAMILY", completionCandidates = Names.Families.class,
        description = "one family, whole")
    private @Nullable String name;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        FamiliesRequest.Result chosen = new FamiliesRequest(Common.name(name, "FAMILY")).run(Watcher.SILENT);
        if (json) {
            Common.json(chosen.toJson());
            return 0;
        }
        for (FamiliesRequest.Entry f : chosen.families()) {
            Common.OUT.printf("%-12s %s%n", f.name(), Language.say(f.about()));
            if (name == null) continue;
            Common.OUT.println("             " + f.paper());
            Common.say("             learns from " + (f.data().isEmpty() ? "the DATA that is asked for" : f.data()
                + " unless other DATA is asked for"));
            f.fits().forEach(fit -> Common.OUT.println("             on " + fit.data() + " " + String.join(", ", fit.keys())
                + " unless other values are asked for"));
            print("what it is: palitra train " + f.name() + " --set key=value", f.config(), "");
            print("how it is trained", f.recipe(), "train.");
            if (f.draws()) print("how it is drawn: palitra sample RUN --set key=value", f.sampling(), "");
        }
        return 0;
    }

    static void print(String title, List<Key> keys, String prefix) {
        Common.OUT.println();
        Common.say(title);
        for (Key k : keys) {
            if (k.path().contains("NAME.")) continue;   // the keys of an optimiser, as above
            String allowed = Language.say(k.type()) + (k.range().isEmpty() ? "" : ", " + Language.say(k.range()));
            Common.OUT.printf("  %-28s = %-12s %s (%s)%s%n", prefix + k.path(), k.defaultValue(), Language.say(k.help()), allowed,
                k.when().isEmpty() ? "" : " " + Language.say("when") + " " + k.when());
        }
    }
}
