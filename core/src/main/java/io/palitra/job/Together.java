package io.palitra.job;

import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/**
 * Requests that ask the same model for samples in the same way, drawn at once. Each sample has the noise that it has alone, so that it is
 * the same picture, to at most one level of 255: products of other sizes round otherwise.
 */
public final class Together {
    private Together() {}

    /** A request that draws samples of a run. */
    interface Draws<R> extends Request<R> {
        /** The run, the device and the threads, and all else that must be the same to be drawn at once; empty for what is drawn alone. */
        Optional<List<Object>> alike();

        /** How many are drawn. */
        int count();

        long seed();

        Run open(Inputs inputs) throws IOException;

        /** How they are drawn, after all that can be refused before was. */
        Drawing<?> prepared(Run opened, Inputs inputs) throws IOException;

        /** Writes what was drawn. @param x [count, ...] */
        R written(Run opened, Drawing<?> drawing, Tensor x, Watcher watcher) throws IOException;
    }

    /**
     * One of the requests.
     *
     * @param made is given what comes of it, on the thread that draws
     * @param failed is given what it ended by
     */
    public record Part(Request<?> request, Watcher watcher, Consumer<Object> made, Consumer<Exception> failed) {}

    /** Samples that a request draws; 0 for one that is not drawn with others. */
    public static int count(Request<?> request) { return request instanceof Draws<?> d && d.alike().isPresent() ? d.count() : 0; }

    /** Whether two can be drawn at once. */
    public static boolean alike(Request<?> a, Request<?> b) {
        return a instanceof Draws<?> x && b instanceof Draws<?> y && x.alike().isPresent() && x.alike().equals(y.alike());
    }

    private static final class Drawn {
        private final Part part;
        private final Draws<?> request;
        private final Drawing<?> drawing;
        private boolean ended;

        Drawn(Part part, Draws<?> request, Drawing<?> drawing) {
            this.part = part;
            this.request = request;
            this.drawing = drawing;
        }

        /** Ends it where its watcher wants that. */
        boolean ends() {
            if (!ended && part.watcher.stop()) fails(new CancellationException("stopped"));
            return ended;
        }

        void fails(Exception e) {
            ended = true;
            part.failed.accept(e);
        }
    }

    /**
     * Draws them, and tells each by itself how it ended: one that is stopped or fails ends alone.
     *
     * @param parts all {@link #alike}
     */
    public static void run(List<Part> parts) {
        List<Drawn> all = new ArrayList<>();
        Draws<?> first = (Draws<?>) parts.get(0).request;
        try (Run opened = first.open(new Inputs(parts.get(0).watcher)); Scope scope = new Scope()) {
            for (Part part : parts) {
                Draws<?> request = (Draws<?>) part.request;
                try {
                    all.add(new Drawn(part, request, request.prepared(opened, new Inputs(part.watcher))));
                } catch (RuntimeException | IOException e) {
                    part.failed.accept(e);
                }
            }
            all.removeIf(Drawn::ends);
            if (!all.isEmpty()) draw(opened, all);
        } catch (RuntimeException | IOException e) {
            if (all.isEmpty()) parts.forEach(p -> p.failed.accept(e));
            else all.stream().filter(d -> !d.ended).forEach(d -> d.fails(e));
        }
    }

    private static void draw(Run opened, List<Drawn> all) {
        int[] counts = all.stream().mapToInt(d -> d.request.count()).toArray();
        Rng rng = Rng.joined(all.stream().map(d -> new Rng(d.request.seed())).toList(), counts);
        List<Condition> given = all.stream().map(d -> d.drawing.asked().condition(d.request.count())).toList();
        int n = Arrays.stream(counts).sum();
        DataSpec spec = opened.config().settings().spec();
        Tensor x = sampled(opened, all.get(0).drawing, Condition.joined(given), rng, n, (i, of, t, items) -> {
            int from = 0, left = 0;
            for (Drawn d : all) {
                int at = from, count = d.request.count();
                from += count;
                if (d.ends()) continue;
                left++;
                boolean has = items && t.size(0) >= from;
                Tensor own = has ? t.rows(at, count) : t;
                d.part.watcher.tick("step", i + 1, of, Map.of(), () -> has ? Steps.shown(spec, own) : Optional.empty());
            }
            if (left == 0) throw new CancellationException("stopped");
        });
        int from = 0;
        for (Drawn d : all) {
            int at = from, count = d.request.count();
            from += count;
            if (d.ends()) continue;
            try (Scope scope = new Scope()) {
                Object made = d.request.written(opened, d.drawing, x.rows(at, count), d.part.watcher);
                d.ended = true;
                d.part.made.accept(made);
            } catch (RuntimeException | IOException e) {
                d.fails(e);
            }
        }
    }

    /** After a step of a sampler. @param items whether t is what there is so far of all samples */
    @FunctionalInterface private interface Turn { void step(int i, int of, Tensor t, boolean items); }

    private static Tensor sampled(Run opened, Drawing<?> drawing, Condition given, Rng rng, int n, Turn turn) {
        int dims = 1 + opened.config().settings().spec().shape().length;
        return Scope.run(() -> {
            try (var watch = Scope.watch((i, of, t) -> turn.step(i, of, t, t.dims() == dims))) {
                return drawing.sample(given, n, rng.on(opened.device()));
            }
        });
    }
}
