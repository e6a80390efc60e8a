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

    /** What lies where the text, or each text of a list, says; see {@link Config#absolute}. A model may be org/name of the hub, too. */
    Place place() default Place.NONE;

    /** What lies at a place on the disk: a run or another model, a set of data, a picture, another file, or what is to be written. */
    enum Place { NONE, MODEL, DATA, PICTURE, FILE, OUT }
}
