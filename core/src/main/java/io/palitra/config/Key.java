package io.palitra.config;

/**
 * One key that {@link Config#with} understands.
 *
 * @param path dotted, as written in an override; {@code NAME} stands for the name of an entry of a map
 * @param type {@code int, long, double, boolean, string}, the allowed words as {@code euler|heun}, or {@code list of} one of these
 * @param defaultValue as an override would write it; empty where there is none
 * @param range e.g. "at least 1", "between 0 and 1"; empty where any value of the type is allowed
 * @param help meaning and unit; empty where the record says nothing
 * @param when the choices under which the key exists, e.g. {@code sampler=heun}; empty for always
 */
public record Key(String path, String type, String defaultValue, String range, String help, String when) {}
