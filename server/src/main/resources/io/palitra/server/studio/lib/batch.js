// Pictures of one press of the button: a tile for each, which shows how it comes to be.
import { html, useState, useEffect } from './html.js';
import { t, number, duration } from './words.js';
import { fileUrl, cancel, ended } from './api.js';
import { Button, Notice, Picture, say } from './ui.js';
import { useJob } from './job.js';
import { faultText } from './faults.js';
import { Viewer } from './viewer.js';
import { isPicture, seedOf } from './models.js';

/**
 * batch: {jobs: [id], kind, request, count}; onSeed(seed): keep that seed; onAgain(): the same anew with other seeds; onForget(): out of the
 * list
 */
export function Batch({ batch, onSeed, onAgain, onForget }) {
    const [open, setOpen] = useState(null);
    const [made, setMade] = useState({});   // job -> names of its pictures
    const all = batch.jobs.flatMap(id => (made[id] || []).map(name => ({ job: id, name, prompt: batch.request.prompt })));
    const done = (id, names) => setMade(m => (m[id]?.length === names.length ? m : { ...m, [id]: names }));
    return html`<section class="batch" aria-label=${batch.request.prompt || batch.kind}>
        <header class="row spread"><div class="grow"><p class="cut said">${batch.request.prompt || batch.request.label || batch.request.run}</p>
            <p class="muted small-text cut">${batch.request.model || batch.request.run} · ${t('create.seed.is', { seed: String(seedOf(batch.request)) })}</p></div>
            <div class="row tight"><${Button} small kind="quiet" icon="lock" label=${t('create.seed.keep')} onClick=${() => onSeed(seedOf(batch.request))} />
                <${Button} small kind="quiet" icon="again" label=${t('create.again')} onClick=${onAgain} />
                <${Button} small kind="quiet" icon="close" label=${t('create.forget')} onClick=${onForget} /></div></header>
        <div class="tiles ${batch.count === 1 ? 'one' : ''}">${batch.jobs.map(id => html`<${Tiles} key=${id} id=${id} n=${Math.ceil(batch.count / batch.jobs.length)}
            alt=${batch.request.prompt || ''} onDone=${done} onOpen=${name => setOpen(all.findIndex(x => x.job === id && x.name === name))} />`)}</div>
        ${open !== null && open >= 0 && html`<${Viewer} count=${all.length} at=${open} item=${i => all[i]} onMove=${setOpen} onClose=${() => setOpen(null)} />`}
    </section>`;
}

function Tiles({ id, n, alt, onDone, onOpen }) {
    const state = useJob(id);
    const { job, files, preview, progress, notes, fault } = state;
    const pictures = files.filter(isPicture), others = files.filter(name => !isPicture(name));
    useEffect(() => { if (pictures.length > 0) onDone(id, pictures); }, [pictures.length]);
    const waits = job && !ended(job) ? Math.max(0, n - pictures.length) : 0;
    const bad = fault || (job?.status === 'failed' && job.error);
    return html`
        ${pictures.map(name => html`<button type="button" class="tile" key=${name} aria-label=${t('create.open', { name: alt || name })} onClick=${() => onOpen(name)}>
            <${Picture} src=${fileUrl(id, name)} alt=${alt} /></button>`)}
        ${Array.from({ length: waits }, (_, i) => html`<${Waiting} key=${`waits-${i}`} job=${job} preview=${i === 0 ? preview : null} progress=${i === 0 ? progress : null} first=${i === 0} />`)}
        ${!job && !fault && html`<div class="tile waits"></div>`}
        ${bad && html`<div class="wide"><${Notice} kind="fault">${faultText(bad)}<//></div>`}
        ${job?.status === 'cancelled' && pictures.length === 0 && html`<div class="wide"><${Notice}>${t('job.cancelled')}<//></div>`}
        ${others.map(name => html`<a key=${name} class="button" href=${fileUrl(id, name)} download>${name}</a>`)}
        ${notes.map((line, i) => html`<p key=${`note-${i}`} class="wide muted small-text">${line}</p>`)}`;
}

function Waiting({ job, preview, progress, first }) {
    const share = progress && progress.of > 0 ? progress.done / progress.of : 0;
    const said = job.status === 'queued' ? (job.position > 1 ? t('job.position', { n: job.position }) : t('job.queued'))
        : share > 0 ? `${number(share * 100, 0)} %${progress.left > 0 ? ` · ${t('ui.left', { time: duration(progress.left) })}` : ''}` : t('job.running');
    return html`<div class="tile waits ${job.status}">${preview && html`<img src=${preview} alt="" class="pixels" />`}
        ${first && html`<div class="over" role="status"><span class="spinner" aria-hidden="true"></span><span>${said}</span>
            <${Button} small kind="quiet" icon="stop" label=${t('job.cancel')} onClick=${() => cancel(job.id).catch(f => say(faultText(f), 'fault'))} /></div>`}</div>`;
}
