package io.palitra.app;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Jars beside the program, whose families, data sets, kinds of items and displays count as the project's own. */
final class Plugins {
    /** Where they lie, by the launcher. */
    static final String FOLDER = "palitra.plugins";

    private Plugins() {}

    /** Makes the service loader see every jar of the folder: that of the property, else {@code plugins} beside the program's own jar. */
    static void load() throws IOException {
        String named = System.getProperty(FOLDER, "");
        Path folder = named.isEmpty() ? beside() : Path.of(named);
        if (!Files.isDirectory(folder)) return;
        List<URL> jars = new ArrayList<>();
        try (Stream<Path> all = Files.list(folder)) {
            for (Path jar : all.filter(p -> p.toString().endsWith(".jar")).sorted().toList()) jars.add(jar.toUri().toURL());
        }
        if (jars.isEmpty()) return;
        Thread thread = Thread.currentThread();
        thread.setContextClassLoader(new URLClassLoader(jars.toArray(URL[]::new), thread.getContextClassLoader()));
    }

    private static Path beside() {
        try {
            URI own = Plugins.class.getProtectionDomain().getCodeSource().getLocation().toURI();
            return Path.of(own).resolveSibling("plugins");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
