package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ScopeTest {
    @Test void foldLeavesOnePointerHoweverManyTurns() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.ones(4);
            Scope.fold(x, 3, (v, i) -> v.add(1).mul(0.5));     // constants of the binding come to life
            long before = LivePointers.settled();
            Tensor y = Scope.fold(x, 500, (v, i) -> v.add(1).mul(0.5));
            assertThat(Scope.livePointers() - before).isEqualTo(1);
            assertThat(y.floats()).containsExactly(1, 1, 1, 1);
        }
    }

    @Test void aTensorUsedAfterItsScopeIsAnErrorAndNotACrash() {
        Tensor gone;
        try (Scope scope = new Scope()) { gone = Torch.ones(2); }
        assertThatThrownBy(() -> gone.add(1)).isInstanceOf(FreedTensorException.class)
            .hasMessage("a tensor was used after it was freed with its scope: Scope.keep passes one on to the scope around, Tensor.retain "
                + "keeps one beyond every scope");
        assertThat(gone).hasToString("a freed tensor");
        assertThatThrownBy(() -> Torch.zeros(2).add(gone)).isInstanceOf(FreedTensorException.class);
    }

    @Test void runKeepsItsResultAndItsGraph() {
        try (Scope scope = new Scope()) {
            Tensor w = Torch.ones(3).requiresGrad(true);
            Tensor y = Scope.run(() -> w.mul(2).square().sum());
            y.backward();
            assertThat(w.grad().floats()).containsExactly(8, 8, 8);
        }
    }

    @Test void theWatcherSeesEveryTurnAndMayStopIt() {
        int[] turns = {0};
        try (Scope scope = new Scope(); Guard g = Scope.watch((i, n, x) -> {
            if (++turns[0] == 3) throw new IllegalStateException("enough");
        })) {
            assertThatThrownBy(() -> Scope.fold(Torch.ones(1), 10, (x, i) -> x.add(1))).hasMessage("enough");
        }
        assertThat(turns[0]).isEqualTo(3);
    }
}
