// One run as it is: how far, its curves, its samples over the steps, what its trainer says; ended and taken up again.
import { html, useState } from './html.js';
import { t, number, duration } from './words.js';
import { get, submit, cancel, ended, Fault } from './api.js';
import { Slider, NumberField, Button, Notice, Picture, Progress, Check, say } from './ui.js';
import { faultText } from './faults.js';
import { useJob } from './job.js';
import { Curves, runPath } from './curves.js';
import { useEvery } from './place.js';
import { TextFile } from './written.js';
import { Player } from './heard.js';

const LOOK = 3000;      // milliseconds between two looks at a run that trains
const STEP = /^samples\/step-(\d+)\.(png|gif|txt)$/;
const HEARD = /^samples-(\d+)\.wav$/;

/** The address of a picture of a run; turn: another one makes the browser ask anew. */
export const pictureUrl = (run, name, turn) => `${runPath(run)}/pictures/${name.split('/').map(encodeURIComponent).join('/')}${turn ? `?of=${turn}` : ''}`;

/** [{step, name}] of the samples of a run, the earliest first. */
export const samplesOf = run => [...(run?.pictures || []), ...(run?.files || [])].map(name => ({ name, found: STEP.exec(name) })).filter(p => p.found)
    .map(p => ({ name: p.name, step: Number(p.found[1]) })).sort((a, b) => a.step - b.step);

/** job: that trains or trained it, null where none is known; onJob(job): a training was taken up again */
export function LiveRun({ name, job, onJob }) {
    const state = useJob(job?.id ?? null);
    const now = state.job || job;
    const working = now && !ended(now);
    const [run, setRun] = useState(null);
    const [fault, setFault] = useState(null);
    useEvery(working ? LOOK : 1e9, async left => {
        try {
            const { runs } = await get('/v1/runs');
            const there = runs.some(r => r.name === name);     // one that waits to be trained has no folder yet
            const found = there ? await get(runPath(name)) : null;
            if (left()) return;
            setBeside(runs.filter(r => r.name !== name));
            setRun(found);
            setFault(there || working ? null : new Fault(404, 'no_such_run', '', t('run.gone')));
        } catch (problem) {
            if (!left()) setFault(problem);
        }
    }, [name, working]);
    const [beside, setBeside] = useState([]);
    const [over, setOver] = useState([]);
    const shown = run ? [{ name, state: working ? 'running' : run.state }, ...beside.filter(r => over.includes(r.name))] : [];
    return html`<div class="card stack">
            <div class="row spread"><h2>${name}</h2><span class="muted">${run && `${run.family} · ${run.data}`}</span></div>
            <${State} state=${state} job=${now} run=${run} fault=${fault} />
            <${Alarm} notes=${state.notes} run=${run} />
            ${!working && run && html`<${Resume} run=${run} onJob=${onJob} />`}
            ${state.notes.length > 0 && html`<${Notes} notes=${state.notes} />`}
        </div>
        ${run && html`<div class="card stack"><h2>${t('run.curves')}</h2><${Curves} runs=${shown} />
            ${beside.length > 0 && html`<details class="more"><summary>${t('run.overlay')}${over.length > 0 && html` <span class="badge">${over.length}</span>`}</summary>
                <div class="checks">${beside.map(r => html`<${Check} key=${r.name} label=${r.name} checked=${over.includes(r.name)}
                    onChange=${on => setOver(on ? [...over, r.name] : over.filter(o => o !== r.name))} />`)}</div></details>`}</div>`}
        <${Samples} name=${name} run=${run} preview=${working ? state.preview : null} />`;
}

function State({ state, job, run, fault }) {
    if (state.fault && !run) return html`<${Notice} kind="fault">${faultText(state.fault)}<//>`;
    if (job?.status === 'failed') return html`<${Notice} kind="fault">${faultText(job.error)}<//>`;
    if (job && !ended(job)) {
        const p = state.progress;
        const rate = p?.figures?.['steps/s'];
        const left = p?.left ?? (rate > 0 && p.of > 0 ? (p.of - p.done) / rate : undefined);
        const stop = () => cancel(job.id).catch(problem => say(faultText(problem), 'fault'));
        return html`<div class="stack tight">
            ${job.status === 'queued' ? html`<${Progress} label=${job.position > 1 ? t('job.position', { n: job.position }) : t('job.queued')} />`
                : html`<${Progress} label=${p?.of ? t('run.step', { n: p.done, of: p.of }) : t('job.running')} done=${p?.done} of=${p?.of} left=${left} />`}
            <div class="row spread"><${Figures} figures=${p?.figures} /><${Button} icon="stop" onClick=${stop}>${t('run.stop')}<//></div>
        </div>`;
    }
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!run) return html`<p class="muted">${t('shell.loading')}</p>`;
    const time = job?.started && job?.ended ? ` · ${duration(job.ended - job.started)}` : '';
    const whole = run.steps > 0 && run.step >= run.steps;
    return html`<p>${whole ? t('run.whole', { n: run.step }) : run.steps > 0 ? t('run.part', { n: run.step, of: run.steps }) : t('run.at', { n: run.step })}${time}</p>`;
}

