// A picture that moves towards words, step by step: frames as they come, a film at the end.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t, register, language } from '../lib/words.js';
import { get, submit, upload, uploadUrl, fileUrl, ended } from '../lib/api.js';
import { Head, Button, Select, NumberField, TextField, Slider, Empty, Notice, Picture, Icon, useFetch, say } from '../lib/ui.js';
import { SchemaForm } from '../lib/form.js';
import { useKept, useTab, useHanded, randomSeed } from '../lib/kept.js';
import { useJob, JobState } from '../lib/job.js';
import { faultText } from '../lib/faults.js';
import { PicturePicker, loadImage } from '../lib/pick.js';
import { Viewer } from '../lib/viewer.js';
import words from '../words/dream.js';
import pickWords from '../words/pick.js';

register(words);
register(pickWords);

const FRAMES = 200;     // previews that the page keeps while it looks on
const HIDDEN = ['texts', 'vqgan', 'clip', 'image', 'targets', 'how.seed', 'like', 'out', 'force', 'device', 'threads', 'against', 'film.file'];
const MAIN = ['how.iterations', 'how.width', 'how.height', 'how.cutouts', 'how.optimizer.lr', 'display'];
const NEW = { texts: '', vqgan: '', clip: '', fixed: false, seed: 0, request: {} };

export default function Page() {
    const models = useFetch(() => get('/v1/models'));
    const schema = useFetch(() => get(`/v1/schema?language=${language.value}`), [language.value]);
    if (models.fault) return html`<${Head} title=${t('nav.dream')} /><${Notice} kind="fault">${faultText(models.fault)}<//>`;
    if (!models.value || (!schema.value && !schema.fault)) return html`<p class="muted">${t('shell.loading')}</p>`;
    const books = models.value.models.filter(m => m.kind === 'vqgan' || ['vqgan', 'vqvae'].includes(m.family)), clips = models.value.models.filter(m => m.kind === 'clip' || m.family === 'clip');
    if (books.length === 0 || clips.length === 0) {
        return html`<${Head} title=${t('nav.dream')} about=${t('dream.about')} /><${Empty} icon="dream" title=${t('dream.none.title')}
            action=${html`<a class="button main" href="#/models">${t('dream.none.go')}</a>`}>${t('dream.none')}<//>`;
    }
    return html`<${Dream} books=${books} clips=${clips} schema=${schema.value?.kinds?.dream} />`;
}

