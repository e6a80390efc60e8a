// A training: its settings, and its curves and samples while it goes on.
import { html, useState, useEffect } from '../lib/html.js';
import { t, register, language } from '../lib/words.js';
import { get, submit } from '../lib/api.js';
import { Head, Select, TextField, NumberField, Button, Notice, Empty, useFetch, say } from '../lib/ui.js';
import { KeysForm, toList } from '../lib/form.js';
import { faultText } from '../lib/faults.js';
import { useQuery, address } from '../lib/place.js';
import { useKept } from '../lib/kept.js';
import { LiveRun } from '../lib/run.js';
import words from '../words/train.js';
import curvesWords from '../words/curves.js';
import runWords from '../words/run.js';

[words, curvesWords, runWords].forEach(register);

const MAIN = ['train.steps', 'train.epochs', 'train.batch', 'train.optimizer.lr', 'latent', 'conditional', 'condition'];
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,79}$/u;

/** The key whose value another key waits for is named without "train." */
const recipe = keys => keys.map(k => ({ ...k, when: k.when && k.when.split(', ').map(one => `train.${one}`).join(', ') }));

const reading = () => [{ key: 'data.size', type: 'int', default: '0', range: 'between 0 and 4096', help: t('train.size.help'), when: '' }];

export default function Page() {
    const { run } = useQuery();
    const [job, setJob] = useState(null);
    const [known, setKnown] = useState(false);
    useEffect(() => {
        let left = false;
        Promise.all(['train', 'resume'].map(kind => get(`/v1/jobs?limit=50&kind=${kind}`))).then(found => {
            if (left) return;
            const all = found.flatMap(f => f.jobs).sort((a, b) => b.created - a.created);
            const own = run ? all.filter(j => nameOf(j) === run) : all;
            setJob(own.find(j => ['running', 'queued'].includes(j.status)) || own[0] || null);
        }, fault => say(faultText(fault), 'fault')).finally(() => left || setKnown(true));
        return () => { left = true; };
    }, [run]);
    const shown = job ? nameOf(job) : run;
    const begin = next => {
        setJob(next);
        if (run && run !== nameOf(next)) location.hash = address('train', { run: nameOf(next) });
        requestAnimationFrame(() => document.getElementById('live').scrollIntoView({ block: 'start' }));
    };
    return html`<${Head} title=${t('nav.train')} about=${t('train.about')} />
        <div class="work"><section class="card" aria-label=${t('train.settings')}><${Settings} onBegin=${begin} /></section>
            <section class="stack" id="live" aria-label=${t('train.live')}>${shown ? html`<${LiveRun} key=${shown} name=${shown} job=${job}
                onJob=${begin} />` : known && html`<${Empty} icon="train" title=${t('train.none')}>${t('train.none.about')}<//>`}</section></div>`;
}

/** The run that a job trains. */
export const nameOf = job => (job.kind === 'resume' ? job.request.run : job.request.out || job.id);

function Settings({ onBegin }) {
    const families = useFetch(() => get(`/v1/families?language=${language.value}`), [language.value]);
    const data = useFetch(() => get(`/v1/data?language=${language.value}`), [language.value]);
    const models = useFetch(() => get('/v1/models'));
    const runs = useFetch(() => get('/v1/runs'));
    const [kept, setKept] = useKept('train', { family: 'vae', data: '', model: '', values: {}, seed: 0 });
    const [name, setName] = useState(null);
    const [begun, setBegun] = useState([]);     // their folders come a moment later
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState(null);
    const all = families.value?.families || families.value || [];
    const family = all.find(f => f.name === kept.family) || all[0];
    const failed = families.fault || data.fault;
    if (failed) return html`<${Notice} kind="fault">${faultText(failed)}<//>`;
    if (!family || !data.value) return html`<p class="muted">${t('shell.loading')}</p>`;

    const keys = [...family.config.filter(k => !(family.name === 'lora' && k.key === 'model')), ...recipe(family.recipe), ...reading()];
    const values = kept.values[family.name] || {};
    const put = change => { setKept({ ...kept, ...change }); setFault(null); };
    const set = data.value.data.find(d => d.name === (kept.data || family.data));
    const taken = [...(runs.value?.runs || []).map(r => r.name), ...begun];
    const out = name ?? free(`${family.name}-${set?.name || 'data'}`, taken);
    const wrong = !NAME.test(out) ? t('train.name.wrong') : taken.includes(out) ? t('train.name.taken') : '';
    const lora = family.name === 'lora';
    const paints = (models.value?.models || []).filter(m => m.kind === 'paint');

    const begin = async () => {
        setBusy(true);
        setFault(null);
        try {
            const job = await submit('train', { family: family.name, data: set?.name || '', ...(lora ? { model: kept.model } : {}),
                set: toList(keys, values), seed: kept.seed, out });
            setName(null);
            setBegun(all => [...all, out]);
            onBegin(job);
            runs.again();
        } catch (problem) {
            setFault(problem);
        } finally {
            setBusy(false);
        }
    };
    const field = fault && { field: fault.field, message: fault.message };
    return html`<div class="form">
        <${Select} label=${t('train.family')} value=${family.name} help=${`${family.about}. ${family.paper}`}
            onChange=${v => put({ family: v, data: '' })} options=${all.map(f => f.name)} />
        ${lora && html`<${Select} label=${t('train.model')} value=${kept.model} onChange=${v => put({ model: v })} help=${t('train.model.help')}
            options=${[{ value: '', label: '—' }, ...paints.map(m => m.name)]} error=${field?.field === 'model' ? field.message : undefined} />`}
        <${Select} label=${t('train.data')} value=${set?.name || ''} help=${set?.about} onChange=${v => put({ data: v })}
            error=${field?.field === 'data' ? field.message : undefined}
            options=${[...(set ? [] : [{ value: '', label: '—' }]), ...data.value.data.map(d => ({ value: d.name,
                label: d.here ? d.name : t('train.data.away', { name: d.name }), group: d.here ? t('train.data.here') : t('train.data.elsewhere') }))]} />
        <${TextField} label=${t('train.name')} value=${out} onInput=${v => { setName(v); setFault(null); }}
            error=${wrong || (field?.field === 'out' ? field.message : undefined)} />
        ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}
        <div class="row"><${Button} kind="main" icon="play" busy=${busy} disabled=${wrong !== '' || (lora && !kept.model)} onClick=${begin}>${t('train.begin')}<//></div>
        <hr />
        ${family.fits.length > 0 && html`<${Fits} fits=${family.fits} />`}
        ${Object.keys(values).length > 0 && html`<div class="row"><${Button} small icon="undo"
            onClick=${() => put({ values: { ...kept.values, [family.name]: {} } })}>${t('train.defaults')}<//></div>`}
        <${KeysForm} keys=${keys} values=${values} main=${MAIN} error=${field}
            onChange=${v => put({ values: { ...kept.values, [family.name]: v } })} />
        <${NumberField} label=${t('key.seed')} value=${kept.seed} min=${0} max=${Number.MAX_SAFE_INTEGER} integer onChange=${v => put({ seed: v })} />
    </div>`;
}

const Fits = ({ fits }) => html`<details class="help-box small-text"><summary class="muted">${t('train.fits')}</summary><ul>${fits.map(f => html`
    <li key=${f.data}>${f.data}: <code>${f.keys.join(', ')}</code></li>`)}</ul></details>`;

/** NAME-N of the least N that is free. */
function free(name, taken) {
    let n = 1;
    while (taken.includes(`${name}-${n}`)) n++;
    return `${name}-${n}`;
}
