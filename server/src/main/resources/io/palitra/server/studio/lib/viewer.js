// A picture over the whole window: arrow keys, what it was made with, and what can be done with it.
import { html, useEffect, useRef, useState } from './html.js';
import { t, moment, register } from './words.js';
import { get, fileUrl } from './api.js';
import { Button, Icon, say } from './ui.js';
import { useSettings } from './kept.js';
import { title } from './form.js';
import words from '../words/viewer.js';

register(words);

/** [name, value as text] of everything that a request says, nested names with points. */
export function lines(request, prefix = '') {
    return Object.entries(request || {}).flatMap(([name, value]) => (value !== null && typeof value === 'object' && !Array.isArray(value)
        ? lines(value, `${prefix}${name}.`) : value === '' || (Array.isArray(value) && value.length === 0) ? []
            : [[prefix + name, Array.isArray(value) ? value.map(v => (typeof v === 'object' ? JSON.stringify(v) : v)).join('\n') : String(value)]]));
}

/** The request that makes this one picture: of several pictures of a job the seed of that one. */
export function requestOf(job, name) {
    const request = structuredClone(job.request);
    const at = Number(/(\d+)\.png$/.exec(name)?.[1] || 0);
    if (job.kind === 'paint' && request.how?.n > 1) { request.how = { ...request.how, n: 1, seed: (request.how.seed || 0) + at }; }
    return request;
}

export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        say(t('viewer.copied'), 'good');
    } catch {
        say(t('viewer.notcopied'), 'fault');
    }
}

/**
 * count, at, onMove(i), onClose; item(i): {job (id), name, prompt?, model?, created?, favourite?}; more(item): controls; onKey(event, item)
 */
export function Viewer({ count, at, item, onMove, onClose, more, onKey }) {
    const dialog = useRef();
    const [job, setJob] = useState(null);
    const [size, setSize] = useState('');
    const shown = item(at);
    useEffect(() => { dialog.current.showModal(); dialog.current.focus(); }, []);
    useEffect(() => {
        let left = false;
        setJob(null);
        if (shown) get(`/v1/jobs/${encodeURIComponent(shown.job)}`).then(found => left || setJob(found), () => left || setJob({}));
        return () => { left = true; };
    }, [shown?.job]);
    if (!shown) return null;
    const move = step => at + step >= 0 && at + step < count && onMove(at + step);
    const key = event => {
        if (event.target.closest('input, textarea, select')) return;
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) { event.preventDefault(); move(step); } else if (onKey) onKey(event, shown);
    };
    const request = job?.request && requestOf(job, shown.name);
    const rows = request ? lines(request) : [];
    const url = fileUrl(shown.job, shown.name);
    const loaded = e => {
        e.target.classList.toggle('pixels', e.target.naturalWidth <= 128);
        setSize(`${e.target.naturalWidth} × ${e.target.naturalHeight}`);
    };
    return html`<dialog class="viewer" tabindex="-1" ref=${dialog} aria-label=${t('viewer.label')} onClose=${onClose} onKeyDown=${key}>
        <div class="stage"><img key=${url} src=${url} alt=${shown.prompt || shown.name} onLoad=${loaded} />
            <button type="button" class="turn back" disabled=${at === 0} aria-label=${t('viewer.back')} onClick=${() => move(-1)}><${Icon} name="back" /></button>
            <button type="button" class="turn next" disabled=${at === count - 1} aria-label=${t('viewer.next')} onClick=${() => move(1)}><${Icon} name="next" /></button>
            <${Button} className="shut" icon="close" label=${t('ui.close')} onClick=${() => dialog.current.close()} /></div>
        <aside><p class="muted small-text" aria-live="polite">${t('viewer.of', { at: at + 1, n: count })}${size && ` · ${size}`}</p>
            ${(shown.prompt || request?.prompt) && html`<p class="said">${shown.prompt || request.prompt}</p>`}
            <div class="row tight">
                <${Button} kind="main" icon="settings" disabled=${!request} onClick=${() => { dialog.current.close(); useSettings(job.kind, request); }}>${t('viewer.use')}<//>
                <a class="button" href=${url} download=${`${shown.job.slice(0, 8)}-${shown.name.replaceAll('/', '-')}`}><${Icon} name="save" />${t('viewer.save')}</a>
                <${Button} icon="edit" onClick=${() => { dialog.current.close(); editPicture(shown); }}>${t('viewer.edit')}<//>
                ${more && more(shown)}</div>
            <dl class="facts">${shown.model && html`<dt>${t('key.model')}</dt><dd>${shown.model}</dd>`}
                ${(shown.created || job?.created) && html`<dt>${t('viewer.made')}</dt><dd>${moment(shown.created || job.created)}</dd>`}
                ${rows.filter(([name]) => name !== 'prompt' && !(name === 'model' && shown.model)).map(([name, value]) => html`<dt key=${name} title=${name}>${title(name)}</dt><dd>${value}</dd>`)}</dl>
            ${rows.length > 0 && html`<${Button} kind="quiet" icon="copy" small onClick=${() => copy(JSON.stringify({ kind: job.kind, request }, null, 2))}>${t('viewer.copy')}<//>`}
        </aside></dialog>`;
}

/** Opens the page Edit with a job's picture. */
export function editPicture({ job, name }) {
    sessionStorage.setItem('palitra.edit.open', JSON.stringify({ job, name }));
    if (location.hash === '#/edit') dispatchEvent(new Event('palitra-edit'));
    else location.hash = '#/edit';
}
