package io.palitra.model;

/** Marks families whose samples may shrink to a few modes while the losses look well: the trainer watches them for it. */
public interface MayCollapse {}
