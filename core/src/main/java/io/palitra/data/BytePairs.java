package io.palitra.data;

import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding: of neighbours that may merge the earliest learnt pair does, first the leftmost. Sennrich et al. 2016,
 * arXiv:1508.07909.
 */
final class BytePairs {
    private final Map<Long, Integer> ranks = new HashMap<>();
    private int[] merged = new int[1 << 16];

    /** The next pair; of a pair that was there before the first place counts. */
    void add(int left, int right, int whole) {
        int rank = ranks.size();
        if (ranks.putIfAbsent(key(left, right), rank) != null) return;
        if (rank == merged.length) merged = java.util.Arrays.copyOf(merged, 2 * rank);
        merged[rank] = whole;
    }

    private static long key(int left, int right) { return (long) left << 32 | right; }

    /** Merges the first {@code n} tokens in place until no pair is left, in n log n steps; how many remain. */
    int merge(int[] tokens, int n) {
        int[] next = new int[n];
        int[] before = new int[n];
        PriorityQueue<Long> best = new PriorityQueue<>();   // rank, then place
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            before[i] = i - 1;
            if (i > 0) offer(best, tokens, i - 1, i);
        }
        while (!best.isEmpty()) {
            long pair = best.poll();
            int i = (int) pair, rank = (int) (pair >>> 32);
            int right = tokens[i] < 0 ? n : next[i];
            if (right == n || ranks.getOrDefault(key(tokens[i], tokens[right]), -1) != rank) continue;   // merged meanwhile
            tokens[i] = merged[rank];
            tokens[right] = -1;
            next[i] = next[right];
            if (next[i] < n) {
                before[next[i]] = i;
                offer(best, tokens, i, next[i]);
            }
            if (before[i] >= 0) offer(best, tokens, before[i], i);
        }
        int kept = 0;
        for (int i = 0; i < n; i++) if (tokens[i] >= 0) tokens[kept++] = tokens[i];
        return kept;
    }

    private void offer(PriorityQueue<Long> best, int[] tokens, int left, int right) {
        Integer rank = ranks.get(key(tokens[left], tokens[right]));
        if (rank != null) best.add((long) rank << 32 | left);
    }
}
