package io.palitra.data;

/** What is wrong with a small program: its line, from 1, and whether it is none of the grammar or came to nothing while it ran. */
public final class ProgramFault extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Where a fault was seen: the grammar, the run, or the run that was ended because it took too long. */
    public enum Kind { GRAMMAR, RUN, STEPS }

    private final Kind kind;
    private final int line;

    ProgramFault(Kind kind, int line, String message) {
        super("line " + line + ": " + message);
        this.kind = kind;
        this.line = line;
    }

    public Kind kind() { return kind; }

    /** From 1. */
    public int line() { return line; }
}
