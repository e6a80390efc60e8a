"""The cases of the race in plain PyTorch. Names, weights, the batch and the noise of what is compared come from Palitra's side."""
import gzip
import math
import os
import pathlib

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

import models

UNET = dict(channels=(64, 128, 128), layers=2, attention=(2,), groups=32)
SMALL_UNET = dict(channels=(16, 32, 64), layers=1, attention=(2,), groups=8)


def cosine_schedule(steps=1000, s=0.008):
    """sqrt(alphaBar) and sqrt(1 - alphaBar) of each time: Nichol and Dhariwal 2021."""
    u = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    bar = torch.cos(math.pi / 2 * (u + s) / (1 + s)).square()
    bar = (1 - (1 - bar[1:] / bar[:-1]).clamp_max(0.999)).cumprod(0)
    return bar.sqrt().float(), (1 - bar).sqrt().float()


class Family:
    """What a family descends and how it draws, the noise being an argument."""

    adam = dict(lr=1e-3)
    optimizer = torch.optim.Adam
    clip = 0.0
    ema = 0.0
    convolves = True

    def __init__(self, net):
        self.net = net

    def players(self):
        """Modules that are moved in turn, each with its loss."""
        return [(self.net, self.loss)]

    def called(self):
        """The modules whose forward is called."""
        return [self.net]


class Ae(Family):
    convolves = False

    def __init__(self):
        super().__init__(models.Autoencoder())

    def noise(self, x):
        return {}

    def loss(self, x, noise):
        clean = (x + 1) / 2
        return F.mse_loss(self.net(clean), clean)

    def prior(self, n):
        return dict(u=torch.rand(n, 1), z=torch.randn(n, 32))

    def sample(self, u, z):
        return self.net.decode(self.net.mixture(u, z))

    def called(self):
        return [self.net, self.net.decoder]


class Vae(Family):
    convolves = False

    def __init__(self):
        super().__init__(models.Vae())

    def noise(self, x):
        return dict(u=torch.rand_like(x), eps=torch.randn(len(x), 20))

    def loss(self, x, noise):
        target = (noise["u"] < (x + 1) / 2).float()
        out, mu, logvar = self.net(target, noise["eps"])
        recon = F.binary_cross_entropy_with_logits(out, target.flatten(1), reduction="sum")
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
        return (recon + kl) / len(x)

    def prior(self, n):
        return dict(z=torch.randn(n, 20))

    def sample(self, z):
        return self.net.decode(z)

    def called(self):
        return [self.net, self.net.decoder]


class Gan(Family):
    adam = dict(lr=3e-4, betas=(0.5, 0.999))
    ema = 0.999

    def __init__(self):
        super().__init__(models.Gan())

    def noise(self, x):
        return dict(z=torch.randn(len(x), 100), z2=torch.randn(len(x), 100))

    def players(self):
        return [(self.net.discriminator, self.discriminate), (self.net.generator, self.generate)]

    def discriminate(self, x, noise):
        with torch.no_grad():
            fake = self.net.generator(noise["z"])
        return F.softplus(-self.net.discriminator(x)).mean() + F.softplus(self.net.discriminator(fake)).mean()

    def generate(self, x, noise):
        return F.softplus(-self.net.discriminator(self.net.generator(noise["z2"]))).mean()

    def prior(self, n):
        return dict(z=torch.randn(n, 100))

    def sample(self, z):
        return self.net.generator(z)

    def called(self):
        return [self.net.generator, self.net.discriminator]


class PixelCnn(Family):
    clip = 1.0
    crops = True   # a row needs none below it; not for torch.compile, which would make code for each height

    def __init__(self):
        super().__init__(models.GatedPixelCnn())

    def noise(self, x):
        return dict(u=torch.rand_like(x))

    def loss(self, x, noise):
        white = noise["u"] < (x + 1) / 2
        return F.cross_entropy(self.net(white.float() * 2 - 1), white[:, 0].long(), reduction="sum") / len(x)

    def prior(self, n):
        return dict(u=torch.rand(n, 1, 28, 28))

    def sample(self, u):
        x = torch.zeros_like(u)
        for i in range(28):
            seen = x[:, :, :i + 1] if self.crops else x
            for j in range(28):
                black = self.net(seen)[:, :, i, j].softmax(1)[:, 0]
                x[:, 0, i, j] = (black <= u[:, 0, i, j]).float() * 2 - 1
        return x


