package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile;
import io.palitra.hub.LoraFile.Change;
import io.palitra.hub.LoraFile.Network;
import io.palitra.hub.Safetensors;
import io.palitra.net.ClipText;
import io.palitra.net.HiddenActivation;
import io.palitra.net.UnetCondition2d;
import io.palitra.parity.References;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoraTest {
    @TempDir Path folder;

    /** A matrix, a kernel that halves, and a kernel of one pixel. */
    private static final class Small extends Module {
        private final Conv2d half = child("half", new Conv2d(3, 8, 3, 2, 1, new Rng(1)));
        private final Conv2d pixel = child("pixel", new Conv2d(8, 6, 1, 1, 0, new Rng(2)));
        private final Linear linear = child("mlp.0", new Linear(6, 5, new Rng(3)));

        Small() { child("norm", new Norm.Layer(5, 1e-5)); }

        /** x [B,3,H,W] to [B,pixels,5]. */
        Tensor forward(Tensor x) { return linear.forward(pixel.forward(half.forward(x).silu()).flatten(2).transpose(1, 2)); }
    }

    private static Tensor picture() { return new Rng(5).normal(2, 3, 6, 6); }

    private static LoraFile file(Change... changes) { return new LoraFile("f", List.of(changes), Map.of()); }

    private static Change change(String target, float alpha, Rng rng, long[] a, long[] b) {
        return new Change(Network.UNET, target, false, rng.normal(a).mul(0.3), rng.normal(b).mul(0.3), alpha);
    }

    private static Change[] changes(Rng rng) {
        return new Change[] {change("half", 3, rng, new long[] {4, 3, 3, 3}, new long[] {8, 4, 1, 1}),
            change("pixel", 1, rng, new long[] {2, 8}, new long[] {6, 2}),   // of a kernel, as a matrix
            change("mlp.0", 2, rng, new long[] {2, 6}, new long[] {5, 2})};
    }

    private static MergedLora merged(Module net, LoraFile file, double weight) {
        return MergedLora.of(Map.of(Network.UNET, net), List.of(new MergedLora.Weighted(file, weight)));
    }

    private static Map<String, ByteBuffer> bits(Module net) {
        Map<String, ByteBuffer> bits = new HashMap<>();
        net.state().forEach((k, t) -> bits.put(k, t.rawBytes()));
        return bits;
    }

    private static double distance(Tensor got, Tensor wanted) {
        return got.sub(wanted).abs().max().item() / wanted.abs().max().item();
    }

    @Test void livePathsAndMergedWeightsComputeTheSame() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Small net = new Small()) {
            LoraFile file = file(changes(new Rng(7)));
            Map<String, ByteBuffer> before = bits(net);
            Tensor base = net.forward(picture());
            Tensor inside;
            try (MergedLora merged = merged(net, file, 1)) { inside = net.forward(picture()); }
            assertThat(bits(net)).isEqualTo(before);
            assertThat(distance(inside, base)).isGreaterThan(0.05);
            try (Lora lora = Lora.of(net, Network.UNET, file)) {
                assertThat(distance(net.forward(picture()), inside)).isLessThan(1e-5);
                assertThat(bits(net)).isEqualTo(before);
                assertThatThrownBy(() -> Lora.fresh(net, List.of("half"), 1, 1, new Rng(1))).isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("'half' has a low-rank path already");
                lora.detach();
            }
            assertThat(net.forward(picture()).floats()).isEqualTo(base.floats());
        }
    }

    @Test void freshPathsChangeNoBitUntilTheyAreTrained() {
        try (Scope scope = new Scope(); Small net = new Small()) {
            float[] base = net.forward(picture()).floats();
            Map<String, ByteBuffer> before = bits(net);
            try (Lora lora = Lora.fresh(net, List.of("half", "pixel", "0"), 4, 8, new Rng(3))) {
                assertThat(net.forward(picture()).floats()).isEqualTo(base);
                assertThat(lora.state().keySet()).containsExactlyInAnyOrder("half.lora_A.weight", "half.lora_B.weight",
                    "pixel.lora_A.weight", "pixel.lora_B.weight", "mlp.0.lora_A.weight", "mlp.0.lora_B.weight");
                assertThat(net.state().keySet()).isEqualTo(before.keySet());
                Tensor a = Objects.requireNonNull(lora.state().get("half.lora_A.weight"));
                assertThat(a.shape()).containsExactly(4, 3, 3, 3);
                assertThat(a.detach().abs().max().item()).isLessThanOrEqualTo(1 / Math.sqrt(27)).isGreaterThan(0.9 / Math.sqrt(27));
                net.trainable(false);
                net.forward(picture()).square().mean().backward();
                lora.state().forEach((key, t) -> {
                    assertThat(t.hasGrad()).as(key).isTrue();
                    // at B = 0 only B has a slope
                    assertThat(t.grad().abs().max().item() > 0).as(key).isEqualTo(key.contains("lora_B"));
                    t.copyFrom(t.detach().sub(t.grad().mul(0.5)));
                });
                assertThat(bits(net)).isEqualTo(before);
                assertThat(net.parameters().values()).noneMatch(Tensor::hasGrad);
                Tensor trained = net.forward(picture()).detach();
                assertThat(trained.floats()).isNotEqualTo(base);
                LoraFile file = new LoraFile("trained", lora.changes(Network.UNET), Map.of());
                assertThat(file.changes().get(0).scale()).isEqualTo(2);
                lora.detach();
                try (MergedLora merged = merged(net, file, 1)) {
                    assertThat(distance(net.forward(picture()).detach(), trained)).isLessThan(1e-5);
                }
            }
        }
    }

    @Test void targetsOfFreshPathsAreEndsOfNames() {
        try (Scope scope = new Scope(); Small net = new Small()) {
            assertThatThrownBy(() -> Lora.fresh(net, List.of("half", "alf", "norm"), 1, 1, new Rng(1)))
                .hasMessage("Small has no linear layer or convolution that ends in alf, norm");
            assertThatThrownBy(() -> Lora.fresh(net, List.of(), 1, 1, new Rng(1))).hasMessageContaining("illegal targets");
            assertThatThrownBy(() -> Lora.fresh(net, List.of("half"), 0, 1, new Rng(1))).hasMessageContaining("illegal rank: 0");
            assertThatThrownBy(() -> Lora.fresh(net, List.of("half"), 1, Float.NaN, new Rng(1))).hasMessageContaining("illegal alpha");
        }
    }

    @Test void aPathBesideALayerOfAnotherTypeComputesInItsOwn() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Small net = new Small()) {
            LoraFile file = file(changes(new Rng(7)));
            net.to(DType.BF16);
            Tensor x = picture().to(DType.BF16), inside;
            try (MergedLora merged = merged(net, file, 1)) { inside = net.forward(x); }
            try (Lora lora = Lora.of(net, Network.UNET, file)) {
                Tensor live = net.forward(x);
                assertThat(live.dtype()).isEqualTo(DType.BF16);
                assertThat(distance(live.to(DType.F32), inside.to(DType.F32))).isLessThan(0.05);
                lora.detach();
            }
        }
    }

    @Test void theSumIsRoundedOnceAndGivenBackBitForBit() {
        try (Scope scope = new Scope(); Small net = new Small()) {
            Change[] one = changes(new Rng(7)), two = changes(new Rng(8));
            net.to(DType.BF16);
            Map<String, ByteBuffer> before = bits(net);
            Tensor w = Objects.requireNonNull(net.state().get("mlp.0.weight")), exact = w.detach().to(DType.F64);
            exact = exact.add(product(one[2]).mul(0.7)).add(product(two[2]).mul(-0.4));
            try (MergedLora merged = MergedLora.of(Map.of(Network.UNET, net), List.of(new MergedLora.Weighted(file(one), 0.7),
                    new MergedLora.Weighted(file(two), -0.4)))) {
                // half a unit in the last of 8 bits, and a little of F32
                assertThat(w.detach().to(DType.F64).sub(exact).div(exact).abs().max().item()).isLessThanOrEqualTo(0x1.001p-8);
                assertThat(bits(net)).isNotEqualTo(before);
            }
            assertThat(bits(net)).isEqualTo(before);
            MergedLora first = merged(net, file(one), 1), second = merged(net, file(two), 1);
            second.close();
            first.close();
            first.close();
            assertThat(bits(net)).isEqualTo(before);
        }
    }

    /** s B A in F64. */
    private static Tensor product(Change c) {
        return c.b().to(DType.F64).flatten(1).matmul(c.a().to(DType.F64).flatten(1)).mul(c.scale());
    }

    @Test void aLoraForAnotherNetworkChangesNothing() {
        try (Scope scope = new Scope(); Small net = new Small()) {
            Map<String, ByteBuffer> before = bits(net);
            Rng rng = new Rng(1);
            Change[] fit = changes(rng);
            Change absent = change("mlp.1", 1, rng, new long[] {2, 6}, new long[] {5, 2});
            Change wide = change("mlp.0", 1, rng, new long[] {2, 7}, new long[] {5, 2});
            Change table = change("norm", 1, rng, new long[] {2, 1}, new long[] {5, 2});
            LoraFile misfit = file(fit[0], fit[1], wide, absent, table);
            assertThatThrownBy(() -> merged(net, misfit, 1)).isInstanceOf(FormatException.class).hasMessage("f: this LoRA is for another"
                + " network: 'mlp.0' of Small is 5×6, the change is 5×7; 3 of 5 targets do not fit");
            assertThatThrownBy(() -> merged(net, file(fit[0], absent), 0)).hasMessage("f: this LoRA is for another network: Small has no"
                + " layer 'mlp.1'; 1 of 2 targets do not fit");
            assertThatThrownBy(() -> Lora.of(net, Network.UNET, misfit)).hasMessageContaining("3 of 5 targets do not fit");
            // the first fits, the second does not
            assertThatThrownBy(() -> MergedLora.of(Map.of(Network.UNET, net), List.of(new MergedLora.Weighted(file(fit), 1),
                new MergedLora.Weighted(misfit, 1)))).hasMessageContaining("3 of 5 targets do not fit");
            Change text = new Change(Network.TEXT_ENCODER_2, "mlp.0", false, fit[2].a(), fit[2].b(), 1);
            assertThatThrownBy(() -> merged(net, file(fit[0], text), 1)).hasMessageContaining("there is no text_encoder_2 to change");
            assertThatThrownBy(() -> Lora.of(net, Network.TEXT_ENCODER, misfit)).hasMessageContaining("changes nothing in a text_encoder");
            assertThatThrownBy(() -> new MergedLora.Weighted(misfit, Double.NaN)).hasMessageContaining("illegal weight");
            assertThat(bits(net)).isEqualTo(before);
            try (Lora lora = Lora.fresh(net, List.of("half"), 1, 1, rng)) { lora.detach(); }   // a refusal leaves no path behind
        }
    }

    @Test void noTensorIsLeftBehind() {
        try (Scope scope = new Scope(); Small net = new Small()) {
            LoraFile file = file(changes(new Rng(7)));
            for (int i = 0; i < 2; i++) {
                long live = Scope.livePointers();
                try (Scope inner = new Scope(); MergedLora merged = merged(net, file, 1)) {
                    net.forward(picture());
                }
                try (Scope inner = new Scope(); Lora lora = Lora.of(net, Network.UNET, file)) {
                    net.forward(picture());
                    lora.detach();
                }
                if (i > 0) assertThat(Scope.livePointers()).isLessThanOrEqualTo(live);   // less: the collector took what other tests left
            }
        }
    }

    @Test void kohyasNamesFindTheLayersOfSdxlUnderBothSetsOfNames() {
        String small = "{\"block_out_channels\": [4, 4, 4], \"down_block_types\": [\"DownBlock2D\", \"CrossAttnDownBlock2D\","
            + "\"CrossAttnDownBlock2D\"], \"up_block_types\": [\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"UpBlock2D\"],"
            + "\"norm_num_groups\": 2, \"cross_attention_dim\": 3, \"attention_head_dim\": 1, \"transformer_layers_per_block\": [1, 2, 3],"
            + "\"use_linear_projection\": true}";
        List<String> old = List.of("input_blocks_0_0", "time_embed_2", "input_blocks_1_0_in_layers_2", "input_blocks_3_0_op",
            "input_blocks_4_1_proj_in", "input_blocks_5_1_transformer_blocks_1_attn2_to_k", "input_blocks_7_0_emb_layers_1",
            "input_blocks_8_1_transformer_blocks_2_ff_net_0_proj", "middle_block_0_in_layers_2", "middle_block_1_proj_out",
            "middle_block_2_out_layers_3", "output_blocks_0_0_skip_connection", "output_blocks_2_1_transformer_blocks_2_attn1_to_out_0",
            "output_blocks_2_2_conv", "output_blocks_5_2_conv", "output_blocks_8_0_out_layers_3", "out_2");
        UnetCondition2d.Config config = UnetCondition2d.Config.fromJson(Json.read("test", small));
        try (Scope scope = new Scope(); UnetCondition2d unet = new UnetCondition2d(config, Rng.silent())) {
            Map<String, String> paths = LoraFile.paths(unet.state().keySet());
            Map<String, Tensor> tensors = new HashMap<>();
            for (String name : old) {
                tensors.put("lora_unet_" + name + ".lora_down.weight", Torch.zeros(1, 1));
                tensors.put("lora_unet_" + name + ".lora_up.weight", Torch.zeros(1, 1));
            }
            Safetensors.write(folder.resolve("ldm.safetensors"), tensors, Map.of());
            List<Change> changes = LoraFile.read(folder.resolve("ldm.safetensors")).changes();
            assertThat(changes).hasSize(old.size()).allMatch(c -> paths.containsKey(c.target()), "has a layer");
            assertThat(unet.state()).allSatisfy((key, t) -> {
                if (!key.endsWith(".weight")) return;
                String path = key.substring(0, key.length() - 7);
                assertThat(paths).containsEntry(path, path).containsEntry(path.replace('.', '_'), path);
            });
        }
    }

    @Test void aTextEncoderIsChangedUnderOldAndNewNames() {
        ClipText.Config config = new ClipText.Config(false, 20, 8, 16, 8, 2, 2, 10, HiddenActivation.QUICK_GELU, 1e-5, 19);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); ClipText text = new ClipText(config, new Rng(1))) {
            Map<String, ByteBuffer> before = bits(text);
            for (String target : List.of("text_model.encoder.layers.1.self_attn.q_proj", "encoder.layers.1.self_attn.q_proj",
                "text_model_encoder_layers_1_self_attn_q_proj")) {
                Tensor a = new Rng(2).normal(2, 8), b = new Rng(3).normal(8, 2);
                LoraFile file = file(new Change(Network.TEXT_ENCODER, target, target.indexOf('.') < 0, a, b, 1));
                try (MergedLora merged = MergedLora.of(Map.of(Network.TEXT_ENCODER, text), List.of(new MergedLora.Weighted(file, 1)))) {
                    Map<String, ByteBuffer> now = bits(text);
                    assertThat(now.keySet()).filteredOn(k -> !Objects.equals(now.get(k), before.get(k)))
                        .containsExactly("text_model.encoder.layers.1.self_attn.q_proj.weight");
                }
            }
            try (Lora lora = Lora.fresh(text, Lora.TEXT_ATTENTION, 4, 4, new Rng(4))) {
                assertThat(lora.changes(Network.TEXT_ENCODER)).hasSize(8);
                lora.detach();
            }
        }
    }

    /** The U-Net and the file of the reference, where they are. */
    private static UnetCondition2d reference() throws IOException {
        Path unet = References.find("pipelines/stable-diffusion-tiny/unet");
        UnetCondition2d net = new UnetCondition2d(UnetCondition2d.Config.fromJson(Json.read(unet.resolve("config.json"))), Rng.silent());
        net.load(Safetensors.read(unet.resolve("diffusion_pytorch_model.safetensors")).tensors());
        net.training(false);
        return net;
    }

    private static LoraFile referenceLora() { return LoraFile.read(References.find("pipelines/lora/pytorch_lora_weights.safetensors")); }

    private static Tensor predicted(UnetCondition2d net) {
        return net.forward(new Rng(1).normal(2, 4, 8, 8), Torch.of(new float[] {10, 700}, 2),
            UnetCondition2d.Given.text(new Rng(2).normal(2, 7, 16)));
    }

    /** Each weight is W + factor_i B_i A_i, computed here in F64 by loops from the file's own tensors; others are as before. */
    private static void assertMerged(UnetCondition2d net, Map<String, float[]> before, double factor) {
        Map<String, Tensor> raw = Safetensors.read(References.find("pipelines/lora/pytorch_lora_weights.safetensors")).tensors();
        int changed = 0;
        for (Map.Entry<String, Tensor> e : net.state().entrySet()) {
            String stem = "unet." + e.getKey().replaceFirst("\\.weight$", "");
            Tensor a = raw.get(stem + ".lora_A.weight"), b = raw.get(stem + ".lora_B.weight");
            float[] got = e.getValue().detach().floats(), was = Objects.requireNonNull(before.get(e.getKey()));
            if (a == null || b == null) {
                assertThat(got).as(e.getKey()).isEqualTo(was);
                continue;
            }
            changed++;
            double[] av = a.doubles(), bv = b.doubles();
            int r = (int) a.size(0), in = (int) a.size(1), out = (int) b.size(0);
            for (int o = 0; o < out; o++) {
                for (int i = 0; i < in; i++) {
                    double sum = was[o * in + i];
                    for (int k = 0; k < r; k++) sum += factor * bv[o * r + k] * av[k * in + i];
                    assertThat((double) got[o * in + i]).as(e.getKey()).isCloseTo(sum, within(1e-6));
                }
            }
        }
        assertThat(changed).isEqualTo(32);
    }

    private static Map<String, float[]> values(Module net) {
        Map<String, float[]> values = new HashMap<>();
        net.state().forEach((k, t) -> values.put(k, t.detach().floats()));
        return values;
    }

    @Test void theReferenceFileIsMergedAsItsFormulaSays() throws IOException {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); UnetCondition2d net = reference()) {
            LoraFile lora = referenceLora();
            Map<String, float[]> before = values(net);
            Map<String, ByteBuffer> bits = bits(net);
            try (MergedLora merged = merged(net, lora, 0.8)) { assertMerged(net, before, 0.8); }
            assertThat(bits(net)).isEqualTo(bits);
            try (MergedLora merged = merged(net, lora, 0)) { assertThat(bits(net)).isEqualTo(bits); }
            try (MergedLora both = MergedLora.of(Map.of(Network.UNET, net), List.of(new MergedLora.Weighted(lora, 0.5),
                    new MergedLora.Weighted(lora, -1.25), new MergedLora.Weighted(lora, 0)))) {
                assertMerged(net, before, -0.75);
            }
            assertThat(bits(net)).isEqualTo(bits);
        }
    }

    @Test void theReferenceFileLiveComputesWhatItComputesMerged() throws IOException {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); UnetCondition2d net = reference()) {
            Tensor base = predicted(net), inside;
            try (MergedLora merged = merged(net, referenceLora(), 1)) { inside = predicted(net); }
            assertThat(distance(inside, base)).isGreaterThan(1e-3);
            try (Lora lora = Lora.of(net, Network.UNET, referenceLora())) {
                assertThat(distance(predicted(net), inside)).isLessThan(1e-5);
                lora.detach();
            }
            try (Lora lora = Lora.fresh(net, Lora.ATTENTION, 4, 4, new Rng(1))) {
                assertThat(lora.changes(Network.UNET).stream().map(Change::target)).containsExactlyInAnyOrderElementsOf(
                    referenceLora().changes().stream().map(Change::target).toList());
                assertThat(predicted(net).floats()).isEqualTo(base.floats());
                lora.detach();
            }
        }
    }

    @Test void theReferenceFileInKohyasFormIsTheSame() throws IOException {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); UnetCondition2d net = reference()) {
            LoraFile lora = referenceLora();
            lora.writeKohya(folder.resolve("k.safetensors"));
            LoraFile kohya = LoraFile.read(folder.resolve("k.safetensors"));
            assertThat(kohya.changes()).allMatch(Change::underscored);
            Map<String, ByteBuffer> direct, after;
            try (MergedLora merged = merged(net, lora, 0.8)) { direct = bits(net); }
            try (MergedLora merged = merged(net, kohya, 0.8)) { after = bits(net); }
            assertThat(after).isEqualTo(direct);
            kohya.withPaths(Network.UNET, net.state().keySet()).writeDiffusers(folder.resolve("d.safetensors"));
            Map<String, Tensor> again = Safetensors.read(folder.resolve("d.safetensors")).tensors();
            Map<String, Tensor> first = Safetensors.read(References.find("pipelines/lora/pytorch_lora_weights.safetensors")).tensors();
            assertThat(again.keySet()).isEqualTo(first.keySet());
            List<String> differ = new ArrayList<>();
            first.forEach((k, t) -> {
                if (!Objects.requireNonNull(again.get(k)).rawBytes().equals(t.rawBytes())) differ.add(k);
            });
            assertThat(differ).isEmpty();
        }
    }

    @Test void changesOfLayersThatWereCutOffATextEncoderArePassedOverInOneLine() {
        ClipText.Config config = new ClipText.Config(false, 20, 8, 16, 8, 2, 2, 10, HiddenActivation.QUICK_GELU, 1e-5, 19);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); ClipText text = new ClipText(config, new Rng(1))) {
            Tensor a = new Rng(2).normal(2, 8), b = new Rng(3).normal(8, 2);
            List<Change> changes = new ArrayList<>();
            changes.add(new Change(Network.TEXT_ENCODER, "text_model.encoder.layers.1.self_attn.q_proj", false, a, b, 1));
            for (int i = 2; i < 12; i++) {
                changes.add(new Change(Network.TEXT_ENCODER, "text_model_encoder_layers_" + i + "_self_attn_q_proj", true, a, b, 1));
                changes.add(new Change(Network.TEXT_ENCODER, "encoder.layers." + i + ".mlp.fc1", false, a, b, 1));
            }
            List<String> notes = new ArrayList<>();
            Map<String, ByteBuffer> before = bits(text);
            LoraFile file = new LoraFile("f", changes, Map.of());
            List<MergedLora.Weighted> one = List.of(new MergedLora.Weighted(file, 1));
            try (MergedLora merged = MergedLora.of(Map.of(Network.TEXT_ENCODER, text), one, notes::add)) {
                Map<String, ByteBuffer> now = bits(text);
                assertThat(now.keySet()).filteredOn(k -> !Objects.equals(now.get(k), before.get(k)))
                    .containsExactly("text_model.encoder.layers.1.self_attn.q_proj.weight");
            }
            assertThat(notes).hasSize(1);
            assertThat(notes.get(0)).contains("cut off before these layers").contains("text_encoder text_model_encoder_layers_2_")
                .endsWith("and 10 more");
            for (String wrong : List.of("text_model.encoder.layers.1.self_attn.qq", "encoder.layers.x.mlp.fc1", "down_blocks.9.x")) {
                LoraFile other = file(new Change(Network.TEXT_ENCODER, wrong, false, a, b, 1));
                assertThatThrownBy(() -> MergedLora.of(Map.of(Network.TEXT_ENCODER, text), List.of(new MergedLora.Weighted(other, 1))))
                    .as(wrong).isInstanceOf(FormatException.class);
            }
        }
    }
}
