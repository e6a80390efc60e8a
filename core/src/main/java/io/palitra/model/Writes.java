package io.palitra.model;

import io.palitra.engine.Rng;

/** A model of sequences that goes on from a beginning, token by token, for as long as one likes. */
public interface Writes {
    /** Gets each token as it is drawn. */
    @FunctionalInterface
    interface Listener {
        /**
         * The next token of an alternative; of all alternatives in turn, but those that have ended.
         *
         * @return whether this alternative is to go on
         */
        boolean token(int alternative, int token);
    }

    /**
     * Goes on from a beginning, which may be longer than what the model sees at once: then it sees the last part of it. An alternative ends
     * with the token that ends a text, by what {@code how} says of that, or when the listener ends it. Alternative i draws from item i of
     * rng.
     * Without recording, in evaluation mode. Waits for the device at every token.
     *
     * @param how sampling keys of the model, such as {@link GenerativeModel#samplingDefaults}
     * @param beginning tokens; may be empty
     * @param count alternatives
     * @param length tokens that are drawn of each at most
     */
    void write(Record how, int[] beginning, int count, int length, Rng rng, Listener each);
}
