package io.palitra.data;

import io.palitra.config.Choices;
import java.util.List;

/** The kinds of items that the project itself reads. */
public final class OwnSpecs implements Choices {
    @Override public Class<?> of() { return DataSpec.class; }

    @Override public List<Class<? extends Record>> kinds() {
        return List.of(ImageSpec.class, VectorSpec.class, TextSpec.class, ScoreSpec.class, VideoSpec.class);
    }
}
