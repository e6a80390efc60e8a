package io.palitra.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Unmodifiable maps that are read in the order in which they were written. Those of {@link Map#of} and {@link Map#copyOf} are read in an
 * order that changes from process to process, which no file, sum or message may show.
 */
public final class Ordered {
    private Ordered() {}

    /** @throws IllegalArgumentException for a key that comes twice */
    @SafeVarargs public static <K, V> Map<K, V> map(Map.Entry<? extends K, ? extends V>... entries) {
        Map<K, V> map = new LinkedHashMap<>();
        for (Map.Entry<? extends K, ? extends V> e : entries) {
            if (map.put(e.getKey(), e.getValue()) != null) throw new IllegalArgumentException("'" + e.getKey() + "' comes twice");
        }
        return Collections.unmodifiableMap(map);
    }

    /** In the order of the map given. */
    public static <K, V> Map<K, V> copy(Map<? extends K, ? extends V> map) { return Collections.unmodifiableMap(new LinkedHashMap<>(map)); }
}
