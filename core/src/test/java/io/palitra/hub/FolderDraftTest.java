package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.train.FaultStorage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderDraftTest {
    @TempDir Path folder;

    private static void fill(FolderDraft draft, Path other) {
        try (Scope scope = new Scope()) {
            draft.json("a.json", JsonNodeFactory.instance.objectNode().put("a", 1));
            draft.tensors("part/b.safetensors", Map.of("w", Torch.ones(3)));
            draft.copy("part/c.txt", other);
        }
    }

    private Stream<Path> all() throws IOException { return Files.walk(folder).filter(f -> !f.equals(folder)); }

    @Test void theFolderAppearsWholeOrNotAtAll() throws IOException {
        Path other = Files.writeString(folder.resolve("c.txt"), "words");
        Path made = folder.resolve("made");
        try (FolderDraft draft = new FolderDraft(made)) {
            fill(draft, other);
            assertThat(made).doesNotExist();
        }
        try (Stream<Path> left = all()) { assertThat(left).containsExactly(other); }
        try (FolderDraft draft = new FolderDraft(made)) {
            fill(draft, other);
            draft.publish();
        }
        assertThat(made.resolve("part/c.txt")).hasContent("words");
        assertThat(made.resolve("part/b.safetensors")).isNotEmptyFile();
        try (Stream<Path> names = all()) {
            assertThat(names.map(f -> folder.relativize(f).toString())).containsExactlyInAnyOrder("c.txt", "made",
                "made/a.json", "made/part", "made/part/b.safetensors", "made/part/c.txt");
        }
        assertThatThrownBy(() -> new FolderDraft(made)).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("exists");
    }

    @Test void aPathThatLeavesTheFolderIsRefused() {
        try (FolderDraft draft = new FolderDraft(folder.resolve("made"))) {
            for (String path : new String[] {"../a", "/a", "a/b/c", ".a", "a/../../b", "", "a/"}) {
                assertThatThrownBy(() -> draft.json(path, JsonNodeFactory.instance.objectNode())).as(path)
                    .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @Test void whateverCallFailsTheFolderIsWholeOrMissingAndNothingElseIsLeft() throws IOException {
        Path other = Files.writeString(folder.resolve("c.txt"), "words");
        FaultStorage good = new FaultStorage(FaultStorage.Fault.NONE, 0);
        make(good, folder.resolve("good"), other);
        assertThat(good.calls).isGreaterThan(10);
        for (int at = 1; at <= good.calls; at++) {
            Path made = folder.resolve("made" + at);
            FaultStorage faulty = new FaultStorage(FaultStorage.Fault.ONE_ERROR, at);
            assertThatThrownBy(() -> make(faulty, made, other)).as("call " + faulty.calls).isInstanceOf(StorageException.class)
                .hasMessageContaining("input/output error");
            assertThat(folder.toFile().list()).as("call " + at).allMatch(name -> !name.startsWith("."));
            if (Files.exists(made)) assertThat(made.resolve("part/c.txt")).hasContent("words");
        }
    }

    private static void make(Storage storage, Path made, Path other) {
        try (FolderDraft draft = new FolderDraft(storage, made)) {
            fill(draft, other);
            draft.publish();
        }
    }
}
