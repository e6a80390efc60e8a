package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.UnetCondition2d.Addition;
import io.palitra.net.UnetCondition2d.ClassEmbedding;
import io.palitra.net.UnetCondition2d.Config;
import io.palitra.net.UnetCondition2d.Given;
import io.palitra.net.UnetCondition2d.HidProj;
import io.palitra.net.UnetCondition2d.TimeEmbeddingType;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What of a {@link UnetCondition2d} makes its inputs beside the picture: the embedded time with all that is added, and the text's tokens.
 */
final class UnetConditioning {
    /** The vector of a picture as tokens. */
    private static final class PictureTokens extends Module {
        private static final int TOKENS = 32;   // as diffusers has it

        private final Linear all;
        private final Norm.Layer norm;

        PictureTokens(int in, int width, Rng rng) {
            all = child("image_embeds", new Linear(in, TOKENS * width, rng));
            norm = child("norm", new Norm.Layer(width, 1e-5));
        }

        /** [B,in] to [B,TOKENS,width]. */
        Tensor forward(Tensor x) { return norm.forward(all.forward(x).reshape(x.size(0), TOKENS, -1)); }
    }

    /** The vector of a picture, to be added to the embedded time. */
    private static final class PictureTime extends Module {
        private final Linear proj;
        private final Norm.Layer norm;

        PictureTime(int in, int width, Rng rng) {
            proj = child("image_proj", new Linear(in, width, rng));
            norm = child("image_norm", new Norm.Layer(width, 1e-5));
        }

        Tensor forward(Tensor x) { return norm.forward(proj.forward(x)); }
    }

    private final Config config;
    private final Map<String, Module> parts = new LinkedHashMap<>();
    private final int first;
    private final TimeEmbedding.@Nullable Frequencies frequencies;
    private final TimeEmbedding.Mlp timeEmbedding;
    private final @Nullable Linear textProj;
    private final @Nullable PictureTokens pictureProj;
    private final @Nullable Embedding classes;
    private final TimeEmbedding.@Nullable Mlp classMlp;
    private final @Nullable Linear classLinear;
    private final @Nullable TextPooling pooling;
    private final TimeEmbedding.@Nullable Mlp addition;
    private final @Nullable PictureTime picture;

    UnetConditioning(Config config, Rng rng) {
        this.config = config;
        first = config.blockOutChannels().get(0);
        int width = config.embedding(), given = config.projectionClassEmbeddingsInputDim();
        boolean fourier = config.timeEmbeddingType() == TimeEmbeddingType.FOURIER;
        frequencies = fourier ? part("time_proj", new TimeEmbedding.Frequencies(width / 2, 1, rng)) : null;
        int waves = fourier ? width : first;
        timeEmbedding = part("time_embedding",
            new TimeEmbedding.Mlp(waves, width, config.actFn(), config.timestepPostAct(), config.timeCondProjDim(), rng));
        HidProj proj = config.encoderHidDimType();
        textProj = proj == HidProj.TEXT_PROJ
            ? part("encoder_hid_proj", new Linear(config.encoderHidDim(), config.widthOfContext(), rng)) : null;
        pictureProj = proj == HidProj.IMAGE_PROJ
            ? part("encoder_hid_proj", new PictureTokens(config.encoderHidDim(), config.widthOfContext(), rng)) : null;
        classes = config.classEmbedType() == ClassEmbedding.LOOKUP && config.numClassEmbeds() > 0
            ? part("class_embedding", new Embedding(config.numClassEmbeds(), width, rng)) : null;
        classMlp = switch (config.classEmbedType()) {
            case TIMESTEP -> part("class_embedding", new TimeEmbedding.Mlp(waves, width, config.actFn(), null, 0, rng));
            case PROJECTION -> part("class_embedding", new TimeEmbedding.Mlp(given, width, rng));
            case LOOKUP, IDENTITY, SIMPLE_PROJECTION -> null;
        };
        classLinear = config.classEmbedType() == ClassEmbedding.SIMPLE_PROJECTION
            ? part("class_embedding", new Linear(given, width, rng)) : null;
        Addition added = config.additionEmbedType();
        pooling = added == Addition.TEXT
            ? part("add_embedding", new TextPooling(config.textWidth(), width, config.additionEmbedTypeNumHeads(), rng)) : null;
        addition = added == Addition.TEXT_TIME ? part("add_embedding", new TimeEmbedding.Mlp(given, width, rng)) : null;
        picture = added == Addition.IMAGE ? part("add_embedding", new PictureTime(config.encoderHidDim(), width, rng)) : null;
    }

    private <M extends Module> M part(String name, M module) {
        parts.put(name, module);
        return module;
    }

    /** What the network registers, by name. */
    Map<String, Module> parts() { return parts; }

    /** Width of the embedded time with all that is added or appended. */
    int width() { return config.classEmbeddingsConcat() ? 2 * config.embedding() : config.embedding(); }

    /** The tokens that the network attends to, [B,S,D]; null for none. */
    @Nullable Tensor states(Given given) {
        if (pictureProj != null && given.pooled() != null) return pictureProj.forward(given.pooled());
        return textProj == null || given.text() == null ? given.text() : textProj.forward(given.text());
    }

    /** [B,E], before the activation of the blocks. */
    Tensor embedded(Tensor t, Given given, DType type) {
        Tensor emb = timeEmbedding.forward(waves(t).to(type), given.timeCond());
        if (given.labels() != null) {
            Tensor c = classified(given.labels(), type);
            emb = config.classEmbeddingsConcat() ? Torch.cat(1, emb, c) : emb.add(c);
        }
        if (pooling != null && given.text() != null) emb = emb.add(pooling.forward(given.text()));
        if (picture != null && given.pooled() != null) emb = emb.add(picture.forward(given.pooled()));
        if (addition != null && given.pooled() != null && given.timeIds() != null) {
            Tensor ids = TimeEmbedding.waves(given.timeIds().reshape(-1), config.additionTimeEmbedDim(), config.flipSinToCos(),
                config.freqShift());
            emb = emb.add(addition.forward(Torch.cat(1, given.pooled(), ids.reshape(given.pooled().size(0), -1).to(type))));
        }
        return config.timeEmbeddingActFn() == null ? emb : config.timeEmbeddingActFn().of(emb);
    }

    private Tensor classified(Tensor labels, DType type) {
        if (classes != null) return classes.forward(labels);
        if (classLinear != null) return classLinear.forward(labels);
        if (classMlp == null) return labels;
        return classMlp.forward(config.classEmbedType() == ClassEmbedding.TIMESTEP ? waves(labels).to(type) : labels);
    }

    private Tensor waves(Tensor t) {
        return frequencies == null ? TimeEmbedding.waves(t, first, config.flipSinToCos(), config.freqShift())
            : frequencies.waves(t, config.flipSinToCos());
    }
}
