package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.ImageDataset;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Measure;
import io.palitra.model.TextImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class RetrievalTest {
    /** Picture i shows i; all that is said of it is that number. */
    private record Numbers(int size, boolean inRussianToo) implements ImageDataset {
        @Override public String name() { return "numbers"; }

        @Override public ImageSpec spec() { return new ImageSpec(1, 1, 1, 0); }

        @Override public int label(int i) { return -1; }

        @Override public List<String> classNames() { return List.of(); }

        @Override public void pixels(int i, byte[] out, int offset) { out[offset] = (byte) (i % 100); }

        @Override public List<String> captions(int i) {
            String english = "n " + i % 100, more = "never read " + i;
            return inRussianToo || i % 2 == 0 ? List.of(english, "ч " + i % 100, more) : List.of(english, more);
        }
    }

    /** One axis for each number; of Russian ones it knows those below 75 and takes the rest for 0. */
    private static final class Reader implements TextImage {
        @Override public Tensor embedText(List<String> texts) {
            long[] numbers = texts.stream().mapToLong(t -> {
                long n = Long.parseLong(t.substring(2));
                return t.startsWith("ч") && n >= 75 ? 0 : n;
            }).toArray();
            return Torch.oneHot(Torch.of(numbers, numbers.length), 100);
        }

        @Override public Tensor embedImage(Tensor x) { return Torch.oneHot(x.add(1).mul(127.5).round().reshape(-1).to(DType.I64), 100); }

        @Override public int side() { return 1; }

        @Override public double scale() { return 1; }

        @Override public void close() {}
    }

    @Test void eachScriptIsToldByItsFirstCaptions() {
        try (Reader reader = new Reader()) {
            List<Measure> measures = Retrieval.of(reader, new Numbers(250, true), Device.CPU);
            assertThat(measures).extracting(Measure::name).containsExactly("caption found, Latin", "caption found, Cyrillic");
            assertThat(measures).extracting(Measure::value).containsExactly(100.0, 75.0);
            assertThat(measures.get(0).about()).isEqualTo("pictures whose nearest caption of 100 is their own; captions in Latin letters, "
                + "200 test items");
            assertThat(Retrieval.of(reader, new Numbers(250, false), Device.CPU)).extracting(Measure::name)
                .containsExactly("caption found, Latin");
            assertThat(Retrieval.of(reader, new Numbers(99, true), Device.CPU)).isEmpty();
        }
    }

    @Test void whatReadsAsTheOwnCaptionIsIt() {
        try (Scope scope = new Scope()) {
            Tensor pictures = Torch.eye(3), captions = Torch.of(new float[] {0, 1, 0, 1, 0, 0, 0, 0, 1}, 3, 3);
            assertThat(Retrieval.right(pictures, captions, List.of("a", "b", "c"))).isEqualTo(1);
            assertThat(Retrieval.right(pictures, captions, List.of("a", "a", "c"))).isEqualTo(3);
        }
    }
}