class RealNvp(Family):
    adam = dict(lr=3e-3)
    clip = 100.0
    ema = 0.999

    def __init__(self):
        super().__init__(models.RealNvp())

    def noise(self, x):
        return dict(eps=torch.randn_like(x))

    def loss(self, x, noise):
        return self.net(x, noise["eps"]).mean()

    def prior(self, n):
        return dict(z=torch.randn(n, 784))

    def sample(self, z):
        return self.net.decode(z)

    def called(self):
        return [self.net] + [f["coupling"].net for f in self.net.flow]   # sampling calls inverses, which are no modules


class Ebm(Family):
    adam = dict(lr=2e-4, betas=(0.0, 0.999))
    clip = 0.1

    def __init__(self):
        super().__init__(models.Ebm())

    def players(self):
        return [(self.net.net, self.loss)]

    def called(self):
        return [self.net.net]

    def noise(self, x):
        return dict(first=torch.rand(1), again=torch.rand(len(x), 1, 1, 1), fresh=torch.rand_like(x),
                    walk=[None] * 20, eps=torch.randn_like(x))

    def loss(self, x, noise):
        energy = self.net.net
        replay = self.net.replay
        index = ((noise["first"] * len(replay)).floor().long() + torch.arange(len(x))) % len(replay)
        start = torch.where(noise["again"] < 0.05, noise["fresh"] * 2 - 1, replay[index])
        energy.requires_grad_(False)
        fake = self.walk(start, noise["walk"])
        energy.requires_grad_(True)
        replay[index] = fake
        real = energy((x + 0.005 * noise["eps"]).clamp(-1, 1))
        made = energy(fake)
        return real.mean() - made.mean() + 0.1 * (real.square() + made.square()).mean()

    def walk(self, x, noises):
        for eps in noises:
            eps = torch.randn_like(x) if eps is None else eps
            with torch.enable_grad():
                at = (x + 0.005 * eps).clamp(-1, 1).requires_grad_(True)
                slope, = torch.autograd.grad(self.net.net(at).sum(), at)
            x = (at.detach() - 10 * slope.clamp(-0.03, 0.03)).clamp(-1, 1)
        return x

    def prior(self, n):
        return dict(start=torch.rand(n, 1, 28, 28), walk=[None] * 256)

    def sample(self, start, walk):
        return self.walk(start * 2 - 1, walk)


