"""Full-loop sampling of a PixelCNN in PyTorch, with the networks and weights of PixelSamplingBench.

    mvn -q -pl core test -Dtest=PixelSamplingBench
    python bench/pixel_sampling.py target/pixel-sampling [threads]

For each pixel the whole network runs once, and the pixel is drawn from its softmax. Every such pass costs the same: for sides where the
whole loop would take hours, some pixels are timed and their mean counted for each.
"""
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

LEAST_SECONDS = 2.0


def conv(w, name, x, left, right, up, dilation=1):
    weight = w[name + ".weight"]
    if name + ".mask" in w:
        weight = weight * w[name + ".mask"]
    x = F.pad(x, (left * dilation, right * dilation, up * dilation, 0)) if max(left, right, up) > 0 else x
    return F.conv2d(x, weight, w[name + ".bias"], dilation=dilation)


def plain(w, x):
    h = conv(w, "first", x, 3, 3, 3).relu()
    i = 0
    while f"blocks.{i}.in.weight" in w:
        mid = conv(w, f"blocks.{i}.mid", conv(w, f"blocks.{i}.in", h, 0, 0, 0).relu(), 1, 1, 1)
        h = h + conv(w, f"blocks.{i}.out", mid.relu(), 0, 0, 0).relu()
        i += 1
    for name in ("head.0", "head.1"):
        h = conv(w, name, h, 0, 0, 0).relu()
    return conv(w, "head.2", h, 0, 0, 0)


def gate(x):
    a, b = x.chunk(2, 1)
    return a.tanh() * b.sigmoid()


def gated(w, x, dilations=(1, 2, 1, 4, 1, 2, 1)):
    above = F.conv2d(F.pad(x, (3, 3, 3, -1)), w["first.above.weight"], w["first.above.bias"])
    v, h = above, F.conv2d(F.pad(x, (3, -1, 0, 0)), w["first.row.weight"], w["first.row.bias"]) + above
    for i, d in enumerate(dilations):
        up = conv(w, f"layers.{i}.above", v, 1, 1, 1, d)
        both = conv(w, f"layers.{i}.row", h, 1, 0, 0, d) + conv(w, f"layers.{i}.link", up, 0, 0, 0)
        h = h + conv(w, f"layers.{i}.out", gate(both), 0, 0, 0)
        v = gate(up)
    return conv(w, "head.1", conv(w, "head.0", h.relu(), 0, 0, 0).relu(), 0, 0, 0)


@torch.inference_mode()
def main(folder, threads):
    torch.set_num_threads(threads)
    print(f"{'net':6} {'levels':>6} {'side':>5} {'batch':>6} {'full loop, s':>14}   {threads} threads, torch {torch.__version__}")
    files = list(pathlib.Path(folder).glob("*.safetensors"))
    if not files:
        sys.exit(f"{folder} has no .safetensors: run PixelSamplingBench first")
    for file in sorted(files, key=lambda f: (f.stem.split("-")[0] != "plain", int(f.stem.split("-")[2]))):
        kind, levels, side = file.stem.split("-")
        levels, side = int(levels), int(side)
        w = load_file(file)
        net = plain if kind == "plain" else gated
        error = (net(w, w["bench.input"]) - w["bench.output"]).abs().max().item()
        assert error < 1e-3, f"not the same network: {error}"
        for batch in (1, 64):
            x = torch.zeros(batch, 1, side, side)
            timed, start = 0, None
            for k in range(-2, side * side):   # two to warm up
                if k == 0:
                    start = time.perf_counter()
                i, j = divmod(max(k, 0), side)
                p = net(w, x)[:, :, i, j].softmax(1)
                x[:, 0, i, j] = torch.multinomial(p, 1)[:, 0].float() / (levels - 1) * 2 - 1
                if k >= 0:
                    timed += 1
                    if time.perf_counter() - start > LEAST_SECONDS:
                        break
            seconds = (time.perf_counter() - start) / timed * side * side
            print(f"{kind:6} {levels:6} {side:5} {batch:6} {seconds:14.3f}   {timed} of {side * side} pixels timed")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
