"""Makes trainer.ckpt and trainer4.ckpt beside it, with Python's own pickle and no PyTorch: files as programs of training write them, whose
classes are made up here under the names that such programs have. TorchFileTest knows what is in them."""
import argparse
import collections
import datetime
import enum
import functools
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def module(name, **members):
    for end in [i for i, c in enumerate(name) if c == "."]:
        sys.modules.setdefault(name[:end], types.ModuleType(name[:end]))
    m = sys.modules.setdefault(name, types.ModuleType(name))
    for key, value in members.items():
        setattr(m, key, value)
        if hasattr(value, "__module__"):
            value.__module__, value.__qualname__, value.__name__ = name, key, key
    return m


def rebuild(*args):
    raise NotImplementedError


def parameter(*args):
    raise NotImplementedError


def scalar(*args):
    raise NotImplementedError


class FloatStorage:
    pass


class dtype:
    def __reduce__(self):
        return sys.modules["numpy"].dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0)

    def __init__(self, *args):
        pass


class number:
    def __reduce__(self):
        return sys.modules["numpy.core.multiarray"].scalar, (sys.modules["numpy"].dtype("f8"), struct.pack("<d", 0.25))


class ModelCheckpoint:
    pass


class AttributeDict(dict):
    pass


class Mode(enum.Enum):
    MIN = "min"


class Early:
    def __new__(cls, *, patience):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"patience": 3}


class Losses(list):
    pass


class Kept:
    def __setstate__(self, state):
        raise NotImplementedError

    def __getstate__(self):
        return ("a", 1, None)


class Tensor:
    def __init__(self, key, *values):
        self.key, self.values = key, values

    def __reduce_ex__(self, protocol):
        storage = Storage(self.key, len(self.values))
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (storage, 0, (len(self.values),), (1,), False, collections.OrderedDict())


class Parameter(Tensor):
    def __reduce_ex__(self, protocol):
        return sys.modules["torch._utils"]._rebuild_parameter_with_state, (Tensor(self.key, *self.values), True, collections.OrderedDict(),
                                                                          {"note": "kept"})


class Storage:
    def __init__(self, key, n):
        self.key, self.n = key, n


class Pickler(pickle._Pickler):
    def persistent_id(self, obj):
        return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", obj.n) if isinstance(obj, Storage) else None


module("torch", FloatStorage=FloatStorage)
module("torch._utils", _rebuild_tensor_v2=rebuild, _rebuild_parameter_with_state=parameter)
module("numpy", dtype=dtype)
module("numpy.core.multiarray", scalar=scalar)
module("pytorch_lightning.callbacks.model_checkpoint", ModelCheckpoint=ModelCheckpoint)
module("pytorch_lightning.callbacks.early_stopping", Early=Early, Kept=Kept)
module("pytorch_lightning.utilities.parsing", AttributeDict=AttributeDict, Mode=Mode, Losses=Losses)

values = {"0": (1, 2, 3), "1": (4, 5), "2": (6,), "3": (7,)}
monitor = ModelCheckpoint()
monitor.__dict__.update(monitor="val/loss", best=number(), path=pathlib.PurePosixPath("runs/a"))
counts = collections.defaultdict(list)
counts["train"].append(1)
whole = {
    "epoch": 7,
    "pytorch-lightning_version": "1.4.2",
    "state_dict": collections.OrderedDict([("a.weight", Tensor("0", *values["0"])), ("a.bias", Parameter("1", *values["1"]))]),
    "callbacks": {ModelCheckpoint: {"best_model_score": Tensor("2", *values["2"]), "best": number()}, Early: {"wait": 0},
                  ("a", 1): Tensor("3", *values["3"]), None: 1, True: 2},
    "hyper_parameters": AttributeDict(lr=1e-4, args=argparse.Namespace(gpus=1, seed=number()), monitor=monitor),
    "objects": [Mode.MIN, Early(patience=3), Losses([0.5, 0.25]), Kept(), {1, 2}, frozenset([3]), b"bytes" * 60, bytearray(b"more"),
                counts, collections.Counter([30]), functools.partial(int, base=2), datetime.datetime(2020, 1, 2), range(3), 1j, Ellipsis],
    "optimizer_states": [{"state": {0: {"step": 9, "exp_avg": Tensor("0", *values["0"])}}, "param_groups": [{"lr": number()}]}],
}

for protocol, name in ((2, "trainer.ckpt"), (4, "trainer4.ckpt")):
    out = io.BytesIO()
    Pickler(out, protocol).dump(whole)
    with zipfile.ZipFile(name, "w", zipfile.ZIP_STORED) as z:
        z.writestr(zipfile.ZipInfo("archive/data.pkl"), out.getvalue())
        for key, numbers in values.items():
            z.writestr(zipfile.ZipInfo("archive/data/" + key), struct.pack(f"<{len(numbers)}f", *numbers))
        z.writestr(zipfile.ZipInfo("archive/version"), b"3\n")
