package io.palitra.app;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code --threads}: a number of processors, or auto, which is 0. */
final class Threads implements ITypeConverter<Integer> {
    static final String ABOUT = "of one operation, at most the processors there are; default: auto, all of them";

    @Override public Integer convert(String given) {
        if (given.equals("auto")) return 0;
        int most = Runtime.getRuntime().availableProcessors(), n = given.matches("[0-9]{1,9}") ? Integer.parseInt(given) : 0;
        if (n >= 1 && n <= most) return n;
        throw new TypeConversionException("'" + given + "' must be auto, or between 1 and " + most + ", the processors here");
    }
}
