package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubSettingsTest {
    @TempDir private Path dir;

    @Test void theCacheIsWherePythonLooksForIt() {
        String home = dir.toString();
        assertThat(HubSettings.of(Map.of("HOME", home)).cache()).isEqualTo(dir.resolve(".cache/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("HOME", home, "XDG_CACHE_HOME", home + "/x")).cache()).isEqualTo(dir.resolve("x/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("HOME", home, "XDG_CACHE_HOME", "x")).cache()).isEqualTo(dir.resolve(".cache/huggingface/hub"));
        assertThat(HubSettings.of(Map.of("HOME", home, "HF_HOME", "~/hf")).cache()).isEqualTo(dir.resolve("hf/hub"));
        assertThat(HubSettings.of(Map.of("HOME", home, "HF_HOME", "/a", "HF_HUB_CACHE", "/b")).cache()).isEqualTo(Path.of("/b"));
        assertThat(HubSettings.of(Map.of("HOME", home, "HF_HOME", "/a", "HF_HUB_CACHE", "")).cache()).isEqualTo(Path.of("/a/hub"));
    }

    @Test void theTokenOfTheEnvironmentGoesBeforeTheFile() throws Exception {
        String home = dir.toString();
        assertThat(HubSettings.of(Map.of("HF_HOME", home)).token()).isEmpty();
        Files.writeString(dir.resolve("token"), "hf_file\n");
        assertThat(HubSettings.of(Map.of("HF_HOME", home)).token()).contains("hf_file");
        assertThat(HubSettings.of(Map.of("HF_HOME", home, "HF_TOKEN", " hf_env ")).token()).contains("hf_env");
        Files.writeString(dir.resolve("other"), "hf_other");
        assertThat(HubSettings.of(Map.of("HF_HOME", home, "HF_TOKEN_PATH", dir.resolve("other").toString())).token()).contains("hf_other");
        assertThat(HubSettings.of(Map.of("HF_HOME", home)).toString()).contains("token=set").doesNotContain("hf_file");
        assertThat(catchThrowableOfType(IllegalArgumentException.class,
            () -> HubSettings.of(Map.of("HF_HOME", home, "HF_TOKEN", "a\r\nX: b"))))
            .hasMessage("illegal HF_TOKEN: must be one word of visible ASCII");
    }

    @Test void theEndpointIsReplacedAndChecked() {
        assertThat(HubSettings.of(Map.of("HOME", "/h")).endpoint()).isEqualTo(URI.create(HubSettings.ENDPOINT));
        assertThat(HubSettings.of(Map.of("HOME", "/h", "HF_ENDPOINT", "http://mirror:8080/hf/")).endpoint())
            .isEqualTo(URI.create("http://mirror:8080/hf"));
        for (String wrong : List.of("mirror", "file:///etc", "http://", "http://u:p@h", "http://h?q", "http://h x", "//h")) {
            Map<String, String> environment = Map.of("HOME", "/h", "HF_ENDPOINT", wrong);
            assertThat(catchThrowableOfType(IllegalArgumentException.class, () -> HubSettings.of(environment))).as(wrong)
                .hasMessageContaining("illegal HF_ENDPOINT");
        }
    }

    @Test void offlineIsTrueAsPythonWritesIt() {
        for (String yes : List.of("1", "on", "Yes", "TRUE")) assertThat(HubSettings.of(Map.of("HF_HUB_OFFLINE", yes)).offline()).isTrue();
        for (String no : List.of("0", "", "off", "2")) assertThat(HubSettings.of(Map.of("HF_HUB_OFFLINE", no)).offline()).isFalse();
    }
}
