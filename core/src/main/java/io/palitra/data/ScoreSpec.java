package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/**
 * Pieces of music [steps,voices] in sixteenths, the highest voice first: 0 is a rest, k the pitch {@code lowest + k - 1} as MIDI counts,
 * where 60 is the middle C. Equal numbers in a row are one held note. Batches hold them as I64.
 */
public record ScoreSpec(
        @Help("sixteenths of a piece") int steps,
        @Help("voices, from the highest down") int voices,
        @Help("lowest pitch, as MIDI counts") int lowest,
        @Help("highest pitch") int highest) implements ScoreItems {
    /** The voices of a choir. */
    public static final int CHOIR = 4;
    /** Pitches of every set of the catalogue and of every folder: C2 to C6. */
    public static final int LOWEST = 36, HIGHEST = 84;
    private static final int MOST_VOICES = 16, MIDI = 127;

    public ScoreSpec {
        if (steps < 1 || steps > DataOptions.MOST_STEPS) {
            throw new ArgumentException("illegal steps: " + steps + ", must be between 1 and " + DataOptions.MOST_STEPS);
        }
        if (voices < 1 || voices > MOST_VOICES) {
            throw new ArgumentException("illegal voices: " + voices + ", must be between 1 and " + MOST_VOICES);
        }
        if (lowest < 0 || highest > MIDI || highest < lowest) {
            throw new ArgumentException("illegal pitches: " + lowest + " to " + highest + ", must be within 0 to " + MIDI);
        }
    }

    /** Of a choir, in the pitches of the catalogue. */
    public ScoreSpec(int steps) { this(steps, CHOIR, LOWEST, HIGHEST); }

    /** Data of a family that learns music alone. @throws IllegalArgumentException for what is none */
    public static ScoreSpec of(String family, DataSpec data) {
        if (data instanceof ScoreSpec s) return s;
        throw new ArgumentException(family + " wants music, got " + data + "; the sets chorales and parts are, and so is a folder of .mid");
    }

    @Override public ScoreSpec withSteps(int steps) { return new ScoreSpec(steps, voices, lowest, highest); }

    @Override public long[] shape() { return new long[] {steps, voices}; }

    @Override public int classes() { return 0; }

    @Override public ScoreSpec withClasses(int classes) {
        if (classes == 0) return this;
        throw new ArgumentException("illegal classes: " + classes + ", music has none");
    }

    @Override public DType stored() { return DType.U8; }

    @Override public Tensor toModel(Tensor stored) { return stored.to(DType.I64); }

    @Override public String unit() { return "numbers of pitches"; }

    /** "music of 64 sixteenths in 4 voices". */
    @Override public String toString() { return "music of " + steps + " sixteenths in " + voices + (voices == 1 ? " voice" : " voices"); }
}
