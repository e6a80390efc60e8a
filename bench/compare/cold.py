"""From the start of a process to a picture: the VAE of a run, in PyTorch.

    cold.py RUN OUT.png [GIVEN]    with GIVEN its code is decoded, and must give its picture
"""
import struct
import sys
import zlib

import torch
from safetensors.torch import load_file

import models


def png(path, grey):
    h, w = grey.shape
    rows = b"".join(b"\0" + bytes(row) for row in grey.tolist())

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
                + chunk(b"IEND", b""))


def main(run, out, given=None):
    vae = models.Vae()
    vae.load_state_dict(load_file(f"{run}/model.safetensors"))
    vae.eval()
    with torch.inference_mode():
        z = torch.randn(1, 20) if given is None else load_file(given)["z"]
        x = vae.decode(z)
    png(out, ((x[0, 0] + 1) * 127.5).clamp(0, 255).round().byte())
    if given is not None:
        error = (x - load_file(given)["picture"]).abs().max().item()
        if error > 1e-4:
            sys.exit(f"not the same picture: {error}")
        print(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
