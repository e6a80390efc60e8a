package io.palitra.hub;

import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Names and shapes of checkpoints of latent diffusion, built as the code of latent diffusion builds its networks: block by block, where
 * each block of the way up gets what was kept last on the way down. The tensors are one number in many places.
 */
final class LdmKeyList {
    private final Map<String, Tensor> all = new LinkedHashMap<>();
    private final Tensor zero = Torch.zeros();

    Map<String, Tensor> tensors() { return all; }

    LdmKeyList tensor(String name, long... shape) {
        all.put(name, zero.expand(shape));
        return this;
    }

    private void norm(String name, int c) { tensor(name + ".weight", c).tensor(name + ".bias", c); }

    private void linear(String name, int in, int out) { tensor(name + ".weight", out, in).tensor(name + ".bias", out); }

    private void conv(String name, int in, int out, int kernel) {
        tensor(name + ".weight", out, in, kernel, kernel).tensor(name + ".bias", out);
    }

    /** @param adm numbers that are added to the time, 0 = none; @param depth blocks of a transformer at each level */
    LdmKeyList unet(int in, int c, int[] mult, int[] depth, int middle, int context, int adm, boolean linear) {
        String net = "model.diffusion_model.";
        int emb = 4 * c, ch = c, block = 1;
        linear(net + "time_embed.0", c, emb);
        linear(net + "time_embed.2", emb, emb);
        if (adm > 0) {
            linear(net + "label_emb.0.0", adm, emb);
            linear(net + "label_emb.0.2", emb, emb);
        }
        conv(net + "input_blocks.0.0", in, c, 3);
        Deque<Integer> kept = new ArrayDeque<>();
        kept.push(c);
        for (int level = 0; level < mult.length; level++) {
            for (int i = 0; i < 2; i++, block++) {
                resBlock(net + "input_blocks." + block + ".0.", ch, mult[level] * c, emb);
                ch = mult[level] * c;
                if (depth[level] > 0) transformer(net + "input_blocks." + block + ".1.", ch, depth[level], context, linear);
                kept.push(ch);
            }
            if (level < mult.length - 1) {
                conv(net + "input_blocks." + block++ + ".0.op", ch, ch, 3);
                kept.push(ch);
            }
        }
        resBlock(net + "middle_block.0.", ch, ch, emb);
        transformer(net + "middle_block.1.", ch, middle, context, linear);
        resBlock(net + "middle_block.2.", ch, ch, emb);
        block = 0;
        for (int level = mult.length - 1; level >= 0; level--) {
            for (int i = 0; i < 3; i++, block++) {
                resBlock(net + "output_blocks." + block + ".0.", ch + kept.pop(), mult[level] * c, emb);
                ch = mult[level] * c;
                int at = 1;
                if (depth[level] > 0) transformer(net + "output_blocks." + block + "." + at++ + ".", ch, depth[level], context, linear);
                if (level > 0 && i == 2) conv(net + "output_blocks." + block + "." + at + ".conv", ch, ch, 3);
            }
        }
        norm(net + "out.0", c);
        conv(net + "out.2", c, 4, 3);
        return this;
    }

    private void resBlock(String at, int in, int out, int emb) {
        norm(at + "in_layers.0", in);
        conv(at + "in_layers.2", in, out, 3);
        linear(at + "emb_layers.1", emb, out);
        norm(at + "out_layers.0", out);
        conv(at + "out_layers.3", out, out, 3);
        if (in != out) conv(at + "skip_connection", in, out, 1);
    }

    private void transformer(String at, int c, int depth, int context, boolean linear) {
        norm(at + "norm", c);
        for (String side : new String[] {"proj_in", "proj_out"}) {
            if (linear) linear(at + side, c, c);
            else conv(at + side, c, c, 1);
        }
        for (int i = 0; i < depth; i++) {
            String block = at + "transformer_blocks." + i + ".";
            for (int n = 1; n <= 3; n++) norm(block + "norm" + n, c);
            for (int n = 1; n <= 2; n++) {
                tensor(block + "attn" + n + ".to_q.weight", c, c);
                tensor(block + "attn" + n + ".to_k.weight", c, n == 1 ? c : context);
                tensor(block + "attn" + n + ".to_v.weight", c, n == 1 ? c : context);
                linear(block + "attn" + n + ".to_out.0", c, c);
            }
            linear(block + "ff.net.0.proj", c, 8 * c);
            linear(block + "ff.net.2", 4 * c, c);
        }
    }

    LdmKeyList autoencoder(int c, int... mult) {
        String net = "first_stage_model.";
        int ch = c, levels = mult.length;
        conv(net + "encoder.conv_in", 3, c, 3);
        for (int level = 0; level < levels; level++) {
            for (int i = 0; i < 2; i++) {
                resnet(net + "encoder.down." + level + ".block." + i + ".", ch, mult[level] * c);
                ch = mult[level] * c;
            }
            if (level < levels - 1) conv(net + "encoder.down." + level + ".downsample.conv", ch, ch, 3);
        }
        middle(net + "encoder.mid.", ch);
        norm(net + "encoder.norm_out", ch);
        conv(net + "encoder.conv_out", ch, 8, 3);
        conv(net + "decoder.conv_in", 4, ch, 3);
        middle(net + "decoder.mid.", ch);
        for (int level = levels - 1; level >= 0; level--) {
            for (int i = 0; i < 3; i++) {
                resnet(net + "decoder.up." + level + ".block." + i + ".", ch, mult[level] * c);
                ch = mult[level] * c;
            }
            if (level > 0) conv(net + "decoder.up." + level + ".upsample.conv", ch, ch, 3);
        }
        norm(net + "decoder.norm_out", ch);
        conv(net + "decoder.conv_out", ch, 3, 3);
        conv(net + "quant_conv", 8, 8, 1);
        conv(net + "post_quant_conv", 4, 4, 1);
        return this;
    }

