package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import io.palitra.train.SmallRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A run as it is given away: config and weights in bf16, without checkpoints, log, pictures and places of this machine. */
public record PackRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "the folder to make; it must not be there", place = Help.Place.OUT) String out,
        @Help("models that it is built upon, packed before: key=FOLDER; the config names them by the folder's name") List<String> upon)
        implements Request<PackRequest.Result> {
    public PackRequest {
        upon = List.copyOf(upon);
    }

    /** A run that is built upon none. */
    public PackRequest(String run, String out) { this(run, out, List.of()); }

    /** @param folder that was made */
    public record Result(Path folder) {}

    /** @throws IllegalArgumentException when the folder is there, and for a key that names no model of the run */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Map<String, Path> places = new LinkedHashMap<>();
        for (String one : upon) {
            int equals = one.indexOf('=');
            if (equals < 1) throw new ConfigException("upon", "'" + one + "' is not key=FOLDER, such as stage=small-vqgan");
            places.put(one.substring(0, equals), Path.of(one.substring(equals + 1)));
        }
        Path target = Path.of(out);
        try (Run opened = new Inputs(watcher).open(run, "cpu", 0)) {
            SmallRun.write(opened, target, places, watcher::note);
        }
        watcher.wrote(target);
        return new Result(target);
    }
}
