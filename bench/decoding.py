"""256 tokens of GPT-2 with transformers' generate, with the networks, prompts and tokens of DecodingBench.

    mvn -q -pl core test -Dtest=DecodingBench -Dthreads=2 "-Dtest.jvm=-XX:+UseSerialGC -Xms32m -XX:-UsePerfData"
    python bench/decoding.py target/decoding [threads] [runs]

The tokens must be those of DecodingBench: likeliest first, so that no noise is in it.
"""
import pathlib
import statistics
import sys
import time

import torch
import transformers
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel


@torch.inference_mode()
def main(folder, threads, runs):
    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    print(f"GPT-2, {threads} threads, torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"{'shape':>10} {'batch':>6} {'generate, s':>14} {'same':>6}")
    shapes = sorted(pathlib.Path(folder).glob("*/model.safetensors"), key=lambda f: f.stat().st_size)
    if not shapes:
        sys.exit(f"{folder} has no networks: run DecodingBench first")
    for file in shapes:
        net = GPT2LMHeadModel.from_pretrained(file.parent).eval()
        for batch in (1, 8):
            saved = load_file(file.parent / f"tokens-{batch}.st")
            prompt, tokens = saved["prompt"], saved["tokens"]
            new = tokens.shape[1] - prompt.shape[1]
            how = dict(attention_mask=torch.ones_like(prompt), max_new_tokens=new, min_new_tokens=new, do_sample=False, pad_token_id=0)
            drawn = net.generate(prompt, **how)
            seconds = []
            for _ in range(runs):
                start = time.perf_counter()
                net.generate(prompt, **how)
                seconds.append(time.perf_counter() - start)
            same = (drawn == tokens).float().mean().item()
            print(f"{file.parent.name:>10} {batch:6} {statistics.median(seconds):14.3f} {same:6.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2, int(sys.argv[3]) if len(sys.argv) > 3 else 3)
