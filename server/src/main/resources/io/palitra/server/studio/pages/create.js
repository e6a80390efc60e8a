// One field, one button, a picture; of other models a text, or music.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t, register, language, duration } from '../lib/words.js';
import { get, submit } from '../lib/api.js';
import { Head, Button, Select, NumberField, TextField, Slider, Empty, Notice, Tabs, useFetch, Progress, say } from '../lib/ui.js';
import { KeysForm, SchemaForm, fromList, read } from '../lib/form.js';
import { useKept, useTab, useHanded, randomSeed } from '../lib/kept.js';
import { drawing, fromWords, takes, options, kindOf, requests, modelOf, seedOf, itemsOf, writes, fills, harmonises, holesOf } from '../lib/models.js';
import { Batch } from '../lib/batch.js';
import { useJob, JobState } from '../lib/job.js';
import { faultText } from '../lib/faults.js';
import { Grid } from './create-grid.js';
import { weigh } from './create-weights.js';
import { TextAsked, TextBatch, Past } from './create-texts.js';
import { ScoreAsked, ScoreBatch } from './create-music.js';
import words from '../words/create.js';
import sequences from '../words/sequences.js';

[words, sequences].forEach(register);

const BATCHES = 12;         // kept in the page; all else is in the gallery
const COUNTS = [1, 2, 4, 8, 16];
const FIRST_STEPS = 3000, FIRST_SECONDS = 60;      // of the small training, on two processors that others use, too
const NEW = { model: '', prompt: '', negative: '', count: 1, fixed: false, seed: 0, label: '', beginning: '', holes: '', music: { score: '', name: '', bars: 0, voice: 'soprano', keep: 2 }, by: {} };

export default function Page() {
    const models = useFetch(() => get('/v1/models'));
    const schema = useFetch(() => get(`/v1/schema?language=${language.value}`), [language.value]);
    const files = useFetch(() => get('/v1/files').catch(() => ({ files: [] })));
    if (models.fault) return html`<${Head} title=${t('nav.create')} /><${Notice} kind="fault">${faultText(models.fault)}<//>`;
    if (!models.value || (!schema.value && !schema.fault)) return html`<p class="muted">${t('shell.loading')}</p>`;
    const all = drawing(models.value.models);
    if (all.length === 0) return html`<${First} onDone=${models.again} />`;
    return html`<${Create} models=${all} kinds=${schema.value?.kinds || {}} files=${files.value?.files || []} />`;
}