    private void resnet(String at, int in, int out) {
        norm(at + "norm1", in);
        conv(at + "conv1", in, out, 3);
        norm(at + "norm2", out);
        conv(at + "conv2", out, out, 3);
        if (in != out) conv(at + "nin_shortcut", in, out, 1);
    }

    private void middle(String at, int c) {
        resnet(at + "block_1.", c, c);
        norm(at + "attn_1.norm", c);
        for (String name : new String[] {"q", "k", "v", "proj_out"}) conv(at + "attn_1." + name, c, c, 1);
        resnet(at + "block_2.", c, c);
    }

    LdmKeyList clip(String at, int vocabulary, int width, int layers) {
        tensor(at + "embeddings.position_ids", 1, 77);
        tensor(at + "embeddings.token_embedding.weight", vocabulary, width);
        tensor(at + "embeddings.position_embedding.weight", 77, width);
        for (int i = 0; i < layers; i++) {
            String layer = at + "encoder.layers." + i + ".";
            for (String name : new String[] {"q", "k", "v", "out"}) linear(layer + "self_attn." + name + "_proj", width, width);
            norm(layer + "layer_norm1", width);
            norm(layer + "layer_norm2", width);
            linear(layer + "mlp.fc1", width, 4 * width);
            linear(layer + "mlp.fc2", 4 * width, width);
        }
        norm(at + "final_layer_norm", width);
        return this;
    }

    LdmKeyList openClip(String at, int vocabulary, int width, int blocks, int projection) {
        tensor(at + "positional_embedding", 77, width).tensor(at + "text_projection", width, projection).tensor(at + "logit_scale");
        tensor(at + "token_embedding.weight", vocabulary, width);
        norm(at + "ln_final", width);
        for (int i = 0; i < blocks; i++) {
            String block = at + "transformer.resblocks." + i + ".";
            norm(block + "ln_1", width);
            norm(block + "ln_2", width);
            tensor(block + "attn.in_proj_weight", 3 * width, width).tensor(block + "attn.in_proj_bias", 3 * width);
            linear(block + "attn.out_proj", width, width);
            linear(block + "mlp.c_fc", width, 4 * width);
            linear(block + "mlp.c_proj", 4 * width, width);
        }
        return this;
    }

    /** What training leaves in a file. */
    LdmKeyList leftovers() {
        for (String name : new String[] {"betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod",
                "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod",
                "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "lvlb_weights",
                "logvar", "model_ema.decay", "model_ema.num_updates", "first_stage_model.loss.logvar", "denoiser.sigmas"}) {
            tensor(name, 1000);
        }
        return this;
    }

    /** Four levels, attention in the upper three: Stable Diffusion 1 with c = 320, text = 768, layers = 12, vae = 128. */
    static LdmKeyList sd1(int in, int c, int text, int layers, int vae) {
        return new LdmKeyList().unet(in, c, new int[] {1, 2, 4, 4}, new int[] {1, 1, 1, 0}, 1, text, 0, false)
            .autoencoder(vae, 1, 2, 4, 4).clip("cond_stage_model.transformer.text_model.", 49408, text, layers).leftovers();
    }

    /** Stable Diffusion 2 with c = 320, text = 1024, blocks = 24, vae = 128. */
    static LdmKeyList sd2(int in, int c, int text, int blocks, int vae) {
        return new LdmKeyList().unet(in, c, new int[] {1, 2, 4, 4}, new int[] {1, 1, 1, 0}, 1, text, 0, true)
            .autoencoder(vae, 1, 2, 4, 4).openClip("cond_stage_model.model.", 49408, text, blocks, text).leftovers();
    }

    /** Stable Diffusion XL with c = 320, texts of 768 in 12 layers and 1280 in 32, vae = 128. */
    static LdmKeyList xl(int c, int text, int layers, int text2, int blocks, int vae) {
        return new LdmKeyList().unet(4, c, new int[] {1, 2, 4}, new int[] {0, 2, 10}, 10, text + text2, text2 + 6 * 256, true)
            .autoencoder(vae, 1, 2, 4, 4).clip("conditioner.embedders.0.transformer.text_model.", 49408, text, layers)
            .openClip("conditioner.embedders.1.model.", 49408, text2, blocks, text2).leftovers();
    }

    /** Its refiner with c = 384, text of 1280 in 32 blocks, vae = 128. */
    static LdmKeyList refiner(int c, int text, int blocks, int vae) {
        return new LdmKeyList().unet(4, c, new int[] {1, 2, 4, 4}, new int[] {0, 4, 4, 0}, 4, text, text + 5 * 256, true)
            .autoencoder(vae, 1, 2, 4, 4).openClip("conditioner.embedders.0.model.", 49408, text, blocks, text).leftovers();
    }
}
