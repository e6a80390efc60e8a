package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.family.LoraTuning;
import io.palitra.report.Report;
import io.palitra.train.Metrics;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A run after its training.
 *
 * @param run      its folder
 * @param finished false where it was stopped; it can go on
 * @param last     of each figure of metrics.jsonl the last value
 * @param change   of a run of lora what it made
 */
public record Trained(Path run, boolean finished, Map<String, Double> last, Optional<Change> change) {
    /** A changed model: what was changed, and the change in two forms. */
    public record Change(String model, Path diffusers, Path kohya) {}

    static Trained of(Path run, boolean finished) throws IOException {
        Map<String, Double> last = new LinkedHashMap<>();
        Metrics.read(run).forEach((name, points) -> last.put(name, points.get(points.size() - 1)[1]));
        Optional<Change> change = RunConfig.read(run.resolve(Run.CONFIG)).model() instanceof LoraTuning.Config c
            ? Optional.of(new Change(c.model(), run.resolve(LoraTuning.DIFFUSERS), run.resolve(LoraTuning.KOHYA))) : Optional.empty();
        return new Trained(run, finished, last, change);
    }

    /** The page of the run. */
    public Path page() { return run.resolve(Report.NAME); }

    /** As {@code --json} prints it. */
    public ObjectNode toJson() {
        ObjectNode node = new ObjectMapper().createObjectNode().put("run", run.toString()).put("finished", finished);
        ObjectNode values = node.putObject("last");
        last.forEach(values::put);
        return node;
    }
}
