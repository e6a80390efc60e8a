package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Alphabet;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.ImageSpec;
import io.palitra.data.TextItems;
import io.palitra.data.TextSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Drawing;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.model.Writes;
import io.palitra.net.Gpt2;
import io.palitra.net.GptReader;
import io.palitra.net.TokenSampling;
import io.palitra.stage.Builds;
import io.palitra.stage.GptFolder;
import io.palitra.stage.TextSampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GptTest {
    private static final SmallTexts TEXTS = new SmallTexts(12);

    private static Gpt gpt(TextItems spec, String... more) {
        Gpt.Config small = Config.with(Gpt.FAMILY.defaults(), "width=16", "layers=2", "heads=2", "dropout=0");
        Gpt model = new Gpt(Config.with(small, more), Builds.of(spec, new Rng(1)));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {   // fresh weights predict nearly the same everywhere
            if (List.of(more).stream().noneMatch(m -> m.startsWith("base="))) {
                model.net().parameters().values().forEach(p -> p.copyFrom(p.mul(8)));
                Tensor tokens = model.net().parameters().get("transformer.wte.weight");
                tokens.select(0, spec.end()).fill(0);   // which ends few texts
            }
        }
        model.net().training(false);
        return model;
    }

    private static int[] written(Writes model, Record how, int[] beginning, int length) {
        List<Integer> all = new ArrayList<>();
        model.write(how, beginning, 1, length, new Rng(3), (i, token) -> all.add(token));
        return all.stream().mapToInt(t -> t).toArray();
    }

    private static TextSampling how(String... set) { return Config.with(TextSampling.DEFAULT, set); }

    private static double largest(Tensor a, Tensor b) { return a.sub(b).abs().max().item(); }

    @Test void aLogitDependsOnNoLaterToken() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            Gpt2 net = (Gpt2) model.net();
            Tensor ids = new Rng(2).integers(7, 2, 12), before = net.forward(ids);
            for (int at = 1; at < 12; at++) {
                long[] changed = ids.longs();
                for (int b = 0; b < 2; b++) changed[b * 12 + at] = (changed[b * 12 + at] + 3) % 7;
                Tensor after = net.forward(Torch.of(changed, 2, 12));
                assertThat(largest(after.narrow(1, 0, at), before.narrow(1, 0, at))).isZero();
                assertThat(largest(after.narrow(1, at, 1), before.narrow(1, at, 1))).isPositive();
            }
        }
    }

    @Test void whatIsKeptGivesTheLogitsOfWholePassesAlsoBeyondTheContext() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            Gpt2 net = (Gpt2) model.net();
            long[] ids = new Rng(4).integers(7, 40).longs();
            try (GptReader kept = new GptReader(net, 1, 7, true); GptReader whole = new GptReader(net, 1, 7, false);
                GptReader late = new GptReader(net, 1, 7, true)) {
                Tensor last = null;
                for (int i = 0; i < 40; i++) {
                    Tensor one = Torch.of(new long[] {ids[i]}, 1, 1);
                    last = kept.next(one);
                    assertThat(largest(last, whole.next(one))).isLessThan(1e-4);
                }
                late.next(Torch.of(java.util.Arrays.copyOf(ids, 3), 1, 3));
                assertThat(late.next(Torch.of(java.util.Arrays.copyOfRange(ids, 3, 12), 1, 9)).shape()).isEqualTo(new long[] {1, 8});
            }
        }
    }

    @Test void aTextIsReadBeyondTheContextByTheLastHalfWindow() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            Gpt2 net = (Gpt2) model.net();
            long[] ids = new Rng(4).integers(7, 13).longs();
            try (GptReader kept = new GptReader(net, 1, 7, true)) {
                Tensor logits = kept.next(Torch.of(ids, 1, 13));
                Tensor window = Torch.of(new long[] {7, ids[7], ids[8], ids[9], ids[10], ids[11], ids[12]}, 1, 7);
                assertThat(largest(logits, net.forward(window).select(1, 6))).isLessThan(1e-5);
            }
        }
    }

    @Test void theLikelihoodSumsToOneAndPaddingCountsNothing() {
        TextSpec two = new TextSpec(2, new Alphabet.Characters("ab"));
        try (Scope scope = new Scope(); Gpt model = gpt(two); Guard g = Torch.noGrad()) {
            // of all texts of two tokens; the one that is only padding counts nothing
            Tensor all = Torch.of(new long[] {0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2}, 6, 2);
            double sum = model.logProb(all, new Rng(1)).exp().sum().item();
            Tensor first = ((Gpt2) model.net()).forward(Torch.of(new long[] {2}, 1, 1)).reshape(3).softmax(0);
            assertThat(sum).isCloseTo(1 - first.select(0, 2).item(), within(1e-5));
            assertThat(model.logProb(Torch.of(new long[] {2, 2}, 1, 2), new Rng(1)).item()).isZero();
        }
    }

    @Test void nothingButTheEndIsLearnedOfPadding() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec())) {
            Batch batch = DataLoader.of(TEXTS, new int[] {2, 5}, Device.CPU);
            double nats = -model.logProb(batch.x(), new Rng(1)).sum().item();
            long counted = 0;
            for (int i : new int[] {2, 5}) {
                boolean ended = false;
                for (int t : TEXTS.tokens(i)) {
                    if (!ended) counted++;
                    ended |= t == 7;
                }
            }
            assertThat(model.updates().get(0).objective().of(batch, new Step(0, new Rng(1))).total().item())
                .isCloseTo(nats / counted, within(1e-5));
        }
    }

    @Test void itWritesWhatItIsAskedTo() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            int[] a = TEXTS.spec().alphabet().encode("a cab");
            int[] greedy = written(model, how("temperature=0"), a, 40);
            assertThat(written(model, how("topK=1"), a, 40)).isEqualTo(greedy);
            assertThat(written(model, how("topP=0.000001"), a, 40)).isEqualTo(greedy);
            assertThat(greedy.length).isEqualTo(40);
            int[] varied = written(model, how("temperature=0", "repetition=100"), a, 6);
            assertThat(varied).isNotEqualTo(java.util.Arrays.copyOf(greedy, 6));
            assertThat(written(model, how(), a, 30)).isEqualTo(written(model, how(), a, 30)).isNotEqualTo(written(model, how(),
                new int[0], 30));
        }
    }

    @Test void aTextEndsWithItsStopOrItsEndOrItsListener() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            String free = text(written(model, how(), new int[0], 60));
            String stop = free.replaceAll(".*?([a-z]{2}).*", "$1");
            String stopped = text(written(model, how("stop=" + stop), new int[0], 60));
            assertThat(stopped).isEqualTo(free.substring(0, free.indexOf(stop) + 2));
            List<Integer> some = new ArrayList<>();
            model.write(how(), new int[0], 3, 50, new Rng(3), (i, token) -> {
                some.add(i);
                return i != 1;
            });
            assertThat(some.stream().filter(i -> i == 1).count()).isEqualTo(1);
            assertThat(some.stream().filter(i -> i == 0).count()).isGreaterThan(1);
        }
    }

    private static String text(int[] ids) { return TEXTS.spec().alphabet().decode(ids); }

    @Test void theBeginningIsKeptAndAnEndFillsUpTheRest() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            Tensor prefix = new Rng(5).integers(7, 3, 4);
            long[] drawn = Drawing.of(model, List.of()).complete(prefix, new Rng(1)).longs(), given = prefix.longs();
            for (int b = 0; b < 3; b++) {
                boolean ended = false;
                for (int i = 0; i < 12; i++) {
                    if (i < 4) assertThat(drawn[b * 12 + i]).isEqualTo(given[b * 4 + i]);
                    if (ended) assertThat(drawn[b * 12 + i]).isEqualTo(7);
                    ended |= i >= 4 && drawn[b * 12 + i] == 7;
                }
            }
            assertThatThrownBy(() -> Drawing.of(model, List.of()).fill(prefix, new Rng(1))).hasMessage("this model fills no holes");
        }
    }

    @Test void itIsMeasuredInNatsACharacter() {
        try (Scope scope = new Scope(); Gpt model = gpt(TEXTS.spec()); Guard g = Torch.noGrad()) {
            List<Measure> all = model.evaluate(List.of(DataLoader.of(TEXTS, new int[] {0, 1, 2}, Device.CPU)), new Rng(1));
            assertThat(all.get(0).name()).isEqualTo("nats a character, exact, in windows of 12 characters");
            Tensor x = DataLoader.of(TEXTS, new int[] {0, 1, 2}, Device.CPU).x();
            long letters = java.util.Arrays.stream(x.longs()).filter(t -> t != 7).count();
            assertThat(all.get(0).value()).isCloseTo(-model.logProb(x, new Rng(1)).sum().item() / letters, within(1e-4));
            assertThat(all.get(1).value()).isCloseTo(all.get(0).value() / Math.log(2), within(1e-6));
        }
    }

    @Test void aRunIsAPublicFolderAndBeginsAnother(@TempDir Path folder) {
        for (Alphabet alphabet : List.of(TEXTS.spec().alphabet(), new Alphabet.Bytes(),
            Alphabet.Pairs.learn(List.of("banana cab abracadabra banana"), 262))) {
            TextSpec spec = new TextSpec(12, alphabet);
            Path run = folder.resolve(alphabet.getClass().getSimpleName());
            try (Scope scope = new Scope(); Gpt model = gpt(spec)) {
                List<Path> files = model.publish(run);
                assertThat(files).contains(run.resolve("gpt2/config.json"), run.resolve("gpt2/model.safetensors"),
                    run.resolve("gpt2/tokenizer.json"));
                assertThat(GptFolder.of(run.toString()).spec(0)).isEqualTo(spec);
                assertThat(GptFolder.of(run.resolve("gpt2").toString()).alphabet()).isEqualTo(alphabet);
                try (Gpt next = gpt(new TextSpec(6, alphabet), "base=" + run, "width=32")) {
                    Tensor ids = new Rng(2).integers(7, 2, 6);
                    assertThat(((Gpt2) next.net()).forward(ids).floats()).isEqualTo(((Gpt2) model.net()).forward(ids).floats());
                    assertThat(next.underneath().get("base")).matches("[0-9a-f]{64}");
                }
            }
        }
        String run = folder.resolve("Characters").toString();
        assertThatThrownBy(() -> gpt(new TextSpec(13, TEXTS.spec().alphabet()), "base=" + run))
            .hasMessage("'" + run + "' does not fit the data: it reads 12 tokens at most, an item has 13; data.length=12 fits");
        assertThatThrownBy(() -> gpt(new TextSpec(12, new Alphabet.Bytes()), "base=" + run))
            .hasMessage("'" + run + "' does not fit the data: it has 8 tokens, the data 257");
        assertThatThrownBy(() -> gpt(TEXTS.spec(), "base=" + folder)).isInstanceOf(RuntimeException.class);
    }

    @Test void itLearnsTextsAlone() {
        assertThatThrownBy(() -> new Gpt(Gpt.FAMILY.defaults(), Builds.of(new ImageSpec(1, 8, 8, 0), new Rng(1))))
            .hasMessageStartingWith("gpt wants texts, got ");
    }

    /** What transformers 5.18 with torch 2.13 opened, and gave, of a folder that was published here. */
    @Test void transformersGivesTheLogitsOfWhatIsPublished(@TempDir Path folder) throws Exception {
        Path kept = Path.of(java.util.Objects.requireNonNull(GptTest.class.getResource("gpt2/config.json")).toURI()).getParent();
        try (Scope scope = new Scope(); Gpt model = gpt(GptFolder.of(kept.toString()).spec(0), "base=" + kept); Guard g = Torch.noGrad()) {
            Map<String, Tensor> theirs = Safetensors.read(kept.resolve("io.safetensors")).tensors();
            Tensor ids = theirs.get("ids"), logits = theirs.get("logits");
            Gpt2 net = (Gpt2) model.net();
            assertThat(largest(net.forward(ids), logits)).isLessThan(1e-5 * logits.abs().max().item());
            assertThat(net.generate(ids, 8, TokenSampling.GREEDY, new Rng(1)).longs()).isEqualTo(theirs.get("greedy").longs());
            assertThat(model.publish(folder)).isNotEmpty();
            for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
                assertThat(folder.resolve("gpt2").resolve(file)).hasSameBinaryContentAs(kept.resolve(file));
            }
            int[] text = GptFolder.of(kept.toString()).alphabet().encode("the cat sat on a mat");
            assertThat(java.util.Arrays.stream(text, 0, 8).asLongStream().toArray()).isEqualTo(ids.longs());
        }
    }
}
