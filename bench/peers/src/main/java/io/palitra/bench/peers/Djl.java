package io.palitra.bench.peers;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.L2Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;

/** The autoencoder by the Deep Java Library on its PyTorch engine, with its own trainer. */
final class Djl implements Peer.Steps {
    private final L2Loss loss = new L2Loss("mse", 1);
    private final Trainer trainer;
    private final NDArray clean;

    Djl(Given given, int threads) {
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        Model model = Model.newInstance("autoencoder", "PyTorch");
        NDManager manager = model.getNDManager();
        SequentialBlock net = new SequentialBlock();
        for (String half : new String[] {"encoder", "decoder"}) {
            for (int i = 0; i < 3; i++) {
                String key = "net." + half + "." + i;
                Given.Array w = given.get(key + ".weight"), b = given.get(key + ".bias");
                Linear layer = Linear.builder().setUnits(w.shape()[0]).build();
                layer.getDirectParameters().get("weight").setArray(manager.create(w.values(), new Shape(w.shape())));
                layer.getDirectParameters().get("bias").setArray(manager.create(b.values(), new Shape(b.shape())));
                net.add(layer);
                if (i < 2) net.add(x -> new NDList(Activation.swish(x.singletonOrThrow(), 1)));
            }
        }
        net.add(Activation::sigmoid);
        model.setBlock(net);
        trainer = model.newTrainer(new DefaultTrainingConfig(loss)
            .optOptimizer(Optimizer.adam().optLearningRateTracker(Tracker.fixed(1e-3f)).optEpsilon((float) Peer.EPSILON).build()));
        Given.Array x = given.get("x").flat();
        clean = manager.create(x.values(), new Shape(x.shape())).add(1).div(2);
        trainer.initialize(new Shape(x.shape()));
    }

    static String about() {
        Engine engine = Engine.getEngine("PyTorch");
        return "DJL " + Engine.getDjlVersion() + ", libtorch " + engine.getVersion();
    }

    @Override public double step() {
        try (NDManager turn = trainer.getManager().newSubManager()) {
            NDList x = new NDList(clean.duplicate());
            x.attach(turn);
            float value;
            try (GradientCollector collector = trainer.newGradientCollector()) {
                NDArray l = loss.evaluate(x, trainer.forward(x));
                collector.backward(l);
                value = l.getFloat();
            }
            trainer.step();
            return value;
        }
    }
}
