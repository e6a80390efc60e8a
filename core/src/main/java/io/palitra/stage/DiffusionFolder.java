package io.palitra.stage;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.diffusion.Objective;
import io.palitra.hub.FolderDraft;
import io.palitra.net.Unet2d;

/**
 * A diffusion model as diffusers loads it: of pictures a DDPMPipeline, of latents an LDMPipeline. Of a model of classes only the parts are
 * of use, since both pipelines give the network no classes.
 */
public final class DiffusionFolder {
    private DiffusionFolder() {}

    /**
     * Writes the folder.
     *
     * @return what Python runs to use it, where {@code DIR} is the folder
     * @throws IllegalArgumentException for a model that diffusers has no pipeline for
     */
    public static String write(DenoisingModel model, FolderDraft folder) {
        DenoisingModel.Parts parts = model.parts();
        if (model.lower() != null || model.conditioning().textWidth() > 0) {
            throw new ArgumentException("diffusers has no pipeline for what is read along or enlarged; diffusion without text and above "
                + "can be exported");
        }
        if (parts.objective() instanceof Objective.Flow) {
            throw new ArgumentException("diffusers has no pipeline of pixels for objective=flow; diffusion with eps, x0 or v can be "
                + "exported");
        }
        if (!(model.built() instanceof DenoisingNet.BuiltUnet built)) {
            throw new ArgumentException("diffusers has no pipeline of pixels for net=" + (model.built().module()
                instanceof io.palitra.net.Dit ? "dit" : "latte") + "; diffusion with net=unet can be exported");
        }
        Unet2d unet = built.module();
        Latents latents = model.latents();
        String pipeline = latents == null ? "DDPMPipeline" : "LDMPipeline", scheduler = latents == null ? "DDPMScheduler" : "DDIMScheduler";
        ObjectNode index = JsonNodeFactory.instance.objectNode().put("_class_name", pipeline);
        ObjectNode levels = DiffusersScheduler.ddpm(parts.schedule(), parts.objective().prediction());
        if (latents != null) {
            PictureCodec codec = (PictureCodec) latents.codec();
            index.putArray("vqvae").add("diffusers").add(codec instanceof PictureCodec.Kl ? "AutoencoderKL" : "VQModel");
            folder.network("vqvae", codec.json(latents.factor()), codec.net().state());
            levels.put("_class_name", scheduler).put("clip_sample", false).remove("variance_type");
        }
        index.putArray("unet").add("diffusers").add("UNet2DModel");
        index.putArray("scheduler").add("diffusers").add(scheduler);
        folder.json("model_index.json", index);
        folder.network("unet", unet.config().toJson(), unet.state());
        folder.json("scheduler/scheduler_config.json", levels);
        int classes = model.conditioning().classes();
        return classes == 0 ? whole(pipeline, latents != null) : byClass(model, pipeline, classes);
    }

    private static String whole(String pipeline, boolean latents) {
        return latents ? """
            from diffusers import LDMPipeline

            pipeline = LDMPipeline.from_pretrained("DIR")
            pipeline(batch_size=1, num_inference_steps=50).images[0].save("sample.png")
            """ : """
            from diffusers import DDIMScheduler, %s

            pipeline = %s.from_pretrained("DIR")
            pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)   # 50 steps are then enough
            pipeline(batch_size=1, num_inference_steps=50).images[0].save("sample.png")
            """.formatted(pipeline, pipeline);
    }

    private static String byClass(DenoisingModel model, String pipeline, int classes) {
        String steps = model.conditioning().knowsNone() ? """
            g = 2   # guidance: 1 = none
            null = torch.full_like(labels, %d)   # the class of pictures whose class is not told
            for t in scheduler.timesteps:
                told, untold = unet(x, t, class_labels=labels).sample, unet(x, t, class_labels=null).sample
                x = scheduler.step(untold + g * (told - untold), t, x).prev_sample
            """.formatted(classes) : """
            for t in scheduler.timesteps:
                x = scheduler.step(unet(x, t, class_labels=labels).sample, t, x).prev_sample
            """;
        long[] item = model.items().shape();
        String decoded = model.latents() == null ? ""
            : "x = pipeline.vqvae.decode(x / pipeline.vqvae.config.scaling_factor).sample\n";
        return """
            import torch
            from diffusers import DDIMScheduler, %s

            pipeline = %s.from_pretrained("DIR")   # it cannot be called: it tells unet no classes
            unet, scheduler = pipeline.unet, DDIMScheduler.from_config(pipeline.scheduler.config)
            scheduler.set_timesteps(50)
            labels = torch.arange(%d)
            x = torch.randn(len(labels), %d, %d, %d)
            torch.set_grad_enabled(False)
            """.formatted(pipeline, pipeline, classes, item[0], item[1], item[2]) + steps + decoded
            + "pictures = (x / 2 + 0.5).clamp(0, 1)   # [B,C,H,W] from 0 to 1\n";
    }
}
