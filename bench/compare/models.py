"""The networks of Palitra's families in plain PyTorch; parameters have the names that its files give them."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.ModuleList):
    """Fully connected layers, SiLU between."""

    def __init__(self, *widths):
        super().__init__(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x):
        for i in range(len(self) - 1):
            x = F.silu(self[i](x))
        return self[-1](x)


class Mixture(nn.Module):
    """Ten normals over an autoencoder's codes."""

    def __init__(self, latent, components=10):
        super().__init__()
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))

    def forward(self, u, eps):
        k = (self.weights.cumsum(0) <= u).sum(1).clamp_max(len(self.weights) - 1)
        return self.means[k] + torch.einsum("nij,nj->ni", self.factors[k], eps)


class Autoencoder(nn.Module):
    def __init__(self, latent=32):
        super().__init__()
        self.encoder = Mlp(784, 512, 256, latent)
        self.decoder = Mlp(latent, 256, 512, 784)
        self.mixture = Mixture(latent)

    def forward(self, x):
        return self.decoder(self.encoder(x.flatten(1))).sigmoid().view_as(x)

    def decode(self, z):
        return self.decoder(z).sigmoid().view(-1, 1, 28, 28) * 2 - 1


class Vae(nn.Module):
    def __init__(self, latent=20):
        super().__init__()
        self.latent = latent
        self.encoder = Mlp(784, 512, 256, 2 * latent)
        self.decoder = Mlp(latent, 256, 512, 784)

    def forward(self, x, eps):
        mu, logvar = self.encoder(x.flatten(1)).chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        return self.decoder(mu + (logvar / 2).exp() * eps), mu, logvar

    def decode(self, z):
        return self.decoder(z).sigmoid().view(-1, 1, 28, 28) * 2 - 1


class Classifier(nn.Module):
    """Its features."""

    def __init__(self, width=16, features=128, classes=10):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, width, 3, 1, 1), nn.Conv2d(width, 2 * width, 3, 1, 1)])
        self.norms = nn.ModuleList(nn.BatchNorm2d(c * width) for c in (1, 2))
        self.hidden = nn.ModuleList([nn.Linear(49 * 2 * width, features)])
        self.head = nn.Linear(features, classes)

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = F.max_pool2d(norm(conv(x)).relu(), 2)
        return self.hidden[0](x.flatten(1)).relu()


class Generator(nn.ModuleList):
    """Codes to pictures of 28x28 by transposed convolutions: sides of 4, 7, 14, 28."""

    def __init__(self, latent=100, width=64):
        super().__init__([
            nn.ConvTranspose2d(latent, 4 * width, 4, 1, 0, bias=False),
            nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, 1, bias=False),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.ConvTranspose2d(width, 1, 4, 2, 1)])
        self.norm = nn.ModuleList(nn.BatchNorm2d(c * width) for c in (4, 2, 1))

    def forward(self, z):
        x = self[0](z[:, :, None, None])
        for i, norm in enumerate(self.norm):
            x = self[i + 1](norm(x).relu())
        return x.tanh()


class Discriminator(nn.ModuleList):
    def __init__(self, width=64):
        super().__init__([nn.Conv2d(1, width, 4, 2, 1), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.Conv2d(2 * width, 4 * width, 4, 2, 1)])
        self.head = nn.Linear(4 * width * 9, 1)

    def forward(self, x):
        for i in range(3):
            x = F.leaky_relu(self[i](x), 0.2)
        return self.head(x.flatten(1)).squeeze(1)


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Generator()
        self.discriminator = Discriminator()


def named(**children):
    """Children in a module without a forward of its own."""
    return nn.ModuleDict(children)


