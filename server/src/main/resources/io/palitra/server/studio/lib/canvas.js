// The picture that is edited: brush, zoom, and edges to drag for more room around it.
import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { t, number } from './words.js';
import { Button, Slider } from './ui.js';

const ROOM = 8;         // pixels of a step of a margin: what models paint in
const MOST = 1024;      // pixels of a margin
const SIDES = ['left', 'top', 'right', 'bottom'];
export const NO_MARGIN = { left: 0, top: 0, right: 0, bottom: 0 };

/**
 * image: an HTMLImageElement; mask: a Mask, or null where nothing can be painted over; margin, onMargin; onChange: after a stroke; keep:
 * rows that stay, for models that complete downwards, else undefined
 */
export function EditCanvas({ image, mask, margin, onMargin, onChange, keep }) {
    const holder = useRef(), canvas = useRef(), view = useRef({ scale: 1, x: 0, y: 0, fit: true }), hand = useRef({ x: image.naturalWidth / 2, y: image.naturalHeight / 2, seen: false });
    const [tool, setTool] = useState('brush');
    const [size, setSize] = useState(Math.max(4, Math.round(Math.min(image.naturalWidth, image.naturalHeight) / 8)));
    const [hardness, setHardness] = useState(1);
    const [, setTurn] = useState(0);
    const now = useRef({});
    now.current = { tool, size, hardness, margin, mask, keep };
    const w = image.naturalWidth, h = image.naturalHeight;
    const wide = w + margin.left + margin.right, high = h + margin.top + margin.bottom;

    const draw = () => {
        const c = canvas.current;
        if (!c) return;
        const pen = c.getContext('2d'), ratio = devicePixelRatio, v = view.current, m = now.current.margin;
        const style = getComputedStyle(c), accent = style.getPropertyValue('--accent').trim(), edge = style.getPropertyValue('--edge').trim();
        pen.setTransform(1, 0, 0, 1, 0, 0);
        pen.clearRect(0, 0, c.width, c.height);
        pen.setTransform(v.scale * ratio, 0, 0, v.scale * ratio, v.x * ratio, v.y * ratio);
        if (SIDES.some(s => m[s] > 0)) {
            pen.save();
            pen.beginPath();
            pen.rect(-m.left, -m.top, w + m.left + m.right, h + m.top + m.bottom);
            pen.fillStyle = accent;
            pen.globalAlpha = 0.18;
            pen.fill();
            pen.clip();
            pen.globalAlpha = 0.5;
            pen.strokeStyle = accent;
            pen.lineWidth = 1 / v.scale;
            pen.beginPath();
            for (let d = -m.left - m.top - h - m.bottom; d < w + m.right + h + m.bottom; d += 10 / v.scale) { pen.moveTo(d, -m.top); pen.lineTo(d + h + m.top + m.bottom, h + m.bottom); }
            pen.stroke();
            pen.restore();
        }
        pen.imageSmoothingEnabled = v.scale * ratio < 1.5;
        pen.drawImage(image, 0, 0);
        if (now.current.keep !== undefined) {
            pen.globalAlpha = 0.55;
            pen.fillStyle = accent;
            pen.fillRect(0, now.current.keep, w, h - now.current.keep);
            pen.globalAlpha = 1;
        }
        if (now.current.mask) {
            const tint = tinted(now.current.mask.canvas, accent);
            pen.globalAlpha = 0.6;
            pen.drawImage(tint, 0, 0);
            pen.globalAlpha = 1;
            if (hand.current.seen) {
                pen.beginPath();
                pen.arc(hand.current.x, hand.current.y, now.current.size / 2, 0, 2 * Math.PI);
                for (const [colour, width] of [['#000', 3], ['#fff', 1.5]]) { pen.strokeStyle = colour; pen.lineWidth = width / v.scale; pen.stroke(); }
            }
        }
        pen.strokeStyle = edge;
        pen.lineWidth = 1 / v.scale;
        pen.strokeRect(0, 0, w, h);
    };
    const asked = useRef(0);
    const soon = () => { if (!asked.current) asked.current = requestAnimationFrame(() => { asked.current = 0; draw(); }); };

    const fit = () => {
        const box = holder.current, m = now.current.margin, pad = 34;
        const W = w + m.left + m.right, H = h + m.top + m.bottom;
        const scale = Math.min((box.clientWidth - 2 * pad) / W, (box.clientHeight - 2 * pad) / H);
        view.current = { scale, x: (box.clientWidth - W * scale) / 2 + m.left * scale, y: (box.clientHeight - H * scale) / 2 + m.top * scale, fit: true };
        setTurn(n => n + 1);
    };
    const zoom = (by, at) => {
        const v = view.current, box = holder.current, c = at || { x: box.clientWidth / 2, y: box.clientHeight / 2 };
        const scale = Math.max(0.05, Math.min(64, v.scale * by));
        view.current = { scale, x: c.x - (c.x - v.x) * scale / v.scale, y: c.y - (c.y - v.y) * scale / v.scale, fit: false };
        setTurn(n => n + 1);
    };

    useLayoutEffect(() => {
        const box = holder.current;
        const sizes = new ResizeObserver(() => {
            canvas.current.width = Math.round(box.clientWidth * devicePixelRatio);
            canvas.current.height = Math.round(box.clientHeight * devicePixelRatio);
            if (view.current.fit) fit();
            soon();
        });
        sizes.observe(box);
        const wheel = e => { e.preventDefault(); const r = box.getBoundingClientRect(); zoom(Math.exp(-e.deltaY / 400), { x: e.clientX - r.left, y: e.clientY - r.top }); };
        box.addEventListener('wheel', wheel, { passive: false });
        const colours = new MutationObserver(soon);
        colours.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
        return () => { sizes.disconnect(); box.removeEventListener('wheel', wheel); colours.disconnect(); cancelAnimationFrame(asked.current); };
    }, [image]);
    useEffect(() => { if (view.current.fit && holder.current.clientWidth > 0) fit(); }, [wide, high, image]);
    useLayoutEffect(soon);

    const at = e => {
        const r = holder.current.getBoundingClientRect(), v = view.current;
        return { x: (e.clientX - r.left - v.x) / v.scale, y: (e.clientY - r.top - v.y) / v.scale };
    };
    const changed = () => { setTurn(n => n + 1); onChange(); soon(); };
    const down = e => {
        if (!mask && e.button === 0 && e.pointerType !== 'mouse') return;
        const el = e.currentTarget;
        el.setPointerCapture(e.pointerId);
        const pan = e.button === 1 || tool === 'move' || !mask, start = { x: e.clientX, y: e.clientY, v: { ...view.current } };
        let last = at(e);
        const erase = tool === 'erase' || e.button === 2;
        if (!pan) { mask.begin(); mask.dab(last.x, last.y, size, hardness, erase); soon(); }
        const move = event => {
            if (pan) { view.current = { ...view.current, x: start.v.x + event.clientX - start.x, y: start.v.y + event.clientY - start.y, fit: false }; setTurn(n => n + 1); return; }
            for (const one of event.getCoalescedEvents?.() || [event]) { const to = at(one); mask.line(last, to, size, hardness, erase); last = to; }
            hand.current = { ...last, seen: true };
            soon();
        };
        const up = () => {
            el.removeEventListener('pointermove', move);
            el.removeEventListener('pointerup', up);
            el.removeEventListener('pointercancel', up);
            if (!pan) { mask.end(); changed(); }
        };
        el.addEventListener('pointermove', move);
        el.addEventListener('pointerup', up);
        el.addEventListener('pointercancel', up);
    };
    const hover = e => { hand.current = { ...at(e), seen: true }; soon(); };

    const act = {
        undo: () => { mask.undo(); changed(); }, redo: () => { mask.redo(); changed(); }, invert: () => { mask.invert(); changed(); }, clear: () => { mask.clear(); changed(); },
    };
    const key = e => {
        const step = (e.shiftKey ? 10 : 1) * Math.max(1, Math.round(size / 8));
        const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
        const letter = e.key.toLowerCase();
        if ((e.ctrlKey || e.metaKey) && mask && (letter === 'z' || letter === 'y')) act[letter === 'y' || e.shiftKey ? 'redo' : 'undo']();
        else if (e.ctrlKey || e.metaKey || e.altKey) return;
        else if (arrow && mask) {
            const to = { x: Math.max(0, Math.min(w, hand.current.x + arrow[0] * step)), y: Math.max(0, Math.min(h, hand.current.y + arrow[1] * step)), seen: true };
            hand.current = to;
            soon();
        } else if ((e.key === ' ' || e.key === 'Enter') && mask) {
            mask.begin();
            mask.dab(hand.current.x, hand.current.y, size, hardness, tool === 'erase');
            mask.end();
            hand.current.seen = true;
            changed();
        } else if (letter === 'b' && mask) setTool('brush');
        else if (letter === 'e' && mask) setTool('erase');
        else if (letter === 'm') setTool('move');
        else if (letter === 'i' && mask) act.invert();
        else if (letter === '[') setSize(s => Math.max(1, Math.round(s / 1.2)));
        else if (letter === ']') setSize(s => Math.min(Math.max(w, h), Math.ceil(s * 1.2)));
        else if (letter === '+' || letter === '=') zoom(1.25);
        else if (letter === '-') zoom(0.8);
        else if (letter === '0') fit();
        else return;
        e.preventDefault();
    };

    const v = view.current;
    return html`<div class="editor">
        <div class="row tools" role="toolbar" aria-label=${t('edit.tools')}>
            ${mask && html`<${Button} small icon="brush" label=${`${t('edit.brush')} (B)`} pressed=${tool === 'brush'} onClick=${() => setTool('brush')} />
                <${Button} small icon="erase" label=${`${t('edit.erase')} (E)`} pressed=${tool === 'erase'} onClick=${() => setTool('erase')} />
                <${Button} small icon="fit" label=${`${t('edit.move')} (M)`} pressed=${tool === 'move'} onClick=${() => setTool('move')} />
                <span class="between"></span>
                <${Button} small icon="undo" label=${`${t('edit.undo')} (Ctrl+Z)`} disabled=${mask.done.length === 0} onClick=${act.undo} />
                <${Button} small icon="redo" label=${`${t('edit.redo')} (Ctrl+Y)`} disabled=${mask.undone.length === 0} onClick=${act.redo} />
                <${Button} small icon="invert" label=${`${t('edit.invert')} (I)`} onClick=${act.invert} />
                <${Button} small icon="bin" label=${t('edit.clear')} disabled=${mask.painted === 0} onClick=${act.clear} />
                <span class="between"></span>`}
            <${Button} small icon="minus" label=${`${t('edit.out')} (−)`} onClick=${() => zoom(0.8)} />
            <button type="button" class="button quiet small" title=${`${t('edit.fit')} (0)`} onClick=${fit}>${number(v.scale * 100, 0)} %</button>
            <${Button} small icon="plus" label=${`${t('edit.in')} (+)`} onClick=${() => zoom(1.25)} />
        </div>
        ${mask && html`<div class="columns brush"><${Slider} label=${t('edit.size')} min=${1} max=${Math.max(64, Math.round(Math.max(w, h) / 2))} value=${size} onInput=${setSize} />
            <${Slider} label=${t('edit.hardness')} min=${0} max=${1} step=${0.05} value=${hardness} format=${n => `${number(n * 100, 0)} %`} onInput=${setHardness} /></div>`}
        <div class="canvas ${tool}" ref=${holder}>
            <canvas ref=${canvas} tabindex="0" role="application" aria-label=${t(mask ? 'edit.canvas' : 'edit.canvas.plain', { width: w, height: h })} onKeyDown=${key}
                onPointerDown=${down} onPointerMove=${hover} onPointerLeave=${() => { hand.current.seen = false; soon(); }} onContextMenu=${e => e.preventDefault()}></canvas>
            ${onMargin && SIDES.map(side => html`<${Edge} key=${side} side=${side} margin=${margin} onMargin=${onMargin} view=${v} w=${w} h=${h} />`)}
        </div></div>`;
}

