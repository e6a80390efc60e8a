package io.palitra.metric;

import io.palitra.data.Program;
import io.palitra.data.ProgramFault;
import io.palitra.data.ProgramRun;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;

/** Whether texts are programs of {@link io.palitra.data.Programs}: whether they are in the grammar, run, and print what they say. */
public final class ProgramScores {
    /** How far a text comes; each state holds the ones before it. */
    public enum State { NOTHING, PARSED, RAN, TRUE }

    private ProgramScores() {}

    public static State of(String text) {
        Program program;
        try {
            program = Program.read(text);
        } catch (ProgramFault e) {
            return State.NOTHING;
        }
        try {
            List<Long> printed = ProgramRun.of(program).printed();
            return program.said().size() == 1 && program.said().get(0).equals(printed) ? State.TRUE : State.RAN;
        } catch (ProgramFault e) {
            return State.PARSED;
        }
    }

    /** Shares of texts that come at least so far. */
    public static List<Measure> measures(List<String> texts) {
        int[] at = new int[State.values().length];
        for (String text : texts) at[of(text).ordinal()]++;
        String of = "; of " + texts.size() + " samples";
        int right = at[State.TRUE.ordinal()], ran = right + at[State.RAN.ordinal()], parsed = ran + at[State.PARSED.ordinal()];
        List<Measure> all = new ArrayList<>();
        all.add(share("programs parsed", parsed, texts.size(), "samples that are in the grammar of programs" + of));
        all.add(share("programs run", ran, texts.size(), "samples that run to their end within " + ProgramRun.STEPS + " steps" + of));
        all.add(share("comments true", right, texts.size(), "samples that print what their comment says" + of));
        return all;
    }

    private static Measure share(String name, int n, int of, String about) { return new Measure(name, 100.0 * n / of, "%", about); }
}
