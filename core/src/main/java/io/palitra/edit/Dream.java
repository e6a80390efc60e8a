package io.palitra.edit;

import io.palitra.config.ConfigException;
import io.palitra.data.DataLoader;
import io.palitra.data.DreamPrompt;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.TextImage;
import io.palitra.model.Watcher;
import io.palitra.net.CoderConfig;
import io.palitra.net.VqModel;
import io.palitra.stage.FirstStage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Painting by VQGAN and CLIP: the latents of a picture are optimised until the CLIP embeddings of its parts lie near those of the texts.
 * Crowson et al. 2022, arXiv:2204.08583. Not for several threads at once.
 */
public final class Dream {
    /** Purposes of streams of random numbers. */
    private static final int START = 1, PARTS = 2, TARGETS = 3;

    private final FirstStage stage;
    private final VqModel vq;
    private final TextImage clip;

    /** Neither is changed or closed. @throws ConfigException where pictures of the one are no inputs of the other */
    public Dream(FirstStage vqgan, TextImage clip) {
        stage = vqgan;
        vq = vqgan.net();
        this.clip = clip;
        CoderConfig coder = vq.config().coder();
        boolean pictures = coder.inChannels() == coder.outChannels() && (coder.inChannels() == 1 || coder.inChannels() == 3);
        if (pictures) return;
        throw new ConfigException("vqgan", "'" + vqgan.name() + "' makes " + coder.outChannels() + " channels of " + coder.inChannels()
            + "; a CLIP sees pictures, of 1 or 3 in and out");
    }

    /**
     * 2 asin(|a - b| / 2)^2, half the square of the angle between points of length 1: 0 where they are equal, 1.2337 at right angles,
     * 4.9348 where they are opposite. By the arc tangent of |a - b| over |a + b|, whose gradient is finite everywhere. a [N,P], b [M,P]:
     * [N,M].
     */
    static Tensor distance(Tensor a, Tensor b) {
        Tensor x = a.unsqueeze(1), y = b.unsqueeze(0);
        return length(x.sub(y)).atan2(length(x.add(y))).square().mul(2);
    }

    /** Length plus a small number, so that it has a gradient at 0. */
    private static Tensor length(Tensor x) { return x.square().sum(false, -1).add(1e-24).sqrt(); }

    /** Points [M,P] of the loss: texts, pictures or noise to come near to. */
    private record Aim(Tensor points, double weight, double stop) {
        /** |w| sgn(w) d, and where that is below the stop a number without a gradient. Seen [n,P]; the sum over parts, of a mean over N. */
        Tensor pull(Tensor seen, int of) {
            Tensor signed = distance(seen, points).mul(Math.signum(weight));
            Tensor enough = stop == Double.NEGATIVE_INFINITY ? signed : signed.maximum(Torch.full(stop).to(seen.device()));
            return enough.sum().mul(Math.abs(weight) / (of * (double) points.size(0)));
        }
    }

    /**
     * Paints the picture of a request. Before the first iteration and after each the watcher gets a tick "iterations": how many led to the
     * picture that it may see, and the figure "loss" of that picture; of the last picture that of the one before.
     *
     * @throws ConfigException when the request does not fit the models
     * @throws IllegalArgumentException for a text that CLIP does not read
     */
    public DreamResult paint(DreamRequest request, Watcher watcher) {
        long began = System.nanoTime();
        DreamRequest.How how = request.how();
        Device device = vq.parameters().values().iterator().next().device();
        int height = side(how.height(), request, true), width = side(how.width(), request, false);
        int h = stage.along("height", height), w = stage.along("width", width);
        Rng seed = new Rng(how.seed());   // before anything is drawn
        try (Scope scope = new Scope()) {
            Cutouts cutouts = new Cutouts(clip.side(), how.cutPower(), how.augment());
            List<List<Aim>> phases;
            Tensor[] range;
            Tensor start;
            try (Guard g = Torch.noGrad()) {
                phases = phases(request, seed, device, height, width);
                range = range();
                start = request.image().map(p -> vq.encode(tensor(Pictures.fit(p, height, width)).to(device)))
                    .orElseGet(() -> vq.lookup(seed.split(START).integers(stage.codes(), 1, h, w).to(device)));
            }
            Tensor texts = texts(request, device);
            double unit = range[1].sub(range[0]).mean().div(2).item();
            List<Double> first = List.of();
            double loss = Double.NaN;
            int done = 0;
            boolean stopped = false;
            try (Grids grids = new Grids(start, how.coarser(), how.average(), how.optimizer())) {
                while (how.iterations() == 0 || done < how.iterations()) {
                    int now = done;
                    try (Scope turn = new Scope()) {
                        if (!how.journey().stands() && now > 0 && now % how.journey().every() == 0) {
                            grids.begin(moved(grids.mean(), how.journey()));
                        }
                        Tensor z = grids.z(), x = vq.decode(z);
                        List<Aim> aims = phases.get(request.phase(now, phases.size()));
                        grids.zeroGrad();
                        loss = descend(x, z, start, aims, cutouts, how, seed.split(PARTS).split(now));
                        if (!Double.isFinite(loss)) throw notFinite(x, loss, " at iteration " + now);
                        if (now == 0) first = cosines(cutouts, x, texts);
                        watcher.tick("iterations", now, how.iterations(), Map.of("loss", loss), () -> Optional.of(picture(grids)));
                        grids.step(how.optimizer().lr() * unit, range[0], range[1]);
                    }
                    done++;
                    if (watcher.stop()) {
                        stopped = true;
                        break;
                    }
                }
                try (Guard g = Torch.noGrad()) {
                    Tensor x = vq.decode(grids.mean());
                    if (!finite(x)) throw notFinite(x, loss, " after the last iteration");
                    Picture last = picture(x);
                    watcher.tick("iterations", done, how.iterations(), Map.of("loss", loss), () -> Optional.of(last));
                    return new DreamResult(last, done, stopped, first, cosines(cutouts, x, texts), (System.nanoTime() - began) * 1e-9);
                }
            }
        }
    }

