// A picture changed: as a whole, where a brush says, or beyond its edges; by runs also varied, gone on with or told in words.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t, register, language, number } from '../lib/words.js';
import { get, submit, upload, uploadUrl, ended } from '../lib/api.js';
import { Head, Button, Select, NumberField, TextField, Slider, Empty, Notice, useFetch, say } from '../lib/ui.js';
import { SchemaForm, fromList } from '../lib/form.js';
import { useKept, useTab, useHanded, randomSeed } from '../lib/kept.js';
import { useJob } from '../lib/job.js';
import { faultText } from '../lib/faults.js';
import { Mask } from '../lib/mask.js';
import { EditCanvas, NO_MARGIN } from '../lib/canvas.js';
import { PicturePicker, fetchPicture, loadImage, pictureOf, hasFiles } from '../lib/pick.js';
import { waysOf, wayOf, groupOf, goes, takesWords, asked, askedBefore, RunFields, RunMore, RunPromise, NEW_RUN, USUAL } from './edit-run.js';
import { Result } from './edit-result.js';
import words from '../words/edit.js';
import pickWords from '../words/pick.js';

register(words);
register(pickWords);

const GRID = 8;         // pixels: sides of a picture that a model paints are multiples of it
const COUNTS = [1, 2, 4, 8];
const SIZES = [512, 768, 1024, 1536];
const HIDDEN = ['prompt', 'negative', 'model', 'run', 'image', 'mask', 'strength', 'lora', 'loraDir', 'how.n', 'how.seed', 'how.width', 'how.height', 'outpaint', 'switchTo', 'like', 'out',
    'preview', 'force', 'device', 'threads', 'keep', 'n', 'seed', 'set', 'sampling', 'dataDir', 'precision', 'lowMemory'];
const NEW = { model: '', prompt: '', negative: '', strength: null, count: 1, fixed: false, seed: 0, maskBlur: 0, request: {}, set: {}, ...NEW_RUN };

export default function Page() {
    const models = useFetch(() => get('/v1/models'));
    const schema = useFetch(() => get(`/v1/schema?language=${language.value}`), [language.value]);
    if (models.fault) return html`<${Head} title=${t('nav.edit')} /><${Notice} kind="fault">${faultText(models.fault)}<//>`;
    if (!models.value || (!schema.value && !schema.fault)) return html`<p class="muted">${t('shell.loading')}</p>`;
    const all = models.value.models, able = [...all.filter(m => m.kind === 'paint'), ...all.filter(m => waysOf(m).length > 0)];
    if (able.length === 0) {
        return html`<${Head} title=${t('nav.edit')} about=${t('edit.about')} /><${Empty} icon="edit" title=${t('edit.none.title')}
            action=${html`<a class="button main" href="#/models">${t('edit.none.go')}</a>`}>${t('edit.none')}<//>`;
    }
    return html`<${Edit} models=${able} kinds=${schema.value?.kinds || {}} />`;
}

