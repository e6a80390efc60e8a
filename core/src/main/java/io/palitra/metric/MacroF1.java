package io.palitra.metric;

import io.palitra.config.ArgumentException;

/**
 * Mean over classes of F1 = 2 TP / (2 TP + FP + FN): each class counts the same, however few its items.
 *
 * @param value the mean, over the classes that have items
 * @param each F1 of each class; NaN for one without items
 */
public record MacroF1(double value, double[] each) {
    /** True and predicted classes by item, in 0..classes-1. @throws IllegalArgumentException for lists of two lengths, or none */
    public static MacroF1 of(long[] truth, long[] answer, int classes) {
        if (truth.length != answer.length || truth.length == 0) {
            throw new ArgumentException("MacroF1 wants an answer for each of some items, got " + truth.length + " and "
                + answer.length);
        }
        long[] hits = new long[classes], items = new long[classes], answers = new long[classes];
        for (int i = 0; i < truth.length; i++) {
            items[(int) truth[i]]++;
            answers[(int) answer[i]]++;
            if (truth[i] == answer[i]) hits[(int) truth[i]]++;
        }
        double[] each = new double[classes];
        double sum = 0;
        int counted = 0;
        for (int c = 0; c < classes; c++) {
            each[c] = items[c] == 0 ? Double.NaN : 2.0 * hits[c] / (items[c] + answers[c]);
            if (items[c] == 0) continue;
            sum += each[c];
            counted++;
        }
        return new MacroF1(sum / counted, each);
    }
}
