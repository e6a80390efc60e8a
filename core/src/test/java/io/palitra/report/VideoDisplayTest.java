package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Picture;
import io.palitra.data.VideoSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.junit.jupiter.api.Test;

class VideoDisplayTest {
    private static final VideoSpec SPEC = new VideoSpec(5, 1, 8, 8, 0);
    private final Display display = Display.of(SPEC);

    @Test void aSheetHasARowForEachFilmAndAFrameAfterTheOther() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).uniform(3, 5, 1, 8, 8).mul(2).sub(1);
            Picture sheet = display.sheet(SPEC, x, 8, "").drawn().orElseThrow();
            assertThat(sheet.width()).isEqualTo(5 * 8 + 4 * 2);
            assertThat(sheet.height()).isEqualTo(3 * 8 + 2 * 4);
            byte[] bytes = io.palitra.data.DataLoader.toBytes(x);
            assertThat(sheet.pixels()[10]).isEqualTo(bytes[64]);   // the first pixel of the second frame
            assertThat(display.rows(SPEC, Map.of("original", x))).isPresent();
        }
    }

    @Test void anItemPlaysAsAGifAndAllPlaySideBySide() throws Exception {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).uniform(3, 5, 1, 8, 8).mul(2).sub(1);
            List<List<Sheet>> forms = display.forms(SPEC, x);
            assertThat(forms).hasSize(3).allSatisfy(item -> assertThat(item).extracting(Sheet::suffix).startsWith(".png", ".gif"));
            assertThat(display.endings()).startsWith(".png", ".gif");
            assertThat(frames(forms.get(0).get(1).bytes(Map.of()))).isEqualTo(5);
            Sheet film = display.film(SPEC, x, 2, ".gif");
            assertThat(film.mediaType()).isEqualTo("image/gif");
            assertThat(frames(film.bytes(Map.of()))).isEqualTo(5);
        }
    }

    private static int frames(byte[] gif) throws Exception {
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(gif)));
        return reader.getNumImages(true);
    }
}
