// A job as a page sees it: followed from wherever it is, also after the page was loaded anew.
import { html, useState, useEffect } from './html.js';
import { t, number } from './words.js';
import { follow, get, cancel, ended } from './api.js';
import { Progress, Button, Notice, say } from './ui.js';
import { faultText } from './faults.js';

const NEW = { job: null, progress: null, preview: null, texts: [], files: [], notes: [], fault: null };

/** Texts with more of them: a piece says where it stands, so that one that comes twice changes nothing. */
export function grown(texts, pieces) {
    const all = [...texts];
    for (const { index, from, text } of pieces) all[index] = (all[index] || '').slice(0, from) + text;
    return all;
}

/** What is known of the job of that id (null = none): {job, progress, preview (address), texts (as they grow), files, notes, fault}. */
export function useJob(id) {
    const [state, setState] = useState({ ...NEW, of: id });
    useEffect(() => {
        setState({ ...NEW, of: id });
        if (!id) return undefined;
        let left = false;
        const put = change => left || setState(s => ({ ...s, ...(typeof change === 'function' ? change(s) : change) }));
        get(`/v1/jobs/${encodeURIComponent(id)}`).then(job => put(s => ({ job: s.job && ended(s.job) ? s.job : job,
            files: s.files.length > job.files.length ? s.files : job.files })), fault => put({ fault }));
        const stop = follow(id, {
            queued: job => put({ job }),
            look: job => put({ job, files: job.files }),
            started: data => put(s => ({ job: s.job && { ...s.job, ...data } })),
            progress: progress => put({ progress }),
            preview: data => put({ preview: `data:image/png;base64,${data.png}` }),
            text: data => put(s => ({ texts: grown(s.texts, data.pieces) })),
            file: data => put(s => ({ files: s.files.includes(data.name) ? s.files : [...s.files, data.name] })),
            note: data => put(s => ({ notes: [...s.notes, data.line].slice(-50) })),
            end: job => put({ job, files: job.files }),
            lost: fault => put({ fault }),
        });
        return () => { left = true; stop(); };
    }, [id]);
    return state.of === id ? state : NEW;      // between two jobs the files of the first are none of the second
}

/** Where a job is, with its figures, time left and a button to end it. */
export function JobState({ state, onAgain }) {
    const { job, progress, fault } = state;
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!job) return null;
    if (job.status === 'failed') return html`<${Notice} kind="fault">${faultText(job.error)}<//>`;
    if (job.status === 'cancelled') return html`<${Notice}>${t('job.cancelled')}<//>`;
    if (job.status === 'done') return null;
    const figures = Object.entries(progress?.figures || {}).map(([name, value]) => `${name} ${number(value)}`).join(' · ');
    return html`<div class="job">
        ${job.status === 'queued' ? html`<${Progress} label=${job.position > 1 ? t('job.position', { n: job.position }) : t('job.queued')} />`
            : html`<${Progress} label=${progress?.what || t('job.running')} done=${progress?.done} of=${progress?.of} left=${progress?.left} />`}
        <div class="row spread"><span class="muted small-text">${figures}</span>
            <${Button} kind="quiet" icon="stop" small onClick=${() => cancel(job.id).catch(f => say(faultText(f), 'fault'))}>${t('job.cancel')}<//></div>
    </div>`;
}