function Create({ models, kinds, files }) {
    const [form, setForm] = useKept('create', NEW);
    const [tab, setTab] = useTab('create.tab', 'pictures');
    const [batches, setBatches] = useTab('create.batches', []);
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState(null);
    const model = models.find(m => m.name === form.model) || models[0];
    const own = form.by[model.name] || {};
    const put = change => setForm(f => ({ ...f, ...change }));
    const putOwn = change => setForm(f => ({ ...f, by: { ...f.by, [model.name]: { ...f.by[model.name], ...change } } }));
    const values = { prompt: form.prompt.trim(), negative: form.negative, label: form.label, beginning: form.beginning, holes: form.holes, ...form.music, ...own };
    const kind = kindOf(model, values), items = itemsOf(model);
    const missing = (fromWords(model) && values.prompt === '') || (fills(model) && form.holes.trim() !== '' && holesOf(form.holes).hole.length === 0);

    useHanded('create', (handedKind, request) => {
        const chosen = models.find(m => m.name === modelOf(request)) || models.find(m => kindOf(m) === handedKind) || model;
        if (modelOf(request) && chosen.name !== modelOf(request)) say(t('create.nomodel', { name: modelOf(request) }), 'fault');
        const { prompt, negative, label, sampling, lora, seed, n, model: m, run, each, how, image, mask, beginning, text, hole, score, voice, keep, set, ...rest } = request;
        setTab('pictures');
        setForm(f => ({ ...f, model: chosen.name, prompt: prompt ?? f.prompt, negative: negative ?? '', label: label ?? '', fixed: seedOf(request) !== undefined,
            seed: seedOf(request) ?? f.seed, count: (kindOf(chosen) === 'paint' ? how?.n : kindOf(chosen) === 'draw' ? 1 : n) || 1, beginning: beginning ?? f.beginning,
            music: score ? { ...f.music, score, name: t('music.score.before'), voice, keep: keep || f.music.keep } : f.music, by: { ...f.by, [chosen.name]: { sampling: fromList(sampling || set), request: { ...rest, ...(how && { how: { ...how, seed: undefined, n: undefined } }) },
                lora: Object.fromEntries((lora || []).map(x => [x.replace(/:[\d.]+$/, ''), Number(/:([\d.]+)$/.exec(x)?.[1] || 1)])) } } }));
        say(t('create.restored'), 'good');
    });

    const draw = async (seed = form.fixed ? form.seed : randomSeed(), with_ = null) => {
        setBusy(true);
        setFault(null);
        try {
            const asked = with_ || requests(model, values, seed, form.count);
            const jobs = [];
            for (const request of asked.requests) jobs.push((await submit(asked.kind, request)).id);
            setBatches(list => [{ at: Date.now(), jobs, kind: asked.kind, items, request: asked.requests[0], count: asked.count || form.count }, ...list].slice(0, BATCHES));
            if (!form.fixed) put({ seed });
        } catch (wrong) {
            setFault(wrong);
        } finally {
            setBusy(false);
        }
    };
    const again = batch => {
        const seed = randomSeed();
        const asked = batch.jobs.map((_, i) => (batch.kind === 'paint' ? { ...batch.request, how: { ...batch.request.how, seed } }
            : { ...batch.request, seed: seed + i }));
        draw(seed, { kind: batch.kind, requests: asked, count: batch.count });
    };

    const go = () => { if (!missing && !busy) draw(); };
    const goOn = text => {
        put({ beginning: text });
        document.querySelector('.script textarea')?.focus();
    };
    const shown = batches.map(batch => {
        const with_ = { key: batch.at, batch, onSeed: seed => { put({ fixed: true, seed }); say(t('create.seed.kept', { seed: String(seed) }), 'good'); },
            onAgain: () => again(batch), onForget: () => setBatches(list => list.filter(b => b.at !== batch.at)) };
        return batch.items === 'texts' ? html`<${TextBatch} ...${with_} onGoOn=${writes(model) ? goOn : null} />` : batch.items === 'scores' ? html`<${ScoreBatch} ...${with_} />` : html`<${Batch} ...${with_} />`;
    });
    const title = items === 'texts' ? 'create.title.texts' : items === 'scores' ? 'create.title.music' : fromWords(model) ? 'create.title' : 'create.title.free';
    return html`<${Head} title=${t(title)} about=${batches.length === 0 && items === 'pictures' ? t('create.about') : ''} />
        ${items === 'pictures' && !models.some(fromWords) && html`<${Notice}>${t('create.nowords')}<//>`}
        <div class="beside"><section class="card composer">
            ${fromWords(model) && html`<${Words} value=${form.prompt} onInput=${prompt => put({ prompt })} weights=${kind === 'paint'} onEnter=${go} />`}
            ${writes(model) && html`<${TextAsked} key="begins" value=${form.beginning} onInput=${beginning => put({ beginning })} onEnter=${go} />`}
            ${fills(model) && html`<${TextAsked} key="holes" holes value=${form.holes} onInput=${holes => put({ holes })} onEnter=${go} />`}
            ${harmonises(model) && html`<${ScoreAsked} value=${form.music} onChange=${change => setForm(f => ({ ...f, music: { ...f.music, ...change } }))} />`}
            ${takes(model, 'label') && html`<${Select} label=${t('key.label')} value=${form.label} onChange=${label => put({ label })}
                options=${[{ value: '', label: t('create.anyclass') }, ...(model.classes || []).map(c => ({ value: c, label: c }))]} />`}
            <div class="knobs">
                <${Select} label=${t('key.model')} value=${model.name} options=${options(models)} onChange=${name => put({ model: name })} className="wide" />
                <${Select} label=${t(items === 'texts' ? 'create.count.texts' : items === 'scores' ? 'create.count.music' : 'create.count')} value=${form.count} options=${COUNTS.includes(form.count) ? COUNTS : [...COUNTS, form.count].sort((a, b) => a - b)} onChange=${n => put({ count: Number(n) })} />
                <${Select} label=${t('key.seed')} value=${form.fixed ? 'fixed' : 'random'} onChange=${v => put({ fixed: v === 'fixed' })}
                    options=${[{ value: 'random', label: t('create.random') }, { value: 'fixed', label: t('create.fixed') }]} />
                ${form.fixed && html`<${NumberField} label=${t('create.seed')} value=${form.seed} integer min=${0} max=${Number.MAX_SAFE_INTEGER} onChange=${seed => put({ seed })} />`}
                <${Button} kind="main" className="large go" icon="create" busy=${busy} disabled=${missing} onClick=${() => draw()}>${t(items === 'texts' ? 'create.go.texts' : items === 'scores' ? 'create.go.music' : 'create.go')}<//>
            </div>
            ${fault && html`<${Notice} kind="fault" onClose=${() => setFault(null)}>${faultText(fault)}<//>`}
            <${Settings} model=${model} kind=${kind} kinds=${kinds} own=${own} onChange=${putOwn} files=${files} negative=${form.negative}
                onNegative=${negative => put({ negative })} fault=${fault} />
        </section>
        ${items !== 'pictures' ? html`<section class="stack" aria-label=${t('create.results')}>${batches.length === 0 && html`<p class="muted">${t(items === 'texts' ? 'texts.none' : 'music.none')}</p>`}${shown}
                ${items === 'texts' && html`<${Past} key=${model.name} model=${model.name} but=${batches.flatMap(x => x.jobs)} onGoOn=${writes(model) ? goOn : null} />`}</section>`
            : html`<${Tabs} label=${t('create.results')} value=${tab} onChange=${setTab} tabs=${[{ id: 'pictures', label: t('create.pictures') }, { id: 'grid', label: t('create.grid') }]}>
            ${tab === 'grid' ? html`<${Grid} model=${model} models=${models.filter(m => itemsOf(m) === 'pictures')} values=${values} kinds=${kinds} seed=${form.seed} />`
                : batches.length === 0 ? html`<${Examples} model=${model} onChoose=${prompt => put({ prompt })} />` : shown}
        <//>`}</div>`;
}

/** The words. With weights, Ctrl and an arrow change that of what is selected: (word:1.1). */
function Words({ value, onInput, weights, onEnter }) {
    const box = useRef();
    const key = event => {
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); onEnter(); }
        const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
        if (!weights || !step || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        const { text, from, to } = weigh(value, event.target.selectionStart, event.target.selectionEnd, step);
        onInput(text);
        requestAnimationFrame(() => box.current.setSelectionRange(from, to));
    };
    useEffect(() => { if (matchMedia('(pointer: fine)').matches) box.current.focus(); }, []);
    return html`<div class="field"><label class="unseen" for="words">${t('create.words')}</label>
        <textarea id="words" class="words" rows="3" ref=${box} value=${value} placeholder=${t('create.placeholder')} onInput=${e => onInput(e.target.value)}
            onKeyDown=${key} aria-describedby=${weights ? 'words-help' : undefined}></textarea>
        ${weights && html`<p class="help" id="words-help">${t('create.weights')}</p>`}</div>`;
}

function Examples({ model, onChoose }) {
    if (!fromWords(model)) return html`<p class="muted">${t('create.free')}</p>`;
    const list = [1, 2, 3, 4].map(i => t(`create.example.${i}`));
    return html`<div class="examples"><p class="muted">${t('create.try')}</p><div class="row">${list.map(text => html`<button type="button" class="chip" key=${text}
        onClick=${() => { onChoose(text); document.getElementById('words')?.focus(); }}>${text}</button>`)}</div></div>`;
}

const HIDDEN = ['prompt', 'negative', 'model', 'run', 'n', 'seed', 'label', 'each', 'sampling', 'lora', 'image', 'mask', 'how.n', 'how.seed', 'outpaint', 'strength', 'maskBlur',
    'out', 'force', 'device', 'threads', 'preview', 'like', 'loraDir', 'keep', 'clip', 'animation', 'precision', 'lowMemory', 'beginning', 'text', 'hole', 'set', 'stream',
    'score', 'voice', 'bars'];
const PICTURES = ['size', 'scale'];     // of pictures alone

function Settings({ model, kind, kinds, own, onChange, files, negative, onNegative, fault }) {
    const keys = (model.sampling || []).filter(k => k.key !== 'prompt' && k.key !== 'label');
    const schema = kinds[kind];
    const changed = Object.keys(own.sampling || {}).length + Object.keys(own.request || {}).length;
    const loras = kind === 'paint' ? files.filter(f => f.name.endsWith('.safetensors')) : [];
    return html`<details class="more settings-of"><summary>${t('create.settings')}${changed > 0 && html` <span class="badge">${changed}</span>`}</summary><div class="form two">
        ${kind === 'paint' && html`<${TextField} label=${t('key.negative')} rows=${2} value=${negative} onInput=${onNegative} className="whole" />`}
        ${keys.length > 0 && html`<${KeysForm} keys=${keys} values=${own.sampling || {}} onChange=${sampling => onChange({ sampling })} main=${keys.slice(0, 4).map(k => k.key)} error=${fault} />`}
        ${schema && html`<${SchemaForm} schema=${schema} values=${own.request || {}} onChange=${request => onChange({ request })} hide=${itemsOf(model) === 'pictures' ? HIDDEN : [...HIDDEN, ...PICTURES]} error=${fault}
            main=${['length', 'ends', 'candidates', 'how.width', 'how.height', 'how.steps', 'how.guidance', 'how.sampler', 'size', 'scale']} />`}
        ${loras.map(file => html`<${Slider} key=${file.name} label=${`${t('key.lora')}: ${file.name}`} min=${-1} max=${2} step=${0.05} value=${own.lora?.[file.name] ?? 0}
            onInput=${weight => onChange({ lora: { ...own.lora, [file.name]: weight } })} />`)}
        ${changed > 0 && html`<div><${Button} small icon="undo" onClick=${() => onChange({ sampling: {}, request: {}, lora: {} })}>${t('create.reset')}<//></div>`}
    </div></details>`;
}

/** Where nothing draws: what to do, in a sentence and a press. */
function First({ onDone }) {
    const [id, setId] = useTab('create.first', null);
    const [fault, setFault] = useState(null);
    const state = useJob(id);
    useEffect(() => { if (state.job?.status === 'done') { setId(null); onDone(); } }, [state.job?.status]);
    const train = () => submit('train', { family: 'vae', data: 'strokes', set: [`train.steps=${FIRST_STEPS}`] }).then(job => setId(job.id), setFault);
    return html`<${Head} title=${t('create.title')} /><${Empty} icon="train" title=${t('create.first.title')}
        action=${id ? html`<div class="wide-job"><${JobState} state=${state} /></div>` : html`<${Button} kind="main" className="large" onClick=${train}>${t('create.first.go')}<//>`}>
        ${t('create.first', { time: duration(FIRST_SECONDS) })}<//>${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}`;
}
