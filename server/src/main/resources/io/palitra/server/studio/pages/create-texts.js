// Texts: what one begins with or which holes it has, and what was written.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t, moment } from '../lib/words.js';
import { get, fileUrl, ended } from '../lib/api.js';
import { Button, Notice, TextField, useFetch } from '../lib/ui.js';
import { useJob, JobState } from '../lib/job.js';
import { Written } from '../lib/written.js';
import { seedOf } from '../lib/models.js';
import { faultText } from '../lib/faults.js';

const PAST = 12;        // older jobs that are shown

/** The beginning of a text, or a text with holes. */
export function TextAsked({ holes, value, onInput, onEnter }) {
    const box = useRef();
    const key = event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); onEnter(); }
    };
    useEffect(() => { if (matchMedia('(pointer: fine)').matches) box.current.querySelector('textarea').focus(); }, []);
    return html`<div ref=${box} onKeyDown=${key}><${TextField} label=${t(holes ? 'texts.holes' : 'texts.beginning')} rows=${5} value=${value} onInput=${onInput}
        placeholder=${holes ? 'def f(x):\n    return ____' : 'ROMEO:'} help=${t(holes ? 'texts.holes.help' : 'texts.beginning.help')} className="script" spellcheck="false" /></div>`;
}

/** [[from, to]] in characters where a model filled holes of as many; none where a hole became longer or shorter. */
export function filled(request, text) {
    if (!request.hole || [...text].length !== [...request.text].length) return [];
    return request.hole.map(h => h.split(':').map(Number)).sort((a, b) => a[0] - b[0]);
}

/** The texts of a job: as they grow, as its result has them, or from its files. -> [text], null where they are being fetched */
function useTexts(state, beginning) {
    const { job, files, texts } = state;
    const [fetched, setFetched] = useState(null);
    const names = files.filter(name => name.endsWith('.txt'));
    const whole = job?.status === 'done' && job.result?.texts && !job.result.cut ? job.result.texts : null;
    const wanted = job?.status === 'done' && !whole ? names.join('\n') : '';
    useEffect(() => {
        let left = false;
        if (wanted) Promise.all(names.map(name => get(fileUrl(job.id, name)))).then(all => left || setFetched(all), () => left || setFetched([]));
        return () => { left = true; };
    }, [wanted]);
    if (whole) return whole;
    if (wanted) return fetched;
    return texts.map(text => beginning + (text || ''));
}

/** batch, onSeed, onAgain, onForget: as of Batch; onGoOn(text): that text becomes a beginning */
export function TextBatch({ batch, onSeed, onAgain, onForget, onGoOn }) {
    return html`<section class="batch" aria-label=${titleOf(batch.request)}><header class="row spread"><${About} request=${batch.request} />
            <div class="row tight"><${Button} small kind="quiet" icon="lock" label=${t('create.seed.keep')} onClick=${() => onSeed(seedOf(batch.request))} />
                <${Button} small kind="quiet" icon="again" label=${t('create.again')} onClick=${onAgain} />
                <${Button} small kind="quiet" icon="close" label=${t('create.forget')} onClick=${onForget} /></div></header>
        ${batch.jobs.map(id => html`<${Texts} key=${id} id=${id} request=${batch.request} onGoOn=${onGoOn} />`)}</section>`;
}

const titleOf = request => (request.beginning ?? request.text ?? '').trim().split('\n')[0] || t('texts.free');

const About = ({ request, at }) => html`<div class="grow"><p class="cut said">${titleOf(request)}</p>
    <p class="muted small-text cut">${request.run} · ${t('create.seed.is', { seed: String(seedOf(request)) })}${at ? ` · ${moment(at)}` : ''}</p></div>`;

function Texts({ id, request, onGoOn }) {
    const state = useJob(id);
    const beginning = request.beginning || '';
    const all = useTexts(state, beginning);
    const grows = Boolean(state.job) && !ended(state.job);
    const bad = state.fault || (state.job?.status === 'failed' && state.job.error);
    return html`${grows && html`<${JobState} state=${state} />`}
        ${bad && html`<${Notice} kind="fault">${faultText(bad)}<//>`}
        ${state.job?.status === 'cancelled' && html`<${Notice}>${t('job.cancelled')}<//>`}
        ${all === null ? html`<p class="muted">${t('shell.loading')}</p>` : html`<${All} id=${id} texts=${all} request=${request} grows=${grows} files=${state.files} onGoOn=${onGoOn} />`}
        ${state.notes.map((line, i) => html`<p key=${i} class="muted small-text">${line}</p>`)}`;
}

const All = ({ id, texts, request, grows, files, onGoOn }) => html`<div class="texts">${texts.map((text, i) => html`<${Written} key=${i} n=${i + 1} text=${text}
    beginning=${request.beginning} marks=${filled(request, text)} grows=${grows} onGoOn=${onGoOn}
    save=${files.filter(name => name.endsWith('.txt'))[i] && fileUrl(id, files.filter(name => name.endsWith('.txt'))[i])} />`)}</div>`;

/** What this model wrote before, from the history. but: ids of jobs that are shown already */
export function Past({ model, but, onGoOn }) {
    const { value } = useFetch(() => Promise.all(['write', 'fill'].map(kind => get(`/v1/jobs?limit=40&status=done&kind=${kind}`)))
        .then(found => found.flatMap(f => f.jobs).sort((a, b) => b.created - a.created)), [model, but.length]);
    const jobs = (value || []).filter(j => j.request.run === model && j.result?.texts && !but.includes(j.id)).slice(0, PAST);
    if (jobs.length === 0) return null;
    return html`<section class="stack" aria-label=${t('texts.past')}><h2>${t('texts.past')}</h2>${jobs.map(job => html`<div class="batch" key=${job.id}>
        <header><${About} request=${job.request} at=${job.created} /></header>
        <${All} id=${job.id} texts=${job.result.texts} request=${job.request} files=${job.files} onGoOn=${onGoOn} /></div>`)}</section>`;
}
