// Models as pages choose them, and the request that draws with one.
import { t } from './words.js';
import { toList } from './form.js';

export const takes = (model, what) => (model.takes || []).includes(what);

/** What a model draws: pictures, texts, scores. */
export const itemsOf = model => model.items || 'pictures';
export const writes = model => itemsOf(model) === 'texts' && !takes(model, 'known');
export const fills = model => itemsOf(model) === 'texts' && takes(model, 'known');
export const harmonises = model => itemsOf(model) === 'scores' && takes(model, 'known');

/** Those that draw, first those that draw from words. */
export function drawing(models) {
    const all = models.filter(m => m.draws && (m.kind === 'paint' || m.kind === 'run'));
    const rank = m => (m.name === 'scenes' ? 0 : itemsOf(m) === 'texts' ? 4 : itemsOf(m) === 'scores' ? 5 : fromWords(m) ? 1 : takes(m, 'label') ? 2 : 3);
    return all.map((m, i) => [rank(m), i, m]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(x => x[2]);
}

export const fromWords = model => model.kind === 'paint' || takes(model, 'text');

/** Options of a Select, grouped by what they draw from. */
export const options = models => models.map(m => ({ value: m.name, label: m.name,
    group: itemsOf(m) === 'texts' ? t('models.texts') : itemsOf(m) === 'scores' ? t('models.music') : m.kind === 'paint' ? t('models.paint') : takes(m, 'text') ? t('models.words') : takes(m, 'label') ? t('models.classes') : t('models.free') }));

/**
 * The kind of job that draws with it: draw ranks by the CLIP that comes with the program, which knows the included models alone. values: as
 * of requests
 */
export function kindOf(model, values = {}) {
    if (model.kind === 'paint') return 'paint';
    if (writes(model)) return 'write';
    if (fills(model) && holesOf(values.holes).hole.length > 0) return 'fill';
    if (harmonises(model) && values.score) return 'harmonise';
    return model.source === 'included' && takes(model, 'text') ? 'draw' : 'sample';
}

const HOLE = /_{2,}/g;

/** {text, hole: ["A:B"]} of a text in which two or more lines below, "__", are a hole of as many characters. */
export function holesOf(written = '') {
    const letter = [...written].find(c => /\p{L}/u.test(c)) || ' ';      // of the hole its length alone counts, by letters that the model knows
    const hole = [...written.matchAll(HOLE)].map(m => {
        const from = [...written.slice(0, m.index)].length;
        return `${from}:${from + m[0].length}`;
    });
    return { text: written.replace(HOLE, m => letter.repeat(m.length)), hole };
}

/**
 * Requests: {kind, requests}. values: {prompt, negative, label, sampling: {key: text}, request: {…}, lora: {file: weight}}, of texts
 * {beginning, holes}, of music {score (id), voice, keep}
 */
export function requests(model, values, seed, count) {
    const kind = kindOf(model, values);
    const sampling = model.sampling ? toList(model.sampling, values.sampling || {}).filter(s => !/^(prompt|label)=/.test(s)) : [];
    const own = { run: model.name, n: count, seed, ...(sampling.length && { set: sampling }) };
    if (kind === 'write') return { kind, requests: [{ ...values.request, ...own, beginning: values.beginning }] };
    if (kind === 'fill') return { kind, requests: [{ ...values.request, ...own, ...holesOf(values.holes) }] };
    if (kind === 'harmonise') {
        return { kind, requests: [{ ...values.request, ...own, score: values.score, voice: values.voice, keep: values.voice ? 0 : values.keep }] };
    }
    if (kind === 'draw') {
        const one = { ...values.request, prompt: values.prompt, model: model.name, n: 1, ...(sampling.length && { sampling }) };
        return { kind, requests: Array.from({ length: count }, (_, i) => ({ ...one, seed: seed + i })) };
    }
    if (kind === 'paint') {
        const lora = Object.entries(values.lora || {}).filter(([, weight]) => weight !== 0).map(([file, weight]) => `${file}:${weight}`);
        return { kind, requests: [{ ...values.request, prompt: values.prompt, ...(values.negative && { negative: values.negative }), model: model.name,
            how: { ...values.request?.how, seed, n: count }, ...(lora.length && { lora }) }] };
    }
    return { kind, requests: [{ ...values.request, run: model.name, n: count, seed, each: true, ...(sampling.length && { sampling }),
        ...(takes(model, 'text') && values.prompt && { prompt: values.prompt }), ...(takes(model, 'label') && values.label && { label: values.label }) }] };
}

export const seedOf = request => request.how?.seed ?? request.seed;
export const modelOf = request => request.model || request.run || request.vqgan || '';
export const isPicture = name => /\.(png|gif)$/.test(name);
