package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.hub.Hub;
import io.palitra.job.PullRequest;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "pull", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Download a model of the Hugging Face hub, checked, into the cache that Python shares; running it again resumes.",
    footer = {"", "HF_HOME and HF_HUB_CACHE say where, HF_ENDPOINT from which hub, HF_TOKEN who asks; HF_HUB_OFFLINE=1 asks nobody."})
final class PullCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "ORG/NAME[@REVISION]", description = "the model; without a revision its main branch")
    private String name = "";

    @Option(names = "--include", paramLabel = "GLOB", description = "only files of such names, as '*.json' or 'unet/*'; may be repeated")
    private List<String> include = List.of();

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("pull", false);
        Hub.Pulled pulled;
        try {
            pulled = new PullRequest(name, include).run(new OneLine(terminal, Stop.onSignals(), (file, bytes, total, figures)
                -> String.format("%s: %3d%% of %,d bytes", file, 100 * bytes / Math.max(1, total), total)));
        } catch (CancellationException e) {
            terminal.note(String.valueOf(e.getMessage()));
            return Main.STOPPED;
        } finally {
            terminal.done();
        }
        if (json) {
            ObjectNode node = new ObjectMapper().createObjectNode().put("name", pulled.name().id())
                .put("revision", pulled.name().revision()).put("commit", pulled.commit()).put("folder", pulled.folder().toString());
            ArrayNode files = node.putArray("files");
            pulled.files().forEach(f -> files.addObject().put("path", f.path()).put("bytes", f.bytes()).put("fetched", f.fetched()));
            Common.json(node);
            return 0;
        }
        long fetched = pulled.files().stream().filter(Hub.Item::fetched).count();
        terminal.note(String.format("%s at %.12s: %d files, %d fetched, %d there already", pulled.name(), pulled.commit(),
            pulled.files().size(), fetched, pulled.files().size() - fetched));
        Common.OUT.println(pulled.folder());
        return 0;
    }
}