    private static boolean finite(Tensor x) {
        try (Scope scope = new Scope()) { return x.detach().isFinite().all().item() != 0; }
    }

    /** The error for NaN and infinity, which would become a black picture; it names the model that gave them. */
    private ArithmeticException notFinite(Tensor x, double loss, String when) {
        String who = finite(x) ? "the CLIP" : "the VQGAN '" + stage.name() + "'";
        return new ArithmeticException(who + " gives numbers that are not finite" + when + " (loss " + loss
            + "); its weights may be damaged, or a weight of the texts or the learning rate is too large");
    }

    private int side(int asked, DreamRequest request, boolean height) {
        if (asked > 0) return asked;
        int f = stage.factor();
        if (request.image().isPresent()) {
            Picture p = request.image().get();
            return Math.max(f, (height ? p.height() : p.width()) / f * f);
        }
        List<Integer> trained = vq.config().coder().sampleSize();
        int own = trained.isEmpty() ? clip.side() : height ? trained.get(0) : trained.get(trained.size() - 1);
        return Math.max(f, 2 * own / f * f);
    }

    /** Least and greatest value of each channel of the codebook, [1,D,1,1]: beyond them there are no codes. */
    private Tensor[] range() {
        Tensor codes = vq.codebook().detach();   // [K,D]
        return new Tensor[] {codes.amin(true, 0).reshape(1, -1, 1, 1), codes.amax(true, 0).reshape(1, -1, 1, 1)};
    }

    /** The points of the loss in each phase; targets and noise count in all of them. */
    private List<List<Aim>> phases(DreamRequest request, Rng seed, Device device, int height, int width) {
        List<Aim> always = new ArrayList<>();
        Cutouts plain = new Cutouts(clip.side(), request.how().cutPower(), DreamRequest.Augment.NONE);
        for (int i = 0; i < request.targets().size(); i++) {
            DreamRequest.Target t = request.targets().get(i);
            Tensor x = tensor(Pictures.fit(t.picture(), height, width)).to(device);
            Rng own = seed.split(TARGETS).split(i);
            List<Tensor> seen = new ArrayList<>();
            int n = request.how().cutouts();
            for (int from = 0; from < n; from += request.how().batch()) {
                int some = Math.min(request.how().batch(), n - from), at = from;
                seen.add(Scope.run(() -> clip.embedImage(plain.of(x, at, some, own))));
            }
            always.add(new Aim(Torch.cat(0, seen), t.weight(), t.stop()));
        }
        List<List<Aim>> phases = new ArrayList<>();
        for (List<DreamPrompt.WeightedTarget> phase : DreamPrompt.parse(request.texts()).phases()) {
            List<Aim> aims = new ArrayList<>(always);
            Tensor points = clip.embedText(phase.stream().map(DreamPrompt.WeightedTarget::what).toList());
            for (int i = 0; i < phase.size(); i++) aims.add(new Aim(points.rows(i, 1), phase.get(i).weight(), phase.get(i).stop()));
            phases.add(aims);
        }
        if (phases.isEmpty()) phases.add(always);
        if (request.noise().isEmpty()) return phases;
        long width0 = phases.get(0).isEmpty() ? clip.embedImage(Torch.zeros(1, 3, clip.side(), clip.side()).to(device)).size(1)
            : phases.get(0).get(0).points.size(1);
        for (DreamRequest.NoisePrompt n : request.noise()) {
            Tensor point = new Rng(n.seed()).normal(1, width0).to(device);
            Aim aim = new Aim(point.div(length(point).unsqueeze(1)), n.weight(), Double.NEGATIVE_INFINITY);
            for (List<Aim> phase : phases) phase.add(aim);
        }
        return phases;
    }

