package io.palitra.app;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.job.WriteRequest;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "write", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Write a text on from its beginning. Text i of a seed is the same whatever -n is.")
final class WriteCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN|FOLDER|org/name", description = "a run of gpt or lstm, or a GPT-2 as transformers keeps it")
    private String run = "";

    @Parameters(index = "1", paramLabel = "BEGINNING", arity = "0..1", defaultValue = "", description = "what the text begins with")
    private String beginning = "";

    @Option(names = "-n", paramLabel = "N", defaultValue = "1", description = "texts; default: 1")
    private int n;

    @Option(names = "--length", paramLabel = "N", defaultValue = "256", description = "tokens written at most; default: 256")
    private int length;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--stream", description = "print the text while it is written; several one after the other")
    private boolean stream;

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the texts as JSON; with --stream a line a piece before it")
    private boolean json;

    @Override public Integer call() throws IOException {
        WriteRequest request = new WriteRequest(run, beginning, n, length, seed.value, set, stream, computing.device, computing.threads);
        Terminal terminal = new Terminal("write", false);
        WriteRequest.Result written = request.run(stream ? new Read(terminal) : terminal);
        terminal.done();
        if (json) {
            Common.json(written.toJson());
        } else if (stream) {
            Common.OUT.println();
        } else {
            for (int i = 0; i < n; i++) Common.OUT.println(head(i == 0, i) + written.texts().get(i));
        }
        return 0;
    }

    /** What stands before text i: the number where there are several, and its beginning. */
    private String head(boolean first, int i) { return (first ? "" : "\n") + (n > 1 ? "--- " + (i + 1) + "\n" : "") + beginning; }

    /** Prints texts while they are written. */
    private final class Read implements Watcher {
        private final Terminal terminal;
        private int at = -1;

        Read(Terminal terminal) { this.terminal = terminal; }

        @Override public void text(int i, String piece) {
            if (json) {
                Common.OUT.println(JsonNodeFactory.instance.objectNode().put("text", i).put("piece", piece));
                return;
            }
            if (i != at) Common.OUT.print(head(at < 0, i));
            at = i;
            Common.OUT.print(piece);
            Common.OUT.flush();
        }

        @Override public void begins(String line) { terminal.begins(line); }

        @Override public void note(String line) { terminal.note(line); }

        @Override public boolean stop() { return terminal.stop(); }
    }
}
