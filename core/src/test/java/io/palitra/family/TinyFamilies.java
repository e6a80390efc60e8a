package io.palitra.family;

import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.data.VideoSpec;
import io.palitra.stage.TinyFirstStage;
import java.nio.file.Path;
import java.util.List;

/** More configurations of families that train in no time, beside each family's own {@link io.palitra.model.Family#tiny}. */
public final class TinyFamilies {
    private static final DataSpec GREY = new ImageSpec(1, 28, 28, 10), RGB = new ImageSpec(3, 32, 32, 10), LARGE = new ImageSpec(1, 64, 64,
        0);
    private static final DataSpec UNLABELLED = new ImageSpec(1, 32, 32, 0);
    private static final DataSpec POINTS = new VectorSpec(2, 25);

    private TinyFamilies() {}

    private static FamilyContract.Case of(String family, DataSpec data, List<String> overrides) {
        return new FamilyContract.Case(Families.named(family), data, overrides, null);
    }

    /**
     * What a family's own smallest configuration leaves out.
     *
     * @param greyStage a first stage of pictures of one channel, as {@link TinyFirstStage} makes it; rgbStage one of three
     */
    public static List<FamilyContract.Case> cases(Path greyStage, Path rgbStage) {
        return List.of(
            of("ae", RGB, List.of("latent=4", "net=conv", "net.width=8")),
            of("ae", POINTS, List.of("latent=1", "net.hidden=16", "l1=0.01", "l2=0.01")),
            of("vae", LARGE, List.of("latent=4", "net=conv", "net.width=8", "decoder=logistic", "freeBits=0.1")),
            of("vae", RGB, List.of("latent=4", "net=conv", "net.width=8", "decoder=gaussian", "conditional=true", "divergence=gjs")),
            of("vae", RGB, List.of("latent=2", "net=kl", "net.channels=4,4,4", "net.groups=2", "decoder=gaussian")),
            of("vae", POINTS, List.of("latent=2", "net.hidden=16", "decoder=gaussian")),
            of("vqvae", RGB, List.of("net.channels=4,4", "net.groups=2", "net.attention=true", "restart=0", "beta=1",
                "codesFrom=0")),
            of("vqgan", RGB, List.of("net.channels=4,4,8", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=2",
                "adversary.width=8", "adversary.from=1", "adversary.generatorFrom=2", "adversary.ramp=4")),
            of("vqgan", GREY, List.of("net.channels=4,4", "net.groups=2", "codesFrom=0", "adversary.weight=0")),
            of("gan", RGB, List.of("width=8", "conditional=true", "loss=hinge", "spectralNorm=true", "minibatchStddev=true")),
            of("gan", RGB, List.of("width=4", "conditional=true", "loss=hinge", "net=biggan", "r1=1")),
            of("gan", GREY, List.of("width=4", "net=plain", "net.attention=1")),
            of("gan", LARGE, List.of("width=4", "loss=wgan-gp")), of("gan", POINTS, List.of("width=8", "r1=1", "coldStart=2")),
            of("stylegan", RGB, List.of("latent=6", "style=6", "channelBase=128", "channelMax=8", "conditional=true", "generator=resnet",
                "discriminator=skip", "augment=differentiable", "clamp=256")),
            of("stylegan", GREY, List.of("latent=6", "style=6", "channelBase=112", "channelMax=8", "generator=adain",
                "discriminator=orig")),
            of("progan", RGB, List.of("latent=6", "width=4", "channelMax=8", "fade=0", "stay=1")),
            of("pixelcnn", RGB, List.of("net=plain", "net.width=6", "net.blocks=1", "levels=256", "head=logistic",
                "conditional=true")),
            of("realnvp", POINTS, List.of("width=16")),
            of("realnvp", GREY, List.of("width=8", "between=batchnorm")),
            of("realnvp", RGB, List.of("width=8", "couplings=2", "scales=3", "dequantise=variational")),
            of("ebm", RGB, List.of("width=4", "steps=2", "buffer=16", "spectralNorm=true")),
            of("ebm", POINTS, List.of("width=8", "steps=3", "buffer=16", "fresh=0.5")),
            of("diffusion", RGB, List.of("net.channels=8,8", "net.attention=1", "net.groups=4", "condition=label", "objective=v",
                "schedule=cosine")),
            of("diffusion", UNLABELLED, List.of("net.channels=8,8,8", "net.groups=4", "objective=x0", "minSnr=5")),
            of("diffusion", RGB, List.of("net=dit", "net.width=16", "net.layers=2", "net.heads=2", "net.patch=4", "condition=label")),
            of("diffusion", GREY, List.of("net=dit", "net.width=16", "net.layers=1", "net.heads=2", "objective=flow")),
            of("diffusion", RGB, List.of("stage=" + rgbStage, "net=dit", "net.width=16", "net.layers=1", "net.heads=2",
                "condition=label")),
            of("diffusion", RGB, List.of("stage=" + rgbStage, "net.channels=8,8", "net.attention=1", "net.groups=4", "condition=text",
                "text.width=16", "text.layers=1", "text.heads=2", "text.length=12", "text.pairs=20", "objective=flow")),
            of("diffusion", RGB, List.of("net=dit", "net.width=16", "net.layers=1", "net.heads=2", "net.patch=4", "condition=text",
                "text.width=16", "text.layers=1", "text.heads=2", "text.length=12", "text.pairs=20")),
            of("diffusion", new VideoSpec(4, 1, 8, 8, 3), List.of("net=latte", "net.width=16", "net.layers=1", "net.heads=2",
                "condition=label")),
            of("tokens", GREY, List.of("stage=" + greyStage, "net.width=16", "net.layers=1", "net.heads=2")),
            of("tokens", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=1", "net.heads=2", "condition=label")),
            of("tokens", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=1", "net.heads=2", "condition=text",
                "text=12", "pairs=20")),
            of("tokens", RGB, List.of("stage=" + rgbStage, "net=pixelcnn", "net.table=6", "net.net.width=8", "net.net.dilations=1,2",
                "condition=label")),
            of("dalle", RGB, List.of("stage=" + rgbStage, "net.width=16", "net.layers=2", "net.heads=2", "attention=sparse",
                "text=12", "pairs=20", "dropText=0.3")),
            of("classifier", POINTS, List.of()),
            of("clip", RGB, List.of("points=8", "patch=16", "picture.width=16", "picture.layers=1", "text.width=8", "text.layers=2",
                "pairs=0", "length=8")));
    }
}
