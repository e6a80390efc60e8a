package io.palitra.data;

/** What a model must know of its data before it is built: the shape of one item and the number of classes. */
public sealed interface DataSpec permits ImageSpec, VectorSpec {
    /** Shape of one item, without the batch. */
    long[] shape();

    /** Number of classes, 0 when the items carry no labels. */
    int classes();

    /** Numbers in one item. */
    default long dims() {
        long n = 1;
        for (long s : shape()) n *= s;
        return n;
    }

    /** The words for a number of classes after others. */
    static String told(int classes) {
        return classes == 0 ? " without classes" : ", " + classes + (classes == 1 ? " class" : " classes");
    }

    /** A class takes a row of a table in many networks: no file of ours asks for more than can be kept. */
    static void checkClasses(int classes) {
        if (classes < 0 || classes > 1 << 20) {
            throw new IllegalArgumentException("illegal classes: " + classes + ", must be between 0 and " + (1 << 20));
        }
    }
}
