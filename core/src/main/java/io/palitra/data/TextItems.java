package io.palitra.data;

/** Items that are texts in tokens: what a request asks for that reads and writes them. */
public interface TextItems extends DataSpec {
    /** Tokens of an item, L. */
    int length();

    /** How texts become tokens. */
    Alphabet alphabet();

    /** Ids that there are, the end token's, too. */
    default int vocabulary() { return alphabet().size(); }

    /** Id of the end token, vocabulary() - 1. */
    default int end() { return alphabet().end(); }
}
