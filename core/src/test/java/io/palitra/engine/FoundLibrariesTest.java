package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FoundLibrariesTest {
    @TempDir private Path folder = Path.of("");

    @BeforeAll static void loaded() { Torch.load(); }

    private Map<String, URL[]> table() throws Exception {
        Path jar = folder.resolve("natives 1.jar");
        if (!Files.exists(jar)) Files.writeString(jar, "a jar");
        String inner = "jar:" + jar.toUri() + "!/org/example/lib";
        Map<String, URL[]> table = new HashMap<>();
        table.put("one@.2#two@.0", new URL[] {new URL(inner + "one.so.2#libtwo.so.0"), new URL(inner + "one.so")});
        table.put("nowhere", new URL[0]);
        table.put("system", new URL[] {new URL("file:/usr/lib/libsystem.so")});
        return table;
    }

    private FoundLibraries of(Map<String, URL[]> table, String classPath) {
        return new FoundLibraries(table, folder.resolve("found.txt"), classPath);
    }

    @Test void whatWasInJarsIsKnownTheNextTime() throws Exception {
        of(table(), "here").remember();
        Map<String, URL[]> next = new HashMap<>();
        assertThat(of(next, "here").recall()).isTrue();
        assertThat(next).containsOnlyKeys("one@.2#two@.0", "nowhere");
        assertThat(next.get("one@.2#two@.0")).containsExactly(table().get("one@.2#two@.0"));
        assertThat(next.get("nowhere")).isEmpty();
    }

    @Test void anotherClassPathAnotherJarOrATornFileAreLookedThroughAnew() throws Exception {
        Map<String, URL[]> next = new HashMap<>();
        assertThat(of(next, "here").recall()).as("no file").isFalse();
        of(table(), "here").remember();
        assertThat(of(next, "there").recall()).as("another class path").isFalse();
        Path file = folder.resolve("found.txt");
        List<String> lines = Files.readAllLines(file);
        Files.write(file, lines.stream().map(l -> l.replace("jar:file", "nonsense")).toList());
        assertThat(of(next, "here").recall()).as("nonsense").isFalse();
        Files.write(file, lines.subList(0, 2));
        assertThat(of(next, "here").recall()).as("a torn file").isFalse();
        Files.write(file, new byte[] {(byte) 0xFF, 0});
        assertThat(of(next, "here").recall()).as("no text").isFalse();
        Files.write(file, lines);
        Files.writeString(folder.resolve("natives 1.jar"), "a longer jar");
        assertThat(of(next, "here").recall()).as("another jar").isFalse();
        assertThat(next).isEmpty();
    }

    @Test void withNativesOfACardNothingIsKept() throws Exception {
        Map<String, URL[]> table = table();
        String jar = "jar:" + folder.resolve("natives 1.jar").toUri();
        table.put("torch_cuda", new URL[] {new URL(jar + "!/linux-x86_64-gpu/libtorch_cuda.so")});
        of(table, "here").remember();
        assertThat(folder.resolve("found.txt")).doesNotExist();
    }

    @Test void theLibrariesOfThisProcessWereFound() {
        assumeFalse(Device.cudaAvailable());
        FoundLibraries found = FoundLibraries.ofThisClassPath();
        assertThat(found).as("JavaCPP's table").isNotNull();
        // written when this process began, or before; unless another program with another class path has begun since
        if (!found.recall()) found.remember();
        assertThat(found.recall()).isTrue();
    }

    @Test void aLibraryThatNoLongerLiesWhereItWasExtractedIsExtractedAnew() throws Exception {
        of(table(), "here").remember();
        Path file = folder.resolve("found.txt");
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).as("the engine's own").anyMatch(l -> l.startsWith("\t") && l.contains("torch"));
        Files.write(file, lines.stream().map(l -> l.startsWith("\t") ? l.replace("torch", "gone") : l).toList());
        assertThat(of(new HashMap<>(), "here").recall()).isFalse();
    }
}
