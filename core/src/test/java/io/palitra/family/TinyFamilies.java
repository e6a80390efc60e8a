package io.palitra.family;

import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.stage.TinyFirstStage;
import java.nio.file.Path;
import java.util.List;

/** Configurations of every family that train in no time: the one list for all tests that run over all families. */
public final class TinyFamilies {
    private static final DataSpec GREY = new ImageSpec(1, 28, 28, 10), RGB = new ImageSpec(3, 32, 32, 10), LARGE = new ImageSpec(1, 64, 64,
        0);
    private static final DataSpec POINTS = new VectorSpec(2, 25);

    private TinyFamilies() {}

    public record Case(String family, DataSpec data, List<String> overrides) {
        @Override public String toString() { return family + " " + overrides + " on " + java.util.Arrays.toString(data.shape()); }
    }

    /**
     * At least one of every family of the catalogue but lora, which changes a model of others.
     *
     * @param greyStage a first stage of pictures of one channel, as {@link TinyFirstStage} makes it; rgbStage one of three
     */
    public static List<Case> cases(Path greyStage, Path rgbStage) {
        return List.of(
            new Case("ae", GREY, List.of("latent=4", "net.hidden=32")), new Case("ae", RGB, List.of("latent=4", "net=conv", "net.width=8")),
            new Case("ae", POINTS, List.of("latent=1", "net.hidden=16", "l1=0.01", "l2=0.01")),
            new Case("vae", GREY, List.of("latent=4", "net.hidden=32")),
            new Case("vae", LARGE, List.of("latent=4", "net=conv", "net.width=8", "decoder=logistic", "freeBits=0.1")),
            new Case("vae", RGB, List.of("latent=4", "net=conv", "net.width=8", "decoder=gaussian", "conditional=true", "divergence=gjs")),
            new Case("vae", RGB, List.of("latent=2", "net=kl", "net.channels=4,4,4", "net.groups=2", "decoder=gaussian")),
            new Case("vae", POINTS, List.of("latent=2", "net.hidden=16", "decoder=gaussian")),
            new Case("vqvae", GREY, List.of("net.channels=4,4,8", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=0")),
            new Case("vqvae", RGB, List.of("net.channels=4,4", "net.groups=2", "net.attention=true", "restart=0", "beta=1",
                "codesFrom=0")),
            new Case("vqgan", RGB, List.of("net.channels=4,4,8", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=2",
                "adversary.width=8", "adversary.from=1", "adversary.generatorFrom=2", "adversary.ramp=4")),
            new Case("vqgan", GREY, List.of("net.channels=4,4", "net.groups=2", "codesFrom=0", "adversary.weight=0")),
            new Case("gan", GREY, List.of("width=8")),
            new Case("gan", RGB, List.of("width=8", "conditional=true", "loss=hinge", "spectralNorm=true", "minibatchStddev=true")),
            new Case("gan", LARGE, List.of("width=4", "loss=wgan-gp")), new Case("gan", POINTS, List.of("width=8", "r1=1", "coldStart=2")),
            new Case("diffusion", GREY, List.of("channels=8,8", "attention=1", "groups=4")),
            new Case("pixelcnn", GREY, List.of("net.width=6", "net.dilations=1,2")),
            new Case("pixelcnn", RGB, List.of("net=plain", "net.width=6", "net.blocks=1", "levels=256", "head=logistic",
                "conditional=true")),
            new Case("realnvp", POINTS, List.of("width=16")), new Case("realnvp", GREY, List.of("width=8", "couplings=2", "scales=2")),
            new Case("realnvp", GREY, List.of("width=8", "between=batchnorm")),
            new Case("realnvp", RGB, List.of("width=8", "couplings=2", "scales=3", "dequantise=variational")),
            new Case("ebm", GREY, List.of("width=4", "steps=3", "buffer=32")),
            new Case("ebm", RGB, List.of("width=4", "steps=2", "buffer=16", "spectralNorm=true")),
            new Case("ebm", POINTS, List.of("width=8", "steps=3", "buffer=16", "fresh=0.5")),
            new Case("diffusion", RGB, List.of("channels=8,8", "attention=1", "groups=4", "conditional=true", "prediction=v",
                "schedule=cosine")),
            new Case("diffusion", LARGE, List.of("channels=8,8,8", "groups=4", "prediction=x0", "minSnr=5")),
            new Case("tokens", GREY, List.of("stage=" + greyStage, "net.width=16", "net.layers=1", "net.heads=2")),
            new Case("tokens", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=1", "net.heads=2", "condition=label")),
            new Case("tokens", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=1", "net.heads=2", "condition=text",
                "text=12", "pairs=20")),
            new Case("tokens", RGB, List.of("stage=" + rgbStage, "net=pixelcnn", "net.table=6", "net.net.width=8", "net.net.dilations=1,2",
                "condition=label")),
            new Case("dalle", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=2", "net.heads=2", "attention=sparse",
                "text=12", "pairs=20", "dropText=0.3")),
            new Case("classifier", GREY, List.of("width=4")), new Case("classifier", POINTS, List.of()),
            new Case("clip", GREY, List.of("points=8", "picture.width=16", "picture.layers=1", "text.width=8", "text.layers=1", "pairs=4")),
            new Case("clip", RGB, List.of("points=8", "patch=16", "picture.width=16", "picture.layers=1", "text.width=8", "text.layers=2",
                "pairs=0", "length=8")));
    }
}
