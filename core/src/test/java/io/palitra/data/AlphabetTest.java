package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AlphabetTest {
    private static final String TEXT = "How's it? Да, 𝄞 на 12\u00a0%.\r\n\t\n  x  ";
    private static final Alphabet PAIRS = new Alphabet.Pairs(List.of("h e", "l l", "he ll", "Ġ Ð"));

    private static Stream<Alphabet> each() { return Stream.of(Alphabet.Characters.of(TEXT), new Alphabet.Bytes(), PAIRS); }

    @Test void whatIsEncodedIsDecodedAgainWithoutTheEnds() {
        each().forEach(a -> {
            int[] ids = a.encode(TEXT), ended = new int[ids.length + 2];
            System.arraycopy(ids, 0, ended, 1, ids.length);
            ended[0] = ended[ids.length + 1] = a.end();
            assertThat(Arrays.stream(ids).boxed()).isNotEmpty().allMatch(id -> id >= 0 && id < a.end());
            assertThat(a.decode(ids)).isEqualTo(TEXT);
            assertThat(a.decode(ended)).isEqualTo(TEXT);
            assertThat(a.encode("")).isEmpty();
        });
    }

    @Test void aCharactersIdIsItsPlace() {
        Alphabet.Characters a = Alphabet.Characters.of("bca\nя𝄞a");
        assertThat(a.letters()).isEqualTo("\nabcя𝄞");
        assertThat(a.encode("\n𝄞a")).containsExactly(0, 5, 1);
        assertThat(a.size()).isEqualTo(7);
        assertThat(a.end()).isEqualTo(6);
    }

    @Test void theBytesOfPairsHaveGpt2sIds() {
        assertThat(PAIRS.size()).isEqualTo(261);
        // in vocab.json of GPT-2: "!" 0, "a" 64, the space 220, the line's end 198
        assertThat(PAIRS.encode("! a\n\u00ff")).containsExactly(0, 220, 64, 198, 127, 123);
        assertThat(PAIRS.encode("hello")).containsExactly(258, 78);
    }

    @Test void whatTheAlphabetLacksIsNamed() {
        Alphabet a = Alphabet.Characters.of("abc");
        assertThatThrownBy(() -> a.encode("abж")).isInstanceOf(ArgumentException.class)
            .hasMessage("the character 'ж' (U+0436), number 3 of the text, is none of the 3 of the alphabet");
        assertThatThrownBy(() -> a.encode("\n")).hasMessageStartingWith("the character U+000A, number 1 of the text");
        assertThatThrownBy(() -> a.decode(new int[] {0, 4})).hasMessage("there is no token 4, known are 0 to 3");
        each().forEach(b -> assertThatThrownBy(() -> b.encode("a\ud800")).isInstanceOf(ArgumentException.class));
    }

    @Test void alphabetsThatAreNoneAreRefused() {
        assertThatThrownBy(() -> new Alphabet.Characters("")).hasMessage("illegal letters: none, must be at least 1");
        assertThatThrownBy(() -> new Alphabet.Characters("ba")).hasMessageStartingWith("illegal letters: 'a' (U+0061) after 'b'");
        assertThatThrownBy(() -> new Alphabet.Characters("a\udc00")).hasMessageContaining("half a surrogate pair");
        assertThatThrownBy(() -> new Alphabet.Pairs(List.of("ab c"))).hasMessage(
            "illegal merges: number 1: there is no token 'ab' before it");
        assertThatThrownBy(() -> new Alphabet.Pairs(List.of("a b", "a b"))).hasMessageContaining("'ab' already");
        assertThatThrownBy(() -> new Alphabet.Pairs(List.of("ab"))).hasMessageContaining("two tokens with a space between");
        assertThatThrownBy(() -> new Alphabet.Pairs(List.of("a b c"))).hasMessageContaining("no token 'b c'");
    }

    @Test void aSpecIsKeptInJson() {
        each().forEach(a -> {
            TextSpec spec = new TextSpec(5, a);
            assertThat(Config.fromJson(TextSpec.class, Config.toJson(spec))).isEqualTo(spec).hasSameHashCodeAs(spec);
        });
        assertThat(Config.toJson(new TextSpec(5, new Alphabet.Characters("ab"))).toString())
            .isEqualTo("{\"length\":5,\"alphabet\":{\"kind\":\"characters\",\"letters\":\"ab\"}}");
        assertThat(new TextSpec(256, new Alphabet.Bytes())).hasToString("texts of 256 bytes, 256 kinds and the end");
    }

    @Test void modelsSeeWholeNumbersOfEightBytes() {
        TextSpec spec = new TextSpec(3, new Alphabet.Bytes());
        try (Scope scope = new Scope()) {
            Tensor seen = spec.toModel(Torch.of(new long[] {1, 2, 256}, 1, 3).to(DType.I32));
            assertThat(seen.dtype()).isEqualTo(DType.I64);
            assertThat(seen.longs()).containsExactly(1, 2, 256);
            assertThat(spec.toStored(seen).dtype()).isEqualTo(DType.I32);
        }
        assertThat(spec.end()).isEqualTo(256);
        assertThat(spec.vocabulary()).isEqualTo(257);
        assertThat(spec.bytes()).isEqualTo(12);
        assertThat(spec.withClasses(0)).isSameAs(spec);
        assertThatThrownBy(() -> spec.withClasses(2)).hasMessage("illegal classes: 2, texts have none");
    }

    @Test void optionsOfTextAreChecked() {
        DataOptions set = Config.with(DataOptions.DEFAULT, "tokens=pairs", "vocabulary=300", "suffix=.java", "length=64", "field=body");
        assertThat(set.tokens()).isEqualTo(DataOptions.Tokens.PAIRS);
        for (String wrong : List.of("suffix=java", "vocabulary=256", "length=-1", "field=")) {
            assertThatThrownBy(() -> Config.with(DataOptions.DEFAULT, wrong)).isInstanceOf(ConfigException.class)
                .hasMessageContaining("illegal " + wrong.substring(0, wrong.indexOf('=')));
        }
    }
}
