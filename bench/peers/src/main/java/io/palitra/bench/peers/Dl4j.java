package io.palitra.bench.peers;

import java.nio.file.Path;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** The autoencoder by Deeplearning4j, with its own fit. */
final class Dl4j implements Peer.Steps {
    private final MultiLayerNetwork net;
    private final INDArray clean;

    Dl4j(Given given) {
        NeuralNetConfiguration.ListBuilder layers = new NeuralNetConfiguration.Builder().updater(new Adam(1e-3, 0.9, 0.999, Peer.EPSILON)).list();
        for (int i = 0; i < 6; i++) {
            long[] shape = given.get(key(i) + ".weight").shape();
            int in = (int) shape[1], out = (int) shape[0];
            layers.layer(i < 5 ? new DenseLayer.Builder().nIn(in).nOut(out).activation(i == 2 ? Activation.IDENTITY : Activation.SWISH).build()
                : new OutputLayer.Builder(LossFunctions.LossFunction.MSE).nIn(in).nOut(out).activation(Activation.SIGMOID).build());
        }
        MultiLayerConfiguration config = layers.build();
        net = new MultiLayerNetwork(config);
        net.init();
        for (int i = 0; i < 6; i++) {
            Given.Array w = given.get(key(i) + ".weight").transposed(), b = given.get(key(i) + ".bias");
            net.setParam(i + "_W", Nd4j.create(w.values(), w.shape(), 'c'));
            net.setParam(i + "_b", Nd4j.create(b.values(), new long[] {1, b.values().length}, 'c'));
        }
        Given.Array x = given.get("x").flat();
        clean = Nd4j.create(x.values(), x.shape(), 'c').addi(1).divi(2);
    }

    private static String key(int i) { return "net." + (i < 3 ? "encoder." + i : "decoder." + (i - 3)); }

    static String about() {
        return "Deeplearning4j on " + Path.of(Nd4j.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getFileName();
    }

    @Override public double step() {
        net.fit(clean, clean);
        return net.score();
    }
}
