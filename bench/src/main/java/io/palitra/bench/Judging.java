package io.palitra.bench;

import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Frechet;
import io.palitra.metric.Moments;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Trainable;
import java.util.LinkedHashMap;
import java.util.Map;

/** The Fréchet distance of two sets of pictures by the features of a classifier of fresh weights. */
final class Judging implements Work {
    private static final int BATCH = 200;

    private final Trainable model;
    private final ClassifierFeatures features;
    private final Tensor a;
    private final Tensor b;

    /** @param a [N,C,H,W], retained; freed with this, as is b */
    Judging(Trainable model, Tensor a, Tensor b) {
        this.model = model;
        features = (ClassifierFeatures) model;
        this.a = a;
        this.b = b;
        model.net().training(false);
        model.net().trainable(false);
    }

    @Override public Map<String, Tensor> given() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        model.net().state().forEach((name, t) -> all.put("net." + name, t.detach().copy()));
        all.put("a", a);
        all.put("b", b);
        return all;
    }

    @Override public double[] check() { return new double[] {distance()}; }

    @Override public void once() { distance(); }

    private double distance() {
        try (Moments left = new Moments(); Moments right = new Moments(); Guard g = Torch.noGrad()) {
            add(a, left);
            add(b, right);
            return Frechet.distance(left, right);
        }
    }

    private void add(Tensor pictures, Moments to) {
        for (long i = 0; i < pictures.size(0); i += BATCH) {
            try (Scope scope = new Scope()) { to.add(features.features(pictures.rows(i, Math.min(BATCH, pictures.size(0) - i)))); }
        }
    }

    @Override public void close() {
        a.free();
        b.free();
        model.close();
    }
}
