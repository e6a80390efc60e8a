// Models as pages choose them, and the request that draws with one.
import { t } from './words.js';
import { toList } from './form.js';

export const takes = (model, what) => (model.takes || []).includes(what);

/** Those that draw, first those that draw from words. */
export function drawing(models) {
    const all = models.filter(m => m.draws && (m.kind === 'paint' || m.kind === 'run'));
    const rank = m => (m.name === 'scenes' ? 0 : fromWords(m) ? 1 : takes(m, 'label') ? 2 : 3);
    return all.map((m, i) => [rank(m), i, m]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(x => x[2]);
}

export const fromWords = model => model.kind === 'paint' || takes(model, 'text');

/** Options of a Select, grouped by what they draw from. */
export const options = models => models.map(m => ({ value: m.name, label: m.name,
    group: m.kind === 'paint' ? t('models.paint') : takes(m, 'text') ? t('models.words') : takes(m, 'label') ? t('models.classes') : t('models.free') }));

/** The kind of job that draws with it: draw ranks by the CLIP that comes with the program, which knows the included models alone. */
export const kindOf = model => (model.kind === 'paint' ? 'paint' : model.source === 'included' && takes(model, 'text') ? 'draw' : 'sample');

/**
 * Requests for pictures: {kind, requests}. values: {prompt, negative, label, sampling: {key: text}, request: {…}, lora: {file: weight}}
 */
export function requests(model, values, seed, count) {
    const kind = kindOf(model);
    const sampling = model.sampling ? toList(model.sampling, values.sampling || {}).filter(s => !/^(prompt|label)=/.test(s)) : [];
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
