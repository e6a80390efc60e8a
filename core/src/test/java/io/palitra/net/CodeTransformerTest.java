package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class CodeTransformerTest {
    private static final TokenSampling HOW = new TokenSampling(1, 0, 1);

    /** 13 codes on a grid of 4x4 after two given tokens of 5 kinds; weights so large that codes differ. */
    private static CodeTransformer net(boolean sparse, int layers) {
        CodeTransformer net = new CodeTransformer(new CodeTransformer.Config(13, 4, 4, 5, 2, true, 16, layers, 2, sparse), new Rng(1));
        try (Guard g = Torch.noGrad(); Scope scope = new Scope()) {
            net.parameters().values().forEach(p -> { if (p.dims() == 2) p.copyFrom(p.detach().mul(8)); });
        }
        return net;
    }

    private static Tensor given(int n) { return new Rng(2).integers(5, n, 2); }

    @Test void aLaterCodeChangesNothingBeforeIt() {
        for (boolean sparse : new boolean[] {false, true}) {
            try (Scope scope = new Scope(); CodeTransformer net = net(sparse, 3); Guard g = Torch.noGrad()) {
                Tensor codes = new Rng(3).integers(13, 2, 15), other = codes.copy();
                other.narrow(1, 6, 9).copyFrom(new Rng(4).integers(13, 2, 9));
                Tensor off = net.forward(given(2), codes).sub(net.forward(given(2), other)).abs().amax(false, 0, 2);   // [G + n]
                assertThat(off.narrow(0, 0, 2 + 6).max().item()).isZero();
                assertThat(off.narrow(0, 2 + 6, 1).item()).isPositive();
            }
        }
    }

    @Test void masksAreThoseOfRowsColumnsAndNeighbours() {
        assertThat(seen(AttentionMask.FULL, 4)).containsExactly(0, 1, 2, 3, 4);
        assertThat(seen(AttentionMask.ROW, 4)).containsExactly(1, 2, 3, 4);       // in a grid of 3x3: three before and itself
        assertThat(seen(AttentionMask.ROW, 8)).containsExactly(5, 6, 7, 8);
        assertThat(seen(AttentionMask.COLUMN, 4)).containsExactly(1, 4);
        assertThat(seen(AttentionMask.COLUMN, 8)).containsExactly(2, 5, 8);
        assertThat(seen(AttentionMask.NEAR, 4)).containsExactly(0, 1, 2, 3, 4);
        assertThat(seen(AttentionMask.NEAR, 5)).containsExactly(1, 2, 4, 5);
        assertThat(seen(AttentionMask.NEAR, 8)).containsExactly(4, 5, 7, 8);
        List<AttentionMask> layers = new ArrayList<>();
        for (int i = 0; i < 8; i++) layers.add(AttentionMask.sparse(i, 8));
        assertThat(layers).containsExactly(AttentionMask.ROW, AttentionMask.COLUMN, AttentionMask.ROW, AttentionMask.ROW,
            AttentionMask.ROW, AttentionMask.COLUMN, AttentionMask.ROW, AttentionMask.NEAR);
        assertThat(List.of(AttentionMask.reach(32), AttentionMask.reach(16), AttentionMask.reach(8), AttentionMask.reach(2)))
            .containsExactly(5, 3, 1, 1);
    }

    private static List<Integer> seen(AttentionMask sight, int query) {
        List<Integer> keys = new ArrayList<>();
        for (int k = 0; k < 9; k++) if (sight.of(query, k, 3, 1)) keys.add(k);
        return keys;
    }

    @Test void aLayerOfNeighboursSeesTheTextAndNeighboursAlone() {
        try (Scope scope = new Scope(); CodeTransformer net = net(true, 1); Guard g = Torch.noGrad()) {
            Tensor codes = new Rng(3).integers(13, 1, 15);
            Tensor before = net.forward(given(1), codes);
            for (int k = 0; k < 15; k++) {
                Tensor other = codes.copy();
                other.narrow(1, k, 1).copyFrom(codes.narrow(1, k, 1).add(1).remainder(13));
                Tensor off = net.forward(given(1), other).sub(before).abs().amax(false, 0, 2);
                for (int q = 0; q < 15; q++) {
                    boolean moved = off.narrow(0, 2 + q, 1).item() > 0;
                    assertThat(moved).as("code " + k + " at " + q).isEqualTo(AttentionMask.NEAR.of(q, k, 4, 1));
                }
            }
            Tensor told = net.forward(given(1).add(1).remainder(5).to(codes.dtype()), codes).sub(before).abs().amax(false, 0, 2);
            assertThat(told.min().item()).isPositive();
        }
    }

    private static long[] draw(CodeTransformer net, int n, int rows, int columns, int known, double guidance, TokenSampling how,
        boolean cached) {
        Tensor first = known == 0 ? null : new Rng(7).integers(13, n, known);
        Tensor without = Torch.zeros(io.palitra.engine.DType.I64, n, 2);
        return net.draw(new CodeTransformer.Drawing(given(n), without, guidance, rows, columns, first), how, new Rng(5), cached).longs();
    }

    @Test void fromTheCacheTheCodesAreThoseOfTheWholePass() {
        TokenSampling narrow = new TokenSampling(0.7, 5, 0.9);
        for (boolean sparse : new boolean[] {false, true}) {
            try (Scope scope = new Scope(); CodeTransformer net = net(sparse, 3)) {
                for (TokenSampling how : List.of(HOW, narrow, TokenSampling.GREEDY)) {
                    for (double guidance : new double[] {1, 3}) {
                        for (int known : new int[] {0, 8, 12}) {
                            assertThat(draw(net, 3, 4, 4, known, guidance, how, true)).as(how + " " + guidance + " " + known)
                                .isEqualTo(draw(net, 3, 4, 4, known, guidance, how, false));
                        }
                    }
                }
            }
        }
    }

    @Test void knownCodesAreKeptAndTellTheOthers() {
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 3)) {
            Tensor known = new Rng(7).integers(13, 2, 8), other = new Rng(8).integers(13, 2, 8);
            Tensor a = net.draw(new CodeTransformer.Drawing(given(2), null, 1, 4, 4, known), HOW, new Rng(5));
            Tensor b = net.draw(new CodeTransformer.Drawing(given(2), null, 1, 4, 4, other), HOW, new Rng(5));
            assertThat(a.narrow(1, 0, 2).longs()).isEqualTo(known.longs());
            assertThat(a.narrow(1, 2, 2).longs()).isNotEqualTo(b.narrow(1, 2, 2).longs());
        }
    }

    @Test void thePictureOfASeedDoesNotDependOnHowManyAreDrawn() {
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 3)) {
            Tensor given = given(5);
            Tensor five = net.draw(new CodeTransformer.Drawing(given, null, 1, 6, 5, null), HOW, new Rng(5));
            Tensor two = net.draw(new CodeTransformer.Drawing(given.rows(3, 2), null, 1, 6, 5, null), HOW, new Rng(5).at(3));
            assertThat(two.longs()).isEqualTo(five.rows(3, 2).longs());
            assertThat(five.select(0, 0).longs()).isNotEqualTo(five.select(0, 1).longs());
        }
    }

    @Test void aPictureWhoseRowsAreKnownGoesOnAsItDidWithoutThem() {
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 3)) {
            Tensor whole = net.draw(new CodeTransformer.Drawing(given(3), null, 1, 4, 4, null), HOW, new Rng(5));
            Tensor known = whole.narrow(1, 0, 2).reshape(3, 8);
            assertThat(net.draw(new CodeTransformer.Drawing(given(3), null, 1, 4, 4, known), HOW, new Rng(5)).longs())
                .isEqualTo(whole.longs());
        }
    }

    /** The law of the window: what fits it is drawn as full attention draws it, code by code from all before it. */
    @Test void aPictureThatFitsTheWindowIsThatOfFullAttention() {
        for (int[] size : new int[][] {{4, 4}, {3, 4}, {1, 4}}) {
            try (Scope scope = new Scope(); CodeTransformer net = net(false, 3); Guard g = Torch.noGrad()) {
                int cells = size[0] * size[1];
                Rng rng = new Rng(5);
                Tensor codes = Torch.zeros(io.palitra.engine.DType.I64, 2, cells);
                for (int i = 0; i < cells; i++) {
                    Tensor hidden = net.forward(given(2), codes.narrow(1, 0, Math.max(1, i)));
                    int[] next = HOW.draw(net.codeLogits(hidden.select(1, 1 + i)), rng);
                    codes.narrow(1, i, 1).copyFrom(Torch.of(new long[] {next[0], next[1]}, 2, 1));
                }
                Tensor drawn = net.draw(new CodeTransformer.Drawing(given(2), null, 1, size[0], size[1], null), HOW, new Rng(5));
                assertThat(drawn.longs()).isEqualTo(codes.longs());
            }
        }
    }

    @Test void inLargerPicturesTheWindowStandsAroundTheCodeAndStopsAtTheEdges() {
        List<Integer> starts = new ArrayList<>();
        for (int i = 0; i < 8; i++) starts.add(CodeTransformer.first(i, 8, 4));
        assertThat(starts).containsExactly(0, 0, 0, 1, 2, 3, 4, 4);
        assertThat(CodeTransformer.first(2, 3, 4)).isZero();
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 3)) {
            for (int[] size : new int[][] {{9, 4}, {4, 9}, {7, 6}, {2, 3}, {5, 2}}) {
                int columns = size[1];
                assertThat(draw(net, 2, size[0], columns, columns, 1, HOW, true)).as(size[0] + "x" + columns)
                    .isEqualTo(draw(net, 2, size[0], columns, columns, 1, HOW, false));
            }
        }
    }

    @Test void aCodeOfALargerPictureDependsOnItsWindowAlone() {
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 2)) {
            // the code at (7,2) of 9x4: rows 5 to 8 are its window
            for (int row = 0; row < 7; row++) {
                Tensor known = new Rng(8).integers(13, 1, 28), other = known.copy();
                other.narrow(1, row * 4L, 4).copyFrom(known.narrow(1, row * 4L, 4).add(1).remainder(13));
                int same = 0;
                for (int seed = 0; seed < 20; seed++) {
                    long[] a = net.draw(new CodeTransformer.Drawing(given(1), null, 1, 9, 4, known), HOW, new Rng(seed)).longs();
                    long[] b = net.draw(new CodeTransformer.Drawing(given(1), null, 1, 9, 4, other), HOW, new Rng(seed)).longs();
                    if (Arrays.equals(a, 28, 36, b, 28, 36)) same++;
                }
                if (row < 5) assertThat(same).isEqualTo(20);
                else assertThat(same).as("row " + row).isLessThan(20);
            }
        }
    }

    @Test void masksOfRowsAndColumnsHaveNoWindow() {
        try (Scope scope = new Scope(); CodeTransformer net = net(true, 2)) {
            assertThatThrownBy(() -> draw(net, 1, 5, 4, 0, 1, HOW, true))
                .hasMessage("a network of sparse attention draws grids of 4x4, not 5x4");
        }
    }

    @Test void drawingLeavesNothingBehind() {
        try (Scope scope = new Scope(); CodeTransformer net = net(false, 2)) {
            try (Scope warm = new Scope()) { draw(net, 2, 5, 5, 0, 2, HOW, true); }
            long before = Scope.livePointers();
            for (int i = 0; i < 3; i++) try (Scope own = new Scope()) { draw(net, 2, 5, 5, 0, 2, HOW, true); }
            assertThat(Scope.livePointers()).isLessThanOrEqualTo(before);
        }
    }
}
