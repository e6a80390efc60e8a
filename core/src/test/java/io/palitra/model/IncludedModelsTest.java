package io.palitra.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of a class path that holds one model of two files. */
class IncludedModelsTest {
    @TempDir Path root;
    private final ClassLoader before = Thread.currentThread().getContextClassLoader();
    private Path resources;
    private Path cache;

    @BeforeEach void aClassPath() throws Exception {
        resources = Files.createDirectories(root.resolve("jar"));
        cache = root.resolve("cache");
        write("palitra-models/tiny/config.json", "{}");
        write("palitra-models/tiny/clip/words.txt", "круг");
        index(sha256("{}"), sha256("круг"));
        loader();
    }

    @AfterEach void back() { Thread.currentThread().setContextClassLoader(before); }

    private void loader() throws Exception {
        Thread.currentThread().setContextClassLoader(new java.net.URLClassLoader(new java.net.URL[] {resources.toUri().toURL()}, null));
    }

    private void write(String name, String text) throws Exception {
        Files.createDirectories(resources.resolve(name).getParent());
        Files.writeString(resources.resolve(name), text);
    }

    private void index(String config, String words) throws Exception {
        write(IncludedModels.INDEX, """
            [{"name": "tiny", "about": "a", "family": "vae", "data": "strokes", "command": "palitra train vae", "minutes": 1.5,
              "machine": "m", "measured": ["b"], "licence": "Apache-2.0"}]""");
        write("palitra-models/tiny/" + IncludedModels.SUMS, config + "  config.json\n" + words + "  clip/words.txt\n");
    }

    private static String sha256(String text) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    @Test void aModelIsUnpackedOnceAndWhole() throws Exception {
        Map<Path, Boolean> folders = new ConcurrentHashMap<>();
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        IntStream.range(0, 8).parallel().forEach(i -> {
            Thread.currentThread().setContextClassLoader(loader);
            folders.put(IncludedModels.folder("tiny", cache).orElseThrow(), true);
        });
        assertThat(folders).hasSize(1);
        Path folder = folders.keySet().iterator().next();
        assertThat(Files.readString(folder.resolve("clip/words.txt"))).isEqualTo("круг");
        Files.writeString(folder.resolve("mine.txt"), "kept");
        assertThat(IncludedModels.folder("tiny", cache)).contains(folder);
        assertThat(folder.resolve("mine.txt")).exists();
        try (var left = Files.list(cache.resolve("models"))) {
            assertThat(left.map(p -> p.getFileName().toString())).containsExactlyInAnyOrder(".lock", folder.getFileName().toString());
        }
    }

    @Test void whatAKilledProcessLeftIsReplacedAndAnotherContentGetsAnotherFolder() throws Exception {
        Path part = Files.createDirectories(cache.resolve("models/.tiny.part/clip"));
        Files.writeString(part.resolve("words.txt"), "half");
        Path first = IncludedModels.folder("tiny", cache).orElseThrow();
        assertThat(Files.readString(first.resolve("clip/words.txt"))).isEqualTo("круг");
        write("palitra-models/tiny/config.json", "{ }");
        index(sha256("{ }"), sha256("круг"));
        loader();
        assertThat(IncludedModels.folder("tiny", cache)).isPresent().get().isNotEqualTo(first);
    }

    @Test void namesThatAreNoneAreNotLookedFor() {
        for (String name : List.of("other", "../tiny", "", "tiny/clip", "Tiny")) assertThat(IncludedModels.folder(name, cache)).isEmpty();
    }

    @Test void alteredAndMissingFilesAreSaidInOneLine() throws Exception {
        write("palitra-models/tiny/config.json", "{\"a\": 1}");
        loader();
        assertThatThrownBy(() -> IncludedModels.folder("tiny", cache))
            .hasMessageContaining("tiny/config.json of the program is not the "
            + "file of its card");
        Files.delete(resources.resolve("palitra-models/tiny/config.json"));
        loader();
        assertThatThrownBy(() -> IncludedModels.folder("tiny", cache)).hasMessageContaining("the program has no tiny/config.json");
        Path file = Files.writeString(root.resolve("file"), "x");
        assertThatThrownBy(() -> IncludedModels.folder("tiny", file)).hasMessageContaining("cannot unpack the model 'tiny' to '" + file)
            .hasMessageContaining("PALITRA_CACHE");
    }

    @Test void aCardThatNamesFilesElsewhereIsRefused() throws Exception {
        write("palitra-models/tiny/" + IncludedModels.SUMS, sha256("{}") + "  ../../words.txt\n");
        loader();
        assertThatThrownBy(IncludedModels::cards).hasMessageContaining("illegal file of 'tiny': ").hasMessageContaining("../../words.txt");
    }
}
