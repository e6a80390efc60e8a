package io.palitra.model;

import java.util.List;

/** Families of a jar beside the program. Found by {@link java.util.ServiceLoader}; with them what the catalogue says holds for all. */
public interface FamilyProvider {
    /** Those that it adds; names are its own. */
    List<Family<?>> families();
}
