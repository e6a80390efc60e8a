package io.palitra.engine;

/** A setting of the current thread that ends at close. Always in try-with-resources. */
@FunctionalInterface
public interface Guard extends AutoCloseable {
    @Override void close();
}
