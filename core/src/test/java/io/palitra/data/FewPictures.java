package io.palitra.data;

import java.util.List;

/** Pictures of two kinds with captions: light at the left, or at the right. */
public record FewPictures(int channels, int side, int size) implements ImageDataset {
    @Override public String name() { return "few"; }

    @Override public ImageSpec spec() { return new ImageSpec(channels, side, side, 2); }

    @Override public int label(int i) { return i % 2; }

    @Override public List<String> classNames() { return List.of("left", "right"); }

    @Override public List<String> captions(int i) { return List.of("a light at the " + classNames().get(label(i))); }

    @Override public void pixels(int i, byte[] out, int offset) {
        for (int p = 0; p < spec().dims(); p++) {
            boolean light = p % side < side / 2 == (label(i) == 0);
            out[offset + p] = (byte) ((light ? 200 : 20) + (i * 31 + p * 17) % 40);
        }
    }
}
