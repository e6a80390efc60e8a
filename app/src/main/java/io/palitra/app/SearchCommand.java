package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.InWords;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.PictureFiles;
import io.palitra.data.Pictures;
import io.palitra.edit.PictureSearch;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.report.Png;
import io.palitra.report.ReportData.Figure;
import io.palitra.report.Results;
import io.palitra.stage.ClipEmbedder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "search", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The pictures of a folder that fit a text best, or that are most like a picture, by a CLIP: a page of them.")
final class SearchCommand implements Callable<Integer> {
    private static final int SIDE = 384;

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

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (n < 1 || n > 1000) throw new IllegalArgumentException("illegal -n: " + n + ", must be 1 to 1000");
        if (query.isBlank()) throw new IllegalArgumentException("search for what? wanted is a text, or the file of a picture");
        Common.free(out, force);
        Threads.set(threads);
        Device where = Device.named(device);
        Terminal terminal = new Terminal("search", false);
        Path file = file(query);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); PictureFiles files = PictureFiles.open(folder, Limits.DEFAULT);
                ClipEmbedder model = ClipEmbedder.open(clip)) {
            model.to(where);
            Picture asked = file == null ? null : Pictures.read(Common.bytes(file), query, Limits.DEFAULT, terminal::note);
            Tensor point = asked == null ? model.embedText(List.of(query)) : model.embedImage(PictureSearch.tensor(asked, where));
            int all = files.names().size();
            PictureSearch.Result result = PictureSearch.of(model, point, files, where, k -> terminal.doing(k + " of " + all + " pictures"));
            terminal.done();
            InWords.few(result.notes(), "pictures the same").forEach(terminal::note);
            InWords.few(result.skipped().stream().map(s -> "skipped: " + s).toList(), "pictures that cannot be read, skipped")
                .forEach(terminal::note);
            if (result.all().isEmpty()) throw new FormatException(folder.toString(), -1, "none of its " + all + " pictures can be read");
            List<PictureSearch.Found> best = result.all().subList(0, Math.min(n, result.all().size()));
            List<Figure> figures = new ArrayList<>();
            for (PictureSearch.Found f : best) {
                figures.add(figure(f.file(), String.format(Locale.ROOT, "cosine %.3f", f.cosine()), files.read(f.file())));
            }
            String name = model.name();
            new Results(query, "in " + folder + ", by " + name, result.all().size() + " pictures looked at"
                + (result.skipped().isEmpty() ? "." : ", " + result.skipped().size() + " skipped."),
                Optional.ofNullable(asked).map(a -> figure(query, "What was asked for.", a)), figures,
                InWords.few(result.skipped(), "pictures that cannot be read")).write(out);
            if (json) Common.json(json(name, best, result));
            else Common.OUT.println(out);
        }
        return 0;
    }

    private static @Nullable Path file(String query) {
        try {
            Path path = Path.of(query);
            return Files.isRegularFile(path) ? path : null;
        } catch (InvalidPathException e) {
            return null;   // words
        }
    }

    /** As large as a page can show it. */
    private static Figure figure(String title, String caption, Picture p) {
        double share = Math.min(1, SIDE / (double) Math.max(p.height(), p.width()));
        Picture shown = share == 1 ? p
            : Pictures.resize(p, Math.max(1, (int) Math.round(share * p.height())), Math.max(1, (int) Math.round(share * p.width())));
        return new Figure(title, caption, "image/png", Png.encode(shown, Map.of()));
    }

    private ObjectNode json(String name, List<PictureSearch.Found> best, PictureSearch.Result result) {
        ObjectNode node = new ObjectMapper().createObjectNode().put("folder", folder.toString()).put("query", query).put("clip", name);
        node.put("page", out.toString()).put("searched", result.all().size());
        ArrayNode found = node.putArray("found"), skipped = node.putArray("skipped");
        best.forEach(f -> found.addObject().put("file", f.file()).put("cosine", f.cosine()));
        result.skipped().forEach(skipped::add);
        return node;
    }
}
