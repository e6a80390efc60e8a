package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class ResidentTest {
    @Test @EnabledOnOs(OS.LINUX) void thePeakGrowsByWhatIsMadeAndIsForgottenWhenWatchedAnew() {
        Resident.watch();
        long before = Resident.peak().orElseThrow();
        try (Scope scope = new Scope()) { Torch.ones(64 << 20); }   // 256 MiB
        long after = Resident.peak().orElseThrow();
        assertThat(after - before).isGreaterThan(200L << 20);
        Resident.watch();
        assertThat(Resident.peak().orElseThrow()).isLessThan(after - (150L << 20));
    }
}
