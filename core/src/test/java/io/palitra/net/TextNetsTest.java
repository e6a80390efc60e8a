package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TextNetsTest {
    private static final String GPT = "'vocab_size': 30, 'n_positions': 24, 'n_embd': 16, 'n_layer': 2, 'n_head': 2";
    private static final String TEXT = "'vocab_size': 30, 'hidden_size': 16, 'intermediate_size': 20, 'num_hidden_layers': 3,"
        + "'num_attention_heads': 2, 'max_position_embeddings': 12, 'eos_token_id': 29, 'projection_dim': 8";

    private static JsonNode json(String text) { return Json.read("test", "{" + text.replace('\'', '"') + "}"); }

    private static Gpt2 gpt(String more) { return new Gpt2(Gpt2.Config.fromJson(json(GPT + more)), new Rng(1)); }

    private static ClipText text(String more) { return new ClipText(ClipText.Config.fromJson(json(TEXT + more)), new Rng(1)); }

    private static ClipText legacy() {
        return new ClipText(ClipText.Config.fromJson(json(TEXT.replace("'eos_token_id': 29", "'eos_token_id': 2"))), new Rng(1));
    }

    private static Tensor ids(int b, long... all) { return Torch.of(all, b, all.length / b); }

    @Test void theParametersOfClipComeInOneOrderInEveryProcess() {
        String text = "'vocab_size': 30, 'hidden_size': 16, 'intermediate_size': 20, 'num_hidden_layers': 1, 'num_attention_heads': 2,"
            + "'max_position_embeddings': 12, 'eos_token_id': 29, 'projection_dim': 8";
        String vision = "'hidden_size': 16, 'intermediate_size': 20, 'num_hidden_layers': 1, 'num_attention_heads': 2, 'image_size': 16,"
            + "'patch_size': 4, 'projection_dim': 8";
        JsonNode config = json("'projection_dim': 8, 'text_config': {" + text + "}, 'vision_config': {" + vision + "}");
        try (ClipNet net = new ClipNet(ClipNet.Config.fromJson(config), new Rng(1))) {
            assertThat(net.state().keySet().stream().map(k -> k.split("\\.")[0]).distinct())
                .containsExactly("logit_scale", "text_model", "text_projection", "vision_model", "visual_projection");
        }
    }

    @Test void tokenByTokenFromTheCacheTheLogitsAreThoseOfTheWholeText() {
        try (Scope scope = new Scope(); Gpt2 net = gpt(""); KvCache cache = net.cache(2, 10); Guard g = Torch.noGrad()) {
            Tensor all = new Rng(2).integers(30, 2, 10);
            Tensor whole = net.forward(all);
            Tensor head = net.forward(all.narrow(1, 0, 4), null, cache);
            Tensor middle = net.forward(all.narrow(1, 4, 3), null, cache);
            Tensor[] parts = {head, middle, net.forward(all.narrow(1, 7, 1), null, cache), net.forward(all.narrow(1, 8, 1), null, cache)};
            assertThat(cache.length()).isEqualTo(9);
            assertThat(Torch.cat(1, parts).sub(whole.narrow(1, 0, 9)).abs().max().item()).isLessThan(1e-4);
            assertThatThrownBy(() -> net.forward(all.narrow(1, 0, 2), null, cache)).hasMessageContaining("L from 1 to 1, got 2×2");
        }
    }

    @Test void aTokenDoesNotSeeThoseAfterItNorPadding() {
        try (Scope scope = new Scope(); Gpt2 net = gpt(""); Guard g = Torch.noGrad()) {
            Tensor a = ids(1, 3, 4, 5, 6, 7), b = ids(1, 3, 4, 5, 9, 9);
            Tensor same = net.forward(a).sub(net.forward(b)).abs().amax(false, 2);
            assertThat(same.narrow(1, 0, 3).max().item()).isZero();
            assertThat(same.narrow(1, 3, 1).max().item()).isPositive();
            Tensor mask = ids(1, 1, 1, 1, 0, 0);
            assertThat(net.forward(a, mask, null).narrow(1, 0, 3).sub(net.forward(a).narrow(1, 0, 3)).abs().max().item()).isLessThan(1e-5);
            Tensor early = ids(1, 1, 0, 1, 1, 1);
            Tensor unseen = net.forward(ids(1, 3, 8, 5, 6, 7), early, null).sub(net.forward(ids(1, 3, 4, 5, 6, 7), early, null));
            assertThat(unseen.narrow(1, 2, 3).abs().max().item()).isZero();
        }
    }

    @Test void generationEndsAtTheEndTokenAndFillsUp() {
        try (Scope scope = new Scope(); Gpt2 free = gpt(", 'eos_token_id': null"); Guard g = Torch.noGrad()) {
            Tensor prompt = ids(2, 3, 4, 5, 6);
            long[] all = free.generate(prompt, 10, TokenSampling.GREEDY, new Rng(0)).longs();
            assertThat(all).hasSize(24);
            long end = all[12 + 2];   // what the second text says first
            try (Gpt2 net = gpt(", 'pad_token_id': 1, 'eos_token_id': " + end)) {
                net.load(free.state());
                long[] ended = net.generate(prompt, 10, TokenSampling.GREEDY, new Rng(0)).longs();
                int width = ended.length / 2;
                assertThat(Arrays.copyOfRange(ended, width, width + 3)).containsExactly(5, 6, end);
                assertThat(Arrays.stream(Arrays.copyOfRange(ended, width + 3, 2 * width)).allMatch(t -> t == 1)).isTrue();
            }
            assertThatThrownBy(() -> free.generate(prompt, 23, TokenSampling.GREEDY, new Rng(0)))
                .hasMessage("illegal tokens: 23, must be 0 to 22");
        }
    }

    @Test void aTextDrawsTheSameAloneAndAmongOthers() {
        try (Scope scope = new Scope(); Gpt2 net = gpt(""); Guard g = Torch.noGrad()) {
            TokenSampling how = new TokenSampling(1.5, 0, 1);
            Tensor prompt = ids(3, 3, 4, 3, 4, 3, 4);
            Tensor three = net.generate(prompt, 12, how, new Rng(5));
            assertThat(net.generate(prompt.rows(1, 1), 12, how, new Rng(5).at(1)).longs()).isEqualTo(three.select(0, 1).longs());
            assertThat(three.select(0, 1).longs()).isNotEqualTo(three.select(0, 0).longs());
            assertThat(net.generate(prompt, 12, new TokenSampling(1.5, 1, 1), new Rng(5)).longs())
                .isEqualTo(net.generate(prompt, 12, TokenSampling.GREEDY, new Rng(0)).longs());
        }
    }

    @Test void generationLeavesNothingBehind() {
        try (Scope scope = new Scope(); Gpt2 net = gpt("")) {
            Tensor prompt = ids(1, 3, 4);
            Scope.run(() -> net.generate(prompt, 3, TokenSampling.GREEDY, new Rng(0))).free();
            long before = Scope.livePointers();
            for (int i = 0; i < 3; i++) Scope.run(() -> net.generate(prompt, 9, TokenSampling.GREEDY, new Rng(0))).free();
            assertThat(Scope.livePointers()).isLessThanOrEqualTo(before);
        }
    }

    @Test void sharesOfTokensAreTheirChances() {
        assertThat(shares(new TokenSampling(1, 0, 1))).containsExactly(new double[] {0.2, 0.5, 0.3}, within(1e-2));
        assertThat(shares(new TokenSampling(0.5, 0, 1))).containsExactly(new double[] {4 / 38., 25 / 38., 9 / 38.}, within(1e-2));
        assertThat(shares(new TokenSampling(1, 2, 1))).containsExactly(new double[] {0, 0.625, 0.375}, within(1e-2)).startsWith(0);
        assertThat(shares(new TokenSampling(1, 0, 0.6))).containsExactly(new double[] {0, 0.625, 0.375}, within(1e-2)).startsWith(0);
        assertThat(shares(new TokenSampling(1, 0, 0.4))).containsExactly(0, 1, 0);
        assertThat(shares(TokenSampling.GREEDY)).containsExactly(0, 1, 0);
        assertThatThrownBy(() -> new TokenSampling(1, 0, 0)).hasMessage("illegal topP: 0.0, must be above 0 and at most 1");
        assertThatThrownBy(() -> new TokenSampling(-1, 0, 1)).hasMessage("illegal temperature: -1.0, must be at least 0");
        assertThatThrownBy(() -> TokenSampling.GREEDY.draw(new double[] {0, Double.NaN}, 1, new Rng(0)))
            .hasMessage("logit of token 1 is NaN");
    }

    @Test void theTokenDrawnIsTheFirstOfThoseThatTheWholeSortedRowKeeps() {
        for (int i = 0; i < 400; i++) {
            Rng rng = new Rng(i);
            int n = 3 + i % 60;
            double spread = i % 3 == 0 ? 20 : 2;
            double[] logits = rng.normal(n).mul(spread).round().div(i % 2 == 0 ? 1 : 3).doubles();   // many are equal
            TokenSampling how = new TokenSampling(0.3 + i % 5, i % 7 == 0 ? 0 : i % 9, i % 4 == 0 ? 1 : 0.1 + 0.1 * (i % 10));
            int[] drawn = how.draw(logits, 1, rng.split(1));
            assertThat(drawn).as("case " + i).containsExactly(plainly(how, logits, rng.split(1).uniform(1, n).doubles()));
        }
    }

    /** Sorts all, cuts, and takes of what is left the one with the shortest time. */
    private static int plainly(TokenSampling how, double[] logits, double[] u) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < logits.length; i++) order.add(i);
        order.sort(Comparator.comparingDouble(i -> -logits[i]));
        if (how.topK() > 0) order = order.subList(0, Math.min(how.topK(), order.size()));
        double all = 0, kept = 0;
        for (int i : order) all += Math.exp(logits[i] / how.temperature());
        int n = 0;
        while (n < order.size() && (n == 0 || how.topP() == 1 || kept <= how.topP() * all)) {
            kept += Math.exp(logits[order.get(n++)] / how.temperature());
        }
        return Collections.min(order.subList(0, n),
            Comparator.comparingDouble(i -> -Math.log(u[i]) / Math.exp(logits[i] / how.temperature())));
    }

    @Test void logitsThatDifferALittleDrawTheSameTokens() {
        TokenSampling how = new TokenSampling(1, 0, 1);
        int other = 0;
        for (int i = 0; i < 4000; i++) {
            Rng rng = new Rng(i);
            Tensor logits = rng.normal(1, 1024).mul(2), near = logits.add(rng.normal(1, 1024).mul(1e-4));
            if (how.draw(logits, rng.split(1))[0] != how.draw(near, rng.split(1))[0]) other++;
        }
        assertThat(other).isLessThanOrEqualTo(2);   // by one number laid beside the sums of the chances it was 16
    }

    /** How often each of the chances 0.2, 0.5 and 0.3 is drawn of 40,000 times; a token that has none never is. */
    private static double[] shares(TokenSampling how) {
        double[] logits = {Math.log(0.2), Math.log(0.5), Math.log(0.3), Double.NEGATIVE_INFINITY};
        int n = 40_000;
        double[] rows = new double[n * logits.length];
        for (int i = 0; i < rows.length; i++) rows[i] = logits[i % logits.length];
        int[] times = new int[logits.length];
        for (int token : how.draw(rows, n, new Rng(6))) times[token]++;
        assertThat(times[3]).isZero();
        return new double[] {times[0] / (double) n, times[1] / (double) n, times[2] / (double) n};
    }

    @Test void aTextIsReadOffAtItsFirstEndTokenOrInOldFilesAtTheLargest() {
        try (Scope scope = new Scope(); ClipText net = text(""); ClipText old = legacy(); Guard g = Torch.noGrad()) {
            ClipText.Output a = net.forward(ids(1, 3, 29, 29, 29), null);
            assertThat(a.pooled().floats()).isEqualTo(a.last().select(1, 1).floats());
            ClipText.Output b = old.forward(ids(1, 3, 2, 27, 5), null);
            assertThat(b.pooled().floats()).isEqualTo(b.last().select(1, 2).floats());
            assertThat(a.projected()).isNull();
            assertThat(a.hidden()).hasSize(4);
            assertThat(net.normed(a.skipping(0)).floats()).isEqualTo(a.last().floats());
            assertThat(a.skipping(1).floats()).isEqualTo(a.hidden().get(2).floats()).isNotEqualTo(a.skipping(0).floats());
            assertThatThrownBy(() -> a.skipping(3)).hasMessage("illegal layers to skip: 3, must be 0 to 2");
            assertThatThrownBy(() -> net.forward(ids(1, new long[13]), null)).hasMessage("ClipText wants tokens [B,L] with L from 1 to 12,"
                + " got 1×13");
            assertThatThrownBy(() -> net.forward(ids(1, 3, 4), ids(1, 1))).hasMessage("ClipText wants a mask [1,2], got 1×1");
        }
    }

    @Test void oldAndNewFilesLoadAndOthersAreRefusedByName() {
        try (Scope scope = new Scope(); ClipText net = text(""); ClipText other = text("")) {
            Map<String, Tensor> file = new HashMap<>();
            net.state().forEach((k, t) -> file.put(k.substring("text_model.".length()), t.detach().mul(3).add(1)));
            other.loadPublic(file);
            other.state().forEach((k, t) -> assertThat(t.floats()).as(k).isEqualTo(net.state().get(k).mul(3).add(1).floats()));
            file.put("embeddings.position_ids", ids(1, 0, 1));
            other.loadPublic(file);
            file.put("encoder.layers.3.mlp.fc1.bias", Torch.zeros(20));
            assertThatThrownBy(() -> other.loadPublic(file)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("weights do not fit the network: unexpected text_model.encoder.layers.3.mlp.fc1.bias");
            file.remove("encoder.layers.3.mlp.fc1.bias");
            file.put("final_layer_norm.bias", Torch.zeros(15));
            assertThatThrownBy(() -> other.loadPublic(file)).hasMessageContaining("'text_model.final_layer_norm.bias' has the shape");
            file.remove("final_layer_norm.bias");
            assertThatThrownBy(() -> other.loadPublic(file)).hasMessageContaining("missing text_model.final_layer_norm.bias");
            file.put("text_model.encoder.layers.0.mlp.fc1.bias", Torch.zeros(20));
            assertThatThrownBy(() -> other.loadPublic(file))
                .hasMessageStartingWith("the weights hold text_model.encoder.layers.0.mlp.fc1.bias");
        }
    }

    @Test void tablesOfOldLanguageModelsArePassedOver() {
        try (Scope scope = new Scope(); Gpt2 net = gpt(""); Gpt2 untied = gpt(", 'tie_word_embeddings': false")) {
            Map<String, Tensor> file = new HashMap<>();
            net.state().forEach((k, t) -> file.put(k.substring("transformer.".length()), t));
            file.put("h.0.attn.bias", Torch.zeros(1, 1, 24, 24));
            file.put("h.1.attn.masked_bias", Torch.zeros(1));
            file.put("lm_head.weight", Torch.zeros(30, 16));
            net.loadPublic(file);
            untied.loadPublic(file);
            file.remove("lm_head.weight");
            assertThatThrownBy(() -> untied.loadPublic(file)).hasMessage("weights do not fit the network: missing lm_head.weight");
        }
    }

    @Test void whatTheNetworksDoNotHaveIsRefusedByName() {
        assertThatThrownBy(() -> text(", 'hidden_act': 'elu'")).isInstanceOf(ConfigException.class)
            .hasMessageStartingWith("illegal hidden_act: \"elu\", must be one of quick_gelu, gelu,");
        assertThatThrownBy(() -> text(", 'architectures': ['BertModel']")).hasMessage("illegal architectures: [\"BertModel\"],"
            + " must be one of CLIPTextModel, CLIPTextModelWithProjection");
        assertThatThrownBy(() -> gpt(", 'add_cross_attention': true")).hasMessage("illegal add_cross_attention: true, must be false");
        assertThatThrownBy(() -> Gpt2.Config.fromJson(json("'n_head': 7")))
                .hasMessage("illegal n_head: 7, must be a divisor of the width 768");
        assertThatThrownBy(() -> Gpt2.Config.fromJson(json("'n_layer': 'x'"))).hasMessage("illegal n_layer: \"x\", must be a whole number");
    }
}
