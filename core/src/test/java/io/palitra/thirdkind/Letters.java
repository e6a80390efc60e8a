package io.palitra.thirdkind;

import io.palitra.config.Choices;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.Condition;
import io.palitra.data.DataOptions;
import io.palitra.data.DataProvider;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.engine.DType;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.FamilyProvider;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Update;
import io.palitra.nn.Embedding;
import io.palitra.nn.Module;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import java.nio.ByteBuffer;
import java.util.List;

/** A kind of item that no main file knows, words of letters, with all that it takes to train on it: what a jar beside the program holds. */
public final class Letters implements Choices, DataProvider, FamilyProvider, Display {
    /** Letters [T] as bytes; models see I64 [B,T]. */
    public record Word(int length, int alphabet, int classes) implements DataSpec {
        @Override public long[] shape() { return new long[] {length}; }

        @Override public Word withClasses(int n) { return new Word(length, alphabet, n); }

        @Override public DType stored() { return DType.U8; }

        @Override public Tensor toModel(Tensor stored) { return stored.to(DType.I64); }
    }

    private record Words(int size) implements Dataset {
        @Override public String name() { return "words"; }

        @Override public DataSpec spec() { return new Word(8, 6, 0); }

        @Override public void read(int i, ByteBuffer into) { for (int t = 0; t < 8; t++) into.put((byte) ((i + t) % 6)); }
    }

    /** A letter by the one before it: p(x) = 1/A prod_t p(x_t | x_(t-1)). */
    private static final class Bigram extends Module implements GenerativeModel<Bigram.Sampling>, Evaluates {
        public record Config(@Help(value = "factor of the logits", min = 0.1, max = 10) double scale) {}

        public record Sampling(@Help(value = "divisor of the logits", min = 0.1, max = 10) double temperature) {}

        private final Word data;
        private final double scale;
        private final Embedding table;

        Bigram(Config config, Build with) {
            data = (Word) with.data();
            scale = config.scale;
            table = child("table", new Embedding(data.alphabet, data.alphabet, with.init()));
        }

        @Override public Module net() { return this; }

        @Override public Sampling samplingDefaults() { return new Sampling(1); }

        @Override public List<Update> updates() { return List.of(new Update("nll", this, (batch, step) -> Losses.of(nats(batch.x())))); }

        private Tensor nats(Tensor x) {
            Tensor next = x.narrow(1, 1, data.length - 1).reshape(-1);
            return Torch.crossEntropy(table.forward(x.narrow(1, 0, data.length - 1)).mul(scale).reshape(-1, data.alphabet), next);
        }

        @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
            Tensor x = rng.integers(data.alphabet, count, 1);
            for (int t = 1; t < data.length; t++) {
                Tensor gumbel = rng.uniform(count, data.alphabet).log().neg().log().neg();
                x = Torch.cat(1, x, table.forward(x.select(1, t - 1)).mul(scale / how.temperature).add(gumbel).argmax(1).unsqueeze(1));
            }
            return x;
        }

        @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
            return List.of(new Measure("-log p", nats(test.iterator().next().x()).item(), "nats", "of a letter, given the one before"));
        }
    }

    @Override public Class<?> of() { return DataSpec.class; }

    @Override public List<Class<? extends Record>> kinds() { return List.of(Word.class); }

    @Override public List<CatalogueEntry> sets() {
        return List.of(new CatalogueEntry("words", "runs", CatalogueEntry.Kind.PROVIDED, List.of(), 240, 60, List.of()));
    }

    @Override public Dataset open(String name, Split split, DataOptions options) { return new Words(split == Split.TRAIN ? 240 : 60); }

    @Override public List<Family<?>> families() {
        return List.of(new Family<>("bigram", "letters by the one before", "Shannon 1948", new Bigram.Config(1),
            Recipe.of(1, 24, new OptimizerSpec.Adam(0.1, 0.9, 0.999, 1e-8)), new Bigram.Sampling(1), "words", Bigram::new));
    }

    @Override public boolean shows(DataSpec spec) { return spec instanceof Word; }

    @Override public String suffix() { return ".txt"; }

    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) {
        StringBuilder text = new StringBuilder();
        for (long letter : x.longs()) text.append((char) ('a' + letter));
        return new Sheet.Written(text.toString().replaceAll("(.{8})", "$1\n"));
    }
}