class GatedPixelCnn(nn.Module):
    """Two stacks: of the rows above, and of the own row."""

    def __init__(self, width=32, dilations=(1, 2, 1, 4, 1, 2, 1), levels=2):
        super().__init__()
        self.first = named(above=nn.Conv2d(1, width, (3, 7)), row=nn.Conv2d(1, width, (1, 3)))
        self.layers = nn.ModuleList(
            named(above=nn.Conv2d(width, 2 * width, (2, 3), dilation=d), row=nn.Conv2d(width, 2 * width, (1, 2), dilation=d),
                  link=nn.Conv2d(2 * width, 2 * width, 1), out=nn.Conv2d(width, width, 1)) for d in dilations)
        self.head = nn.ModuleList([nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, levels, 1)])
        self.dilations = dilations

    @staticmethod
    def gate(x):
        a, b = x.chunk(2, 1)
        return a.tanh() * b.sigmoid()

    def forward(self, x):
        v = self.first["above"](F.pad(x, (3, 3, 3, -1)))
        h = self.first["row"](F.pad(x, (3, -1, 0, 0))) + v
        for layer, d in zip(self.layers, self.dilations):
            above = layer["above"](F.pad(v, (d, d, d, 0)))
            h = h + layer["out"](self.gate(layer["row"](F.pad(h, (d, 0, 0, 0))) + layer["link"](above)))
            v = self.gate(above)
        return self.head[1](self.head[0](h.relu()).relu())


class NormedConv(nn.Module):
    """A convolution whose weight is g v / |v|."""

    def __init__(self, cin, cout, kernel):
        super().__init__()
        self.weight_v = nn.Parameter(torch.empty(cout, cin, kernel, kernel))
        self.weight_g = nn.Parameter(torch.empty(cout, 1, 1, 1))
        self.bias = nn.Parameter(torch.empty(cout))

    def forward(self, x):
        return F.conv2d(x, torch._weight_norm(self.weight_v, self.weight_g, 0), self.bias, padding="same")


