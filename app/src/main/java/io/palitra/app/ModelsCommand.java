package io.palitra.app;

import io.palitra.job.ModelsRequest;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "models", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The models that come with the program; with a name, all that is known of it. Their names are taken wherever a run is.")
final class ModelsCommand implements Callable<Integer> {
    @Parameters(index = "0", arity = "0..1", paramLabel = "MODEL", completionCandidates = Names.Models.class,
        description = "one model, whole")
    private @Nullable String name;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        ModelsRequest.Result chosen = new ModelsRequest(Common.name(name, "MODEL")).run(Watcher.SILENT);
        if (json) {
            Common.json(chosen.toJson());
            return 0;
        }
        if (chosen.models().isEmpty()) Terminal.print("no models come with this build");
        for (IncludedModels.Card card : chosen.models()) {
            Common.OUT.printf("%-14s %s%n", card.name(), Language.say(card.about()));
            if (name == null) continue;
            Common.say("               " + card.family() + ", learned from " + card.data());
            Common.OUT.println("               " + card.command());
            Common.say(String.format(java.util.Locale.ROOT, "               %.0f minutes, %s", card.minutes(), card.machine()));
            for (String measure : card.measured()) Common.say("               " + measure);
            Common.say("               licence: " + card.licence());
            for (String file : card.files()) Common.OUT.println("               " + file);
        }
        return 0;
    }
}
