package io.palitra.metric;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** How well scores order two kinds of items. */
public final class Ranking {
    private Ranking() {}

    private record Scored(double score, boolean positive) {}

    /**
     * Area under the receiver operating characteristic: the chance that a positive item scores above a negative one, ties counting half.
     *
     * @throws IllegalArgumentException if a kind has no item, or a score is not a number
     */
    public static double auroc(Collection<Double> negatives, Collection<Double> positives) {
        double above = 0, seen = 0;   // negatives below the current score
        List<Scored> all = sorted(negatives, positives);
        for (int i = 0; i < all.size();) {
            int ties = i, p = 0;
            for (; ties < all.size() && all.get(ties).score == all.get(i).score; ties++) if (all.get(ties).positive) p++;
            int n = ties - i - p;
            above += p * (seen + n / 2.0);
            seen += n;
            i = ties;
        }
        return above / ((double) negatives.size() * positives.size());
    }

    /**
     * Average precision: the mean over positives, from the highest score down, of the share of positives among all that score as high.
     *
     * @throws IllegalArgumentException if a kind has no item, or a score is not a number
     */
    public static double averagePrecision(Collection<Double> negatives, Collection<Double> positives) {
        List<Scored> all = sorted(negatives, positives);
        double sum = 0;
        int hits = 0;
        for (int i = all.size() - 1; i >= 0;) {
            int ties = i, p = 0;
            for (; ties >= 0 && all.get(ties).score == all.get(i).score; ties--) if (all.get(ties).positive) p++;
            hits += p;
            sum += p * (hits / (double) (all.size() - 1 - ties));
            i = ties;
        }
        return sum / positives.size();
    }

    private static List<Scored> sorted(Collection<Double> negatives, Collection<Double> positives) {
        if (negatives.isEmpty() || positives.isEmpty()) throw new ArgumentException("a ranking wants items of both kinds, got "
            + negatives.size() + " and " + positives.size());
        List<Scored> all = new ArrayList<>();
        for (double s : negatives) all.add(new Scored(s, false));
        for (double s : positives) all.add(new Scored(s, true));
        for (Scored s : all) if (Double.isNaN(s.score)) throw new ArgumentException("a ranking wants scores, got NaN");
        all.sort(Comparator.comparingDouble(Scored::score));
        return all;
    }
}
