package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.config.Key;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.edit.DreamRequest;
import io.palitra.family.Families;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.PaintRequest;
import io.palitra.report.Film;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;

/** Every text of the help, in the order in which commands and families are listed. */
final class HelpTexts {
    private HelpTexts() {}

    /** Of the commands: what they do, their options and parameters, the groups that the help lists them in. */
    static Set<String> ofCommands() {
        Set<String> all = new LinkedHashSet<>(CommandGroups.texts());
        CommandLine root = Main.commands("");
        of(root, all);
        all.removeIf(t -> t.isBlank() || t.startsWith("palitra "));
        return all;
    }

    private static void of(CommandLine command, Set<String> all) {
        CommandLine.Model.UsageMessageSpec usage = command.getCommandSpec().usageMessage();
        all.add(Language.joined(usage.description()));
        for (String line : usage.header()) all.add(Language.joined(new String[] {line}));
        for (String line : usage.footer()) all.add(line.strip().replace("%%", "%"));
        for (ArgSpec a : command.getCommandSpec().args()) if (!a.hidden()) all.add(Language.joined(a.description()));
        for (CommandLine below : command.getSubcommands().values()) of(below, all);
    }

    /** Of what families and data sets say of themselves, and of their keys. */
    static Set<String> ofKeys() throws IOException {
        Set<String> all = new LinkedHashSet<>();
        for (FamiliesRequest.Entry f : new FamiliesRequest("").run(Watcher.SILENT).families()) {
            if (!Families.named(f.name()).defaults().getClass().getPackageName().equals(Families.class.getPackageName())) continue;
            all.add(f.about());
            for (List<Key> keys : List.of(f.config(), f.recipe(), f.sampling())) keys.forEach(k -> all.add(k.help()));
        }
        for (Record r : List.of(DataOptions.DEFAULT, PaintRequest.How.DEFAULT, DreamRequest.How.DEFAULT, Film.DEFAULT)) {
            Config.describe(r).forEach(k -> all.add(k.help()));
        }
        for (CatalogueEntry s : Datasets.catalogue()) all.add(s.about());
        all.removeIf(String::isBlank);
        return all;
    }
}
