"""Computes with diffusers, for the networks of the folders beside it, the numbers.safetensors that DiffusersExportTest compares with."""
import diffusers
import torch
from safetensors.torch import save_file

torch.manual_seed(0)
torch.set_grad_enabled(False)
torch.set_num_threads(1)
print("torch", torch.__version__, "diffusers", diffusers.__version__)


def save(name, **numbers):
    save_file({key: value.contiguous() for key, value in numbers.items()}, name + "/numbers.safetensors")


pipeline = diffusers.DDPMPipeline.from_pretrained("diffusion")
unet, ddim = pipeline.unet, diffusers.DDIMScheduler.from_config(pipeline.scheduler.config)
x, t, labels = torch.randn(2, 1, 28, 28), torch.tensor([999, 250]), torch.tensor([1, unet.config.num_class_embeds - 1])
drawn = x
ddim.set_timesteps(4)
for time in ddim.timesteps:
    drawn = ddim.step(unet(drawn, time, class_labels=labels).sample, time, drawn).prev_sample
save("diffusion", sample=x, timestep=t, class_labels=labels, output=unet(x, t, class_labels=labels).sample, drawn=drawn,
     alphas_cumprod=pipeline.scheduler.alphas_cumprod)

vae = diffusers.AutoencoderKL.from_pretrained("vae")
x = torch.rand(2, 1, 28, 28) * 2 - 1
q = vae.encode(x).latent_dist
save("vae", sample=x, mean=q.mean, logvar=q.logvar, scaled=q.mean * vae.config.scaling_factor, decoded=vae.decode(q.mean).sample)

vq = diffusers.VQModel.from_pretrained("vq")
latents = vq.encode(x).latents
save("vq", sample=x, latents=latents, indices=vq.quantize(latents)[2][2], decoded=vq.decode(latents).sample)
