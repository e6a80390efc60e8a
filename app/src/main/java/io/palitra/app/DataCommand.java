package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.Download;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "data", mixinStandardHelpOptions = true, usageHelpAutoWidth = true, subcommands = DataCommand.Get.class,
    description = "The data sets: what they are, where they are looked for, how to get them.")
final class DataCommand implements Callable<Integer> {
    @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", completionCandidates = Names.Data.class,
        description = "one data set, whole")
    private @Nullable String name;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (json) {
            ArrayNode list = new ObjectMapper().createArrayNode();
            for (CatalogueEntry s : name == null ? Datasets.catalogue() : java.util.List.of(Datasets.source(name))) {
                ObjectNode node = list.addObject().put("name", s.name()).put("about", s.about()).put("train", s.train()).put("test",
                    s.test());
                node.put("embedded", s.kind() == CatalogueEntry.Kind.DRAWN);
                ArrayNode classes = node.putArray("classes"), files = node.putArray("files");
                s.classNames().forEach(classes::add);
                s.files().forEach(f -> files.addObject().put("address", f.address().toString()).put("bytes", f.size()).put("md5", f.md5()));
            }
            Common.json(list);
            return 0;
        }
        if (name == null) {
            for (CatalogueEntry s : Datasets.catalogue()) Common.OUT.printf("%-14s %s%n", s.name(), Language.say(s.about()));
            Common.OUT.println();
            Common.say("Also any folder of pictures or .zip of one, flat or with a folder a class: palitra train vae PATH");
            Common.say("Also any text in UTF-8, a file, a folder of files, or .jsonl: palitra train gpt PATH");
            return 0;
        }
        CatalogueEntry s = Datasets.source(name);
        Common.OUT.println(s.name() + ": " + Language.say(s.about()));
        Common.say(String.format("%,d items to train, %,d to test", s.train(), s.test()));
        if (!s.classNames().isEmpty()) Common.say("classes: " + String.join(", ", s.classNames()));
        if (s.kind() == CatalogueEntry.Kind.DRAWN) {
            Common.say("drawn by the program; needs no files");
        } else {
            Common.say("looked for in --data-dir, else in PALITRA_DATA, else in data, ../shared/data, and "
                + Datasets.target(DataOptions.DEFAULT));
            for (CatalogueEntry.Remote f : s.files()) Common.say(String.format("  %s  %,d bytes, MD5 %s", f.address(), f.size(), f.md5()));
            if (s.kind() == CatalogueEntry.Kind.CHORALES)
                Common.say("nobody here downloads it: put jsb-chorales-16th.json into one of them");
            else Common.say("get it with: palitra data get " + s.name());
        }
        return 0;
    }

    @Command(name = "get", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
        description = "Download a data set from its publisher, checked; running it again resumes.")
    static final class Get implements Callable<Integer> {
        @Parameters(index = "0", paramLabel = "NAME", completionCandidates = Names.Data.class, description = "the data set")
        private String name = "";

        @Option(names = "--from", paramLabel = "URL", defaultValue = "", description = "another place that holds the same files")
        private String from = "";

        @Option(names = "--data-dir", paramLabel = "DIR", description = "where to keep it; default: PALITRA_DATA, else your data folder")
        private @Nullable Path dir;

        @Override public Integer call() {
            CatalogueEntry source = Datasets.source(name);
            Terminal terminal = new Terminal("data", false);
            DataOptions options = dir == null ? DataOptions.DEFAULT : Config.with(DataOptions.DEFAULT, "dir=" + dir);
            Path folder = new Download(from, (file, bytes, total) -> terminal.doing(String.format("%s: %3d%% of %,d bytes", file,
                100 * bytes / Math.max(1, total), total))).get(source, Datasets.target(options));
            terminal.done();
            Common.OUT.println(folder);
            return 0;
        }
    }
}
