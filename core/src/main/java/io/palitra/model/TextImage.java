package io.palitra.model;

import io.palitra.engine.Tensor;
import java.util.List;

/** A model that lays texts and pictures on one sphere, near each other where they belong together: search, ranking, guidance by words. */
public interface TextImage extends AutoCloseable {
    /**
     * Points [T,P] of texts, of length 1, each as it would be alone.
     *
     * @throws IllegalArgumentException for no text, and for one that is longer than the network reads
     */
    Tensor embedText(List<String> texts);

    /**
     * Points [I,P] of pictures x [I,1 or 3,H,W] in [-1,1], of length 1. They may be of any size: the model resizes and cuts them as its
     * weights want it. The gradient passes to x.
     */
    Tensor embedImage(Tensor x);

    /** What of a text the model never learned, in a line; empty where it knows all, or nothing says what it knows. */
    default List<String> notes(String text) { return List.of(); }

    /** Height and width of a picture that need not be resized. */
    int side();

    /** What cosines are multiplied by before the softmax over texts that says which one fits. */
    double scale();

    /** Frees every tensor of it. */
    @Override void close();
}
