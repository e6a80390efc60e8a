// What a job made of a picture, beside what it was.
import { html, useState, useEffect } from '../lib/html.js';
import { t } from '../lib/words.js';
import { uploadUrl, fileUrl } from '../lib/api.js';
import { Button, Picture, Icon } from '../lib/ui.js';
import { isPicture } from '../lib/models.js';
import { JobState } from '../lib/job.js';
import { Mask, differences } from '../lib/mask.js';
import { Compare } from '../lib/compare.js';
import { fetchPicture, loadImage } from '../lib/pick.js';
import { Captions } from './edit-run.js';

/** made: {job, source, mask, margin, reach}, or with whole what is shown by itself: a sheet, a film or texts */
export function Result({ made, state, finished, onContinue }) {
    const [at, setAt] = useState(0);
    const [check, setCheck] = useState(null);
    const pictures = state.files.filter(isPicture);
    const name = pictures[Math.min(at, pictures.length - 1)];
    useEffect(() => {
        let left = false;
        setCheck(null);
        if (!finished || !name || made.whole || (!made.mask && !Object.values(made.margin).some(n => n > 0))) return undefined;
        (async () => {
            const [before, after, white] = await Promise.all([loadImage(uploadUrl(made.source.id)), loadImage(fileUrl(made.job, name)), made.mask ? loadImage(uploadUrl(made.mask)) : null]);
            let levels = null;
            if (white) { const of = new Mask(before.naturalWidth, before.naturalHeight); of.load(white); levels = of.levels(); }
            if (!left) setCheck(differences(before, after, levels, made.margin, made.reach) || { pixels: 0 });
        })().catch(() => {});
        return () => { left = true; };
    }, [finished, name]);
    const captions = finished && state.job.result?.captions;
    if (captions) return html`<div class="only"><${Picture} src=${uploadUrl(made.source.id)} alt=${t('edit.before')} /></div><${Captions} captions=${captions} />`;
    if (!name) return html`<${JobState} state=${state} />${state.preview && html`<div class="only"><img src=${state.preview} alt="" class="pixels" /></div>`}`;
    return html`${!finished && html`<${JobState} state=${state} />`}
        ${made.whole ? html`<div class="only"><${Picture} src=${fileUrl(made.job, name)} alt=${t('edit.after')} /></div>`
            : html`<${Compare} before=${uploadUrl(made.source.id)} after=${fileUrl(made.job, name)} width=${made.source.width} height=${made.source.height} margin=${made.margin} />`}
        ${check?.pixels === 0 && html`<p class="promise">${t('edit.unchecked')}</p>`}
        ${check?.pixels > 0 && html`<p class="promise ${check.differ === 0 ? 'holds' : 'broken'}">${t(check.differ === 0 ? 'edit.checked' : 'edit.differs', { n: check.pixels, differ: check.differ })}</p>`}
        ${pictures.length > 1 && html`<div class="picks">${pictures.map((p, i) => html`<button type="button" key=${p} class="tile" aria-pressed=${String(i === at)} aria-label=${t('edit.choose', { n: i + 1 })} onClick=${() => setAt(i)}><${Picture} src=${fileUrl(made.job, p)} alt="" /></button>`)}</div>`}
        <div class="row">${!made.whole && html`<${Button} icon="edit" onClick=${() => fetchPicture({ job: made.job, name }).then(onContinue)}>${t('edit.continue')}<//>`}
            <a class="button" href=${fileUrl(made.job, name)} download><${Icon} name="save" />${t('edit.save')}</a></div>
        ${state.notes.map((line, i) => html`<p key=${i} class="muted small-text">${line}</p>`)}`;
}
