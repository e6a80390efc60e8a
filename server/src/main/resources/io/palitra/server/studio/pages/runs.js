// All runs: sorted, filtered and searched; those chosen are compared, measured, or put into the bin.
import { html, useState, useEffect, useMemo } from '../lib/html.js';
import { t, register, number, moment } from '../lib/words.js';
import { get, del, submit } from '../lib/api.js';
import { Head, Select, TextField, NumberField, Button, Notice, Empty, Tabs, Picture, useConfirm, useFetch, say } from '../lib/ui.js';
import { faultText } from '../lib/faults.js';
import { useJob, JobState } from '../lib/job.js';
import { Curves, runPath } from '../lib/curves.js';
import { Samples, pictureUrl, pictureTitle } from '../lib/run.js';
import { useQuery, useEvery, address } from '../lib/place.js';
import words from '../words/runs.js';
import curvesWords from '../words/curves.js';
import runWords from '../words/run.js';

[words, curvesWords, runWords].forEach(register);

const LOOK = 4000;      // milliseconds between two looks at the list
const LAST = /^(test\/|[^/]+$)/;
const ARROWS = { higher: '↑', lower: '↓' };

/** The figures of a run that are shown in the table: those of its test split, else its losses. */
export function headline(run) {
    const all = Object.entries(run.metrics || {}).filter(([name]) => LAST.test(name) && !['step', 'epoch', 'lr'].includes(name));
    const test = all.filter(([name]) => name.startsWith('test/'));
    return (test.length ? test : all).slice(0, 2);
}

/** Rows of the table. */
export function sorted(runs, { by, down }, { search, family }) {
    const wanted = search.trim().toLowerCase();
    const value = run => (by === 'created' || by === 'step' ? run[by] || 0 : String(run[by] || '').toLowerCase());
    return runs.filter(r => (!family || r.family === family) && (!wanted || `${r.name} ${r.family} ${r.data}`.toLowerCase().includes(wanted)))
        .sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.name < b.name ? -1 : 1) * (down ? -1 : 1));
}

export default function Page() {
    const asked = useQuery().run;
    const [runs, setRuns] = useState(null);
    const [fault, setFault] = useState(null);
    const [order, setOrder] = useState({ by: 'created', down: true });
    const [filter, setFilter] = useState({ search: '', family: '' });
    const [chosen, setChosen] = useState(asked ? [asked] : []);
    const [turn, setTurn] = useState(0);
    useEvery(LOOK, async left => {
        try {
            const found = await get('/v1/runs');
            if (!left()) { setRuns(found.runs); setFault(null); }
        } catch (problem) {
            if (!left()) setFault(problem);
        }
    }, [turn]);
    const shown = useMemo(() => sorted(runs || [], order, filter), [runs, order, filter]);
    const [dialog, ask] = useConfirm(t('runs.delete'), t('runs.delete.do'));
    const there = chosen.filter(name => (runs || []).some(r => r.name === name));
    const remove = () => ask(t('runs.delete.ask', { n: there.length, names: there.join(', ') }), async () => {
        for (const name of there) {
            try {
                await del(runPath(name));
                setChosen(all => all.filter(c => c !== name));
            } catch (problem) {
                say(`${name}: ${faultText(problem)}`, 'fault');
            }
        }
        setTurn(n => n + 1);
    });
    const head = html`<${Head} title=${t('nav.runs')} about=${t('runs.about')} />`;
    if (fault && !runs) return html`${head}<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!runs) return html`${head}<p class="muted">${t('shell.loading')}</p>`;
    if (runs.length === 0) {
        return html`${head}<${Empty} icon="runs" title=${t('runs.none')} action=${html`<a class="button main" href="#/train">${t('runs.none.do')}</a>`}>${t('runs.none.about')}<//>`;
    }
    const families = [...new Set(runs.map(r => r.family))].sort();
    return html`${head}${dialog}<div class="stack">
        <div class="sift"><${TextField} label=${t('runs.search')} type="search" value=${filter.search} onInput=${search => setFilter({ ...filter, search })} />
            <${Select} label=${t('runs.family')} value=${filter.family} onChange=${family => setFilter({ ...filter, family })}
                options=${[{ value: '', label: t('runs.all') }, ...families]} /></div>
        <${Table} runs=${shown} order=${order} onOrder=${setOrder} chosen=${there} onChoose=${setChosen} />
        ${there.length > 0 && html`<${Chosen} key=${there.join('\n')} runs=${runs.filter(r => there.includes(r.name))} onDelete=${remove} onChange=${() => setTurn(n => n + 1)} />`}
        ${there.length === 0 && html`<p class="muted">${t('runs.choose')}</p>`}
    </div>`;
}

