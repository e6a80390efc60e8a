package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.data.PictureItems;
import io.palitra.engine.Tensor;
import io.palitra.family.Gan;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Watcher;
import io.palitra.net.BigGanDeep;
import io.palitra.stage.BigGanFolder;
import io.palitra.stage.GanNet;
import io.palitra.train.RunConfig;
import io.palitra.train.RunDraft;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** A run of gan, from which samples are drawn, of a public BigGAN-deep. Its classes have numbers, since the files have no names. */
final class BigGanImport {
    private BigGanImport() {}

    static void write(FolderDraft draft, Path from, Watcher watcher) {
        try (BigGanDeep net = BigGanFolder.open(from, watcher::note)) {
            BigGanDeep.Config c = net.config();
            Record model = Config.replace(Config.with(Gan.FAMILY.defaults(), "loss=hinge", "spectralNorm=true", "conditional=true",
                "latent=" + c.zDim(), "width=" + c.channelWidth()), "net", GanNet.Deep.of(c));
            List<String> classes = IntStream.range(0, c.numClasses()).mapToObj(String::valueOf).toList();
            String name = String.valueOf(from.toAbsolutePath().normalize().getFileName());
            Map<String, Tensor> state = new LinkedHashMap<>();
            net.state().forEach((key, t) -> state.put("generator.net." + key, t));
            PictureItems pictures = PictureItems.of(c.channels(), c.side(), c.side(), c.numClasses());
            RunDraft.write(draft, RunConfig.imported(model, name, pictures, classes), state);
            watcher.note(from + ": a BigGAN-deep of " + c.side() + "x" + c.side() + " pixels and " + c.numClasses()
                + " classes, as a run of gan");
        }
    }
}
