package io.palitra.model;

import java.nio.file.Path;
import java.util.List;

/** A model whose weights other programs read from files of their own form, which are written at every save. */
public interface Publishes {
    /** Writes those files into a run's folder, in the place of older ones, and names them. */
    List<Path> publish(Path folder);
}
