"""Makes the .pth files beside it, with PyTorch 2.13. TorchFileTest knows what is in them."""
import zipfile
from collections import OrderedDict

import torch

kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
         torch.bool]
base = torch.arange(24.0)
shared = torch.arange(6.0)
state = OrderedDict((str(k).removeprefix("torch."), torch.arange(6).remainder(2 if k == torch.bool else 6).to(k).reshape(2, 3))
                    for k in kinds)
state["transposed"] = torch.arange(6.0).reshape(2, 3).t()
state["slice"] = base[5:17:3]
state["channels_last"] = torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
state["expanded"] = torch.arange(3.0).reshape(3, 1).expand(3, 4)
state["scalar"] = torch.tensor(-2.5)
state["empty"] = torch.zeros(0, 4)
state["tied.a"] = shared
state["tied.b"] = shared
state["parameter"] = torch.nn.Parameter(torch.full((2,), 7.0))
state._metadata = OrderedDict([("", {"version": 1})])
whole = {"state_dict": state, "step": 3, "large": 1 << 70, "rate": 0.5, "on": True, "none": None, "note": "größe ✓", "size": torch.Size([1, 2]),
         "kind": torch.float16, "history": [(1, torch.ones(2)), {"x": torch.zeros(1)}], 5: torch.ones(1)}

torch.save(whole, "zip.pth")
torch.save(whole, "protocol4.pth", pickle_protocol=4)
torch.save(whole, "legacy.pth", _use_new_zipfile_serialization=False)
torch.serialization.set_crc32_options(False)
torch.save({"a": torch.arange(3.0)}, "nocrc.pth")
torch.serialization.set_crc32_options(True)
module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
with torch.no_grad():
    for p in module.parameters():
        p.copy_(torch.arange(p.numel()).reshape(p.shape))
torch.save(module.state_dict(), "module.pth")

# a big-endian machine writes the same pickle and turned bytes
with zipfile.ZipFile("zip.pth") as old, zipfile.ZipFile("big.pth", "w") as new:
    probe = torch.load("zip.pth", weights_only=True)
    by_bytes = {}

    def note(value):
        if isinstance(value, torch.Tensor):
            by_bytes[bytes(value.untyped_storage().tolist())] = value.element_size()
        elif isinstance(value, dict):
            [note(v) for v in value.values()]
        elif isinstance(value, (list, tuple)):
            [note(v) for v in value]

    note(probe)
    for name in old.namelist():
        data = old.read(name)
        if name.endswith("/byteorder"):
            data = b"big"
        elif "/data/" in name:
            n = by_bytes[data] if data else 1
            data = b"".join(data[i:i + n][::-1] for i in range(0, len(data), n))
        new.writestr(name, data)
