package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Picture;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ResultsTest {
    @Test void thePageHoldsAllAndFetchesNothing() {
        byte[] png = Png.encode(new Picture(1, 2, 2, new byte[4]), Map.of());
        ReportData.Figure a = new ReportData.Figure("<b>.png", "cosine 0.9", "image/png", png);
        String page = new Results("a \"red\" <circle>", "in p", "2 looked at", Optional.of(a), List.of(a, a), List.of("x.png: <broken>"))
            .html();
        assertThat(page).contains("a &quot;red&quot; &lt;circle&gt;").contains("x.png: &lt;broken&gt;").contains("&lt;b&gt;.png");
        assertThat(page.split("data:image/png;base64,", -1)).hasSize(4);
        assertThat(page).doesNotContain("://").doesNotContain("<script").contains("default-src 'none'");
        assertThat(new Results("t", "", "", Optional.empty(), List.of(a), List.of()).html()).doesNotContain("Skipped");
    }
}
