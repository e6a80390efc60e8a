package io.palitra.model;

import io.palitra.data.DataSpec;
import io.palitra.engine.Rng;

/**
 * What a model is built with beside its configuration.
 *
 * @param data what an item is
 * @param init decides the first weights, and nothing else
 * @param models opens other models that this one is built upon
 */
public record Build(DataSpec data, Rng init, Models models) {}
