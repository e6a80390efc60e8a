package io.palitra.stage;

import io.palitra.engine.Tensor;
import io.palitra.nn.Module;
import java.util.List;

/** A frozen encoder of texts: a vector for each token, which another network attends to. */
public interface ReadsTexts extends AutoCloseable {
    /** Numbers in the vector of a token, D. */
    int textWidth();

    /**
     * The tokens of texts, [T,L,D]; L is the same for all texts, and a text that is longer is cut. Without recording.
     *
     * @throws IllegalArgumentException for no text
     */
    States textStates(List<String> texts);

    /**
     * Vectors of tokens.
     *
     * @param tokens [T,L,D]
     * @param mask [T,L], 0 = a token that fills up the text and is not attended to; null where all are
     */
    record States(Tensor tokens, @org.jspecify.annotations.Nullable Tensor mask) {}

    /** What of a text the encoder never learned, in a line; empty where it knows all, or nothing says what it knows. */
    List<String> notes(String text);

    /** The network. */
    Module net();

    @Override void close();
}
