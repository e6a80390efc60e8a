package io.palitra.data;

import java.net.URI;
import java.util.List;

/**
 * A row of the catalogue of data sets.
 *
 * @param name as it is asked for
 * @param about one line
 * @param kind how it is read
 * @param classNames in order of their numbers
 * @param train items of the training part
 * @param test items of the test part
 * @param files what {@link Download} fetches; empty for what is drawn or computed
 */
public record CatalogueEntry(String name, String about, Kind kind, List<String> classNames, int train, int test, List<Remote> files) {
    /**
     * How a set is read: IDX files, CIFAR's binary files (or zips of pictures), the chorales' JSON, made up by the program, or by a
     * {@link DataProvider}.
     */
    public enum Kind { IDX, CIFAR, CHORALES, DRAWN, PROVIDED }

    /** A published file: its address, exact size in bytes, and MD5 in lower-case hexadecimal as its publisher or torchvision gives it. */
    public record Remote(URI address, long size, String md5) {
        public String file() {
            String path = address.getPath();
            return path.substring(path.lastIndexOf('/') + 1);
        }
    }
}