function Table({ runs, order, onOrder, chosen, onChoose }) {
    const column = (by, label) => html`<th scope="col" aria-sort=${order.by === by ? (order.down ? 'descending' : 'ascending') : undefined}>
        <button type="button" class="sort" onClick=${() => onOrder({ by, down: order.by === by ? !order.down : by === 'created' || by === 'step' })}>${label} <span aria-hidden="true">${order.by === by ? (order.down ? '↓' : '↑') : ''}</span></button></th>`;
    const toggle = name => onChoose(chosen.includes(name) ? chosen.filter(c => c !== name) : [...chosen, name]);
    return html`<div class="card scroll-x flush" tabindex="0" role="region" aria-label=${t('nav.runs')}><table class="table runs"><thead><tr>
            <th scope="col"><span class="unseen">${t('runs.chosen')}</span></th>${column('name', t('runs.name'))}${column('family', t('runs.family'))}
            ${column('data', t('runs.data'))}${column('state', t('runs.state'))}${column('step', t('run.samples.step'))}<th scope="col">${t('runs.figures')}</th>
            ${column('created', t('runs.created'))}</tr></thead>
        <tbody>${runs.map(r => html`<tr key=${r.name} class=${chosen.includes(r.name) ? 'chosen' : ''} onClick=${e => e.target.closest('a, input, button') || toggle(r.name)}>
            <td><input type="checkbox" aria-label=${t('runs.choose.one', { name: r.name })} checked=${chosen.includes(r.name)} onChange=${() => toggle(r.name)} /></td>
            <th scope="row">${r.name}</th><td>${r.family}</td><td>${r.data}</td>
            <td><span class="state ${r.state === 'running' ? 'busy' : ''}">${t(`runs.state.${r.state}`)}</span></td>
            <td>${number(r.step || 0, 0)}${r.steps > 0 && r.steps !== r.step && html`<span class="muted"> / ${number(r.steps, 0)}</span>`}</td>
            <td>${headline(r).map(([name, value]) => html`<div key=${name} class="nowrap"><span class="muted">${name}</span> ${number(value, 4)}</div>`)}</td>
            <td class="nowrap muted">${r.created ? moment(r.created) : ''}</td></tr>`)}</tbody></table>
        ${runs.length === 0 && html`<p class="muted pad">${t('runs.no.match')}</p>`}</div>`;
}

