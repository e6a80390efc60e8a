package io.palitra.server;

import io.palitra.edit.DreamRequest;
import io.palitra.job.CaptionRequest;
import io.palitra.job.CompleteRequest;
import io.palitra.job.ContinueRequest;
import io.palitra.job.DrawRequest;
import io.palitra.job.DreamJob;
import io.palitra.job.FillRequest;
import io.palitra.job.HarmoniseRequest;
import io.palitra.job.PaintJob;
import io.palitra.job.Request;
import io.palitra.job.SampleRequest;
import io.palitra.job.VaryRequest;
import io.palitra.job.WriteRequest;
import io.palitra.paint.PaintRequest;

/**
 * What a job takes, as it is known before it waits: millions of pixels times steps times pictures. A picture of Stable Diffusion of 512x512
 * in 30 steps is 8. A token that is drawn counts as ten thousand pixels of a step. Of what the model decides by itself a usual value stands
 * in; measurements and trainings count nothing.
 */
final class Cost {
    /** Of one job: 100 pictures of 1024x1024 in 200 steps. */
    static final double MOST = 20_000;
    /** Of all that wait. */
    static final double WAITING = 100_000;
    private static final double MILLION = 1e6;
    /** Of a token; a score that is harmonised is about as many. */
    private static final double TOKEN = 0.01;
    private static final int SCORE = 256;
    private static final int PAINTED = 512, DRAWN = 64, STEPS = 50, FILM = 16;

    private Cost() {}

    static double of(Request<?> request) {
        if (request instanceof PaintJob p) {
            PaintRequest.How how = p.how();
            return pixels(how.width(), how.height(), PAINTED) * how.steps() * how.n();
        }
        if (request instanceof DreamJob d) {
            DreamRequest.How how = d.how();
            return pixels(how.width(), how.height(), 2 * DRAWN) * how.iterations() * how.cutouts();
        }
        if (request instanceof DrawRequest d) return pixels(0, 0, DRAWN) * STEPS * d.candidates();
        if (request instanceof WriteRequest w) return TOKEN * w.n() * w.length();
        if (request instanceof FillRequest f) return TOKEN * f.n() * f.text().length();
        if (request instanceof HarmoniseRequest h) return TOKEN * h.n() * SCORE;
        if (request instanceof CaptionRequest c) return TOKEN * c.pictures().size() * c.tokens();
        if (request instanceof VaryRequest v) return pixels(0, 0, DRAWN) * STEPS * v.n();
        if (request instanceof CompleteRequest c) return pixels(0, 0, DRAWN) * STEPS * c.n();
        if (request instanceof ContinueRequest c) return pixels(0, 0, DRAWN) * STEPS * c.n() * Math.max(c.frames(), FILM);
        if (request instanceof SampleRequest s) {
            String[] size = s.size().split("x");
            return (size.length == 2 ? pixels(Integer.parseInt(size[0]), Integer.parseInt(size[1]), DRAWN) : pixels(0, 0, DRAWN)) * STEPS
                * s.n();
        }
        return 0;
    }

    private static double pixels(int width, int height, int usual) {
        return (width > 0 ? width : usual) / MILLION * (height > 0 ? height : usual);
    }

    /** @throws Refused for a job that takes more than one may */
    static void refuseLarge(Request<?> request) {
        double cost = of(request);
        if (cost <= MOST) return;
        if (request instanceof WriteRequest || request instanceof FillRequest || request instanceof HarmoniseRequest) {
            throw new Refused(422, "too_much", "", String.format(java.util.Locale.ROOT, "alternatives x tokens of this job are %.0f, at "
                + "most %.0f may be asked for at once: ask for fewer or shorter ones", cost / TOKEN, MOST / TOKEN));
        }
        throw new Refused(422, "too_much", "", String.format(java.util.Locale.ROOT, "pictures x pixels x steps of this job are %.0f "
            + "million, at most %.0f million may be asked for at once: ask for fewer, smaller ones or fewer steps", cost, MOST));
    }
}
