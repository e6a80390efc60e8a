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
}
