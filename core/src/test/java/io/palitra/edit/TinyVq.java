package io.palitra.edit;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.net.VqModel;
import java.nio.file.Path;

/** A VQGAN of random weights in a folder as diffusers saves it: 2x2 pixels to a code of three channels, 11 codes, pictures of 8x8. */
public final class TinyVq {
    private static final String CONFIG = "{'_class_name': 'VQModel', 'block_out_channels': [8, 8], 'norm_num_groups': 4,"
        + "'num_vq_embeddings': 11, 'sample_size': 8, 'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'],"
        + "'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D']}";

    private TinyVq() {}

    /** @param more keys that are other than usual, as {@code 'out_channels': 1} */
    public static Path write(Path folder, String more) {
        ObjectNode json = (ObjectNode) Json.read("test", CONFIG.replace('\'', '"'));
        json.setAll((ObjectNode) Json.read("test", ("{" + more + "}").replace('\'', '"')));
        try (Scope scope = new Scope(); VqModel vq = new VqModel(VqModel.Config.fromJson(json), new Rng(1));
                FolderDraft draft = new FolderDraft(folder); Guard g = Torch.noGrad()) {
            vq.codebook().copyFrom(new Rng(2).normal(vq.codebook().shape()));
            draft.network("", json, vq.state());
            draft.publish();
        }
        return folder;
    }
}
