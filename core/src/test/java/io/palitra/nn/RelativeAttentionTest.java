package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RelativeAttentionTest {
    private static double dot(Tensor q, Tensor relative, int b, int h, int i, long row) {
        if (row < 0 || row >= relative.size(1)) return 0;
        return q.select(0, b).select(0, h).select(0, i).mul(relative.select(0, h).select(0, row)).sum().item();
    }

    @ParameterizedTest @CsvSource({"1,1", "2,5", "5,2", "6,6", "9,4", "4,9"})
    void skewingEqualsTheExplicitSum(int n, int reach) {
        try (Scope scope = new Scope()) {
            Tensor q = new Rng(1).normal(2, 3, n, 4).to(DType.F64);
            Tensor left = new Rng(2).normal(3, reach, 4).to(DType.F64), both = new Rng(3).normal(3, 2 * reach - 1, 4).to(DType.F64);
            Tensor before = RelativeAttention.before(q, left), sides = RelativeAttention.bothSides(q, both);
            for (int b = 0; b < 2; b++) {
                for (int h = 0; h < 3; h++) {
                    for (int i = 0; i < n; i++) {
                        for (int j = 0; j < n; j++) {
                            double s = sides.select(0, b).select(0, h).select(0, i).select(0, j).item();
                            assertThat(Math.abs(s - dot(q, both, b, h, i, reach - 1 - (i - j)))).isLessThan(1e-12);
                            if (j > i) continue;
                            double c = before.select(0, b).select(0, h).select(0, i).select(0, j).item();
                            assertThat(Math.abs(c - dot(q, left, b, h, i, reach - 1 - (i - j)))).isLessThan(1e-12);
                        }
                    }
                }
            }
        }
    }
}
