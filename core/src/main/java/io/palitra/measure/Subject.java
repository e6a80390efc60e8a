package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.TextItems;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.metric.Inception;
import io.palitra.metric.Judge;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Measure;
import io.palitra.model.TextImage;
import io.palitra.model.Trainable;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is measured: a model in evaluation mode beside test data, and what was asked for.
 *
 * @param family name of the model's family
 * @param train what the model was trained on, to look for copies in; null to leave that out
 * @param sameClasses whether the classes that the model draws are those of the test data
 * @param samples drawn for a judge
 * @param sampling overrides of the model's sampling keys
 * @param judge of classes; null for none
 * @param inception the network of FID and what it is compared with; null for none
 * @param clip of pictures beside captions; null for none
 * @param reader a model of texts that scores texts; null for none
 */
public record Subject(Trainable model, String family, Device device, Dataset test, @Nullable Dataset train, boolean sameClasses,
        int samples, List<String> sampling, @Nullable ByClassifier judge, @Nullable ByInception inception, @Nullable ByClip clip,
        @Nullable ByReader reader, Course course) {
    /** Of everything that is drawn here, so that runs compare. */
    static final long SEED = 12345;
    /** Items of test data that are looked at at once, and samples that are drawn at once. */
    static final int BATCH = 500, DRAWN = 100;

    /** A classifier of the test data's classes. @param accuracy of it, on test items of its own; null where it has none */
    public record ByClassifier(ClassifierFeatures network, String name, String about, @Nullable Measure accuracy, Judge.Store store) {}

    /** @param reference statistics to measure against; null for the test data @param write where to put those of the test data, or null */
    public record ByInception(Inception network, @Nullable Path reference, @Nullable Path write) {}

    /** @param name how measures call it */
    public record ByClip(TextImage model, String name) {}

    /** @param spec of the texts that it reads @param name how measures call it */
    public record ByReader(Likelihood model, TextItems spec, String name) {}

    public Subject {
        sampling = List.copyOf(sampling);
    }

    /** The model as one that can do that. */
    <T> Optional<T> as(Class<T> capability) { return model.as(capability); }

    /** Noise that is the same for every model. */
    Rng rng() { return new Rng(SEED).on(device); }

    /** How the model draws, of one that does. */
    /** Whether the model draws samples that are given something of a kind. */
    boolean draws(Condition.Kind kind) {
        return as(GenerativeModel.class).map(g -> ((GenerativeModel<?>) g).takes().contains(kind)).orElse(false);
    }

    Drawing<?> drawing() { return Drawing.of((GenerativeModel<?>) as(GenerativeModel.class).orElseThrow(), sampling); }

    /** All test items in order, told as they are asked for. */
    Iterable<Batch> tested(String what) { return course.through(what, DataLoader.inOrder(test, BATCH, test.size(), device), test.size()); }

    /** The first n test items. */
    Iterable<Batch> tested(String what, int n) {
        return course.through(what, DataLoader.inOrder(test, BATCH, n, device), Math.min(n, test.size()));
    }
}