const Figures = ({ figures }) => html`<dl class="figures">${Object.entries(figures || {}).slice(0, 6).map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd>${number(value, 4)}</dd></div>`)}</dl>`;

/** What the trainer says of collapse, also after the page was loaded anew. */
function Alarm({ notes, run }) {
    const said = notes.filter(line => line.startsWith('collapse alarm')).at(-1);
    const alarm = said ? said.startsWith('collapse alarm at') : run?.metrics?.['collapse/alarm'] === 1;
    if (alarm) {
        return html`<${Notice} kind="fault"><strong>${t('run.collapse')}</strong> ${t('run.collapse.about')}${said && html`<br /><span class="small-text">${said}</span>`}<//>`;
    }
    return said ? html`<${Notice} kind="good">${t('run.collapse.over')}<//>` : null;
}

const Notes = ({ notes }) => html`<details class="more"><summary>${t('run.notes')} <span class="badge">${notes.length}</span></summary>
    <ul class="small-text notes">${notes.map((line, i) => html`<li key=${i}>${line}</li>`)}</ul></details>`;

/** Goes on with a run, to its end or beyond it. */
function Resume({ run, onJob }) {
    const whole = run.steps > 0 && run.step >= run.steps;
    const [to, setTo] = useState(whole ? run.steps * 2 : run.steps);
    const [busy, setBusy] = useState(false);
    const go = async () => {
        setBusy(true);
        try {
            onJob(await submit('resume', { run: run.name, set: to !== run.steps ? [`train.steps=${to}`] : [] }));
        } catch (problem) {
            say(faultText(problem), 'fault');
        } finally {
            setBusy(false);
        }
    };
    return html`<div class="row resume"><${NumberField} label=${t('run.until')} value=${to} integer min=${run.step + 1} max=${1e12} onChange=${setTo} />
        <${Button} icon="play" busy=${busy} onClick=${go}>${t('run.resume')}<//></div>`;
}

/** Samples of one step, chosen by a slider; the newest as long as nobody has chosen. */
export function Samples({ name, run, preview }) {
    const all = samplesOf(run);
    const [at, setAt] = useState(null);
    const files = run?.files || [];
    const others = [...(run?.pictures || []), ...files.filter(f => f.endsWith('.txt'))].filter(p => !STEP.test(p) && (!p.endsWith('.gif') || p === 'samples.gif'));
    const heard = files.filter(f => HEARD.test(f));
    const i = at === null ? all.length - 1 : Math.min(at, all.length - 1);
    if (all.length === 0 && !preview && others.length === 0) return null;
    return html`<div class="card stack"><h2>${t('run.samples')}</h2>
        ${preview && at === null ? html`<${Picture} src=${preview} alt=${t('run.preview')} className="sheet-of" />`
            : all.length > 0 && html`<${Shown} key=${all[i].name} src=${pictureUrl(name, all[i].name)} name=${all[i].name} said=${t('run.samples.at', { n: all[i].step })} />`}
        ${all.length > 1 && html`<div class="row"><div class="grow"><${Slider} label=${t('run.samples.step')} value=${i} min=${0} max=${all.length - 1}
            onInput=${setAt} format=${n => number(all[n]?.step ?? 0, 0)} /></div>
            ${at !== null && html`<${Button} small onClick=${() => setAt(null)}>${t('run.newest')}<//>`}</div>`}
        ${heard.length > 0 && html`<div class="stack tight heard"><h3>${t('run.heard')}</h3>${heard.map(f => html`<div class="row" key=${f}>
            <${Player} src=${pictureUrl(name, f, run.step)} label=${t('run.heard.one', { n: HEARD.exec(f)[1] })} /><span class="muted small-text">${t('run.heard.one', { n: HEARD.exec(f)[1] })}</span>
            ${files.includes(f.replace(/wav$/, 'mid')) && html`<a class="button small quiet" download href=${pictureUrl(name, f.replace(/wav$/, 'mid'), run.step)}>MIDI</a>`}</div>`)}</div>`}
        ${others.length > 0 && html`<details class="more"><summary>${t(run.pictures.length > 0 ? 'run.pictures' : 'run.texts')} <span class="badge">${others.length}</span></summary>
            <div class="stack">${others.map(p => html`<figure key=${p} class="stack tight"><${Shown} src=${pictureUrl(name, p, run.step)} name=${p} said=${p} />
                <figcaption class="muted small-text">${pictureTitle(p)}</figcaption></figure>`)}</div></details>`}
    </div>`;
}

const Shown = ({ src, name, said }) => (name.endsWith('.txt') ? html`<${TextFile} src=${src} label=${said} />` : html`<${Picture} src=${src} alt=${said} className="sheet-of" />`);

const TITLES = { 'samples.txt': 'run.picture.samples', 'reconstructions.txt': 'run.picture.reconstructions', 'samples.png': 'run.picture.samples', 'reconstructions.png': 'run.picture.reconstructions', 'closest.png': 'run.picture.closest',
    'map.png': 'run.picture.map', 'map-decoded.png': 'run.picture.decoded', 'reconstruct.png': 'run.picture.reconstructions',
    'interpolate.png': 'run.picture.interpolate' };
export const pictureTitle = name => (TITLES[name] ? t(TITLES[name]) : name);