class CouplingNet(nn.Module):
    def __init__(self, cin, width, cout):
        super().__init__()
        self.first = NormedConv(cin, width, 3)
        self.blocks = nn.ModuleList([NormedConv(width, width, 1), NormedConv(width, width, 3)])
        self.norms = nn.ModuleList(nn.GroupNorm(width // 8, width) for _ in range(3))
        self.last = NormedConv(width, cout, 3)

    def forward(self, x):
        h = self.first(x)
        r = self.blocks[0](F.silu(self.norms[0](h)))
        h = h + self.blocks[1](F.silu(self.norms[1](r)))
        return self.last(F.silu(self.norms[2](h)))


class Coupling(nn.Module):
    def __init__(self, channels, width, mask, seen=0):
        super().__init__()
        self.register_buffer("mask", mask)
        self.bound = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.net = CouplingNet(channels + seen, width, 2 * channels)

    def scale_shift(self, kept, seen):
        s, t = self.net(kept if seen is None else torch.cat([kept, seen], 1)).chunk(2, 1)
        free = 1 - self.mask
        return s.tanh() * self.bound * free, t * free

    def forward(self, x, seen=None):
        s, t = self.scale_shift(x * self.mask, seen)
        return x * s.exp() + t, s.flatten(1).sum(1)

    def inverse(self, z):
        s, t = self.scale_shift(z * self.mask, None)
        return (z - t) * (-s).exp()


class ActNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.logScale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("set", torch.ones(()))

    def forward(self, x):
        return (x - self.shift) * self.logScale.exp(), self.logScale.sum() * (x.shape[2] * x.shape[3])

    def inverse(self, z):
        return z * (-self.logScale).exp() + self.shift


class RealNvp(nn.Module):
    """Three scales of pictures of 28x28, four couplings before and after each squeeze, five at the last; learned noise on bytes."""

    ALPHA = 0.002

    def __init__(self, width=24, couplings=4, scales=3):
        super().__init__()
        self.flow = nn.ModuleList()
        self.scales = []   # of each: steps before the squeeze, and after
        channels, side = 1, 28
        for s in range(scales):
            last = s == scales - 1
            before = couplings + last
            for i in range(before):
                self.flow.append(self.step(channels, width, self.checker(side, i)))
            if not last:
                channels, width, side = 4 * channels, 2 * width, side // 2
                for i in range(couplings):
                    half = (torch.arange(channels) < channels // 2) == (i % 2 == 0)
                    self.flow.append(self.step(channels, width, half.float().view(1, -1, 1, 1)))
                channels //= 2
            self.scales.append((before, 0 if last else couplings))
        self.noise = nn.ModuleList(Coupling(1, 24, self.checker(28, i), seen=1) for i in range(2))

    @staticmethod
    def step(channels, width, mask):
        return named(norm=ActNorm(channels), coupling=Coupling(channels, width, mask))

    @staticmethod
    def checker(side, parity):
        i = torch.arange(side)
        return ((i[:, None] + i + parity) % 2).float().view(1, 1, side, side)

    def steps(self):
        at = 0
        for before, after in self.scales:
            yield self.flow[at:at + before], self.flow[at + before:at + before + after]
            at += before + after

    def forward(self, x, eps):
        """-log p in nats, of the bytes of x in [-1,1]."""
        h, cost = eps, -0.5 * (eps.square() + math.log(2 * math.pi)).flatten(1).sum(1)
        for c in self.noise:
            h, det = c(h, x)
            cost = cost - det
        cost = cost - (F.logsigmoid(h) + F.logsigmoid(-h)).flatten(1).sum(1)
        a = self.ALPHA
        y = ((x + 1).mul(127.5).round() + h.sigmoid()) / 256 * (1 - 2 * a) + a
        log, log1m = y.log(), (-y).log1p()
        total = -(log + log1m).flatten(1).sum(1) + 784 * (math.log(1 - 2 * a) - math.log(256)) - cost
        h, parts = log - log1m, []
        for before, after in self.steps():
            for part in (before, after):
                if part is after and len(after):
                    h = squeeze(h)
                for f in part:
                    h, det = f["norm"](h)
                    total = total + det
                    h, det = f["coupling"](h)
                    total = total + det
            if len(after):
                h, out = h.chunk(2, 1)
                parts.append(out.flatten(1))
        z = torch.cat([*parts, h.flatten(1)], 1)
        return -(total - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1))

    def decode(self, z):
        sizes, shapes, c, side = [], [], 1, 28
        for _ in self.scales[:-1]:
            c, side = 2 * c, side // 2
            sizes.append(c * side * side)
            shapes.append((-1, c, side, side))
        parts = z.split([*sizes, c * side * side], 1)
        h = parts[-1].view(-1, c, side, side)
        for s, (before, after) in reversed(list(enumerate(self.steps()))):
            if len(after):
                h = torch.cat([h, parts[s].view(shapes[s])], 1)
            for part in (after, before):
                if part is before and len(after):
                    h = unsqueeze(h)
                for f in reversed(part):
                    h = f["norm"].inverse(f["coupling"].inverse(h))
        y = (h.sigmoid() - self.ALPHA) / (1 - 2 * self.ALPHA)
        return (y * 256).floor().clamp(0, 255) / 127.5 - 1


def squeeze(x):
    b, c, h, w = x.shape
    return x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h // 2, w // 2)


def unsqueeze(z):
    b, c, h, w = z.shape
    return z.view(b, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // 4, 2 * h, 2 * w)


class EnergyNet(nn.ModuleList):
    def __init__(self, width=16):
        super().__init__([
            nn.Conv2d(1, width, 5, 2, 2), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
            nn.Conv2d(4 * width, 4 * width, 3, 2, 1), nn.Linear(16 * width, 4 * width), nn.Linear(4 * width, 1)])

    def forward(self, x):
        for i in range(4):
            x = F.silu(self[i](x))
        return self[5](F.silu(self[4](x.flatten(1)))).squeeze(1)


class Ebm(nn.Module):
    def __init__(self, buffer=8192):
        super().__init__()
        self.net = EnergyNet()
        self.register_buffer("replay", torch.empty(buffer, 1, 28, 28))


class ResBlock(nn.Module):
    def __init__(self, cin, cout, embedding, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding, cout)
        self.norm2 = nn.GroupNorm(groups, cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(emb)[:, :, None, None]
        return self.conv_shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        h = self.group_norm(x).flatten(2).transpose(1, 2)   # [B,L,C], one head
        h = F.scaled_dot_product_attention(*(to(h).unsqueeze(1) for to in (self.to_q, self.to_k, self.to_v))).squeeze(1)
        return x + self.to_out[0](h).transpose(1, 2).view_as(x)


class Stage(nn.Module):
    """The blocks of one resolution, each followed by attention or not, and a change of resolution or none."""

    def __init__(self, widths, cout, attends, embedding, groups):
        super().__init__()
        self.resnets = nn.ModuleList(ResBlock(c, cout, embedding, groups) for c in widths)
        if attends:
            self.attentions = nn.ModuleList(Attention(cout, groups) for _ in widths)
        self.attends = attends

    def block(self, i, x, emb):
        x = self.resnets[i](x, emb)
        return self.attentions[i](x) if self.attends else x


class Unet(nn.Module):
    def __init__(self, channels, layers, attention, groups):
        super().__init__()
        first, n = channels[0], len(channels)
        self.first = first
        e = 4 * first
        self.time_embedding = named(linear_1=nn.Linear(first, e), linear_2=nn.Linear(e, e))
        self.conv_in = nn.Conv2d(1, first, 3, padding=1)
        self.down_blocks = nn.ModuleList()
        kept, cin = [first], first
        for i, c in enumerate(channels):
            stage = Stage([cin] + [c] * (layers - 1), c, i in attention, e, groups)
            kept += [c] * layers
            if i < n - 1:
                stage.downsamplers = nn.ModuleList([named(conv=nn.Conv2d(c, c, 3, 2, 1))])
                kept.append(c)
            self.down_blocks.append(stage)
            cin = c
        self.mid_block = Stage([cin, cin], cin, False, e, groups)
        self.mid_block.attentions = nn.ModuleList([Attention(cin, groups)])
        self.up_blocks = nn.ModuleList()
        for i, c in reversed(list(enumerate(channels))):
            widths = []
            for _ in range(layers + 1):
                widths.append(cin + kept.pop())
                cin = c
            stage = Stage(widths, c, i in attention, e, groups)
            if i > 0:
                stage.upsamplers = nn.ModuleList([named(conv=nn.Conv2d(c, c, 3, padding=1))])
            self.up_blocks.append(stage)
        self.conv_norm_out = nn.GroupNorm(groups, first)
        self.conv_out = nn.Conv2d(first, 1, 3, padding=1)

    def embed(self, t):
        half = self.first // 2
        frequency = torch.exp(-math.log(10000) / half * torch.arange(half, device=t.device))
        angle = t[:, None].float() * frequency
        h = self.time_embedding["linear_1"](torch.cat([angle.cos(), angle.sin()], 1))
        return F.silu(self.time_embedding["linear_2"](F.silu(h)))

    def forward(self, x, t):
        emb = self.embed(t)
        h = self.conv_in(x)
        kept = [h]
        for stage in self.down_blocks:
            for i in range(len(stage.resnets)):
                h = stage.block(i, h, emb)
                kept.append(h)
            if hasattr(stage, "downsamplers"):
                h = stage.downsamplers[0]["conv"](h)
                kept.append(h)
        h = self.mid_block.resnets[0](h, emb)
        h = self.mid_block.resnets[1](self.mid_block.attentions[0](h), emb)
        for stage in self.up_blocks:
            for i in range(len(stage.resnets)):
                h = stage.block(i, torch.cat([h, kept.pop()], 1), emb)
            if hasattr(stage, "upsamplers"):
                h = stage.upsamplers[0]["conv"](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(h)))


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = named(c_attn=nn.Linear(width, 3 * width), c_proj=nn.Linear(width, width))
        self.mlp = named(c_fc=nn.Linear(width, 4 * width), c_proj=nn.Linear(4 * width, width))

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (t.view(b, n, self.heads, -1).transpose(1, 2) for t in self.attn["c_attn"](self.ln_1(x)).split(d, 2))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](o.transpose(1, 2).reshape(b, n, d))
        return x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """GPT-2, its last layer tied to the table of tokens."""

    def __init__(self, tokens, length, width, layers, heads):
        super().__init__()
        self.tokens = tokens
        self.transformer = named(wte=nn.Embedding(tokens, width), wpe=nn.Embedding(length, width),
                                 h=nn.ModuleList(GptBlock(width, heads) for _ in range(layers)), ln_f=nn.LayerNorm(width))

    def forward(self, ids):
        t = self.transformer
        x = t["wte"](ids) + t["wpe"].weight[:ids.shape[1]]
        for block in t["h"]:
            x = block(x)
        return F.linear(t["ln_f"](x), t["wte"].weight)

    def load_state_dict(self, weights, strict=True):
        """Ours keeps matrices [in,out], as GPT-2's files do."""
        turned = {k: w.t().contiguous() if w.dim() == 2 and ".h." in k else w for k, w in weights.items()}
        return super().load_state_dict(turned, strict)


class Lstm(nn.Module):
    def __init__(self, tokens, table, width, layers):
        super().__init__()
        self.tokens = tokens
        self.table = nn.Embedding(tokens, table)
        self.lstm = nn.LSTM(table, width, layers, batch_first=True)
        self.head = nn.Linear(width, tokens)

    def forward(self, ids):
        return self.head(self.lstm(self.table(ids))[0])
