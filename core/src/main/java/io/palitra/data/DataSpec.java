package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/**
 * What a model must know of its data before it is built: the kind and shape of one item, and the number of classes. A record; the kinds
 * there are come from {@link io.palitra.config.Choices}, so that a jar beside the program may add a kind of item.
 */
public interface DataSpec {
    /** Shape of one item, without the batch. */
    long[] shape();

    /** Number of classes, 0 when the items carry no labels. */
    int classes();

    /** The same items with another number of classes. */
    DataSpec withClasses(int classes);

    /** What data sets hold the numbers of an item as. */
    DType stored();

    /** Stored items [B, ...shape] as models see them. */
    default Tensor toModel(Tensor stored) { return stored; }

    /** Items as models see them, [B, ...shape], to the nearest that can be stored. */
    default Tensor toStored(Tensor x) { return x.to(stored()); }

    /** What the numbers of an item are measured in, as models see them. */
    default String unit() { return "data units"; }

    /** Numbers in one item. */
    default long dims() {
        long n = 1;
        for (long s : shape()) n *= s;
        return n;
    }

    /** Bytes of one stored item. */
    default int bytes() { return Math.toIntExact(dims() * stored().bytes()); }

    /** The words for a number of classes after others: " without classes", ", 10 classes". */
    static String classesInWords(int classes) {
        return classes == 0 ? " without classes" : ", " + classes + (classes == 1 ? " class" : " classes");
    }

    /** A class takes a row of a table in many networks: no file of ours asks for more than can be kept. */
    static void checkClasses(int classes) {
        if (classes < 0 || classes > 1 << 20) {
            throw new ArgumentException("illegal classes: " + classes + ", must be between 0 and " + (1 << 20));
        }
    }
}
