package io.palitra.stage;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.net.VqModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A first stage of random weights for pictures of that many channels: 11 codes of 4x4 pixels, in a folder of diffusers. */
public final class TinyFirstStage {
    private static final String CONFIG = "{'_class_name': 'VQModel', 'block_out_channels': [4, 4, 4], 'norm_num_groups': 2,"
        + "'num_vq_embeddings': 11, 'in_channels': C, 'out_channels': C, 'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D',"
        + "'DownEncoderBlock2D'], 'up_block_types': ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D']}";

    private TinyFirstStage() {}

    public static Path save(Path folder, int channels, long seed) {
        ObjectNode json = (ObjectNode) Json.read("test", CONFIG.replace('\'', '"').replace("C,", channels + ","));
        try (Scope scope = new Scope(); VqModel vq = new VqModel(VqModel.Config.fromJson(json), new Rng(seed));
                FolderDraft draft = new FolderDraft(folder); Guard g = Torch.noGrad()) {
            vq.codebook().copyFrom(new Rng(seed + 1).normal(11, 3));
            draft.network("", json, vq.state());
            draft.publish();
        }
        return folder;
    }

    /** In a folder that is gone when the tests are over. */
    public static Path lasting(int channels) {
        try {
            Path root = Files.createTempDirectory("palitra-vq");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(root)));
            return save(root.resolve("vq"), channels, 1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void remove(Path root) {
        try (Stream<Path> all = Files.walk(root)) {
            List<Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
            for (Path p : deepestFirst) Files.delete(p);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
