// The data sets: their items, classes and what is broken of them.
import { html, useState, useEffect, useRef, useCallback } from '../lib/html.js';
import { t, register, number, language } from '../lib/words.js';
import { get } from '../lib/api.js';
import { Head, Select, Button, Notice, Empty, Dialog, Picture, VirtualGrid, useFetch } from '../lib/ui.js';
import { faultText } from '../lib/faults.js';
import { useKept } from '../lib/kept.js';
import { Piece } from '../lib/heard.js';
import words from '../words/data.js';
import sequences from '../words/sequences.js';

[words, sequences].forEach(register);

const PAGE = 100;

const dataPath = name => `/v1/data/${encodeURIComponent(name)}`;
const itemUrl = (name, split, index, form = '.png') => `${dataPath(name)}/items/${index}${form}?split=${split}`;

/** How cells are laid out by what lies in them: least width, height by width. */
const CELLS = { texts: { size: 250, ratio: 0.8 }, scores: { size: 270, ratio: 0.58 }, films: { size: 120, ratio: 1 } };

export default function Page() {
    const { value, fault } = useFetch(() => get(`/v1/data?language=${language.value}`), [language.value]);
    const [kept, setKept] = useKept('data', { name: '', split: 'train' });
    const head = html`<${Head} title=${t('nav.data')} about=${t('data.about')} />`;
    if (fault) return html`${head}<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!value) return html`${head}<p class="muted">${t('shell.loading')}</p>`;
    const set = value.data.find(d => d.name === kept.name) || value.data.find(d => d.here) || value.data[0];
    if (!set) return html`${head}<${Empty} icon="data" title=${t('data.none')} />`;
    const group = d => (d.here ? t('data.here') : t('data.away'));
    return html`${head}<div class="stack"><div class="sift"><${Select} label=${t('data.set')} value=${set.name} onChange=${name => setKept({ ...kept, name })} help=${set.about}
            options=${[...value.data].sort((a, b) => b.here - a.here).map(d => ({ value: d.name, label: d.name, group: group(d) }))} />
        <${Select} label=${t('data.split')} value=${kept.split} onChange=${split => setKept({ ...kept, split })} options=${['train', 'test'].map(v => ({ value: v, label: t(`data.split.${v}`) }))} /></div>
        ${set.here ? html`<${Items} key=${`${set.name} ${kept.split}`} name=${set.name} split=${kept.split} />`
            : html`<${Empty} icon="data" title=${t('data.not.here', { name: set.name })}>${t('data.get')} <code>palitra data get ${set.name}</code><//>`}</div>`;
}

/** Items that are asked for when they come into sight, a page at a time. */
function useItems(name, split, label) {
    const [state, setState] = useState({ facts: null, fault: null });
    const pages = useRef(new Map());
    const [, setTurn] = useState(0);
    const load = useCallback(page => {
        if (pages.current.has(page)) return;
        pages.current.set(page, null);
        const own = pages.current;
        get(`${dataPath(name)}?split=${split}&from=${page * PAGE}&count=${PAGE}${label === '' ? '' : `&label=${label}`}`).then(found => {
            if (pages.current !== own) return;
            own.set(page, found.items);
            setState({ facts: found, fault: null });
            setTurn(n => n + 1);
        }, fault => { own.delete(page); if (pages.current === own) setState(s => ({ ...s, fault })); });
    }, [name, split, label]);
    useEffect(() => { pages.current = new Map(); load(0); }, [name, split, label]);
    const item = i => {
        const page = Math.floor(i / PAGE);
        if (!pages.current.has(page)) queueMicrotask(() => load(page));
        return pages.current.get(page)?.[i % PAGE] || null;
    };
    return { ...state, item };
}

function Items({ name, split }) {
    const [label, setLabel] = useState('');
    const { facts, fault, item } = useItems(name, split, label);
    const [open, setOpen] = useState(null);
    if (fault && !facts) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!facts) return html`<p class="muted">${t('data.reading')}</p>`;
    const { classes, broken, size, shape, kind, forms } = facts;
    const total = classes.reduce((sum, c) => sum + c.count, 0);
    const most = Math.max(1, ...classes.map(c => c.count));
    const title = i => (i?.label >= 0 && classes[i.label] ? classes[i.label].name : t('data.no.class'));
    const pictures = shape.length === 3;
    const cells = CELLS[kind] || { size: shape[2] <= 32 ? 76 : 140, ratio: 1 };
    const said = i => (kind in CELLS && kind !== 'films' ? t('data.item.plain', { n: String(i.index) }) : t('data.item', { n: String(i.index), label: title(i) }));
    return html`<div class="stack">
        ${broken.length > 0 && html`<details class="notice-box" open=${broken.length < 4 || undefined}><summary>${t('data.broken', { n: broken.length })}</summary><ul class="small-text">${broken.map((line, i) => html`<li key=${i}>${line}</li>`)}</ul></details>`}
        ${classes.length > 0 && html`<div class="classes" role="group" aria-label=${t('data.classes')}>
            <${Class} name=${t('data.all')} count=${total} share=${1} pressed=${label === ''} onClick=${() => setLabel('')} />
            ${classes.map((c, i) => html`<${Class} key=${i} name=${c.name} count=${c.count} share=${c.count / most} pressed=${label === i} onClick=${() => setLabel(label === i ? '' : i)} />`)}</div>`}
        <p class="muted small-text">${t('data.size', { n: size })}${pictures && ` · ${shape[2]} × ${shape[1]}${shape[0] === 1 ? `, ${t('data.grey')}` : ''}`}</p>
        ${size === 0 ? html`<${Empty} icon="data" title=${t('data.empty')} />` : html`<${VirtualGrid} key=${`${label}`} count=${size} size=${cells.size} ratio=${cells.ratio} gap=${8} label=${t('data.items', { name })}
            name=${i => { const it = item(i); return it ? (kind === 'texts' ? t('data.item', { n: String(it.index), label: it.text }) : said(it)) : String(i); }} onOpen=${i => item(i) && setOpen(i)}
            render=${i => { const it = item(i); return it && (kind === 'texts' ? html`<span class="snippet">${it.text}</span>`
                : html`<${Picture} key=${it.index} src=${itemUrl(name, split, it.index, kind === 'films' ? '.gif' : undefined)} alt="" delay=${60} className=${kind === 'scores' ? 'whole' : ''} />`); }} />`}
        <${Dialog} title=${open !== null && item(open) ? said(item(open)) : ''} open=${open !== null} onClose=${() => setOpen(null)}>
            ${open !== null && item(open) && html`<div class="stack" onKeyDown=${e => { const to = open + ({ ArrowRight: 1, ArrowLeft: -1 }[e.key] || 0); if (to !== open && to >= 0 && to < size) setOpen(to); }}>
                <${Item} key=${item(open).index} kind=${kind} forms=${forms} item=${item(open)} said=${said(item(open))} url=${form => itemUrl(name, split, item(open).index, form)} />
                <div class="row spread"><${Button} icon="back" label=${t('data.before')} disabled=${open === 0} onClick=${() => setOpen(open - 1)} />
                    <span class="muted">${t('data.at', { n: open + 1, of: size })}</span><${Button} icon="next" label=${t('data.next')} disabled=${open >= size - 1} onClick=${() => setOpen(open + 1)} /></div></div>`}
        <//></div>`;
}

function Item({ kind, forms, item, said, url }) {
    if (kind === 'texts') return html`<pre class="paper" tabindex="0" role="region" aria-label=${said}>${item.text}</pre>`;
    if (kind === 'scores') return html`<${Piece} name=${said} roll=${url('.png')} sound=${forms.includes('.wav') && url('.wav')} notes=${forms.includes('.mid') && url('.mid')} />`;
    return html`<${Picture} src=${url(kind === 'films' ? '.gif' : '.png')} alt=${said} className="sheet-of one" />${item.text && html`<p>${item.text}</p>`}`;
}

const Class = ({ name, count, share, pressed, onClick }) => html`<button type="button" class="class" aria-pressed=${String(pressed)} onClick=${onClick}>
    <span class="cut">${name}</span><span class="muted">${number(count, 0)}</span><meter min="0" max="1" value=${share} aria-hidden="true"></meter></button>`;
