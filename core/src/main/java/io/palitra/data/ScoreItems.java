package io.palitra.data;

import io.palitra.config.ArgumentException;

/** Items that are pieces of music in sixteenths: what a request asks for that reads and writes them. */
public interface ScoreItems extends DataSpec {
    /** Sixteenths of a bar. */
    int BAR = 16;

    /** Sixteenths of a piece. */
    int steps();

    int voices();

    /** As MIDI counts. */
    int lowest();

    int highest();

    /** The same, of longer or shorter pieces. */
    ScoreItems withSteps(int steps);

    /** Different numbers of a voice: the pitches and the rest. */
    default int symbols() { return highest() - lowest() + 2; }

    /** The number of a pitch, 0 of {@link Score#REST}. @throws IllegalArgumentException for a pitch outside */
    default int symbol(int pitch) {
        if (pitch == Score.REST) return 0;
        if (pitch < lowest() || pitch > highest()) {
            throw new ArgumentException("illegal pitch: " + pitch + ", must be " + lowest() + " to " + highest());
        }
        return pitch - lowest() + 1;
    }

    /** The pitch of a number, {@link Score#REST} of 0. */
    default int pitch(int symbol) { return symbol == 0 ? Score.REST : lowest() + symbol - 1; }
}
