// What runs make of a picture: redrawn where a brush says, completed from its rows, varied, gone on with as a film, or told in words.
import { html } from '../lib/html.js';
import { t, number } from '../lib/words.js';
import { Select, NumberField, TextField, Slider } from '../lib/ui.js';
import { KeysForm, toList } from '../lib/form.js';
import { takes } from '../lib/models.js';

export const USUAL = 0.8;   // of the strength; with a mask or more room 1
const MOST_WHOLE = 0.95;    // of the strength without a mask: at 1 nothing of the picture counts
export const NEW_RUN = { way: '', label: '', keep: 0.5, frames: 0, from: '', to: '', amount: 0.5, ask: '', tokens: 100 };

const can = (model, job) => (model.jobs || []).includes(job);

/** What a run makes of a picture, the first as it is chosen by itself: redraw, rows, vary, continue, caption; none of other models. */
export const waysOf = model => [can(model, 'complete') && model.redraws && 'redraw', can(model, 'complete') && takes(model, 'prefix') && 'rows',
    can(model, 'vary') && 'vary', can(model, 'continue') && 'continue', can(model, 'caption') && 'caption'].filter(Boolean);

/** The way that is chosen, or the first one; '' of a model that paints. */
export const wayOf = (model, form) => { const ways = waysOf(model); return ways.includes(form.way) ? form.way : ways[0] || ''; };

const GROUPS = { '': 'edit.paints', redraw: 'edit.redraws', rows: 'edit.downwards', vary: 'edit.varies', continue: 'edit.continues', caption: 'edit.captions' };

/** Of an option of the Select of models. */
export const groupOf = model => t(GROUPS[waysOf(model)[0] || '']);

export const rowsOf = (model, source) => model.size?.[1] || source?.height || 32;

/** Whether words are given beside the picture. */
export const takesWords = (model, way) => !way || (takes(model, 'text') && way !== 'vary' && way !== 'caption');

const strengthOf = (form, hasMask) => Math.min(form.strength ?? (hasMask ? 1 : USUAL), hasMask ? 1 : MOST_WHOLE);
const classed = (model, way) => takes(model, 'label') && way !== 'vary' && way !== 'caption';

/** The number of the class; '' = any. Films are of one class: each window would have its own. */
function labelOf(model, way, form) {
    if (!classed(model, way)) return '';
    const label = form.label === '' || Number(form.label) < (model.classes || []).length ? form.label : '';
    return label === '' && way === 'continue' ? '0' : label;
}

/** {kind, request} of a job. source: the picture's upload; mask: that of its mask, '' = none */
export function asked(model, way, form, source, mask, seed) {
    const label = labelOf(model, way, form), words = takesWords(model, way) && form.prompt;
    const set = [...toList((model.sampling || []).filter(own), form.set), ...(label !== '' ? [`label=${label}`] : []), ...(words ? [`prompt=${words}`] : [])];
    const common = { run: model.name, n: form.count, seed, set };
    if (way === 'redraw') return { kind: 'complete', request: { ...common, image: source.id, keep: 0, strength: strengthOf(form, Boolean(mask)), ...(mask && { mask }) } };
    if (way === 'rows') return { kind: 'complete', request: { ...common, image: source.id, keep: Math.round(form.keep * rowsOf(model, source)) } };
    if (way === 'continue') return { kind: 'continue', request: { ...common, film: source.id, frames: form.frames } };
    if (way === 'vary') return { kind: 'vary', request: { ...common, pictures: [source.id], from: form.from, to: form.to, ...(form.to && { amount: form.amount }) } };
    return { kind: 'caption', request: { run: model.name, pictures: [source.id], ask: form.ask, tokens: form.tokens, seed } };
}

/** {image, mask, form} of a request that was made before: ids of uploads, and what its form says. */
export function askedBefore(kind, request, model) {
    const set = (request.set || []).find(one => one.startsWith('label='));
    const form = { way: kind !== 'complete' ? kind : request.mask || request.strength < 1 ? 'redraw' : 'rows', label: set ? set.slice('label='.length) : '' };
    for (const key of ['frames', 'from', 'to', 'amount', 'ask', 'tokens']) form[key] = request[key] ?? NEW_RUN[key];
    if (request.keep > 0 && kind === 'complete') form.keep = Math.min(1, request.keep / rowsOf(model));
    return { image: request.image || request.film || request.pictures?.[0], mask: request.mask, form };
}

