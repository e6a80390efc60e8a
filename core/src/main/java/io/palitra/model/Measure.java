package io.palitra.model;

/**
 * One honest number.
 *
 * @param name short, as in a table: "-ELBO"
 * @param unit "nats", "dB", "pixel^2, range 0..1"
 * @param about what it is, of which network and how many items
 */
public record Measure(String name, double value, String unit, String about) {}
