package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.model.Watcher;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DoctorRequestTest {
    @Test void itTellsWhatOtherProgramsTake() throws Exception {
        Map<String, String> findings = new DoctorRequest().run(Watcher.SILENT).findings();
        assertThat(findings.get("others")).matches("no other program works|other programs keep \\d+\\.\\d of \\d+ processors busy: .*");
    }
}
