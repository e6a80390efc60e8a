package io.palitra.job;

import io.palitra.data.Picture;
import io.palitra.model.Watcher;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Painted pictures as they come: one file each as soon as it is painted, or all in one grid at the end. */
final class PaintedFiles {
    private final PaintSettings settings;
    private final List<Path> files;
    private final String model;
    private final String sampler;
    private final Origins origins;
    private final Watcher watcher;
    /** The model's hash, taken while the first picture is painted: its files are as long as the memory that they fill. */
    private final FutureTask<String> hash;
    private final List<Picture> pictures = new ArrayList<>();
    private final List<Path> done = new ArrayList<>();

    /** @param model its name @param sampler that draws */
    PaintedFiles(PaintSettings settings, List<Path> files, String model, String sampler, Origins origins, Watcher watcher) {
        this.settings = settings;
        this.files = files;
        this.model = model;
        this.sampler = sampler;
        this.origins = origins;
        this.watcher = watcher;
        hash = new FutureTask<>(() -> origins.hash(settings.model()));
        Thread thread = new Thread(hash, "palitra-hash");
        thread.setDaemon(true);
        thread.start();
    }

    /** The first digits of the model's hash; waits for it. */
    String hash() {
        try {
            return hash.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while the model's hash was taken");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException fault) throw fault;
            throw new IllegalStateException(e.getCause());
        }
    }

    private boolean grid() { return files.size() < settings.how().n(); }

    void add(int i, Picture p) {
        pictures.add(p);
        if (!grid()) write(files.get(i), p, p, i, 1);
    }

    private void write(Path file, Picture shown, Picture first, int i, int count) {
        hash();
        Png.write(file, shown, settings.text(model, sampler, first, i, count, origins));
        done.add(file);
        watcher.wrote(file);
    }

    /** Writes the grid, where there is one, of what was painted. @return the files that were written */
    List<Path> end() {
        int n = pictures.size();
        if (grid() && n > 0) {
            write(files.get(0), n == 1 ? pictures.get(0) : Grid.of(pictures, (int) Math.ceil(Math.sqrt(n)), 2), pictures.get(0), 0, n);
        }
        return done;
    }
}
