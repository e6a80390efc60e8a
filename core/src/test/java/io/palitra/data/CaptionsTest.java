package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CaptionsTest {
    /** Eight grey points, each with three captions. */
    private static final ImageDataset DATA = new ImageDataset() {
        @Override public List<String> captions(int i) { return List.of(i + "a", i + "b", i + "c"); }

        @Override public String name() { return "told"; }

        @Override public ImageSpec spec() { return new ImageSpec(1, 1, 1, 0); }

        @Override public int size() { return 8; }

        @Override public int label(int i) { return -1; }

        @Override public List<String> classNames() { return List.of(); }

        @Override public void pixels(int i, byte[] out, int offset) { out[offset] = (byte) i; }
    };

    @Test void inAsManyEpochsAsThereAreCaptionsEachIsShownOnce() {
        for (int i = 0; i < 8; i++) {
            Set<String> shown = new HashSet<>();
            for (long epoch = 100; epoch < 103; epoch++) shown.add(DATA.caption(i, 7, epoch));
            assertThat(shown).hasSameElementsAs(DATA.captions(i));
        }
    }

    @Test void theFirstCaptionsAreSpreadAndDependOnTheSeed() {
        Set<String> endings = new HashSet<>(), all = new HashSet<>();
        for (int i = 0; i < 8; i++) endings.add(DATA.caption(i, 7, 0).substring(1));
        for (long seed = 0; seed < 30; seed++) all.add(DATA.caption(0, seed, 0));
        assertThat(endings).hasSize(3);
        assertThat(all).hasSize(3);
    }

    @Test void aLoaderThatStartsLaterShowsTheSameCaptions() {
        try (DataLoader whole = new DataLoader(DATA, 3, 5, 0, Device.CPU); DataLoader late = new DataLoader(DATA, 3, 5, 3, Device.CPU);
                Scope scope = new Scope()) {
            for (int k = 0; k < 3; k++) whole.next();
            for (long step = 3; step < 9; step++) {
                Batch a = whole.next(), b = late.next();
                assertThat(a.given().texts()).isEqualTo(b.given().texts());
                for (int k = 0; k < 3; k++) assertThat(a.given().texts().get(k)).isEqualTo(DATA.caption(a.items()[k], 5, step / 2));
            }
        }
    }
}
