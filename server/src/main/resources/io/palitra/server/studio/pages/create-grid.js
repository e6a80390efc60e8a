// Side by side: a table of pictures over two settings, each cell a job of its own with the same seed.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t, number } from '../lib/words.js';
import { submit, get, fileUrl, ended, cancel } from '../lib/api.js';
import { Button, Select, TextField, Progress, Notice, Picture, say } from '../lib/ui.js';
import { title, applicable, flat, write } from '../lib/form.js';
import { useTab } from '../lib/kept.js';
import { requests, fromWords, takes, kindOf, isPicture } from '../lib/models.js';
import { faultText } from '../lib/faults.js';

const MOST = 100;       // cells
const AHEAD = 8;        // jobs of the table that wait at once, so that others have room in the queue
const LOOK = 1000;      // milliseconds

/** Settings that can lie along a side: [{id, label, values (usual, as text), choices?}]. */
function axes(model, models, kinds, values) {
    const list = [{ id: 'seed', label: t('key.seed'), values: '1, 2, 3' }];
    if (fromWords(model)) list.push({ id: 'prompt', label: t('key.prompt'), values: values.prompt, lines: true });
    if (takes(model, 'label') && model.classes) list.push({ id: 'label', label: t('key.label'), values: model.classes.slice(0, 4).join(', ') });
    const same = models.filter(m => kindOf(m) === kindOf(model) && fromWords(m) === fromWords(model));
    if (same.length > 1) list.push({ id: 'model', label: t('key.model'), values: same.map(m => m.name).join(', ') });
    for (const k of applicable(model.sampling || [], values.sampling || {})) {
        if (k.key === 'prompt' || k.key === 'label') continue;
        list.push({ id: `sampling:${k.key}`, label: title(k.key), values: k.type.includes('|') ? k.type.split('|').slice(0, 4).join(', ')
            : k.type === 'boolean' ? 'true, false' : spread(Number(k.default), k.type !== 'double') });
    }
    for (const { path, of } of flat(kinds[kindOf(model)])) {
        if (!['how.steps', 'how.guidance', 'how.sampler', 'how.eta', 'how.clipSkip', 'candidates'].includes(path)) continue;
        list.push({ id: `request:${path}`, label: title(path), type: of.type, values: of.type === 'string' ? 'Euler, DPM++ 2M Karras' : spread(of.default, of.type === 'integer') });
    }
    return list;
}

const spread = (usual, whole) => (usual ? [usual / 2, usual, usual * 2].map(n => (whole ? Math.max(1, Math.round(n)) : Number(n.toPrecision(3)))).join(', ') : '0, 0.5, 1');

/** ["1", "2"] of "1, 2"; "1..3" and "0..1:0.25" are numbers in order. */
export function parse(text, byLine) {
    if (byLine) return text.split('\n').map(s => s.trim()).filter(Boolean);
    return text.split(',').map(s => s.trim()).filter(Boolean).flatMap(part => {
        const run = /^(-?[\d.]+)\.\.(-?[\d.]+)(?::([\d.]+))?$/.exec(part);
        if (!run) return [part];
        const [from, to, step] = [Number(run[1]), Number(run[2]), Number(run[3] || 1)];
        if (!(step > 0) || (to - from) / step > MOST) return [part];
        return Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, i) => String(Number((from + i * step).toPrecision(10))));
    });
}

/** The request of a cell: {kind, request}. */
function cell(model, models, values, seed, sides) {
    let chosen = model, own = { ...values }, with_ = seed;
    for (const { axis, value } of sides) {
        if (axis.id === 'seed') with_ = Number(value);
        else if (axis.id === 'model') chosen = models.find(m => m.name === value) || model;
        else if (axis.id === 'prompt' || axis.id === 'label') own[axis.id] = value;
        else if (axis.id.startsWith('sampling:')) own.sampling = { ...own.sampling, [axis.id.slice(9)]: value };
        else if (axis.id.startsWith('request:')) own.request = write(own.request || {}, axis.id.slice(8), axis.type === 'string' ? value : Number(value));
    }
    const made = requests(chosen, own, with_, 1);
    return { kind: made.kind, request: made.requests[0] };
}

