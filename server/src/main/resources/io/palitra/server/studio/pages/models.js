// The models and files that this server has, and those that it may fetch.
import { html, useState } from '../lib/html.js';
import { t, register, number, bytes, language } from '../lib/words.js';
import { get, submit } from '../lib/api.js';
import { Head, Select, TextField, Slider, Button, Notice, Empty, useFetch, say } from '../lib/ui.js';
import { faultText } from '../lib/faults.js';
import { useJob, JobState } from '../lib/job.js';
import { useEvery, address } from '../lib/place.js';
import { useKept, useSettings as handOver } from '../lib/kept.js';
import { kindOf } from '../lib/models.js';
import { WALKS } from '../lib/latent.js';
import words from '../words/models.js';

register(words);

const LOOK = 5000, HUB = /^[\w.-]+\/[\w.-]+$/;

export default function Page() {
    const [models, setModels] = useState(null);
    const [fault, setFault] = useState(null);
    const [turn, setTurn] = useState(0);
    useEvery(LOOK, async left => {
        try {
            const found = await get(`/v1/models?language=${language.value}`);
            if (!left()) { setModels(found.models); setFault(null); }
        } catch (problem) {
            if (!left()) setFault(problem);
        }
    }, [turn, language.value]);
    const files = useFetch(() => get('/v1/files'));
    const [filter, setFilter] = useState({ search: '', kind: '', source: '' });
    const head = html`<${Head} title=${t('nav.models')} about=${t('models.about')} />`;
    if (fault && !models) return html`${head}<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!models) return html`${head}<p class="muted">${t('shell.loading')}</p>`;
    const loras = [...models.filter(m => m.kind === 'lora'), ...(files.value?.files || []).filter(f => f.name.endsWith('.safetensors') && !models.some(m => m.name === f.name))];
    const plain = models.filter(m => m.kind !== 'lora');
    const wanted = filter.search.trim().toLowerCase();
    const shown = plain.filter(m => (!filter.kind || m.kind === filter.kind) && (!filter.source || m.source === filter.source)
        && (!wanted || `${m.name} ${m.family || ''} ${m.about || ''} ${m.data || ''}`.toLowerCase().includes(wanted)));
    const choices = (name, all) => [{ value: '', label: t('models.all') }, ...[...new Set(plain.map(m => m[name]))].map(value => ({ value, label: all(value) }))];
    return html`${head}<div class="stack">
        <div class="sift"><${TextField} label=${t('models.search')} type="search" value=${filter.search} onInput=${search => setFilter({ ...filter, search })} />
            <${Select} label=${t('models.kind')} value=${filter.kind} onChange=${kind => setFilter({ ...filter, kind })} options=${choices('kind', v => t(`models.kind.${v}`))} />
            <${Select} label=${t('models.source')} value=${filter.source} onChange=${source => setFilter({ ...filter, source })} options=${choices('source', v => t(`models.source.${v}`))} /></div>
        ${shown.length === 0 ? html`<${Empty} icon="models" title=${t('models.none')}>${t('models.none.about')}<//>`
            : html`<ul class="plain cards">${shown.map(m => html`<${Model} key=${m.name} model=${m} />`)}</ul>`}
        ${loras.length > 0 && html`<${Loras} loras=${loras} painter=${models.find(m => m.kind === 'paint')} />`}
        <${Pull} onDone=${() => setTurn(n => n + 1)} />
    </div>`;
}

function Model({ model: m }) {
    const facts = [[t('models.family'), m.family], [t('models.data'), m.data], [t('models.size'), m.size && (m.size.length === 3 ? `${m.size[2]} × ${m.size[1]}${m.size[0] === 1 ? `, ${t('models.grey')}` : ''}` : number(m.size[0]))],
        [t('models.kinds'), m.classes && t('models.kinds.value', { n: m.classes.length })], [t('models.steps'), m.steps && number(m.steps, 0)],
        [t('models.bytes'), m.bytes > 0 && bytes(m.bytes)], [t('models.licence'), m.licence]].filter(([, value]) => value);
    return html`<li class="card stack tight model"><div class="row spread"><h2 class="cut">${m.name}</h2>${m.loaded && html`<span class="badge">${t('models.loaded')}</span>`}</div>
        <p class="muted small-text">${t(`models.kind.${m.kind}`)} · ${t(`models.source.${m.source}`)}</p>${m.about && html`<p class="small-text">${m.about}</p>`}
        <dl class="particulars">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
        ${m.sha256 && html`<${Hash} value=${m.sha256} />`}
        <div class="row end">${m.draws && html`<${Button} small
                onClick=${() => handOver(kindOf(m), { [kindOf(m) === 'sample' ? 'run' : 'model']: m.name })}>${t('models.create')}<//>`}
            ${WALKS.includes(m.family) && m.size?.length === 3 && html`<a class="button small" href=${address('walk', { model: m.name })}>${t('models.walk')}</a>`}
            ${m.source === 'run' && html`<a class="button small" href=${address('runs', { run: m.name })}>${t('models.run')}</a>`}</div></li>`;
}

function Hash({ value }) {
    const copy = () => navigator.clipboard?.writeText(value).then(() => say(t('models.copied'), 'good'), () => say(value));
    return html`<div class="row hash"><code class="cut grow" title=${value}>sha256 ${value}</code><${Button} small kind="quiet" icon="copy" label=${t('models.copy')} onClick=${copy} /></div>`;
}

/** What changes a painting model, with the weight that it is used with. */
function Loras({ loras, painter }) {
    const [weights, setWeights] = useKept('loras', {});
    return html`<section class="card stack" aria-label="LoRA"><h2>LoRA</h2><p class="muted">${t('models.lora.about')}</p><ul class="plain lines">${loras.map(l => html`
        <li key=${l.name} class="lora"><div><strong>${l.name}</strong> <span class="muted small-text">${l.bytes > 0 && bytes(l.bytes)}</span></div>
            <${Slider} label=${t('models.lora.weight', { name: l.name })} value=${weights[l.name] ?? 1} min=${0} max=${2} step=${0.05} format=${n => number(n, 2)} onInput=${v => setWeights({ ...weights, [l.name]: v })} />
            <${Button} small disabled=${!painter} label=${painter ? undefined : t('models.lora.none')}
                onClick=${() => handOver('paint', { model: painter.name, lora: [`${l.name}:${weights[l.name] ?? 1}`] })}>${t('models.lora.use')}<//></li>`)}</ul></section>`;
}

/** Fetches a model of the hub, where the server was started so that it may. */
function Pull({ onDone }) {
    const { value: schema } = useFetch(() => get('/v1/schema'));
    const [name, setName] = useState('');
    const [job, setJob] = useKept('pull', { id: null });
    const state = useJob(job.id);
    const [told, setTold] = useState(null);
    if (state.job?.status === 'done' && told !== state.job.id) {
        setTold(state.job.id);
        say(t('models.pull.done'), 'good');
        onDone();
    }
    if (!schema) return null;
    if (!schema.kinds.pull) return html`<section class="card stack tight" aria-label=${t('models.pull')}><h2>${t('models.pull')}</h2><p class="muted">${t('models.pull.off')}</p></section>`;
    const working = Boolean(state.job) && ['queued', 'running'].includes(state.job.status);
    const pull = () => HUB.test(name.trim()) && submit('pull', { name: name.trim() }).then(j => setJob({ id: j.id }), problem => say(faultText(problem), 'fault'));
    return html`<section class="card stack" aria-label=${t('models.pull')}><h2>${t('models.pull')}</h2>
        <div class="row resume"><${TextField} className="grow" label=${t('models.pull.name')} value=${name} onInput=${setName} onEnter=${pull} placeholder="org/name" help=${t('models.pull.help')} />
            <${Button} icon="down" busy=${working} disabled=${!HUB.test(name.trim())} onClick=${pull}>${t('models.pull.do')}<//></div>
        ${working && state.progress && html`<p class="muted small-text">${t('models.pull.bytes', { done: bytes(state.progress.done), of: bytes(state.progress.of) })}</p>`}
        ${state.fault?.http !== 404 && html`<${JobState} state=${state} />`}</section>`;
}
