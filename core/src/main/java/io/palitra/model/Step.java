package io.palitra.model;

import io.palitra.engine.Rng;

/**
 * Where training stands when a loss is computed.
 *
 * @param number steps made before, counted from 0
 * @param rng a pure function of (seed, step, update)
 */
public record Step(long number, Rng rng) {}