function Chosen({ runs, onDelete, onChange }) {
    const [tab, setTab] = useState('curves');
    const one = runs.length === 1 ? runs[0] : null;
    const names = runs.map(r => r.name);
    const tabs = [['curves', t('run.curves')], ['numbers', t('runs.numbers')], ['pictures', t('run.samples')],
        ['differs', one ? t('runs.config') : t('runs.differs')]].map(([id, label]) => ({ id, label }));
    return html`<section class="card stack" aria-label=${t('runs.compare')}>
        <div class="row spread"><h2>${one ? one.name : t('runs.compared', { n: runs.length })}</h2><div class="row">
            ${one && html`<a class="button small" href=${`${runPath(one.name)}/report`} target="_blank" rel="noopener">${t('runs.report')}</a>
                <a class="button small" href=${address('train', { run: one.name })}>${t('runs.open')}</a>`}
            <${Button} small kind="danger" icon="bin" disabled=${runs.some(r => r.state === 'running')} onClick=${onDelete}>${t('runs.delete.short')}<//></div></div>
        <${Tabs} label=${t('runs.compare')} tabs=${tabs} value=${tab} onChange=${setTab}>
            ${tab === 'curves' && html`<${Curves} runs=${runs.map(({ name, state }) => ({ name, state }))} />`}
            ${tab === 'numbers' && html`<${Numbers} runs=${runs} onChange=${onChange} />`}
            ${tab === 'pictures' && html`<${PicturesOf} names=${names} />`}
            ${tab === 'differs' && (one ? html`<${Config} name=${one.name} />` : html`<${Differs} names=${names} />`)}
        <//></section>`;
}

