package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardsTest {
    private static final String GOOD = "{'metadata': {'total_size': 20}, 'weight_map': {'b.weight': 'm-00002-of-00002.safetensors',"
        + " 'a.weight': 'm-00001-of-00002.safetensors', 'a.bias': 'm-00001-of-00002.safetensors'}}";

    @TempDir Path folder;

    @BeforeEach void twoShards() throws IOException {
        try (Scope scope = new Scope()) {
            Safetensors.write(shard(1), Map.of("a.weight", Torch.ones(2), "a.bias", Torch.zeros(1)), Map.of());
            Safetensors.write(shard(2), Map.of("b.weight", Torch.full(3, 2)), Map.of());
        }
    }

    private Path shard(int i) { return folder.resolve("m-0000" + i + "-of-00002.safetensors"); }

    private Path index(String json) throws IOException {
        return Files.writeString(folder.resolve("m.safetensors.index.json"), json.replace('\'', '"'));
    }

    private void refused(String json, String why) throws IOException {
        Path index = index(json);
        assertThatThrownBy(() -> Shards.read(index)).as(json).isInstanceOf(FormatException.class).hasMessageContaining(why)
            .satisfies(e -> assertThat(e.getMessage()).hasLineCount(1));
    }

    @Test void shardsAreReadAsOne() throws IOException {
        Path index = index(GOOD);
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = Shards.read(index);
            assertThat(all.keySet()).containsExactlyInAnyOrder("a.weight", "a.bias", "b.weight");
            assertThat(Objects.requireNonNull(all.get("b.weight")).doubles()).containsExactly(3, 3);
            long before = LivePointers.settled();
            Shards.read(index);
            assertThat(Scope.livePointers() - before).isEqualTo(3);
        }
    }

    @Test void aNameThatLeadsOutOfTheFolderIsRefused() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("sub"));
        Files.copy(shard(2), outside.resolve("x.safetensors"));
        for (String name : new String[] {"../x.safetensors", "sub/x.safetensors", "/etc/x.safetensors", "sub\\\\x.safetensors",
            "C:x.safetensors", "..", ".", "", "~", "x\\u0000", "file:x", ".hidden.safetensors", "%2e%2e", "\\uff0e\\uff0e\\uff0fx"}) {
            refused(GOOD.replace("m-00002-of-00002.safetensors", name), "allowed are names in the same folder");
        }
    }

    @Test void indexAndShardsMustAgree() throws IOException {
        refused(GOOD.replace("'b.weight'", "'c.weight'"), "has no tensor 'c.weight'");
        refused(GOOD.replace(", 'a.bias': 'm-00001-of-00002.safetensors'", ""), "has tensor 'a.bias', which");
        refused(GOOD.replace("'a.bias': 'm-00001", "'a.bias': 'm-00002"), "has tensor 'a.bias', which");
        refused(GOOD.replace("m-00002", "m-00003"), "shard 'm-00003-of-00002.safetensors' is missing");
        try (Scope scope = new Scope()) {
            Safetensors.write(shard(2), Map.of("b.weight", Torch.full(3, 2), "a.bias", Torch.zeros(1)), Map.of());
        }
        refused(GOOD, "has tensor 'a.bias', which");   // in two shards
        Files.delete(shard(2));
        refused(GOOD, "is missing, it should be " + shard(2));
        Files.createDirectory(shard(2));
        refused(GOOD, "is not a regular file");
    }

    @Test void aShardThatIsDamagedIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(shard(2));
        Files.write(shard(2), Arrays.copyOf(whole, whole.length - 1));
        refused(GOOD, "promises 8 bytes of values, the file holds 7");
        String two = new String(Files.readAllBytes(shard(1)), StandardCharsets.ISO_8859_1);
        assertThat(two).contains("[0,4]").contains("[4,12]");
        Files.writeString(shard(1), two.replace("[4,12]", "[0,8] "), StandardCharsets.ISO_8859_1);
        Files.write(shard(2), whole);
        refused(GOOD, "inside another");
    }

    @Test void whatIsNoIndexIsRefused() throws IOException {
        refused("[]", "wants a weight_map with a tensor, got nothing");
        refused("{'weight_map': {}}", "got an empty object");
        refused("{'weight_map': ['a']}", "got a list");
        refused("{'weight_map': {'a': 1}}", "the shard of tensor 'a' must be a text, got the number 1");
        refused("{'weight_map': {'a': 'x', 'a': 'y'}}", "Duplicate field 'a'");
        refused("{'weight_map': ", "is no index of shards");
        assertThatThrownBy(() -> Shards.read(folder.resolve("none.json"))).isInstanceOf(FormatException.class)
            .hasMessageContaining("no such file");
        Path index = index(GOOD);
        assertThatThrownBy(() -> Shards.read(index, new Safetensors.Limits(1000, 2))).isInstanceOf(FormatException.class)
            .hasMessageContaining("names 3 tensors, allowed are 2");
    }

    @Test void shardsOfAVariantAreFoundAndReadUnderBothNames() throws IOException {
        try (Scope scope = new Scope()) {
            for (String[] names : new String[][] {{"model.safetensors.index.fp16.json", "model-0000%d-of-00002.fp16.safetensors"},
                {"model.fp16.safetensors.index.json", "model.fp16-0000%d-of-00002.safetensors"}}) {
                Path part = Files.createDirectories(folder.resolve(names[0] + ".d"));
                Safetensors.write(part.resolve(names[1].formatted(1)), Map.of("a", Torch.ones(2)), Map.of());
                Safetensors.write(part.resolve(names[1].formatted(2)), Map.of("b", Torch.full(3, 2)), Map.of());
                Path index = Files.writeString(part.resolve(names[0]),
                    "{\"weight_map\": {\"a\": \"" + names[1].formatted(1) + "\", \"b\": \"" + names[1].formatted(2) + "\"}}");
                assertThat(ModelFolder.file(part)).isEqualTo(index);
                assertThat(Weights.named(index)).isTrue();
                assertThat(Weights.read(ModelFolder.file(part)).keySet()).containsExactlyInAnyOrder("a", "b");
            }
            Path both = Files.createDirectories(folder.resolve("both"));
            for (String name : new String[] {"model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json",
                "model.fp16.safetensors"}) {
                Files.writeString(both.resolve(name), "");
            }
            assertThat(ModelFolder.file(both)).as("one variant in three forms").hasFileName("model.fp16.safetensors");
            Files.writeString(both.resolve("model.safetensors.index.non_ema.json"), "");
            assertThatThrownBy(() -> ModelFolder.file(both)).isInstanceOf(FormatException.class).hasMessageContaining("several variants");
        }
    }

    /** As torch.save writes it: two numbers of that name. */
    private static byte[] torch(String name) {
        String pickle = "\200\2}X" + (char) name.length() + "\0\0\0" + name
            + "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n"
            + "FloatStorage\nX\1\0\0\0" + "0X\3\0\0\0cpuK\2tQK\0K\2\205K\1\205\211ccollections\nOrderedDict\n)RtRs.";
        return TorchFileTest.zip(TorchFileTest.latin(pickle), new byte[] {0, 0, -128, 63, 0, 0, 0, 64});
    }

    @Test void shardsOfTorchSaveAreReadAsThoseOfSafetensors() throws IOException {
        for (String index : new String[] {"pytorch_model.bin.index.json", "pytorch_model.bin.index.fp16.json",
            "diffusion_pytorch_model.fp16.bin.index.json"}) {
            Path part = Files.createDirectories(folder.resolve("of-" + index));
            Files.write(part.resolve("m-00001-of-00002.bin"), torch("a.weight"));
            Files.write(part.resolve("m-00002-of-00002.bin"), torch("b.weight"));
            String json = "{\"weight_map\": {\"a.weight\": \"m-00001-of-00002.bin\", \"b.weight\": \"m-00002-of-00002.bin\"}}";
            Files.writeString(part.resolve(index), json);
            assertThat(ModelFolder.file(part)).hasFileName(index);
            try (Scope scope = new Scope()) {
                Map<String, Tensor> all = Weights.read(ModelFolder.file(part));
                assertThat(all.keySet()).containsExactlyInAnyOrder("a.weight", "b.weight");
                assertThat(Objects.requireNonNull(all.get("b.weight")).doubles()).containsExactly(1, 2);
            }
            assertThat(ModelHash.of(part)).hasSize(64);
            Files.write(part.resolve("m-00002-of-00002.bin"), torch("c.weight"));
            assertThatThrownBy(() -> Weights.read(ModelFolder.file(part))).hasMessageContaining("has no tensor 'b.weight'");
            Files.delete(part.resolve("m-00002-of-00002.bin"));
            assertThatThrownBy(() -> Weights.read(ModelFolder.file(part))).hasMessageContaining("'m-00002-of-00002.bin' is missing");
        }
    }
}
