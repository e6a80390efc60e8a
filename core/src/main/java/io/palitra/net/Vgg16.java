package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The convolutions of VGG-16 under torchvision's names (Simonyan and Zisserman 2015, arXiv:1409.1556, configuration D). */
public final class Vgg16 extends Module {
    private static final int[][] STAGES = {{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}};
    private static final String PREFIX = "features.";

    private final List<List<Conv2d>> stages = new ArrayList<>();

    public Vgg16(Rng rng) {
        int in = 3, at = 0;
        for (int[] widths : STAGES) {
            List<Conv2d> stage = new ArrayList<>();
            for (int width : widths) {
                stage.add(child(PREFIX + at, new Conv2d(in, width, 3, 1, 1, rng)));
                in = width;
                at += 2;   // a ReLU stands between
            }
            stages.add(stage);
            at++;          // and a pooling
        }
    }

    /** Loads the convolutions of a file that may hold the classifier, too. @throws IllegalArgumentException if one is missing */
    public void loadPublic(Map<String, Tensor> weights) {
        Map<String, Tensor> own = new LinkedHashMap<>();
        weights.forEach((key, t) -> {
            if (key.startsWith(PREFIX)) own.put(key, t);
        });
        load(own);
    }

    /** x [B,3,H,W] to the outputs of the five stages, after the ReLU and before the pooling: [B,64,H,W] to [B,512,H/16,W/16]. */
    public List<Tensor> activations(Tensor x) {
        List<Tensor> all = new ArrayList<>();
        Tensor h = x;
        for (List<Conv2d> stage : stages) {
            Tensor from = all.isEmpty() ? h : Torch.maxPool(h, 2);
            h = Scope.run(() -> {
                Tensor y = from;
                for (Conv2d conv : stage) y = conv.forward(y).reluOver();
                return y;
            });
            all.add(h);
        }
        return all;
    }
}
