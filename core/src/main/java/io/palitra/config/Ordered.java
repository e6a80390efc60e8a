package io.palitra.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Unmodifiable maps and sets that are read in the order in which they were written. Those of {@link Map#of}, {@link Map#copyOf} and
 * {@link Set#of} are read in an order that changes from process to process, which no file, sum or message may show.
 */
public final class Ordered {
    private Ordered() {}

    /** @throws IllegalArgumentException for a key that comes twice */
    @SafeVarargs public static <K, V> Map<K, V> map(Map.Entry<? extends K, ? extends V>... entries) {
        Map<K, V> map = new LinkedHashMap<>();
        for (Map.Entry<? extends K, ? extends V> e : entries) {
            if (map.put(e.getKey(), e.getValue()) != null) throw new ArgumentException("'" + e.getKey() + "' comes twice");
        }
        return Collections.unmodifiableMap(map);
    }

    /** In the order of the map given. */
    public static <K, V> Map<K, V> copy(Map<? extends K, ? extends V> map) { return Collections.unmodifiableMap(new LinkedHashMap<>(map)); }

    /** @throws IllegalArgumentException for an element that comes twice */
    @SafeVarargs public static <T> Set<T> set(T... elements) {
        Set<T> set = set(Arrays.asList(elements));
        if (set.size() < elements.length) throw new ArgumentException("an element comes twice: " + InWords.list(elements));
        return set;
    }

    /** In the order given; what comes twice is there once. */
    public static <T> Set<T> set(Collection<? extends T> elements) { return Collections.unmodifiableSet(new LinkedHashSet<>(elements)); }
}