export function Grid({ model, models, values, kinds, seed }) {
    const all = axes(model, models, kinds, values);
    const [form, setForm] = useTab('create.grid.form', { x: 'seed', xs: '', y: '', ys: '' });
    const [plan, setPlan] = useTab('create.grid', null);
    const x = all.find(a => a.id === form.x) || all[0], y = all.find(a => a.id === form.y) || null;
    const xs = parse(form.xs || x.values, x.lines), ys = y ? parse(form.ys || y.values, y.lines) : [''];
    const cells = xs.length * ys.length;
    const put = change => setForm(f => ({ ...f, ...change }));
    const start = () => setPlan({ at: Date.now(), x: { label: x.label, values: xs }, y: y && { label: y.label, values: ys },
        cells: ys.flatMap(yv => xs.map(xv => ({ ...cell(model, models, values, seed, [{ axis: x, value: xv }, ...(y ? [{ axis: y, value: yv }] : [])]), id: null, file: null, fault: null }))) });
    const side = (name, axis, none) => html`<div class="form"><${Select} label=${t(`create.grid.${name}`)} value=${axis?.id || ''} onChange=${id => put({ [name]: id, [`${name}s`]: '' })}
            options=${[...(none ? [{ value: '', label: t('create.grid.none') }] : []), ...all.map(a => ({ value: a.id, label: a.label }))]} />
        ${axis && html`<${TextField} label=${t('create.grid.values')} rows=${axis.lines ? 3 : undefined} value=${form[`${name}s`] || axis.values} help=${t(axis.lines ? 'create.grid.lines' : 'create.grid.help')}
            onInput=${v => put({ [`${name}s`]: v })} />`}</div>`;
    return html`<div class="stack"><div class="columns">${side('x', x, false)}${side('y', y, true)}</div>
        <div class="row"><${Button} kind="main" icon="gallery" disabled=${cells === 0 || cells > MOST || (fromWords(model) && !values.prompt && x.id !== 'prompt' && y?.id !== 'prompt')} onClick=${start}>${t('create.grid.go', { n: cells })}<//>
            ${cells > MOST && html`<span class="muted">${t('create.grid.most', { n: MOST })}</span>`}</div>
        ${plan && html`<${Plan} key=${plan.at} plan=${plan} onChange=${setPlan} />`}</div>`;
}

