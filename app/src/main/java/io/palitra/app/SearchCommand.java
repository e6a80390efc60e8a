package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.SearchRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "search", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The pictures of a folder that fit a text best, or that are most like a picture, by a CLIP: a page of them.")
final class SearchCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FOLDER", description = "pictures, also in folders within; or a .zip")
    private Path folder = Path.of("");

    @Parameters(index = "1", paramLabel = "TEXT|PICTURE", description = "what to look for: words, or the file of a picture")
    private String query = "";

    @Option(names = "--clip", required = true, paramLabel = "WHERE",
        description = "a run of family clip, a folder of transformers' CLIP, or an org/name that was pulled")
    private String clip = "";

    @Option(names = "-n", paramLabel = "N", defaultValue = "24", description = "pictures on the page; default: 24")
    private int n;

    @Option(names = "--out", paramLabel = "FILE.html", defaultValue = "search.html", description = "the page; default: search.html")
    private Path out = Path.of("search.html");

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("search", false);
        SearchRequest request = new SearchRequest(folder.toString(), query, clip, n, out.toString(), overwriting.force,
            computing.device, computing.threads);
        SearchRequest.Result result = request.run(new OneLine(terminal, () -> false, (what, done, of, figures) -> done + " of " + of
            + " pictures"));
        terminal.done();
        if (json) Common.json(json(result));
        else Common.OUT.println(result.page());
        return 0;
    }

    private ObjectNode json(SearchRequest.Result result) {
        ObjectNode node = new ObjectMapper().createObjectNode().put("folder", folder.toString()).put("query", query)
            .put("clip", result.clip());
        node.put("page", result.page().toString()).put("searched", result.searched());
        ArrayNode found = node.putArray("found"), skipped = node.putArray("skipped");
        result.best().forEach(f -> found.addObject().put("file", f.file()).put("cosine", f.cosine()));
        result.skipped().forEach(skipped::add);
        return node;
    }
}
