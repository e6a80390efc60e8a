// The map of a latent space: test items by class. A place is decoded where the pointer rests, chosen by a click or Enter, pinned by a double click.
import { html, useState, useEffect, useLayoutEffect, useRef } from './html.js';
import { t, number } from './words.js';
import { codeAt, placeOf } from './latent.js';

const EDGE = 18, STEP = 0.03, REST = 70;    // pixels, share of the map that an arrow key moves by, milliseconds

/** A place in pixels and back; one unit is as long to the right as it is up. */
function scaleOf(map, width, height) {
    const [x0, x1, y0, y1] = map.range;
    const s = Math.min((width - 2 * EDGE) / (x1 - x0 || 1), (height - 2 * EDGE) / (y1 - y0 || 1));
    const left = (width - s * (x1 - x0)) / 2, low = (height + s * (y1 - y0)) / 2;
    return { to: p => [left + s * (p.x - x0), low - s * (p.y - y0)], from: (px, py) => ({ x: x0 + (px - left) / s, y: y0 - (py - low) / s }) };
}

/** seen: {url} of the place that is decoded, which stands in a corner of the map where there is no room beside it */
export function LatentMap({ map, here, pins, seen, onHover, onChoose, onPin }) {
    const canvas = useRef(), timer = useRef(0);
    const [size, setSize] = useState({ width: 0, height: 0 });
    const [cursor, setCursor] = useState(null);
    const [hidden, setHidden] = useState([]);
    const [turn, setTurn] = useState(0);
    const labels = [...new Set(map.points.map(p => p[2]))].sort((a, b) => a - b);
    const title = c => (c < 0 ? t('walk.no.class') : map.classes[c] ?? String(c));

    useLayoutEffect(() => {
        const look = () => {
            const width = canvas.current.parentElement.clientWidth;
            setSize({ width, height: Math.round(Math.min(width, Math.max(280, width * 0.72), 620)) });
        };
        const sizes = new ResizeObserver(look);
        sizes.observe(canvas.current.parentElement);
        const colours = new MutationObserver(() => setTurn(n => n + 1));
        colours.observe(document.documentElement, { attributeFilter: ['data-theme'] });
        const system = matchMedia('(prefers-color-scheme: dark)'), again = () => setTurn(n => n + 1);
        system.addEventListener('change', again);
        look();
        return () => { sizes.disconnect(); colours.disconnect(); system.removeEventListener('change', again); clearTimeout(timer.current); };
    }, []);

    useEffect(() => {
        const { width, height } = size, it = canvas.current;
        if (!width) return;
        const dense = window.devicePixelRatio || 1;
        it.width = width * dense;
        it.height = height * dense;
        it.style.height = `${height}px`;
        const g = it.getContext('2d'), css = getComputedStyle(document.documentElement), read = name => css.getPropertyValue(name).trim();
        g.scale(dense, dense);
        const { to } = scaleOf(map, width, height);
        g.globalAlpha = 0.62;
        for (const [x, y, label] of map.points) {
            if (hidden.includes(label)) continue;
            const [px, py] = to({ x, y });
            g.fillStyle = read(label < 0 ? '--muted' : `--curve-${label % 12}`);
            g.beginPath();
            g.arc(px, py, 2.6, 0, 7);
            g.fill();
        }
        g.globalAlpha = 1;
        const places = pins.map(p => to(placeOf(map, p.code)));
        g.strokeStyle = read('--ink');
        g.lineWidth = 1.5;
        g.beginPath();
        places.forEach(([px, py], i) => (i ? g.lineTo(px, py) : g.moveTo(px, py)));
        g.stroke();
        g.font = `600 12px ${read('--sans')}`;
        g.textAlign = 'center';
        g.textBaseline = 'middle';
        places.forEach(([px, py], i) => {
            g.fillStyle = read('--ink');
            g.beginPath();
            g.arc(px, py, 10, 0, 7);
            g.fill();
            g.fillStyle = read('--card');
            g.fillText(String(i + 1), px, py + 0.5);
        });
        if (here) cross(g, to(placeOf(map, here)), read('--accent'), read('--card'));
        if (cursor) cross(g, to(cursor), read('--ink'), read('--card'));
    }, [size, map, here, pins, cursor, hidden, turn]);

    const place = event => {
        const box = canvas.current.getBoundingClientRect();
        return scaleOf(map, size.width, size.height).from(event.clientX - box.left, event.clientY - box.top);
    };
    const hover = p => {
        setCursor(p);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onHover(p && codeAt(map, p.x, p.y)), REST);
    };
    const choose = p => { clearTimeout(timer.current); setCursor(null); onChoose(codeAt(map, p.x, p.y)); };
    const key = event => {
        const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        const [x0, x1, y0, y1] = map.range;
        if (step) {
            event.preventDefault();
            const p = cursor || (here ? placeOf(map, here) : { x: (x0 + x1) / 2, y: (y0 + y1) / 2 });
            hover({ x: Math.min(x1, Math.max(x0, p.x + step[0] * STEP * (x1 - x0))), y: Math.min(y1, Math.max(y0, p.y + step[1] * STEP * (y1 - y0))) });
        } else if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            if (cursor) choose(cursor);
            else onPin();
        } else if (event.key === 'Escape' && cursor) hover(null);
    };
    const said = cursor || (here && placeOf(map, here));
    return html`<div class="latent-map"><canvas ref=${canvas} tabindex="0" role="application" aria-label=${t('walk.map.label')} aria-describedby="latent-map-keys"
            onPointerMove=${e => e.pointerType !== 'touch' && hover(place(e))} onPointerLeave=${() => cursor && hover(null)} onClick=${e => choose(place(e))} onDblClick=${onPin} onKeyDown=${key}></canvas>
        ${seen && html`<img class="inset pixels" src=${seen.url} alt="" />`}
        <p id="latent-map-keys" class="muted small-text">${t('walk.map.keys')}</p><p class="unseen" aria-live="polite">${said && t('walk.map.at', { x: number(said.x, 1), y: number(said.y, 1) })}</p>
        ${labels.length > 1 && html`<ul class="plain legend">${labels.map(c => html`<li key=${c}><button type="button" aria-pressed=${String(!hidden.includes(c))}
            onClick=${() => setHidden(hidden.includes(c) ? hidden.filter(h => h !== c) : [...hidden, c])}><span class="swatch dot-of ${c < 0 ? '' : `c${c % 12}`}" aria-hidden="true"></span><span class="cut">${title(c)}</span></button></li>`)}</ul>`}</div>`;
}

function cross(g, [x, y], ink, edge) {
    for (const [colour, width] of [[edge, 4.5], [ink, 2]]) {
        g.strokeStyle = colour;
        g.lineWidth = width;
        g.beginPath();
        g.arc(x, y, 7, 0, 7);
        g.moveTo(x - 12, y); g.lineTo(x - 4, y); g.moveTo(x + 4, y); g.lineTo(x + 12, y);
        g.moveTo(x, y - 12); g.lineTo(x, y - 4); g.moveTo(x, y + 4); g.lineTo(x, y + 12);
        g.stroke();
    }
}