    /** Points of the texts of the last phase; of none an empty tensor. */
    private Tensor texts(DreamRequest request, Device device) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(request.texts()).phases();
        if (phases.isEmpty()) return Torch.zeros(0, 1).to(device);
        List<String> last = phases.get(phases.size() - 1).stream().map(DreamPrompt.WeightedTarget::what).toList();
        try (Guard g = Torch.noGrad()) { return clip.embedText(last); }
    }

    /** Cosines of a picture, as far as a square in its middle goes, with texts: its CLIP scores. */
    public List<Double> cosines(Picture picture, List<String> texts) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor points = clip.embedText(texts);
            return cosines(new Cutouts(clip.side(), 1, DreamRequest.Augment.NONE), tensor(picture).to(points.device()), points);
        }
    }

    private List<Double> cosines(Cutouts cutouts, Tensor x, Tensor texts) {
        if (texts.size(0) == 0) return List.of();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor seen = clip.embedImage(cutouts.whole(x.detach().clamp(-1, 1)));
            List<Double> all = new ArrayList<>();
            for (double c : texts.matmul(seen.t()).doubles()) all.add(c);
            return all;
        }
    }

    /** Leaves the gradient at z, and returns the loss. Waits for the device. */
    private double descend(Tensor x, Tensor z, Tensor start, List<Aim> aims, Cutouts cutouts, DreamRequest.How how, Rng rng) {
        // CLIP's part of the graph is freed, share by share, before the decoder's backward pass
        Tensor y = x.detach().clamp(-1, 1).requiresGrad(true);
        double sum = 0;
        for (int from = 0; from < how.cutouts(); from += how.batch()) {
            try (Scope share = new Scope()) {
                Tensor seen = clip.embedImage(cutouts.of(y, from, Math.min(how.batch(), how.cutouts() - from), rng));
                Tensor loss = Torch.zeros().to(seen.device());
                for (Aim aim : aims) loss = loss.add(aim.pull(seen, how.cutouts()));
                loss.backward();
                sum += loss.item();
            }
        }
        Tensor total = x.mul(clamped(y.grad(), x.detach(), y.detach())).sum();
        if (how.initWeight() > 0) {
            Tensor held = z.sub(start).square().mean().mul(how.initWeight() / 2);
            total = total.add(held);
            sum += held.item();
        }
        total.backward();
        return sum;
    }

    /** The gradient of y = clamp(x), where a gradient that moves x back into the range passes, too. */
    static Tensor clamped(Tensor gradient, Tensor x, Tensor y) {
        return gradient.mul(gradient.mul(x.sub(y)).ge(0).to(DType.F32));
    }

    /** Latents of the picture after one move of the camera. */
    private Tensor moved(Tensor z, DreamRequest.Journey journey) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = vq.decode(z).clamp(-1, 1);
            return scope.keep(vq.encode(seen(x, journey)));
        }
    }

    /** x [1,C,H,W], enlarged and moved; beyond its edges the edge pixels are repeated. */
    static Tensor seen(Tensor x, DreamRequest.Journey journey) {
        int h = (int) x.size(2), w = (int) x.size(3);
        float[] places = new float[2 * h * w];
        for (int r = 0, k = 0; r < h; r++) {
            for (int c = 0; c < w; c++) {
                places[k++] = (float) ((2 * (c - journey.right()) + 1 - w) / w / journey.zoom());
                places[k++] = (float) ((2 * (r - journey.down()) + 1 - h) / h / journey.zoom());
            }
        }
        return Torch.at(x, Torch.of(places, 1, h, w, 2).to(x.device()));
    }

    private Tensor tensor(Picture picture) {
        Picture p = stage.channels() == 1 ? Pictures.grey(picture) : Pictures.rgb(picture);
        return Torch.of(p.pixels(), 1, p.channels(), p.height(), p.width()).to(DType.F32).div(127.5).sub(1);
    }

    private Picture picture(Grids grids) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return picture(vq.decode(grids.mean()));
        }
    }

    /** Waits for the device. */
    private static Picture picture(Tensor x) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return new Picture((int) x.size(1), (int) x.size(2), (int) x.size(3), DataLoader.toBytes(x.detach().rows(0, 1)));
        }
    }
}