/** What was measured of each run, and who is best. */
function Numbers({ runs, onChange }) {
    const names = runs.map(r => r.name);
    const [n, setN] = useState(1000);
    const [job, setJob] = useState(null);
    const state = useJob(job);
    useEffect(() => {
        get('/v1/jobs?limit=20&kind=evaluate').then(({ jobs }) => setJob(own => own ?? jobs.find(j => ['queued', 'running'].includes(j.status)
            && names.every(name => j.request.runs.includes(name)))?.id ?? null), () => {});
    }, []);
    const found = useFetch(() => Promise.all(names.map(name => get(runPath(name)))), [names.join('\n'), state.job?.status === 'done']);
    const of = run => found.value?.find(r => r.name === run.name)?.measures || [];
    const rows = [...new Map(runs.flatMap(r => of(r)).map(m => [m.name, m])).values()];
    const evaluate = () => submit('evaluate', { runs: names, n }).then(j => { setJob(j.id); onChange(); }, problem => say(faultText(problem), 'fault'));
    const working = Boolean(state.job) && !['done', 'failed', 'cancelled'].includes(state.job.status);
    if (found.fault) return html`<${Notice} kind="fault">${faultText(found.fault)}<//>`;
    if (!found.value) return html`<p class="muted">${t('shell.loading')}</p>`;
    return html`<div class="stack">
        ${rows.length === 0 && !working && html`<p class="muted">${t('runs.numbers.none')}</p>`}
        ${rows.length > 0 && html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t('runs.numbers')}><table class="table measures"><thead><tr>
            <th scope="col">${t('runs.measure')}</th>${runs.map(r => html`<th scope="col" key=${r.name} class="figure">${r.name}</th>`)}</tr></thead><tbody>${rows.map(m => html`
            <tr key=${m.name}><th scope="row">${m.name} ${ARROWS[m.better] && html`<${Sign} sign=${ARROWS[m.better]} says=${t(`runs.better.${m.better}`)} />`}
                ${m.about && html`<div class="muted small-text about">${m.about}</div>`}</th>
            ${runs.map(r => html`<${Figure} key=${r.name} measure=${of(r).find(x => x.name === m.name)} of=${r} top=${winner(m, runs, of)} />`)}</tr>`)}</tbody></table></div>`}
        <${JobState} state=${state} />
        ${state.notes.map((line, i) => html`<${Notice} key=${i}>${line}<//>`)}
        <div class="row resume"><${NumberField} label=${t('runs.evaluate.n')} value=${n} integer min=${100} max=${1e6} onChange=${setN} />
            <${Button} icon="runs" busy=${working} onClick=${evaluate}>${rows.length ? t('runs.evaluate.again') : t('runs.evaluate')}<//></div>
    </div>`;
}

const Sign = ({ sign, says }) => html`<span class="muted" title=${says}><span aria-hidden="true">${sign}</span><span class="unseen">${says}</span></span>`;

/** The run that is best by a measure; null where no way is better, fewer than two were measured, or all are equal. */
export function winner(measure, runs, of) {
    if (!ARROWS[measure.better]) return null;
    const all = runs.map(run => ({ run, value: of(run).find(m => m.name === measure.name)?.value })).filter(x => Number.isFinite(x.value));
    if (all.length < 2 || all.every(x => x.value === all[0].value)) return null;
    return all.reduce((a, b) => ((measure.better === 'higher' ? b.value > a.value : b.value < a.value) ? b : a)).run;
}

function Figure({ measure, of, top }) {
    if (!measure) return html`<td class="figure muted">–</td>`;
    const unit = ['', 'nats', 'bits/dim', '%'].includes(measure.unit) ? measure.unit : '';
    return html`<td class="figure ${top === of ? 'best' : ''}">${number(measure.value, 4)}${unit && html` <span class="muted small-text">${unit}</span>`}${
        top === of && html` <${Sign} sign="★" says=${t('runs.best')} />`}</td>`;
}

function PicturesOf({ names }) {
    const { value, fault } = useFetch(() => Promise.all(names.map(name => get(runPath(name)))), [names.join('\n')]);
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!value) return html`<p class="muted">${t('shell.loading')}</p>`;
    return html`<div class="abreast">${value.map(run => html`<div key=${run.name} class="stack"><h3>${run.name}</h3>
        ${run.pictures.includes('closest.png') && html`<figure class="stack tight"><${Picture} src=${pictureUrl(run.name, 'closest.png', run.step)} className="sheet-of"
            alt=${pictureTitle('closest.png')} /><figcaption class="muted small-text">${pictureTitle('closest.png')}</figcaption></figure>`}
        ${run.pictures.length === 0 && !(run.files || []).some(f => f.endsWith('.txt')) ? html`<p class="muted">${t('runs.no.pictures')}</p>` : html`<${Samples} name=${run.name} run=${run} />`}</div>`)}</div>`;
}

function Differs({ names }) {
    const { value, fault } = useFetch(() => get(`/v1/runs/compare?names=${names.map(encodeURIComponent).join(',')}`), [names.join('\n')]);
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!value) return html`<p class="muted">${t('shell.loading')}</p>`;
    if (value.keys.length === 0) return html`<p class="muted">${t('runs.same')}</p>`;
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t('runs.differs')}><table class="table"><thead><tr><th scope="col">${t('runs.key')}</th>${names.map(n => html`<th scope="col" key=${n}>${n}</th>`)}</tr></thead>
        <tbody>${value.keys.map(k => html`<tr key=${k.key}><th scope="row"><code>${k.key}</code></th>${names.map(n => html`<td key=${n}><code>${String(k.values[n] ?? '–')}</code></td>`)}</tr>`)}</tbody></table></div>`;
}

/** {key: value} of nested objects. */
export const flatConfig = (object, prefix = '') => Object.entries(object || {}).flatMap(([key, value]) =>
    (value && typeof value === 'object' && !Array.isArray(value) ? flatConfig(value, `${prefix}${key}.`) : [[prefix + key, Array.isArray(value) ? value.join(', ') : String(value)]]));

function Config({ name }) {
    const { value, fault } = useFetch(() => get(runPath(name)), [name]);
    const [search, setSearch] = useState('');
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!value) return html`<p class="muted">${t('shell.loading')}</p>`;
    const all = flatConfig(value.config).filter(([key, text]) => `${key} ${text}`.toLowerCase().includes(search.trim().toLowerCase()));
    return html`<div class="stack"><${TextField} label=${t('runs.search.key')} type="search" value=${search} onInput=${setSearch} />
        <div class="scroll-x" tabindex="0" role="region" aria-label=${t('runs.config')}><table class="table"><tbody>${all.map(([key, text]) => html`<tr key=${key}><th scope="row"><code>${key}</code></th><td><code>${text}</code></td></tr>`)}</tbody></table></div></div>`;
}
