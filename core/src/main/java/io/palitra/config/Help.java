package io.palitra.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What a record component means, with its unit, the numbers it may hold, and whether it is a place on the disk.
 * {@link Config} checks the range, so that a compact constructor is only for what relates components to each other.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Help {
    /** Meaning and unit, e.g. "standard deviation of the noise, in data units". */
    String value();

    /** The least allowed number (of each item in a list of numbers); NaN for none. */
    double min() default Double.NaN;

    /** The greatest allowed number (of each item in a list of numbers); NaN for none. */
    double max() default Double.NaN;

    /** Whether the text names a run, a folder or a file, see {@link Config#absolute}; org/name of the hub may stand there, too. */
    boolean path() default false;
}