class Diffusion(Family):
    """v-prediction on a cosine schedule; drawn by DDIM from evenly spaced times."""

    clip = 1.0
    ema = 0.999

    def __init__(self, unet, side):
        super().__init__(models.Unet(**unet))
        self.alpha, self.sigma = cosine_schedule()
        self.side = side

    def noise(self, x):
        return dict(t=torch.randint(1000, (len(x),)), eps=torch.randn_like(x))

    def loss(self, x, noise):
        t, eps = noise["t"], noise["eps"]
        a, s = self.alpha[t].view(-1, 1, 1, 1), self.sigma[t].view(-1, 1, 1, 1)
        return F.mse_loss(self.net(a * x + s * eps, t).float(), a * eps - s * x)

    def prior(self, n):
        return dict(z=torch.randn(n, 1, self.side, self.side))

    def sample(self, z, steps=20):
        x = z
        times = list(range(999, -1, -1000 // steps))
        for t, after in zip(times, [*times[1:], None]):
            a, s = self.alpha[t], self.sigma[t]
            x0 = (a * x - s * self.net(x, torch.full((len(x),), t))).clamp(-1, 1)
            if after is None:
                return x0
            x = self.alpha[after] * x0 + self.sigma[after] * (x - a * x0) / s


class Judge(Family):
    def __init__(self):
        super().__init__(models.Classifier())


class Text(Family):
    """Tokens, each predicted from those before it; the end token stands before a text."""

    adam = dict(lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    optimizer = torch.optim.AdamW
    clip = 1.0
    convolves = False

    def noise(self, x):
        return {}

    def loss(self, x, noise):
        inputs = torch.cat([torch.full_like(x[:, :1], self.net.tokens - 1), x[:, :-1]], 1)
        return F.cross_entropy(self.net(inputs).flatten(0, 1), x.flatten())


class Training:
    def __init__(self, family, given, variant, channels_last, bf16):
        self.family, self.bf16 = family, bf16
        load(family.net, given)
        self.x = given["x"]
        self.noises = [step_noise(given, i) for i in range(2)]
        if channels_last:
            family.net.to(memory_format=torch.channels_last)
            self.x = self.x.contiguous(memory_format=torch.channels_last)
        family.net.train()
        fused = dict(fused=True) if variant == "tuned" else {}
        self.optimizers = [family.optimizer(module.parameters(), **family.adam, **fused) for module, _ in family.players()]
        self.averaged = AveragedModel(family.net, multi_avg_fn=get_ema_multi_avg_fn(family.ema)) if family.ema else None
        if variant == "compile":
            for module in family.called():
                module.compile()

    def step(self, x, noise):
        losses = []
        players = self.family.players()
        for (module, loss), optimizer in zip(players, self.optimizers):
            for other, _ in players:
                other.requires_grad_(other is module)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                value = loss(x, noise)
            value.backward()
            if self.family.clip:
                torch.nn.utils.clip_grad_norm_(module.parameters(), self.family.clip)
            optimizer.step()
            losses.append(value.detach())
        if self.averaged:
            self.averaged.update_parameters(self.family.net)
        return losses

    def check(self):
        return [v.item() for noise in self.noises for v in self.step(self.x, noise)]

    def once(self):
        self.step(self.x, self.family.noise(self.x))


class Epoch(Training):
    """A pass of MNIST, from its files to the last step."""

    def __init__(self, family, given, variant, channels_last, bf16):
        super().__init__(family, given, variant, channels_last, bf16)
        self.tuned = variant == "tuned"

    def once(self):
        for batch, _ in mnist(len(self.x), self.tuned):
            self.step(batch, self.family.noise(batch))


def mnist(n, tuned):
    """Shuffled batches, from the files."""
    folder = pathlib.Path(os.environ["PALITRA_DATA"], "mnist")
    x = torch.from_numpy(read_idx(folder, "train-images-idx3-ubyte")).float().div(127.5).sub(1).unsqueeze(1)
    data = TensorDataset(x, torch.from_numpy(read_idx(folder, "train-labels-idx1-ubyte")))
    if tuned:   # whole batches are indexed; the loader's default collates single items
        return DataLoader(data, sampler=BatchSampler(RandomSampler(data), n, True), batch_size=None)
    return DataLoader(data, n, shuffle=True, drop_last=True)


class NoFamily:
    convolves = False
    net = torch.nn.Module()


class Loading:
    """A pass of MNIST, from its files to the last shuffled batch; nobody learns from it."""

    def __init__(self, family, given, variant, channels_last, how):
        self.family, self.n, self.tuned = family, int(given["batch"].item()), variant == "tuned"
        if variant == "compile":
            raise ValueError("there is nothing to compile")

    def check(self):
        items, x, y = 0, 0.0, 0.0
        for batch, labels in mnist(self.n, self.tuned):
            items, x, y = items + len(batch), x + batch.double().mean().item() * len(batch), y + labels.double().sum().item()
        return [float(items), float(round(x / items * 1e3)), float(round(y / items * 1e2))]

    def once(self):
        for _ in mnist(self.n, self.tuned):
            pass


def read_idx(folder, name):
    plain = folder / name
    raw = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape.astype(int)).copy()


class Drawing:
    def __init__(self, family, given, variant, channels_last, count):
        self.family, self.count = family, count
        load(family.net, given)
        family.net.eval().requires_grad_(False)
        if channels_last:
            family.net.to(memory_format=torch.channels_last)
        self.noise = step_noise(given, 0)
        if variant == "compile":
            family.crops = False
            for module in family.called():
                module.compile()

    def draw(self, noise):
        # a walk along a gradient records one
        with torch.no_grad() if isinstance(self.family, Ebm) else torch.inference_mode():
            return self.family.sample(**noise)

    def check(self):
        x = self.draw(self.noise).double()
        ramp = torch.arange(x[0].numel()).double() / x[0].numel()
        return [x.square().mean().item(), ((x.flatten(1) + 2) * ramp).mean().item()]

    def once(self):
        self.draw(self.family.prior(self.count))


class Judging:
    """As pytorch-fid does it: features batch by batch into one array, their mean and covariance, the square root of a product."""

    def __init__(self, family, given, variant, channels_last, how):
        self.family, self.a, self.b = family, given["a"], given["b"]
        load(family.net, given)
        family.net.eval().requires_grad_(False)
        if channels_last:
            family.net.to(memory_format=torch.channels_last)
        self.batch = 500 if variant == "tuned" else 50   # its default
        if variant == "compile":
            family.net.compile()

    @torch.no_grad()
    def moments(self, pictures):
        all, at = np.empty((len(pictures), 128)), 0
        for batch in DataLoader(pictures, self.batch):
            all[at:at + len(batch)] = self.family.net(batch).numpy()
            at += len(batch)
        return all.mean(0), np.cov(all, rowvar=False)

    def distance(self):
        (mean_a, cov_a), (mean_b, cov_b) = self.moments(self.a), self.moments(self.b)
        root = scipy.linalg.sqrtm(cov_a @ cov_b).real
        return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root)

    def check(self):
        return [float(self.distance())]

    def once(self):
        self.distance()


def load(net, given):
    weights = {name[4:]: t for name, t in given.items() if name.startswith("net.")}
    missing, unexpected = net.load_state_dict(weights, strict=False)
    wrong = [n for n in missing if not n.endswith("num_batches_tracked")] + unexpected
    if wrong:
        raise ValueError(f"weights do not fit: {wrong}")


def step_noise(given, i):
    return {name[2:]: t for name, t in given.items() if name.startswith(f"{i}.")}


def large_unet():
    return Diffusion(UNET, 32)


CASES = {
    "unet-train-fp32": (large_unet, Training, False),
    "unet-train-bf16": (large_unet, Training, True),
    "vae-train": (Vae, Training, False),
    "gan-train": (Gan, Training, False),
    "unet-sample-1": (large_unet, Drawing, 1),
    "unet-sample-16": (large_unet, Drawing, 16),
    "vae-epoch": (Vae, Epoch, False),
    "mnist-load": (NoFamily, Loading, None),
    "evaluate": (Judge, Judging, None),
    "ae-train": (Ae, Training, False),
    "pixelcnn-train": (PixelCnn, Training, False),
    "realnvp-train": (RealNvp, Training, False),
    "ebm-train": (Ebm, Training, False),
    "diffusion-train": (lambda: Diffusion(SMALL_UNET, 28), Training, False),
    "gpt-train": (lambda: Text(models.Gpt(66, 64, 128, 4, 4)), Training, False),
    "lstm-train": (lambda: Text(models.Lstm(66, 64, 256, 2)), Training, False),
    "ae-sample": (Ae, Drawing, 16),
    "vae-sample": (Vae, Drawing, 16),
    "gan-sample": (Gan, Drawing, 16),
    "pixelcnn-sample": (PixelCnn, Drawing, 16),
    "realnvp-sample": (RealNvp, Drawing, 16),
    "ebm-sample": (Ebm, Drawing, 16),
    "diffusion-sample": (lambda: Diffusion(SMALL_UNET, 28), Drawing, 16),
}
