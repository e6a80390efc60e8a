package io.palitra.data;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Byte-pair encoding: of neighbours that may merge the earliest learnt pair does, first the leftmost. Sennrich et al. 2016,
 * arXiv:1508.07909.
 */
public final class BytePairs {
    private final Map<Long, Integer> ranks = new LinkedHashMap<>();
    private int[] merged = new int[1 << 16];

    /** The next pair; of a pair that was there before the first place counts. */
    public void add(int left, int right, int whole) {
        int rank = ranks.size();
        if (ranks.putIfAbsent(key(left, right), rank) != null) return;
        if (rank == merged.length) merged = Arrays.copyOf(merged, 2 * rank);
        merged[rank] = whole;
    }

    private static long key(int left, int right) { return (long) left << 32 | right; }

    /** Merges the first {@code n} tokens in place until no pair is left, in n log n steps; how many remain. */
    public int merge(int[] tokens, int n) {
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

    /**
     * As {@link #merge(int[], int)}, but each time every pair that may merge is left out with chance {@code drop}, and where all are that
     * is the end: the same word comes in parts of many kinds. In n^2 steps. Provilkov et al. 2020, arXiv:1910.13267.
     */
    public int merge(int[] tokens, int n, double drop, SplitMix noise) {
        for (int left = n; ; left--) {
            int first = Integer.MAX_VALUE, at = -1;
            for (int i = 1; i < left; i++) {
                Integer rank = ranks.get(key(tokens[i - 1], tokens[i]));
                if (rank == null || rank >= first || noise.uniform() < drop) continue;
                first = rank;
                at = i;
            }
            if (at < 0) return left;
            tokens[at - 1] = merged[first];
            System.arraycopy(tokens, at + 1, tokens, at, left - at - 1);
        }
    }

    private void offer(PriorityQueue<Long> best, int[] tokens, int left, int right) {
        Integer rank = ranks.get(key(tokens[left], tokens[right]));
        if (rank != null) best.add((long) rank << 32 | left);
    }

    /**
     * The pairs of neighbours that stand most often in words, each counted after the pairs before it have merged; of equally frequent ones
     * that of the smaller left, then right token. Bytes are tokens 0 to 255, the n-th pair's whole is token 256 + n. A pair that stands
     * once is none, nor is one whose bytes are those of a token.
     *
     * @param words how often each stands
     */
    public static List<int[]> learn(Map<String, Long> words, int most) { return learn(words, most, Integer.MAX_VALUE); }

    /** As {@link #learn(Map, int)}, but no token has more than so many bytes. */
    static List<int[]> learn(Map<String, Long> words, int most, int longest) {
        Learning learning = new Learning(words);
        List<String> tokens = new ArrayList<>();   // bytes as Latin-1
        for (int b = 0; b < 256; b++) tokens.add(String.valueOf((char) b));
        Set<String> known = new LinkedHashSet<>(tokens);
        List<int[]> pairs = new ArrayList<>();
        while (pairs.size() < most) {
            long pair = learning.best();
            if (pair < 0) break;
            int left = (int) (pair >>> 32), right = (int) pair;
            String whole = tokens.get(left) + tokens.get(right);
            if (whole.length() > longest || !known.add(whole)) continue;
            learning.merge(pair, tokens.size());
            tokens.add(whole);
            pairs.add(new int[] {left, right});
        }
        return pairs;
    }

    /** Words as they merge, and how often each pair occurs in them. */
    private static final class Learning {
        private record Seen(long count, long pair) {}

        private final List<int[]> words = new ArrayList<>();
        private final List<Long> counts = new ArrayList<>();
        private final Map<Long, Long> pairs = new LinkedHashMap<>();
        private final Map<Long, Set<Integer>> places = new LinkedHashMap<>();
        private final PriorityQueue<Seen> queue = new PriorityQueue<>((a, b) ->
            a.count != b.count ? Long.compare(b.count, a.count) : Long.compare(a.pair, b.pair));

        Learning(Map<String, Long> frequencies) {
            frequencies.forEach((word, count) -> {
                byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
                int[] tokens = new int[bytes.length];
                for (int i = 0; i < bytes.length; i++) tokens[i] = bytes[i] & 255;
                words.add(tokens);
                counts.add(count);
                count(words.size() - 1, count);
            });
            pairs.forEach((pair, count) -> queue.add(new Seen(count, pair)));
        }

        private void count(int word, long times) {
            int[] tokens = words.get(word);
            for (int i = 1; i < tokens.length; i++) {
                long pair = key(tokens[i - 1], tokens[i]);
                pairs.merge(pair, times, Long::sum);
                if (times > 0) places.computeIfAbsent(pair, p -> new LinkedHashSet<>()).add(word);
            }
        }

        /** The most frequent pair; -1 when none occurs twice. */
        long best() {
            while (!queue.isEmpty()) {
                Seen seen = queue.poll();
                long now = pairs.getOrDefault(seen.pair, 0L);
                if (now < 2) continue;
                if (now == seen.count) return seen.pair;
                if (now < seen.count) queue.add(new Seen(now, seen.pair));   // a pair whose count grew was queued again
            }
            return -1;
        }

        void merge(long pair, int whole) {
            Set<Long> grown = new LinkedHashSet<>();
            for (int word : places.getOrDefault(pair, Set.of())) {
                int[] tokens = words.get(word), joined = new int[tokens.length];
                int n = 0;
                for (int i = 0; i < tokens.length; i++) {
                    boolean both = i + 1 < tokens.length && key(tokens[i], tokens[i + 1]) == pair;
                    joined[n++] = both ? whole : tokens[i];
                    if (both) i++;
                }
                if (n == tokens.length) continue;
                count(word, -counts.get(word));
                words.set(word, Arrays.copyOf(joined, n));
                count(word, counts.get(word));
                for (int i = 1; i < n; i++) {
                    if (joined[i - 1] == whole || joined[i] == whole) grown.add(key(joined[i - 1], joined[i]));
                }
            }
            pairs.remove(pair);
            places.remove(pair);
            for (long p : grown) queue.add(new Seen(pairs.getOrDefault(p, 0L), p));
        }
    }
}
