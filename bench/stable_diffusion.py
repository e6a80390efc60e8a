"""Networks of Stable Diffusion 1.5's shapes with random weights, 512x512: a U-Net step and a VAE decode, ours beside diffusers on PyTorch.

    mvn -q -DskipTests package
    python bench/stable_diffusion.py DIR [--threads N] [--pairs N] [--cases unet-f32,vae-bf16,...] [--pipeline FOLDER]

DIR is where the weights (3.8 GB) are made once. Both sides hold the same weights and first agree on an answer; then they take turns, so that a
busy moment of the machine meets both, and medians are told. --pipeline names a tiny pipeline's folder, and the time from the start of a
process to its first picture is measured instead. Needs torch, diffusers and safetensors; PyTorch's own settings are as it has them.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

JAVA = ["java", "-XX:+UseSerialGC", "-Xms32m", "-cp", "core/target/test-classes:core/target/classes:app/target/lib/*", "io.palitra.net.StableDiffusionBench"]
CASES = ["unet-f32", "unet-bf16", "vae-f32", "vae-bf16", "tiny-f32"]
TOLERANCE = {"f32": 1e-3, "bf16": 0.2}


def make(folder):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    nets = {
        "unet": lambda: UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8),
        "vae": lambda: AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512),
        "tiny": lambda: UNet2DConditionModel(
            sample_size=16, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32, attention_head_dim=8, norm_num_groups=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")),
    }
    for name, net in nets.items():
        if (folder / name / "io.safetensors").exists():
            continue
        net().save_pretrained(folder / name)
        side, width = (16, 32) if name == "tiny" else (64, 768)
        x = {"sample": torch.randn(1, 4, side, side)}
        if name != "vae":
            x |= {"t": torch.tensor([500.0]), "context": torch.randn(1, 77, width)}
        torch.set_grad_enabled(False)
        x["output"] = run(load(folder, name, "f32"), name, x, "f32")
        torch.set_grad_enabled(True)
        save_file(x, folder / name / "io.safetensors")


def load(folder, name, kind):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    cls = AutoencoderKL if name == "vae" else UNet2DConditionModel
    return cls.from_pretrained(folder / name, torch_dtype=torch.float32 if kind == "f32" else torch.bfloat16).eval()


def run(net, name, x, kind):
    import torch

    dtype = torch.float32 if kind == "f32" else torch.bfloat16
    if name == "vae":
        return net.decode(x["sample"].to(dtype)).sample.float()
    return net(x["sample"].to(dtype), x["t"], x["context"].to(dtype)).sample.float()


class Python:
    """This script in a process of its own, so that its memory is its own."""

    def __init__(self, folder, name, kind, threads):
        self.process = subprocess.Popen([sys.executable, __file__, str(folder), "--serve", f"{name}-{kind}", "--threads", str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "ready"

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak(self):
        self.process.stdin.close()
        kilobytes = float(self.process.stdout.readline())
        self.process.wait()
        return kilobytes / 1024


class Java(Python):
    def __init__(self, folder, name, kind, threads):
        args = ["vae" if name == "vae" else "unet", str(folder / name), str(folder / name / "io.safetensors"), kind, str(threads)]
        env = dict(os.environ, MALLOC_ARENA_MAX="1", MALLOC_MMAP_THRESHOLD_="33554432", MALLOC_TRIM_THRESHOLD_="268435456")   # as ./palitra paint
        self.process = subprocess.Popen(JAVA + args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout.readline().strip() == "ready"


def serve(folder, case, threads):
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(threads)
    name, kind = case.split("-")
    net, x = load(folder, name, kind), load_file(folder / name / "io.safetensors")
    print("ready", flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            start = time.perf_counter()
            out = run(net, name, x, kind)
            seconds = time.perf_counter() - start
            print(seconds if line.strip() == "go" else (out - x["output"]).abs().max().item(), flush=True)
    status = pathlib.Path("/proc/self/status").read_text()
    print(status.split("VmHWM:")[1].split()[0], flush=True)


def spread(seconds):
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


def networks(folder, cases, threads, pairs):
    make(folder)
    print(f"{'case':10} {'ours, s':>26} {'PyTorch, s':>26} {'ratio':>6} {'ours, MiB':>10} {'PyTorch, MiB':>13}   {threads} threads")
    for case in cases:
        name, kind = case.split("-")
        both = [Java(folder, name, kind, threads), Python(folder, name, kind, threads)]
        errors = [side.ask("error") for side in both]   # warms up as well
        assert max(errors) < TOLERANCE[kind], f"{case}: answers differ by {errors}"
        ours, theirs = [], []
        for _ in range(pairs * (20 if name == "tiny" else 1)):
            ours.append(both[0].ask("go"))
            theirs.append(both[1].ask("go"))
        peaks = [side.peak() for side in both]
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"{case:10} {spread(ours):>26} {spread(theirs):>26} {ratio:6.2f} {peaks[0]:10.0f} {peaks[1]:13.0f}   errors {errors}", flush=True)


def cold(pipeline, pairs):
    program = ("import sys; from diffusers import StableDiffusionPipeline as P; p = P.from_pretrained(sys.argv[1], safety_checker=None);"
               " p('a red circle', num_inference_steps=5).images[0].save(sys.argv[2])")
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "a.png")
        commands = [["./palitra", "paint", "a red circle", "--model", pipeline, "--steps", "5",
                     "--force", "--out", out], [sys.executable, "-c", program, pipeline, out]]
        seconds = [[], []]
        for i in range(pairs + 1):   # the first pair fills the file cache
            for k, command in enumerate(commands):
                start = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                if i > 0:
                    seconds[k].append(time.perf_counter() - start)
        ratio = statistics.median(a / b for a, b in zip(*seconds))
        print(f"start to first picture: ours {spread(seconds[0])} s, diffusers {spread(seconds[1])} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--cases", default=",".join(CASES))
    p.add_argument("--pipeline")
    p.add_argument("--serve")
    a = p.parse_args()
    if a.serve:
        serve(a.folder, a.serve, a.threads)
    elif a.pipeline:
        cold(a.pipeline, a.pairs)
    else:
        networks(a.folder, a.cases.split(","), a.threads, a.pairs)
