package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnigramTokenizerTest {
    @TempDir private Path folder;

    private static final String VOCABULARY = "[['<pad>',0],['</s>',0],['<unk>',0],['▁',-2],['▁red',-5],['▁re',-6],['d',-4],['circle',-7],"
        + "['▁cir',-6],['cle',-5],['s',-3],['▁круг',-6],['A',-5]]";

    private UnigramTokenizer tokenizer(String normalizer, String words, String more) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, ("{'added_tokens': [{'id': 1, 'content': '</s>'}, {'id': 13, 'content': '<extra_id_0>'}], 'normalizer': "
            + normalizer + ", 'pre_tokenizer': " + words + ", 'post_processor': {'type': 'TemplateProcessing', 'single': [{'Sequence': "
            + "{'id': 'A'}}, {'SpecialToken': {'id': '</s>'}}], 'special_tokens': {'</s>': {'ids': [1]}}}, 'model': {'type': 'Unigram',"
            + "'unk_id': 2, 'vocab': " + VOCABULARY + more + "}}").replace('\'', '"'));
        return UnigramTokenizer.open(folder);
    }

    private static final String SPLIT = "{'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'},"
        + "{'type': 'Metaspace', 'replacement': '▁', 'add_prefix_space': true}]}";

    @Test void theLikeliestPiecesAreTakenAndTheEndFollows() throws IOException {
        UnigramTokenizer t = tokenizer("null", SPLIT, "");
        assertThat(t.ids("red  circles")).containsExactly(4, 3, 7, 10, 1);   // -2 -7 beats -6 -5
        assertThat(t.ids("круг")).containsExactly(11, 1);
        assertThat(t.ids("")).containsExactly(1);
        assertThat(t.ids("red xyz")).containsExactly(4, 3, 2, 1);            // what no piece has is one token
        assertThat(t.ids("red<extra_id_0>red")).containsExactly(4, 13, 4, 1);
        assertThat(t.id("<extra_id_0>")).isEqualTo(13);
    }

    @Test void spacesAreMarksAsTheSchemeSays() throws IOException {
        String marks = "{'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'SCHEME', 'split': true}";
        String shrunk = "{'type': 'Sequence', 'normalizers': [{'type': 'Strip', 'strip_left': false, 'strip_right': true},"
            + "{'type': 'Replace', 'pattern': {'Regex': ' {2,}'}, 'content': ' '}, {'type': 'Lowercase'}]}";
        assertThat(tokenizer(shrunk, marks.replace("SCHEME", "always"), "").ids("RED   red ")).containsExactly(4, 4, 1);
        assertThat(tokenizer(shrunk, marks.replace("SCHEME", "never"), "").ids("d red")).containsExactly(6, 4, 1);
    }

    @Test void charactersAreMappedByTheTrie() throws IOException {
        String map = map("\uff21", "A");   // a wide A
        assertThat(tokenizer("{'type': 'Precompiled', 'precompiled_charsmap': '" + map + "'}", SPLIT, "").ids("\uff21s"))
            .containsExactly(3, 12, 10, 1);
        assertThatThrownBy(() -> tokenizer("{'type': 'Precompiled', 'precompiled_charsmap': 'AAAA'}", SPLIT, ""))
            .hasMessageContaining("precompiled_charsmap is broken");
    }

    /** A double array of one key: each byte has 256 places of its own. */
    private static String map(String key, String text) {
        byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
        int[] trie = new int[256 * (bytes.length + 2)];
        int node = 0, base = 256;
        trie[0] = base << 10;
        for (int i = 0; i < bytes.length; i++) {
            node = base ^ bytes[i] & 0xff;
            base = 256 * (i + 2);
            trie[node] = (node ^ base) << 10 | (i == bytes.length - 1 ? 256 : 0) | bytes[i] & 0xff;
        }
        trie[base] = 0x80000000;   // the text begins at 0
        ByteBuffer out = ByteBuffer.allocate(4 + 4 * trie.length + text.length() + 1).order(ByteOrder.LITTLE_ENDIAN)
        .putInt(4 * trie.length);
        for (int unit : trie) out.putInt(unit);
        out.put(text.getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(out.array());
    }

    @Test void whatNoPieceHasFallsBackToBytesWhereTheModelDoes() throws IOException {
        String more = ", 'byte_fallback': true";
        assertThat(tokenizer("null", SPLIT, more).ids("red x")).containsExactly(4, 3, 2, 1);   // without pieces of bytes
    }

    @Test void otherTokenizersAreRefusedByTheKey() {
        assertThatThrownBy(() -> tokenizer("{'type': 'BertNormalizer'}", SPLIT, "")).isInstanceOf(FormatException.class)
            .hasMessageContaining("normalizer.type wants Sequence, Precompiled");
        assertThatThrownBy(() -> tokenizer("null", "{'type': 'ByteLevel'}", "")).hasMessageContaining("pre_tokenizer.type wants");
        assertThatThrownBy(() -> UnigramTokenizer.open(folder.resolve("none"))).hasMessageContaining("no such file");
    }
}
