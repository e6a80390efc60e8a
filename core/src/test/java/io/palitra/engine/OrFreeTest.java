package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OrFreeTest {
    @Test void whatWasRetainedBeforeAFaultIsFreedAndWhatIsMadeWholeIsKept() {
        try (Scope scope = new Scope()) {
            List<Tensor> made = new ArrayList<>();
            assertThatThrownBy(() -> Scope.orFree(() -> {
                made.add(Torch.ones(2).retain());
                made.add(Scope.orFree(() -> Torch.ones(3).retain()));   // a whole part of what is not
                throw new IllegalArgumentException("half");
            })).hasMessage("half");
            for (Tensor t : made) assertThat(t).hasToString("a freed tensor");
            Tensor whole = Scope.orFree(() -> Torch.ones(4).retain());
            assertThat(whole.sum().item()).isEqualTo(4);
            whole.free();
            Tensor outside = Torch.ones(5).retain();
            assertThatThrownBy(() -> Scope.orFree(() -> { throw new IllegalArgumentException("other"); })).hasMessage("other");
            assertThat(outside.sum().item()).isEqualTo(5);
            outside.free();
        }
    }
}
