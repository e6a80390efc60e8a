package io.palitra.data;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes the files of a CLIP tokenizer that merges nothing: a token for each byte, one for each that ends a word, a start and an end. */
public final class ByteLettersFixture {
    private ByteLettersFixture() {}

    public static void tokenizer(Path folder) throws IOException {
        ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();
        for (int b = 0; b < 512; b++) vocabulary.put(ByteAlphabet.letter(b & 255) + (b < 256 ? "" : "</w>"), b);
        Json.write(folder.resolve("vocab.json"), vocabulary.put("<|startoftext|>", 512).put("<|endoftext|>", 513));
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n");
    }
}