const own = key => key.key !== 'prompt' && key.key !== 'label';

/** What is chosen of a run beside the words and the number of pictures. */
export function RunFields({ model, way, form, put, source, hasMask }) {
    const ways = waysOf(model), classes = model.classes || [];
    return html`${ways.length > 1 && html`<${Select} label=${t('edit.way')} value=${way} onChange=${to => put({ way: to })} options=${ways.map(w => ({ value: w, label: t(`edit.way.${w}`) }))} />`}
        ${way === 'redraw' && html`<${Slider} label=${t('key.strength')} min=${0.05} max=${hasMask ? 1 : MOST_WHOLE} step=${0.01} value=${strengthOf(form, hasMask)} help=${t('edit.strength.help')}
            format=${n => `${number(n * 100, 0)} %`} onInput=${strength => put({ strength })} />`}
        ${way === 'rows' && html`<${Slider} label=${t('edit.keep')} min=${0} max=${1} step=${0.01} value=${form.keep} format=${n => t('edit.rows', { n: Math.round(n * rowsOf(model, source)) })} onInput=${keep => put({ keep })} />`}
        ${way === 'vary' && html`<${TextField} label=${t('edit.from')} value=${form.from} help=${t('edit.from.help')} onInput=${from => put({ from })} />
            <${TextField} label=${t('edit.to')} value=${form.to} onInput=${to => put({ to })} />
            ${form.to && html`<${Slider} label=${t('edit.amount')} min=${0} max=${1} step=${0.01} value=${form.amount} format=${n => `${number(n * 100, 0)} %`} onInput=${amount => put({ amount })} />`}`}
        ${way === 'continue' && html`<${NumberField} label=${t('edit.frames')} value=${form.frames} integer min=${0} help=${t('edit.frames.help')} onChange=${frames => put({ frames })} />`}
        ${way === 'caption' && html`<${TextField} label=${t('edit.ask')} value=${form.ask} help=${t('edit.ask.help')} onInput=${ask => put({ ask })} />`}
        ${classed(model, way) && classes.length > 0 && html`<${Select} label=${t('key.label')} value=${labelOf(model, way, form)} onChange=${label => put({ label })}
            options=${[...(way === 'continue' ? [] : [{ value: '', label: t('edit.anyclass') }]), ...classes.map((label, i) => ({ value: String(i), label }))]} />`}`;
}

/** Its keys of sampling; of captions how long they may be. */
export function RunMore({ model, way, form, put, fault }) {
    if (way === 'caption') return html`<${NumberField} label=${t('edit.tokens')} value=${form.tokens} integer min=${1} max=${4096} onChange=${tokens => put({ tokens })} />`;
    return html`<${KeysForm} keys=${(model.sampling || []).filter(own)} values=${form.set} onChange=${set => put({ set })} error=${fault} main=${['temperature', 'topK', 'topP', 'guidance', 'sampler.steps']} />`;
}

/** What comes of it, below the picture. */
export function RunPromise({ model, way, hasMask }) {
    const [, height, width] = model.size || [];
    if (way === 'redraw') return html`<p class="promise ${hasMask ? 'holds' : ''}">${t(hasMask ? 'edit.redraw.some' : 'edit.redraw.all', { width, height })}</p>`;
    return html`<p class="promise">${t(`edit.promise.${way}`, { name: model.name })}</p>`;
}

export const goes = way => t({ '': 'edit.go', redraw: 'edit.go', rows: 'edit.go.complete', vary: 'edit.go.vary', continue: 'edit.go.continue', caption: 'edit.go.caption' }[way]);

/** Texts of the pictures of a job. */
export const Captions = ({ captions }) => captions.map((one, i) => html`<p key=${i} class="paper caption" tabindex="0" role="region" aria-label=${t('edit.caption')}>${one.text || '…'}</p>`);
