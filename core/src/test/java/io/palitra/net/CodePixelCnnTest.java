package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodePixelCnnTest {
    private static final int K = 7, ROWS = 3, COLUMNS = 4, CELLS = ROWS * COLUMNS;

    private static CodePixelCnn codes(boolean gated) {
        PixelNet.Config net = gated ? new PixelNet.Config.Gated(6, List.of(1, 2)) : new PixelNet.Config.Plain(6, 1);
        CodePixelCnn all = new CodePixelCnn(net, 5, K, 2, new Rng(1));
        try (Guard g = Torch.noGrad()) {
            all.parameters().forEach((name, p) -> p.copyFrom(new Rng(name.hashCode()).normal(p.shape()).mul(0.5)));
        }
        return all;
    }

    private static Tensor labels() { return Torch.of(new long[] {1, 0}, 2); }

    @ParameterizedTest @ValueSource(booleans = {true, false})
    void aCodeChangesNothingThatIsToldOfItOrOfCodesBeforeIt(boolean gated) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); CodePixelCnn net = codes(gated)) {
            long[] grid = new Rng(3).integers(K, 2, CELLS).longs();
            double[] before = net.logits(Torch.of(grid, 2, ROWS, COLUMNS), labels()).doubles();
            for (int cell = 0; cell < CELLS; cell++) {
                long[] other = grid.clone();
                other[cell] = (other[cell] + 1) % K;
                double[] after = net.logits(Torch.of(other, 2, ROWS, COLUMNS), labels()).doubles();
                for (int i = 0; i < (cell + 1) * K; i++) assertThat(after[i]).as(cell + " " + i).isEqualTo(before[i]);
                boolean later = false;
                for (int i = (cell + 1) * K; i < CELLS * K; i++) later |= after[i] != before[i];
                assertThat(later).as("cells after " + cell).isEqualTo(cell < CELLS - 1);
            }
        }
    }

    @ParameterizedTest @ValueSource(booleans = {true, false})
    void theLikeliestCodesAreThoseOfTheWholeNetworkWhateverTheBatch(boolean gated) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); CodePixelCnn net = codes(gated)) {
            Tensor drawn = net.draw(new long[] {1, 0}, ROWS, COLUMNS, null, TokenSampling.GREEDY, new Rng(2));
            Tensor told = net.logits(drawn, labels()).argmax(2);
            assertThat(told.longs()).isEqualTo(drawn.longs());
            TokenSampling warm = new TokenSampling(1, 0, 1);
            Tensor two = net.draw(new long[] {1, 0}, ROWS, COLUMNS, null, warm, new Rng(2));
            Tensor one = net.draw(new long[] {1}, ROWS, COLUMNS, null, warm, new Rng(2));
            assertThat(two.rows(0, 1).longs()).isEqualTo(one.longs());
            Tensor known = two.flatten(1).narrow(1, 0, 2 * COLUMNS);
            assertThat(net.draw(new long[] {1, 0}, ROWS, COLUMNS, known, warm, new Rng(2)).longs()).isEqualTo(two.longs());
        }
    }
}
