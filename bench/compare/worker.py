"""The other side of io.palitra.bench.Worker: answers each line of stdin by one of stdout.

    worker.py FOLDER THREADS eager|tuned|compile

eager is PyTorch as it comes; tuned has the fused optimiser, channels_last where that is faster here (and the driver gives it the memory
settings that Palitra's launcher has); compile is eager through torch.compile.
"""
import pathlib
import sys
import time

import torch
from safetensors.torch import load_file

from cases import CASES

FOLDER, VARIANT = pathlib.Path(sys.argv[1]), sys.argv[3]
OPEN = {}


def seconds(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work.once()
    return time.perf_counter() - start


def make(name, channels_last):
    torch.manual_seed(0)
    family, kind, how = CASES[name]
    return kind(family(), load_file(FOLDER / f"{name}.safetensors"), VARIANT, channels_last, how)


def open_case(name):
    work, answer = checked(name, False)
    if VARIANT == "tuned" and work.family.convolves:
        plain = seconds(work, 2)
        work = None   # one at a time: the memory of a side is measured
        work, answer = checked(name, True)
        if seconds(work, 2) > plain:
            work = None
            work, answer = checked(name, False)
    OPEN[name] = work
    return " ".join(map(repr, answer))


def checked(name, channels_last):
    work = make(name, channels_last)
    return work, work.check()


def flops(name):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        make(name, False).once()
    return counter.get_total_flops()


def gigaflops(dtype):
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best * 1e-9


def answer(words):
    match words:
        case ["open", name]:
            return open_case(name)
        case ["run", name, times]:
            return seconds(OPEN[name], int(times))
        case ["peak"]:
            return pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
        case ["matrix"]:
            return f"{gigaflops(torch.float32)} {gigaflops(torch.bfloat16)}"
        case ["flops", name]:
            return flops(name)
        case ["about"]:
            return f"Python {sys.version.split()[0]}, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
        case ["layout", name]:
            return "channels_last" if any(p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
                                          for p in OPEN[name].family.net.parameters()) else "contiguous"
    raise ValueError(f"no command {words}")


def main():
    torch.set_num_threads(int(sys.argv[2]))
    for line in sys.stdin:
        try:
            text = str(answer(line.split()))
        except Exception as e:   # the driver says which case it was, and goes on to the next
            text = f"error {type(e).__name__}: {e}"
        print(" ".join(text.split()), flush=True)


if __name__ == "__main__":
    main()