function Plan({ plan, onChange }) {
    const now = useRef(plan);
    const [stopped, setStopped] = useState(false);
    const halt = useRef(false);
    useEffect(() => {
        let over = false;
        const put = (i, change) => {
            now.current = { ...now.current, cells: now.current.cells.map((c, j) => (j === i ? { ...c, ...change } : c)) };
            if (!over) onChange(now.current);
        };
        const round = async () => {
            let wait = LOOK;
            for (let i = 0; i < now.current.cells.length && !over; i++) {
                const c = now.current.cells[i];
                if (c.file || c.fault) continue;
                try {
                    if (c.id) {
                        const job = await get(`/v1/jobs/${c.id}`);
                        if (!ended(job)) continue;
                        const file = job.files.find(isPicture);
                        put(i, file ? { file } : { fault: faultText(job.error) || t('job.cancelled') });
                    } else if (!halt.current && now.current.cells.filter(d => d.id && !d.file && !d.fault).length < AHEAD) {
                        put(i, { id: (await submit(c.kind, c.request)).id });
                    }
                } catch (fault) {
                    if (fault.retry || fault.http === 0) { wait = Math.max(wait, (fault.retry || 2) * 1000); break; }
                    put(i, { fault: faultText(fault) });
                }
            }
            if (!over && now.current.cells.some(c => !c.file && !c.fault && (c.id || !halt.current))) timer = setTimeout(round, wait);
        };
        let timer = setTimeout(round, 0);
        return () => { over = true; clearTimeout(timer); };
    }, [stopped]);
    const done = plan.cells.filter(c => c.file || c.fault).length;
    const stop = () => {
        halt.current = true;
        setStopped(true);
        plan.cells.filter(c => c.id && !c.file && !c.fault).forEach(c => cancel(c.id).catch(() => {}));
        onChange(now.current = { ...now.current, cells: now.current.cells.map(c => (c.id ? c : { ...c, fault: t('job.cancelled') })) });
    };
    const fault = plan.cells.find(c => c.fault)?.fault;
    return html`<div class="stack">
        ${done < plan.cells.length && html`<div class="job"><${Progress} label=${t('create.grid.title')} done=${done} of=${plan.cells.length} />
            <div class="row"><${Button} small kind="quiet" icon="stop" onClick=${stop}>${t('job.cancel')}<//></div></div>`}
        ${fault && html`<${Notice} kind="fault">${fault}<//>`}
        <div class="scroll-x"><table class="xy"><caption class="unseen">${t('create.grid.title')}</caption>
            <thead><tr>${plan.y && html`<td></td>`}${plan.x.values.map(v => html`<th scope="col" key=${v}><span class="muted">${plan.x.label}</span> ${v}</th>`)}</tr></thead>
            <tbody>${(plan.y ? plan.y.values : ['']).map((v, row) => html`<tr key=${v}>${plan.y && html`<th scope="row"><span class="muted">${plan.y.label}</span> ${v}</th>`}
                ${plan.x.values.map((xv, column) => { const c = plan.cells[row * plan.x.values.length + column]; return html`<td key=${xv}>${c.file
                    ? html`<${Picture} src=${fileUrl(c.id, c.file)} alt=${[xv, v].filter(Boolean).join(', ')} />` : html`<span class="picture waits">${c.fault ? '—' : ''}</span>`}</td>`; })}</tr>`)}</tbody></table></div>
        ${done === plan.cells.length && html`<div class="row"><${Button} icon="save" onClick=${() => save(plan).catch(f => say(f.message, 'fault'))}>${t('create.grid.save')}<//></div>`}
    </div>`;
}

const load = src => new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(t('create.grid.unread')));
    image.src = src;
});

/** Writes the table, with the values at its sides, as a PNG. */
async function save(plan) {
    const columns = plan.x.values.length, rows = plan.y ? plan.y.values.length : 1;
    const images = await Promise.all(plan.cells.map(c => (c.file ? load(fileUrl(c.id, c.file)) : null)));
    const side = Math.min(512, Math.max(128, ...images.filter(Boolean).map(i => Math.max(i.naturalWidth, i.naturalHeight))));
    const gap = 8, top = 56, left = plan.y ? 180 : gap;
    const canvas = Object.assign(document.createElement('canvas'), { width: left + columns * (side + gap), height: top + rows * (side + gap) });
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#ffffff';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = '#1b1a21';
    pen.font = '15px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    const word = (text, x, y, width) => {
        let s = String(text);
        while (s.length > 1 && pen.measureText(s).width > width) s = `${s.slice(0, -2)}…`;
        pen.fillText(s, x, y);
    };
    plan.x.values.forEach((v, i) => word(`${plan.x.label} ${v}`, left + i * (side + gap), top / 2, side));
    if (plan.y) plan.y.values.forEach((v, j) => word(`${plan.y.label} ${v}`, gap, top + j * (side + gap) + side / 2, left - 2 * gap));
    images.forEach((image, i) => {
        if (!image) return;
        const scale = Math.min(side / image.naturalWidth, side / image.naturalHeight);
        pen.imageSmoothingEnabled = scale < 1;
        const x = left + (i % columns) * (side + gap), y = top + Math.floor(i / columns) * (side + gap);
        pen.drawImage(image, x, y, image.naturalWidth * scale, image.naturalHeight * scale);
    });
    const blob = await new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: 'palitra-grid.png' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
