package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.Split;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;

/** A run as a folder that Python's diffusers loads. */
public record ExportRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "the folder to make; it must not be there", place = Help.Place.OUT) String out,
        @Help(value = "where data sets lie, empty = where they lay; vae is measured on its training data",
            place = Help.Place.DATA) String dataDir) implements Request<ExportRequest.Result> {
    /** In the form that fits the family. */
    public ExportRequest(String run, String out) { this(run, out, ""); }

    /** @param python what uses the folder */
    public record Result(Path folder, String python) {}

    /**
     * Writes the folder.
     *
     * @throws IllegalArgumentException for a family, or a configuration of one, that diffusers does not have
     * @throws java.util.concurrent.CancellationException when it was stopped; then nothing is left
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Path target = Path.of(out);
        Inputs inputs = new Inputs(watcher);
        try (FolderDraft draft = new FolderDraft(target); Run opened = inputs.open(run, "cpu", 0)) {
            String name = String.valueOf(target.toAbsolutePath().normalize().getFileName());
            String python = opened.export(draft, name, () -> inputs.data(opened.config(), "", dataDir, Split.TRAIN), watcher);
            watcher.checkStop();
            draft.publish();
            return new Result(target, python);
        }
    }
}
