package io.palitra.metric;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The longest run of characters that a text has in common with others, for many texts at once: an automaton of all their parts, through
 * which the others pass once, however long they are. Blumer et al. 1985, "The smallest automaton recognizing the subwords of a text".
 */
public final class CommonRuns {
    private static final int NONE = -1;

    /** Numbers of letters. */
    private final List<int[]> texts;
    private final Map<Integer, Integer> letters = new LinkedHashMap<>();
    /** Of each state: the length of its longest part, the state of that part's longest end that is another, its first edge. */
    private int[] length = new int[1024], link = new int[1024], first = new int[1024];
    /** Of each edge: its letter, where it leads, the next edge of the same state. */
    private int[] letter = new int[1024], to = new int[1024], next = new int[1024];
    private int states, edges;
    /** Of each state: the longest of its parts that the others have. */
    private int[] seen = {};

    /** @param texts whose runs are asked for */
    public CommonRuns(List<String> texts) {
        this.texts = texts.stream().map(t -> t.codePoints().map(c -> letters.computeIfAbsent(c, k -> letters.size())).toArray()).toList();
        state(0, NONE);
        for (int[] text : this.texts) {
            int last = 0;
            for (int c : text) last = extend(last, c);
        }
        seen = new int[states];
    }

    private int state(int length, int link) {
        if (states == this.length.length) {
            this.length = Arrays.copyOf(this.length, 2 * states);
            this.link = Arrays.copyOf(this.link, 2 * states);
            first = Arrays.copyOf(first, 2 * states);
        }
        this.length[states] = length;
        this.link[states] = link;
        first[states] = NONE;
        return states++;
    }

    private int edge(int state, int c) {
        int e = first[state];
        while (e != NONE && letter[e] != c) e = next[e];
        return e;
    }

    private void add(int state, int c, int target) {
        if (edges == to.length) {
            letter = Arrays.copyOf(letter, 2 * edges);
            to = Arrays.copyOf(to, 2 * edges);
            next = Arrays.copyOf(next, 2 * edges);
        }
        letter[edges] = c;
        to[edges] = target;
        next[edges] = first[state];
        first[state] = edges++;
    }

    /** The state of the text that ended in {@code last} and goes on with a letter. */
    private int extend(int last, int c) {
        int there = edge(last, c);
        if (there != NONE) {
            int q = to[there];
            return length[q] == length[last] + 1 ? q : divided(q, last, c);
        }
        int made = state(length[last] + 1, 0);
        int p = last;
        while (p != NONE && edge(p, c) == NONE) {
            add(p, c, made);
            p = link[p];
        }
        if (p == NONE) return made;
        int q = to[edge(p, c)];
        link[made] = length[q] == length[p] + 1 ? q : divided(q, p, c);
        return made;
    }

    /** A state for the parts of q that end p's longest and a letter. */
    private int divided(int q, int p, int c) {
        int half = state(length[p] + 1, link[q]);
        for (int e = first[q]; e != NONE; e = next[e]) add(half, letter[e], to[e]);
        link[q] = half;
        for (int s = p; s != NONE; s = link[s]) {
            int e = edge(s, c);
            if (e == NONE || to[e] != q) break;
            to[e] = half;
        }
        return half;
    }

    /** One of the other texts. */
    public void pass(String other) {
        int at = 0, matched = 0;
        for (int i = 0, c; i < other.length(); i += Character.charCount(c)) {
            c = other.codePointAt(i);
            Integer known = letters.get(c);
            if (known == null) {
                at = matched = 0;
                continue;
            }
            int e = edge(at, known);
            while (e == NONE && at != 0) {
                at = link[at];
                matched = length[at];
                e = edge(at, known);
            }
            if (e == NONE) continue;
            at = to[e];
            matched++;
            if (matched > seen[at]) seen[at] = matched;
        }
    }

    /** Characters of the longest run of each text that stands in the texts that passed. */
    public int[] longest() {
        Integer[] byLength = new Integer[states];
        for (int s = 0; s < states; s++) byLength[s] = s;
        Arrays.sort(byLength, (a, b) -> Integer.compare(length[b], length[a]));
        int[] all = seen.clone(), best = new int[states];
        // where a part was seen, so were all its ends
        for (int s : byLength) if (all[s] > 0 && link[s] > 0) all[link[s]] = length[link[s]];
        for (int k = states - 1; k >= 0; k--) {
            int s = byLength[k];
            best[s] = link[s] == NONE ? all[s] : Math.max(all[s], best[link[s]]);
        }
        return texts.stream().mapToInt(text -> {
            int at = 0, longest = 0;
            for (int c : text) {
                at = to[edge(at, c)];
                longest = Math.max(longest, best[at]);
            }
            return longest;
        }).toArray();
    }
}
