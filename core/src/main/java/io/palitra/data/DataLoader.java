package io.palitra.data;

import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.IntUnaryOperator;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Batches of a data set, read ahead on a thread of its own. The order of an epoch and the captions shown in it are pure functions of (seed,
 * epoch), so a batch is one of (seed, step): a loader may start at any step. Items travel to the device as they are stored. A last batch
 * that would not be full is left out.
 */
public final class DataLoader implements AutoCloseable {
    private static final int AHEAD = 4;

    /** What the reading thread hands over: stored items in the host's memory, or the fault that ended it. */
    private record Raw(ByteBuffer stored, long @Nullable [] labels, List<String> captions, int[] items,
        @Nullable Throwable fault) {}

    private final Dataset data;
    private final Device device;
    private final BlockingQueue<Raw> queue = new ArrayBlockingQueue<>(AHEAD);
    private final Thread reader;

    /** Shuffled training batches from {@code firstStep} on, without end. */
    public DataLoader(Dataset data, int batch, long seed, long firstStep, Device device) {
        this.data = data;
        this.device = device;
        int size = Math.min(batch, data.size());
        long perEpoch = stepsPerEpoch(data, batch);
        LongFunction<int[]> order = new LongFunction<>() {
            private long epoch = -1;
            private int[] of = {};

            @Override public int[] apply(long step) {
                if (step / perEpoch != epoch) {
                    epoch = step / perEpoch;
                    of = new Rng(seed).split(epoch).permutation(data.size());
                }
                int[] items = new int[size];
                System.arraycopy(of, (int) (step % perEpoch) * size, items, 0, size);
                return items;
            }
        };
        reader = new Thread(() -> read(order, seed, perEpoch, firstStep), "palitra-loader");
        reader.setDaemon(true);
        reader.start();
    }

    /** Full batches in one pass of the data. */
    public static long stepsPerEpoch(Dataset data, int batch) { return Math.max(1, data.size() / batch); }

    private void read(LongFunction<int[]> order, long seed, long perEpoch, long firstStep) {
        try {
            for (long step = firstStep; ; step++) {
                Raw raw;
                try {
                    raw = raw(data, order.apply(step), seed, step / perEpoch);
                } catch (RuntimeException | Error e) {
                    queue.put(new Raw(ByteBuffer.allocate(0), null, List.of(), new int[0], e));
                    return;
                }
                queue.put(raw);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();   // closed
        }
    }

    /** The next batch, in the caller's scope. Waits for the reading thread; a fault there is thrown here. */
    public Batch next() {
        Raw raw;
        try {
            raw = queue.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a batch", e);
        }
        if (raw.fault instanceof Error e) throw e;
        if (raw.fault instanceof RuntimeException e) throw e;
        return batch(data, raw, device);
    }

    /** Ends the reading thread. */
    @Override public void close() { reader.interrupt(); }

    /**
     * The first {@code limit} items in order, in batches; the last may be smaller. Each batch is freed when the next is asked for: run it
     * to
     * its end within one scope.
     */
    public static Iterable<Batch> inOrder(Dataset data, int batch, int limit, Device device) {
        return each(data, batch, Math.min(limit, data.size()), i -> i, device);
    }

    /** As {@link #inOrder}, but {@code limit} items drawn by a seed, each at most once: in a folder the classes stand in a row. */
    public static Iterable<Batch> drawn(Dataset data, int batch, int limit, long seed, Device device) {
        int[] order = new Rng(seed).permutation(data.size());
        return each(data, batch, Math.min(limit, order.length), i -> order[i], device);
    }

    private static Iterable<Batch> each(Dataset data, int batch, int n, IntUnaryOperator item, Device device) {
        return () -> new Iterator<>() {
            private int at;
            private @Nullable Scope scope;

            @Override public boolean hasNext() {
                if (at < n) return true;
                if (scope != null) scope.close();
                scope = null;
                return false;
            }

            @Override public Batch next() {
                if (scope != null) scope.close();
                int[] items = new int[Math.min(batch, n - at)];
                for (int i = 0; i < items.length; i++) items[i] = item.applyAsInt(at + i);
                at += items.length;
                scope = new Scope();
                return batch(data, raw(data, items, 0, 0), device);
            }
        };
    }

    /** Chosen items as one batch, in the caller's scope. */
    public static Batch of(Dataset data, int[] items, Device device) { return batch(data, raw(data, items, 0, 0), device); }

    /** Of the captions of an item those are shown that (seed, epoch) say. */
    private static Raw raw(Dataset data, int[] items, long seed, long epoch) {
        long[] labels = data.spec().classes() == 0 ? null : new long[items.length];
        ByteBuffer stored = ByteBuffer.allocate(Math.multiplyExact(items.length, data.spec().bytes())).order(ByteOrder.nativeOrder());
        for (int b = 0; b < items.length; b++) {
            if (labels != null) labels[b] = data.label(items[b]);
            data.read(items[b], stored);
        }
        List<String> captions = data.captioned() ? Arrays.stream(items).mapToObj(i -> data.caption(i, seed, epoch)).toList() : List.of();
        return new Raw(stored.flip(), labels, captions, items, null);
    }

    private static Batch batch(Dataset data, Raw raw, Device device) {
        DataSpec spec = data.spec();
        long[] item = spec.shape();
        long[] shape = new long[item.length + 1];
        shape[0] = raw.items.length;
        System.arraycopy(item, 0, shape, 1, item.length);
        Tensor x = spec.toModel(Torch.ofRaw(raw.stored, spec.stored(), shape).to(device));
        Tensor labels = raw.labels == null ? null : Torch.of(raw.labels, raw.labels.length).to(device);
        return new Batch(x, new Condition(labels, raw.captions, Map.of()), raw.items);
    }

    /** Bytes 0..255 to floats in [-1,1]. */
    public static Tensor fromBytes(Tensor bytes) { return bytes.to(io.palitra.engine.DType.F32).div(127.5).sub(1); }

    /** Floats in [-1,1], clipped, to the nearest bytes 0..255. Waits for the device. */
    public static byte[] toBytes(Tensor x) { return x.add(1).mul(127.5).clamp(0, 255).round().bytes(); }
}
