// Everything that was made.
import { html, useState, useEffect, useRef, useCallback, useMemo } from '../lib/html.js';
import { t, register, number, kindName } from '../lib/words.js';
import { get, patch, del, upload, fileUrl } from '../lib/api.js';
import { Head, Button, Select, TextField, Empty, Notice, Picture, Icon, VirtualGrid, Dialog, useConfirm, say } from '../lib/ui.js';
import { useTab, useSettings } from '../lib/kept.js';
import { faultText } from '../lib/faults.js';
import { Viewer, lines, copy } from '../lib/viewer.js';
import { pictureOf, hasFiles } from '../lib/pick.js';
import { title } from '../lib/form.js';
import words from '../words/gallery.js';

register(words);

const PAGE = 200;
const TYPING = 250;     // milliseconds after the last letter until it is looked for
const FLYING = 90;      // milliseconds that a cell stays in sight before its picture is fetched

export default function Page() {
    const [filter, setFilter] = useTab('gallery', { query: '', kind: '', model: '', favourite: false, binned: false });
    const [query, setQuery] = useState(filter.query);
    const [list, setList] = useState({ pictures: [], next: '', total: 0, over: false });
    const [fault, setFault] = useState(null);
    const [open, setOpen] = useState(null);
    const [over, setOver] = useState(false);
    const [restored, setRestored] = useState(null);
    const asked = useRef({ turn: 0, busy: false, from: null });
    const put = change => setFilter(f => ({ ...f, ...change }));

    useEffect(() => {
        const timer = setTimeout(() => put({ query: query.trim() }), TYPING);
        return () => clearTimeout(timer);
    }, [query]);

    const more = useCallback(async (from, turn) => {
        if (asked.current.busy || asked.current.from === from) return;   // the page may not know yet what an answer brought
        Object.assign(asked.current, { busy: true, from });
        const wish = new URLSearchParams({ limit: PAGE, binned: String(filter.binned) });
        if (filter.query) wish.set('query', filter.query);
        if (filter.favourite) wish.set('favourite', 'true');
        if (from) wish.set('before', from);
        try {
            const found = await get(`/v1/gallery?${wish}`);
            if (turn !== asked.current.turn) return;
            setFault(null);
            setList(l => ({ pictures: from ? [...l.pictures, ...found.pictures] : found.pictures, next: found.next || '', total: found.total, over: !found.next }));
        } catch (wrong) {
            if (turn === asked.current.turn) { setFault(wrong); setList(l => ({ ...l, over: true })); }
        } finally {
            if (turn === asked.current.turn) asked.current.busy = false;
        }
    }, [filter.query, filter.favourite, filter.binned]);
    const again = useCallback(() => {
        asked.current = { turn: asked.current.turn + 1, busy: false, from: null };
        more('', asked.current.turn);
    }, [more]);
    useEffect(() => again(), [again]);

    // kinds and models are filtered here, from what the server found
    const kinds = useMemo(() => [...new Set(list.pictures.map(p => p.kind))].sort(), [list.pictures]);
    const models = useMemo(() => [...new Set(list.pictures.map(p => p.model).filter(Boolean))].sort(), [list.pictures]);
    const shown = useMemo(() => (filter.kind || filter.model ? list.pictures.filter(p => (!filter.kind || p.kind === filter.kind) && (!filter.model || p.model === filter.model))
        : list.pictures), [list.pictures, filter.kind, filter.model]);
    const end = () => { if (!list.over && list.next) more(list.next, asked.current.turn); };
    useEffect(() => { if ((filter.kind || filter.model) && shown.length < 60) end(); }, [shown.length, filter.kind, filter.model, list.next]);

    const change = async (picture, what) => {
        const set = to => setList(l => ({ ...l, pictures: l.pictures.map(p => (p.id === picture.id ? { ...p, ...to } : p)) }));
        set(what);
        try {
            await patch(`/v1/gallery/${picture.id.split('/').map(encodeURIComponent).join('/')}`, what);
        } catch (wrong) {
            set(Object.fromEntries(Object.keys(what).map(name => [name, picture[name]])));
            say(faultText(wrong), 'fault');
        }
    };
    const bin = async picture => {
        await change(picture, { binned: !picture.binned });
        setList(l => ({ ...l, pictures: l.pictures.filter(p => p.id !== picture.id), total: l.total - 1 }));
        setOpen(at => (at === null ? null : shown.length <= 1 ? null : Math.min(at, shown.length - 2)));
        say(t(picture.binned ? 'gallery.back' : 'gallery.binned'), 'good');
    };
    const [confirm, ask] = useConfirm(t('gallery.bin.empty'), t('gallery.bin.empty'));
    const empty = () => ask(t('gallery.bin.sure'), () => del('/v1/gallery/bin').then(x => { say(t('gallery.bin.done', { n: x.deleted }), 'good'); again(); }, f => say(faultText(f), 'fault')));

    const restore = blob => upload(blob).then(setRestored, f => say(faultText(f), 'fault'));
    const input = useRef();
    useEffect(() => {
        const drag = e => { if (hasFiles(e)) { e.preventDefault(); setOver(true); } };
        const leave = e => { if (!e.relatedTarget) setOver(false); };
        const drop = e => {
            setOver(false);
            const found = pictureOf(e.dataTransfer);
            if (hasFiles(e)) e.preventDefault();
            if (found) restore(found);
        };
        addEventListener('dragover', drag);
        addEventListener('dragleave', leave);
        addEventListener('drop', drop);
        return () => { removeEventListener('dragover', drag); removeEventListener('dragleave', leave); removeEventListener('drop', drop); };
    }, []);
    const key = (event, picture) => {
        const letter = event.key.toLowerCase();
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (letter === 'f') change(picture, { favourite: !picture.favourite });
        else if (event.key === 'Delete') bin(picture);
    };
    const filtered = filter.query || filter.kind || filter.model || filter.favourite || filter.binned;
    const star = picture => html`<button type="button" class="star ${picture.favourite ? 'on' : ''}" aria-pressed=${String(picture.favourite)} aria-label=${t('gallery.favourite')} title=${t('gallery.favourite')}
        onClick=${() => change(picture, { favourite: !picture.favourite })}><${Icon} name="heart" filled=${picture.favourite} /></button>`;

    return html`<div class="droppable ${over ? 'over' : ''}">
        <${Head} title=${t('nav.gallery')} about=${`${list.total > 0 ? `${t('gallery.total', { n: list.total })} · ` : ''}${t('gallery.restore.help')}`}>
            <${Button} icon="upload" onClick=${() => input.current.click()}>${t('gallery.restore')}<//>
            <input type="file" accept="image/png,image/jpeg,image/webp" ref=${input} class="unseen" tabindex="-1" aria-label=${t('gallery.restore')} onChange=${e => { const f = e.target.files[0]; e.target.value = ''; if (f) restore(f); }} />
            ${filter.binned && list.total > 0 && html`<${Button} kind="danger" icon="bin" onClick=${empty}>${t('gallery.bin.empty')}<//>`}<//>
        <div class="filters">
            <${TextField} label=${t('gallery.search')} hideLabel type="search" placeholder=${t('gallery.search')} value=${query} onInput=${setQuery} className="grow" />
            <${Select} label=${t('gallery.kind')} hideLabel value=${filter.kind} onChange=${kind => put({ kind })} options=${[{ value: '', label: t('gallery.kinds') }, ...kinds.map(k => ({ value: k, label: kindName(k) }))]} />
            <${Select} label=${t('key.model')} hideLabel value=${filter.model} onChange=${model => put({ model })} options=${[{ value: '', label: t('gallery.models') }, ...models]} />
            <${Button} icon="heart" pressed=${filter.favourite} label=${t('gallery.favourites')} onClick=${() => put({ favourite: !filter.favourite })} />
            <${Button} icon="bin" pressed=${filter.binned} label=${t('gallery.bin')} onClick=${() => put({ binned: !filter.binned })} />
        </div>
        ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}
        ${shown.length === 0 && list.over && !fault && (filtered ? html`<${Empty} icon="search" title=${t('gallery.nothing.title')}>${t('gallery.nothing')}<//>`
            : html`<${Empty} icon="gallery" title=${t('gallery.none.title')} action=${html`<a class="button main" href="#/create">${t('gallery.none.go')}</a>`}>${t('gallery.none')}<//>`)}
        <${VirtualGrid} count=${shown.length} size=${172} gap=${10} label=${t('nav.gallery')} keyOf=${i => shown[i].id} of=${i => shown[i]} name=${i => shown[i].prompt || shown[i].name} onOpen=${setOpen} onEnd=${end}
            extra=${i => star(shown[i])} render=${i => html`<${Picture} src=${fileUrl(shown[i].job, shown[i].name, 320)} alt="" delay=${FLYING} />`} />
        ${open !== null && shown[open] && html`<${Viewer} count=${shown.length} at=${open} item=${i => shown[i]} onMove=${i => { setOpen(i); if (i > shown.length - 10) end(); }} onClose=${() => setOpen(null)} onKey=${key}
            more=${p => html`<${Button} icon="heart" pressed=${p.favourite} label=${`${t('gallery.favourite')} (F)`} onClick=${() => change(p, { favourite: !p.favourite })} />
                <${Button} icon=${p.binned ? 'undo' : 'bin'} label=${`${t(p.binned ? 'gallery.unbin' : 'gallery.tobin')} (Del)`} onClick=${() => bin(p)} />`} />`}
        <${Restored} found=${restored} onClose=${() => setRestored(null)} />${confirm}</div>`;
}

/** What a dropped picture says of how it was made. */
function Restored({ found, onClose }) {
    const settings = found?.settings;
    const rows = settings ? lines(settings.request) : [];
    return html`<${Dialog} title=${t('gallery.restored')} open=${found !== null} onClose=${onClose} actions=${settings && html`<${Button} icon="copy" onClick=${() => copy(JSON.stringify({ kind: settings.kind, request: settings.request }, null, 2))}>${t('viewer.copy')}<//>
        <${Button} kind="main" icon="settings" onClick=${() => { onClose(); useSettings(settings.kind, settings.request); }}>${t('viewer.use')}<//>`}>
        ${found && html`<div class="stack"><div class="row top-row"><${Picture} src=${`/v1/uploads/${found.id}`} alt="" className="thumb" /><div class="grow">${settings ? html`<p>${t('gallery.program', { program: settings.program })}</p>`
            : html`<p>${t('gallery.nosettings')}</p>`}<p class="muted small-text">${number(found.width)} × ${number(found.height)}</p></div></div>
            ${settings && html`<dl class="facts">${rows.map(([name, value]) => html`<dt key=${name} title=${name}>${title(name)}</dt><dd>${value}</dd>`)}</dl>`}
            ${settings?.not?.length > 0 && html`<${Notice}>${t('gallery.not', { names: settings.not.join(', ') })}<//>`}
            ${!settings && Object.keys(found.text || {}).length > 0 && html`<dl class="facts">${Object.entries(found.text).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}</dl>`}</div>`}<//>`;
}