function Dream({ books, clips, schema }) {
    const [form, setForm] = useKept('dream', NEW);
    const [first, setFirst] = useTab('dream.image', null);      // an upload: {id, weight}
    const [targets, setTargets] = useTab('dream.targets', []);
    const [made, setMade] = useTab('dream.made', null);
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState(null);
    const put = change => setForm(f => ({ ...f, ...change }));
    const book = books.find(m => m.name === form.vqgan) || books[0], clip = clips.find(m => m.name === form.clip) || clips[0];

    useHanded('dream', (kind, request) => {
        const { texts, vqgan, clip: named, image, targets: list, ...rest } = request;
        put({ texts: texts ?? '', vqgan: vqgan ?? '', clip: named ?? '', fixed: request.how?.seed !== undefined, seed: request.how?.seed ?? 0, request: rest });
        setFirst(null);
        setTargets([]);
        if (image) loadImage(uploadUrl(image)).then(() => setFirst({ id: image }), () => say(t('dream.lost'), 'fault'));
        const parts = (list || '').split('|').map(x => x.trim()).filter(Boolean).map(x => ({ id: x.split(':')[0], weight: Number(x.split(':')[1] || 1) }));
        Promise.all(parts.map(x => loadImage(uploadUrl(x.id)).then(() => x, () => null))).then(found => setTargets(found.filter(Boolean)));
    });

    const go = async () => {
        setBusy(true);
        setFault(null);
        const seed = form.fixed ? form.seed : randomSeed();
        try {
            const job = await submit('dream', { ...form.request, texts: form.texts, vqgan: book.name, clip: clip.name, how: { ...form.request.how, seed },
                ...(first && { image: first.id }), ...(targets.length > 0 && { targets: targets.map(x => `${x.id}:${x.weight}`).join(' | ') }) });
            setMade(job.id);
            if (!form.fixed) put({ seed });
        } catch (wrong) {
            setFault(wrong);
        } finally {
            setBusy(false);
        }
    };
    const add = (blob, then) => upload(blob).then(then, setFault);

    return html`<${Head} title=${t('nav.dream')} about=${t('dream.about')} />
        <div class="beside"><section class="card form">
            <${TextField} label=${t('dream.texts')} rows=${3} value=${form.texts} placeholder=${t('dream.placeholder')} help=${t('dream.texts.help')} onInput=${texts => put({ texts })} />
            <div class="columns"><${Select} label=${t('dream.vqgan')} value=${book.name} options=${books.map(m => m.name)} onChange=${vqgan => put({ vqgan })} />
                <${Select} label=${t('key.clip')} value=${clip.name} options=${clips.map(m => m.name)} onChange=${name => put({ clip: name })} /></div>
            <div class="knobs"><${Select} label=${t('key.seed')} value=${form.fixed ? 'fixed' : 'random'} onChange=${v => put({ fixed: v === 'fixed' })} options=${[{ value: 'random', label: t('dream.random') }, { value: 'fixed', label: t('dream.fixed') }]} />
                ${form.fixed && html`<${NumberField} label=${t('dream.seed')} value=${form.seed} integer min=${0} onChange=${seed => put({ seed })} />`}
                <${Button} kind="main" className="large go" icon="dream" busy=${busy} disabled=${form.texts.trim() === '' && targets.length === 0} onClick=${go}>${t('dream.go')}<//></div>
            ${fault && html`<${Notice} kind="fault" onClose=${() => setFault(null)}>${faultText(fault)}<//>`}
            ${schema && html`<${SchemaForm} schema=${schema} values=${form.request} onChange=${request => put({ request })} hide=${HIDDEN} main=${MAIN} error=${fault} />`}
            <details class="more"><summary>${t('dream.pictures')}${(first || targets.length > 0) && html` <span class="badge">${targets.length + (first ? 1 : 0)}</span>`}</summary><div class="form">
                <h3>${t('dream.image')}</h3>
                ${first ? html`<${Chosen} id=${first.id} onRemove=${() => setFirst(null)} />` : html`<${PicturePicker} small label=${t('dream.image.help')} onBlob=${blob => add(blob, x => setFirst({ id: x.id }))} />`}
                <h3>${t('dream.targets')}</h3>
                ${targets.map((x, i) => html`<${Chosen} key=${x.id} id=${x.id} weight=${x.weight} onWeight=${weight => setTargets(list => list.map((y, j) => (i === j ? { ...y, weight } : y)))} onRemove=${() => setTargets(list => list.filter((_, j) => j !== i))} />`)}
                <${PicturePicker} small label=${t('dream.targets.help')} onBlob=${blob => add(blob, x => setTargets(list => [...list, { id: x.id, weight: 1 }]))} />
            </div></details>
        </section><section class="stack">${made ? html`<${Frames} key=${made} id=${made} onForget=${() => setMade(null)} />` : html`<${Empty} icon="dream" title=${t('dream.empty.title')}>${t('dream.empty')}<//>`}</section></div>`;
}

function Chosen({ id, weight, onWeight, onRemove }) {
    return html`<div class="row chosen"><${Picture} src=${uploadUrl(id)} alt="" /><div class="grow">${onWeight && html`<${Slider} label=${t('dream.weight')} min=${-2} max=${4} step=${0.1} value=${weight} onInput=${onWeight} />`}</div>
        <${Button} small kind="quiet" icon="close" label=${t('dream.remove')} onClick=${onRemove} /></div>`;
}

function Frames({ id, onForget }) {
    const state = useJob(id);
    const { job, preview, files, notes, fault } = state;
    const frames = useRef([]);
    const [at, setAt] = useState(null);     // null: the newest
    const [open, setOpen] = useState(null);
    useEffect(() => {
        if (!preview || frames.current.at(-1) === preview) return;
        frames.current.push(preview);
        if (frames.current.length > FRAMES) frames.current = frames.current.filter((_, i) => i % 2 === 1);
    }, [preview]);
    if (fault?.http === 404) return html`<${Empty} icon="dream" title=${t('dream.empty.title')}>${t('dream.empty')}<//>`;
    const over = job && ended(job);
    const film = files.find(f => f.endsWith('.mp4')), gif = files.find(f => f.endsWith('.gif')), pictures = files.filter(f => f.endsWith('.png')), last = pictures.find(f => /(^|\/)dream\.png$/.test(f)) || pictures.at(-1);
    const all = over && pictures.length > 1 ? pictures.map(f => fileUrl(id, f)) : frames.current;
    const shown = at !== null && all[at] ? all[at] : over && last ? fileUrl(id, last) : preview;
    return html`<${JobState} state=${state} />
        ${shown && html`<div class="only"><button type="button" class="plain-button" disabled=${!over || !last} aria-label=${t('dream.open')} onClick=${() => setOpen(0)}><img src=${shown} alt=${job?.request.texts || ''} onLoad=${e => e.target.classList.toggle('pixels', e.target.naturalWidth <= 128)} /></button></div>`}
        ${all.length > 1 && html`<${Slider} label=${t('dream.frame')} min=${0} max=${all.length - 1} value=${at ?? all.length - 1} format=${n => `${n + 1} / ${all.length}`} onInput=${n => setAt(n === all.length - 1 ? null : n)} />`}
        ${over && (film || gif) && html`<h2>${t('dream.film')}</h2>${film ? html`<video class="film" src=${fileUrl(id, film)} controls loop muted playsinline></video>` : html`<img class="film" src=${fileUrl(id, gif)} alt=${t('dream.film')} />`}`}
        ${over && files.length > 0 && html`<div class="row">${[last, gif, film].filter(Boolean).map(f => html`<a key=${f} class="button" href=${fileUrl(id, f)} download><${Icon} name="save" />${f.split('/').at(-1)}</a>`)}</div>`}
        ${notes.map((line, i) => html`<p key=${i} class="muted small-text">${line}</p>`)}
        ${over && html`<div class="row"><${Button} small kind="quiet" icon="close" onClick=${onForget}>${t('dream.forget')}<//></div>`}
        ${open !== null && html`<${Viewer} count=${1} at=${0} item=${() => ({ job: id, name: last, prompt: job.request.texts })} onMove=${() => {}} onClose=${() => setOpen(null)} />`}`;
}
