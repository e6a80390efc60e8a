package io.palitra.report;

import java.util.List;

/** Which values of a measure are better. */
public enum Better {
    HIGHER("↑"), LOWER("↓"),
    /** Where neither end is better, such as of a figure that describes the data. */
    NEITHER("");

    private static final List<String> BASELINES = List.of("judge's accuracy", "histogram's ", "neighbour's ", "PSNR spoilt",
        "CLIP score of the data", "relations by chance", "energy");
    private static final List<String> HIGH = List.of("precision", "recall", "coverage", "classifier score", "inception score",
        "smallest class", "classes covered", "asked class", "PSNR", "SSIM", "AUROC", "average precision", "accuracy",
        "caption found", "things kept", "scenes kept", "things right", "new pairs right", "relations right",
        "new relations right", "whole scenes right", "CLIP score", "modes found", "near a mode", "codebook use", "macro-F1",
        "programs parsed", "programs run", "comments true");
    private static final List<String> LOW = List.of("FD-", "FID", "KD-", "KID-", "SWD-", "-ELBO", "-log p", "bits/dim", "bits per code",
        "reconstruction error", "MSE", "cross-entropy", "copies", "inverse error", "seconds a sample", "memory");

    private final String arrow;

    Better(String arrow) { this.arrow = arrow; }

    /** The arrow that stands beside the measure's name; empty for {@link #NEITHER}. */
    public String arrow() { return arrow; }

    /** Of a measure by its name in evaluation.json, by how that begins; of one that is not known, {@link #NEITHER}. */
    public static Better of(String measure) {
        if (BASELINES.stream().anyMatch(measure::startsWith) || measure.endsWith("of the truth")) return NEITHER;
        if (HIGH.stream().anyMatch(measure::startsWith)) return HIGHER;
        return LOW.stream().anyMatch(measure::startsWith) ? LOWER : NEITHER;
    }
}