let kept = null;

/** The mask in the colour of what is painted. */
function tinted(from, colour) {
    kept ??= document.createElement('canvas');
    if (kept.width !== from.width || kept.height !== from.height) { kept.width = from.width; kept.height = from.height; }
    const pen = kept.getContext('2d');
    pen.globalCompositeOperation = 'copy';
    pen.drawImage(from, 0, 0);
    pen.globalCompositeOperation = 'source-in';
    pen.fillStyle = colour;
    pen.fillRect(0, 0, kept.width, kept.height);
    return kept;
}

/** A handle at a side: dragged outwards, or moved by the arrow keys, it adds room. */
function Edge({ side, margin, onMargin, view, w, h }) {
    const knob = useRef();
    const across = side === 'left' || side === 'right', outward = side === 'right' || side === 'bottom' ? 1 : -1;
    const put = value => onMargin({ ...margin, [side]: Math.max(0, Math.min(MOST, Math.round(value / ROOM) * ROOM)) });
    useLayoutEffect(() => {
        const x = { left: -margin.left, right: w + margin.right, top: (w + margin.right - margin.left) / 2, bottom: (w + margin.right - margin.left) / 2 }[side];
        const y = { top: -margin.top, bottom: h + margin.bottom, left: (h + margin.bottom - margin.top) / 2, right: (h + margin.bottom - margin.top) / 2 }[side];
        knob.current.style.transform = `translate(${view.x + x * view.scale}px, ${view.y + y * view.scale}px) translate(-50%, -50%)`;
    });
    const down = e => {
        e.preventDefault();
        const el = e.currentTarget, start = across ? e.clientX : e.clientY, was = margin[side], scale = view.scale;
        el.focus();
        el.setPointerCapture(e.pointerId);
        const move = event => put(was + outward * ((across ? event.clientX : event.clientY) - start) / scale);
        const up = () => { el.removeEventListener('pointermove', move); el.removeEventListener('pointerup', up); };
        el.addEventListener('pointermove', move);
        el.addEventListener('pointerup', up);
    };
    const key = e => {
        const step = { ArrowRight: across ? outward : 0, ArrowLeft: across ? -outward : 0, ArrowDown: across ? 0 : outward, ArrowUp: across ? 0 : -outward, PageUp: 8, PageDown: -8 }[e.key];
        if (e.key === 'Home') put(0);
        else if (step) put(margin[side] + step * ROOM);
        else return;
        e.preventDefault();
    };
    return html`<button type="button" ref=${knob} class="edge ${across ? 'across' : 'along'}" role="slider" aria-label=${t(`edit.edge.${side}`)} aria-valuemin="0" aria-valuemax=${MOST}
        aria-valuenow=${margin[side]} aria-valuetext=${t('edit.pixels', { n: margin[side] })} aria-orientation=${across ? 'horizontal' : 'vertical'} title=${t(`edit.edge.${side}`)}
        onPointerDown=${down} onKeyDown=${key}></button>`;
}
