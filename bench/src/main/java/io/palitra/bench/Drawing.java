package io.palitra.bench;

import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.GenerativeModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Samples of a model of fresh weights. */
final class Drawing implements Work {
    private static final long SEED = 2;

    private final GenerativeModel<?> model;
    private final Training.NoiseOf noise;
    private final Draw draw;
    private long drawn;

    @FunctionalInterface private interface Draw { Tensor of(Rng rng); }

    <S extends Record> Drawing(GenerativeModel<S> model, List<String> how, int count, Training.NoiseOf noise) {
        this.model = model;
        this.noise = noise;
        S sampling = Config.with(model.samplingDefaults(), how);
        draw = rng -> model.sample(sampling, Condition.NONE, count, rng);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Rng rng = new Rng(SEED).split(0);
            model.net().parameters().forEach((name, p) -> {
                if (p.abs().max().item() == 0) p.copyFrom(rng.normal(p.shape()).mul(0.05));   // as in Training
            });
        }
        model.net().training(false);
        model.net().trainable(false);
    }

    @Override public Map<String, Tensor> given() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        model.net().state().forEach((name, t) -> all.put("net." + name, t.detach().copy()));
        noise.of(new Rng(SEED)).forEach((name, t) -> all.put("0." + name, t));
        return all;
    }

    /** Mean square of the pictures, and their mean after + 2, with pixels weighted by their place: 0, 1/D, 2/D, ... */
    @Override public double[] check() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = draw.of(new Rng(SEED + drawn++)).to(DType.F64).flatten(1);
            Tensor place = Torch.arange(0, x.size(1)).to(DType.F64).div(x.size(1));
            return new double[] {x.square().mean().item(), x.add(2).mul(place).mean().item()};
        }
    }

    @Override public void once() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            draw.of(new Rng(SEED + drawn++));
        }
    }

    @Override public void close() { model.close(); }
}