function Edit({ models, kinds }) {
    const [form, setForm] = useKept('edit', NEW);
    const [source, setSource] = useTab('edit.source', null);      // {id, width, height}
    const [made, setMade] = useTab('edit.made', null);            // {job, source, mask, margin, reach}
    const [image, setImage] = useState(null);
    const [margin, setMargin] = useState(made?.margin || NO_MARGIN);
    const [view, setView] = useState(made ? 'result' : 'canvas');
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState(null);
    const [, setTurn] = useState(0);
    const mask = useRef(null);
    const wanted = useRef(made?.mask || null);    // a mask to load with the picture, by its upload's id
    const model = models.find(m => m.name === form.model) || models[0];
    const paints = model.kind === 'paint', way = wayOf(model, form), brushes = paints || way === 'redraw';
    const put = change => setForm(f => ({ ...f, ...change }));

    useEffect(() => {
        let left = false;
        if (!source) { setImage(null); mask.current = null; return undefined; }
        loadImage(uploadUrl(source.id)).then(async loaded => {
            if (left) return;
            mask.current = new Mask(loaded.naturalWidth, loaded.naturalHeight);
            if (wanted.current) {
                const of = wanted.current;
                wanted.current = null;
                await loadImage(uploadUrl(of)).then(white => mask.current.load(white), wrong => say(wrong.message, 'fault'));
            }
            setImage(loaded);
        }, () => { if (!left) { setSource(null); setMade(null); setView('canvas'); } });
        return () => { left = true; };
    }, [source?.id]);

    const open = async blob => {
        setBusy(true);
        setFault(null);
        try {
            const first = await upload(blob);
            setMargin(NO_MARGIN);
            setMade(null);
            setView('canvas');
            setSource(paints ? await fitted(first, Math.max(first.width, first.height)) : { id: first.id, width: first.width, height: first.height });
        } catch (wrong) {
            setFault(wrong);
        } finally {
            setBusy(false);
        }
    };
    const resize = async side => {
        try { setFault(null); setMargin(NO_MARGIN); setSource(await fitted(source.first || source, side)); } catch (wrong) { setFault(wrong); }
    };

    const choose = name => {
        put({ model: name });
        const odd = source && (source.width % GRID > 0 || source.height % GRID > 0);
        if (odd && models.find(m => m.name === name).kind === 'paint') resize(Math.max(source.width, source.height));
    };

    useEffect(() => {
        const look = () => {
            const shown = sessionStorage.getItem('palitra.edit.open');
            if (!shown) return;
            sessionStorage.removeItem('palitra.edit.open');
            fetchPicture(JSON.parse(shown)).then(open, setFault);
        };
        look();
        addEventListener('palitra-edit', look);
        return () => removeEventListener('palitra-edit', look);
    }, [paints]);
    useHanded('edit', (kind, request) => {
        const { prompt, negative, strength, how, maskBlur, outpaint, model: named, run, n } = request, set = fromList(request.set);
        const by = models.find(m => m.name === (named || run)) || model, before = askedBefore(kind, request, by), { image: from, mask: white } = before;
        put({ ...before.form, model: by.name, prompt: prompt ?? set.prompt ?? '', negative: negative ?? '', strength: strength >= 0 ? strength : null, ...(n && { count: n }),
            maskBlur: maskBlur ?? 0, fixed: (how?.seed ?? request.seed) !== undefined, seed: how?.seed ?? request.seed ?? 0, request: how ? { how } : {}, set });
        setMade(null);
        setView('canvas');
        if (from) {
            wanted.current = white || null;
            loadImage(uploadUrl(from)).then(loaded => { setSource({ id: from, width: loaded.naturalWidth, height: loaded.naturalHeight }); setMargin({ ...NO_MARGIN, ...outpaint }); },
                () => say(t('edit.lost'), 'fault'));
        }
    });

    const state = useJob(made?.job);
    const finished = state.job && ended(state.job);
    const hasMask = mask.current?.painted > 0, hasMargin = Object.values(margin).some(n => n > 0);

    const go = async () => {
        setBusy(true);
        setFault(null);
        const seed = form.fixed ? form.seed : randomSeed();
        try {
            const white = brushes && hasMask ? (await upload(await mask.current.png())).id : '';
            if (!paints) {
                const { kind, request } = asked(model, way, form, source, white, seed);
                const job = await submit(kind, request);
                setMade({ job: job.id, source, mask: white, whole: true });
            } else {
                const request = { ...form.request, prompt: form.prompt, ...(form.negative && { negative: form.negative }), model: model.name, image: source.id,
                    how: { ...form.request.how, seed, n: form.count }, ...(white && { mask: white, maskBlur: form.maskBlur }), ...(hasMargin && { outpaint: margin, maskBlur: form.maskBlur }),
                    ...(form.strength !== null && { strength: form.strength }) };
                const job = await submit('paint', request);
                setMade({ job: job.id, source, mask: white, margin, reach: 3 * form.maskBlur });
            }
            if (!form.fixed) put({ seed });
            setView('result');
        } catch (wrong) {
            setFault(wrong);
        } finally {
            setBusy(false);
        }
    };
    const dropped = e => {
        const found = pictureOf(e.dataTransfer);
        if (found) { e.preventDefault(); open(found); }
    };
    const total = source ? source.width * source.height : 0;

    return html`<${Head} title=${t('nav.edit')} about=${source ? '' : t('edit.about')}>${source && html`<${Button} icon="upload" onClick=${() => { setSource(null); setMade(null); setView('canvas'); }}>${t('edit.other')}<//>`}<//>
        <div class="beside canvas-first" onDragOver=${e => hasFiles(e) && e.preventDefault()} onDrop=${dropped}>
            <section class="card form">
                ${takesWords(model, way) && html`<${TextField} label=${t('edit.prompt')} rows=${2} value=${form.prompt} placeholder=${t('edit.placeholder')} onInput=${prompt => put({ prompt })} onEnter=${() => source && go()} />`}
                <${Select} label=${t('key.model')} value=${model.name} onChange=${choose}
                    options=${models.map(m => ({ value: m.name, label: m.name, group: groupOf(m) }))} />
                ${paints ? html`<${Slider} label=${t('key.strength')} min=${0.05} max=${1} step=${0.01} value=${form.strength ?? (hasMask || hasMargin ? 1 : USUAL)} help=${t('edit.strength.help')}
                        format=${n => `${number(n * 100, 0)} %`} onInput=${strength => put({ strength })} />
                    ${(hasMask || hasMargin) && html`<${Slider} label=${t('key.maskBlur')} min=${0} max=${32} value=${form.maskBlur} format=${n => t('edit.pixels', { n })} onInput=${maskBlur => put({ maskBlur })} />`}`
                    : html`<${RunFields} model=${model} way=${way} form=${form} put=${put} source=${source} hasMask=${hasMask} />`}
                <div class="knobs">${way !== 'caption' && html`<${Select} label=${t('edit.count')} value=${form.count} options=${COUNTS.includes(form.count) ? COUNTS : [...COUNTS, form.count].sort((a, b) => a - b)} onChange=${n => put({ count: Number(n) })} />`}
                    <${Select} label=${t('key.seed')} value=${form.fixed ? 'fixed' : 'random'} onChange=${v => put({ fixed: v === 'fixed' })} options=${[{ value: 'random', label: t('edit.random') }, { value: 'fixed', label: t('edit.fixed') }]} />
                    ${form.fixed && html`<${NumberField} label=${t('edit.seed')} value=${form.seed} integer min=${0} onChange=${seed => put({ seed })} />`}
                    <${Button} kind="main" className="large go" icon="edit" busy=${busy} disabled=${!image} onClick=${go}>${goes(way)}<//></div>
                ${fault && html`<${Notice} kind="fault" onClose=${() => setFault(null)}>${faultText(fault)}<//>`}
                <details class="more"><summary>${t('form.more')}</summary><div class="form">
                    ${paints && html`<${TextField} label=${t('key.negative')} rows=${2} value=${form.negative} onInput=${negative => put({ negative })} />`}
                    ${source && paints && html`<${Select} label=${t('edit.side')} value=${Math.max(source.width, source.height)} onChange=${n => resize(Number(n))}
                        options=${[...new Set([...SIZES, Math.max(source.width, source.height)])].sort((a, b) => a - b).map(n => ({ value: n, label: t('edit.pixels', { n }) }))} />`}
                    ${paints ? html`<${SchemaForm} schema=${kinds.paint} values=${form.request} onChange=${request => put({ request })} hide=${[...HIDDEN, 'maskBlur']} error=${fault} main=${['how.steps', 'how.guidance', 'how.sampler']} />`
                        : html`<${RunMore} model=${model} way=${way} form=${form} put=${put} fault=${fault} />`}
                </div></details>
            </section>
            <section class="stack">
                ${!source && html`<${PicturePicker} onBlob=${open} />`}
                ${source && made && html`<div class="row" role="group" aria-label=${t('edit.view')}><${Button} small pressed=${view === 'canvas'} onClick=${() => setView('canvas')}>${t('edit.view.canvas')}<//>
                    <${Button} small pressed=${view === 'result'} onClick=${() => setView('result')}>${t('edit.view.result')}<//></div>`}
                ${source && view === 'result' && made && html`<${Result} made=${made} state=${state} finished=${finished} onContinue=${open} />`}
                ${image && view === 'canvas' && html`<${EditCanvas} key=${source.id} image=${image} mask=${brushes ? mask.current : null} margin=${paints ? margin : NO_MARGIN} onMargin=${paints ? setMargin : null}
                        keep=${way === 'rows' ? form.keep * image.naturalHeight : undefined} onChange=${() => setTurn(n => n + 1)} />
                    ${!paints ? html`<${RunPromise} model=${model} way=${way} hasMask=${hasMask} />` : html`<p class="promise ${hasMask || hasMargin ? 'holds' : ''}">${hasMask || hasMargin
                        ? t(form.maskBlur > 0 ? 'edit.promise.soft' : 'edit.promise', { share: number(100 * (total - mask.current.painted) / total, 1), pixels: total - mask.current.painted })
                        : t('edit.promise.none')}</p>`}
                    ${source.cropped && html`<p class="muted small-text">${t('edit.cropped', { width: source.width, height: source.height })}</p>`}`}
            </section></div>`;
}

/** The upload, or another of it whose longer side is that long and whose sides a model can paint: cut by less than 8 pixels, or scaled. */
async function fitted(first, side) {
    const scale = side / Math.max(first.width, first.height);
    const width = Math.max(GRID, Math.floor(first.width * scale / GRID) * GRID), height = Math.max(GRID, Math.floor(first.height * scale / GRID) * GRID);
    const one = { id: first.id, width: first.width, height: first.height };
    if (width === first.width && height === first.height) return one;
    const image = await loadImage(uploadUrl(first.id));
    const canvas = Object.assign(document.createElement('canvas'), { width, height }), pen = canvas.getContext('2d');
    pen.imageSmoothingQuality = 'high';
    const w = first.width * scale, h = first.height * scale;
    pen.drawImage(image, Math.floor((width - w) / 2), Math.floor((height - h) / 2), w, h);
    const { id } = await upload(await new Promise(resolve => canvas.toBlob(resolve, 'image/png')));
    return { id, width, height, first: one, cropped: true };
}
