// A mask over a picture: strokes, undo and redo, and the PNG that says what is to be painted. Knows nothing of the page.

const UNDO_BYTES = 256 << 20;

export class Mask {
    /** Pixels of the picture. */
    constructor(width, height) {
        this.width = width;
        this.height = height;
        this.canvas = Object.assign(document.createElement('canvas'), { width, height });
        this.pen = this.canvas.getContext('2d', { willReadFrequently: true });
        this.undone = [];
        this.done = [];
        this.before = null;
        this.painted = 0;
    }

    /** Begins a stroke, or any change: end() makes it one that can be undone. */
    begin() {
        this.before = this.pen.getImageData(0, 0, this.width, this.height);
        this.box = null;
    }

    /** A round dab. size: diameter in pixels; hardness 0 to 1: share of the radius that is whole */
    dab(x, y, size, hardness, erase) {
        const r = Math.max(0.5, size / 2);
        this.pen.globalCompositeOperation = erase ? 'destination-out' : 'source-over';
        if (hardness >= 1) this.pen.fillStyle = '#fff';
        else {
            const fade = this.pen.createRadialGradient(x, y, r * hardness, x, y, r);
            fade.addColorStop(0, '#fff');
            fade.addColorStop(1, 'rgb(255 255 255 / 0)');
            this.pen.fillStyle = fade;
        }
        this.pen.beginPath();
        this.pen.arc(x, y, r, 0, 2 * Math.PI);
        this.pen.fill();
        this.grow(x - r - 1, y - r - 1, x + r + 1, y + r + 1);
    }

    /** Dabs from one point to another. */
    line(from, to, size, hardness, erase) {
        const step = Math.max(1, size / (hardness >= 1 ? 12 : 6)), far = Math.hypot(to.x - from.x, to.y - from.y), n = Math.max(1, Math.ceil(far / step));
        for (let i = 1; i <= n; i++) this.dab(from.x + (to.x - from.x) * i / n, from.y + (to.y - from.y) * i / n, size, hardness, erase);
    }

    grow(x0, y0, x1, y1) {
        const b = this.box || { x0: this.width, y0: this.height, x1: 0, y1: 0 };
        this.box = { x0: Math.max(0, Math.min(b.x0, Math.floor(x0))), y0: Math.max(0, Math.min(b.y0, Math.floor(y0))),
            x1: Math.min(this.width, Math.max(b.x1, Math.ceil(x1))), y1: Math.min(this.height, Math.max(b.y1, Math.ceil(y1))) };
    }

    end() {
        const b = this.box;
        if (b && b.x1 > b.x0 && b.y1 > b.y0) {
            const was = part(this.before, b, this.width), now = this.pen.getImageData(b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0);
            this.done.push({ x: b.x0, y: b.y0, was, now });
            this.undone = [];
            for (let sum = 0, i = this.done.length - 1; i >= 0; i--) {
                sum += 2 * this.done[i].was.data.length;
                if (sum > UNDO_BYTES) { this.done.splice(0, i + 1); break; }
            }
        }
        this.before = null;
        this.count();
    }

    undo() { this.step(this.done, this.undone, 'was'); }

    redo() { this.step(this.undone, this.done, 'now'); }

    step(from, to, which) {
        const change = from.pop();
        if (!change) return;
        this.pen.putImageData(change[which], change.x, change.y);
        to.push(change);
        this.count();
    }

    invert() {
        this.all(pixels => { for (let i = 0; i < pixels.length; i += 4) { pixels[i] = pixels[i + 1] = pixels[i + 2] = 255; pixels[i + 3] = 255 - pixels[i + 3]; } });
    }

    clear() { this.all(pixels => pixels.fill(0)); }

    /** From a picture of a mask: light is painted. */
    load(image) {
        const other = Object.assign(document.createElement('canvas'), { width: this.width, height: this.height }).getContext('2d');
        other.drawImage(image, 0, 0, this.width, this.height);
        const from = other.getImageData(0, 0, this.width, this.height).data;
        this.all(pixels => { for (let i = 0; i < pixels.length; i += 4) { pixels[i] = pixels[i + 1] = pixels[i + 2] = 255; pixels[i + 3] = from[i]; } });
    }

