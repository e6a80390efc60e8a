package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DeviceTest {
    @Test void threadsAreOneToTheProcessors() {
        int before = Device.threads(), most = Device.processors();
        assertThat(before).isBetween(1, most);
        for (int wrong : new int[] {0, -3, most + 1, 20_000, 1_000_000_000}) {
            assertThatThrownBy(() -> Device.threads(wrong)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("illegal threads: " + wrong, "between 1 and " + most);
        }
        Device.threads(most);
        assertThat(Device.threads()).isEqualTo(most);
        Device.threads(before);
    }
}