    all(change) {
        this.begin();
        const whole = this.pen.getImageData(0, 0, this.width, this.height);
        change(whole.data);
        this.pen.putImageData(whole, 0, 0);
        this.grow(0, 0, this.width, this.height);
        this.end();
    }

    /** How much of each pixel is painted, 0 to 255. */
    levels() {
        const { data } = this.pen.getImageData(0, 0, this.width, this.height), levels = new Uint8Array(this.width * this.height);
        for (let i = 0; i < levels.length; i++) levels[i] = data[4 * i + 3];
        return levels;
    }

    count() {
        const levels = this.levels();
        this.painted = 0;
        for (const level of levels) if (level > 0) this.painted++;
    }

    /** The PNG: opaque, white where it is painted. */
    png() {
        const out = Object.assign(document.createElement('canvas'), { width: this.width, height: this.height }), pen = out.getContext('2d');
        const image = pen.createImageData(this.width, this.height), levels = this.levels();
        for (let i = 0; i < levels.length; i++) { image.data.fill(levels[i], 4 * i, 4 * i + 3); image.data[4 * i + 3] = 255; }
        pen.putImageData(image, 0, 0);
        return new Promise(resolve => out.toBlob(resolve, 'image/png'));
    }
}

function part(image, { x0, y0, x1, y1 }, width) {
    const out = new ImageData(x1 - x0, y1 - y0);
    for (let y = y0; y < y1; y++) out.data.set(image.data.subarray(4 * (y * width + x0), 4 * (y * width + x1)), 4 * (y - y0) * (x1 - x0));
    return out;
}

/**
 * Pixels that differ between a picture and what was made of it, of those that the mask leaves out and that lie farther from it than its
 * soft edge reaches. levels: of the mask, null = none; margin: added on the sides. -> {pixels, differ}, or null for other sizes
 */
export function differences(before, after, levels, margin, reach) {
    const w = before.naturalWidth, h = before.naturalHeight;
    if (after.naturalWidth !== w + margin.left + margin.right || after.naturalHeight !== h + margin.top + margin.bottom) return null;
    const a = pixelsOf(before, 0, 0, w, h), b = pixelsOf(after, margin.left, margin.top, w, h), drawn = widened(levels, w, h, reach, margin);
    let pixels = 0, differ = 0;
    for (let i = 0; i < drawn.length; i++) {
        if (drawn[i]) continue;
        pixels++;
        if (a[4 * i] !== b[4 * i] || a[4 * i + 1] !== b[4 * i + 1] || a[4 * i + 2] !== b[4 * i + 2]) differ++;
    }
    return { pixels, differ };
}

function pixelsOf(image, x, y, width, height) {
    const pen = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', { willReadFrequently: true });
    pen.drawImage(image, -x, -y);
    return pen.getImageData(0, 0, width, height).data;
}

/** 1 where a painted pixel lies within a square of that reach; beyond a side with a margin all is painted. */
function widened(levels, w, h, reach, margin) {
    const rows = new Uint8Array(w * h), out = new Uint8Array(w * h);
    const spread = (n, read, write, before, after) => {
        let last = before ? -1 : -Infinity;
        for (let i = 0; i < n; i++) { if (read(i)) last = i; if (i - last <= reach) write(i); }
        last = after ? n : Infinity;
        for (let i = n - 1; i >= 0; i--) { if (read(i)) last = i; if (last - i <= reach) write(i); }
    };
    for (let y = 0; y < h; y++) spread(w, x => levels && levels[y * w + x] > 0, x => { rows[y * w + x] = 1; }, margin.left > 0, margin.right > 0);
    for (let x = 0; x < w; x++) spread(h, y => rows[y * w + x], y => { out[y * w + x] = 1; }, margin.top > 0, margin.bottom > 0);
    return out;
}
