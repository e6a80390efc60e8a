// Music: a part of a score that is kept, and pieces to be seen and heard.
import { html, useRef, useState } from '../lib/html.js';
import { t } from '../lib/words.js';
import { upload, fileUrl, ended } from '../lib/api.js';
import { Button, Notice, NumberField, Picture, Select } from '../lib/ui.js';
import { useJob, JobState } from '../lib/job.js';
import { Piece, piecesOf } from '../lib/heard.js';
import { seedOf } from '../lib/models.js';
import { faultText } from '../lib/faults.js';

const BAR = 16;         // sixteenths
const VOICES = ['soprano', 'alto', 'tenor', 'bass'];

/** value: {score (id), name, bars, voice, keep}; a score of which a voice or the first bars are kept, or none */
export function ScoreAsked({ value, onChange }) {
    const input = useRef();
    const [fault, setFault] = useState(null);
    const [busy, setBusy] = useState(false);
    const take = async file => {
        setBusy(true);
        setFault(null);
        try {
            const { id, sixteenths } = await upload(new Blob([await file.arrayBuffer()], { type: 'audio/midi' }));
            onChange({ score: id, name: file.name, bars: Math.ceil(sixteenths / BAR) });
        } catch (wrong) {
            setFault(wrong);
        } finally {
            setBusy(false);
        }
    };
    const drop = e => { const file = [...(e.dataTransfer?.files || [])].find(f => /\.midi?$/i.test(f.name)); if (file) { e.preventDefault(); take(file); } };
    return html`<div class="field"><div class="drop small" onDragOver=${e => e.preventDefault()} onDrop=${drop}>
            <p>${value.score ? t('music.score.is', { name: value.name, n: value.bars }) : t('music.score')}</p>
            <div class="row"><${Button} small icon="upload" busy=${busy} onClick=${() => input.current.click()}>${t('music.score.choose')}<//>
                ${value.score && html`<${Button} small kind="quiet" icon="close" onClick=${() => onChange({ score: '', name: '', bars: 0 })}>${t('music.score.none')}<//>`}</div>
            <input type="file" accept=".mid,.midi,audio/midi" ref=${input} class="unseen" tabindex="-1" aria-label=${t('music.score.choose')}
                onChange=${e => { const f = e.target.files[0]; e.target.value = ''; if (f) take(f); }} /></div>
        ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}
        ${value.score && html`<div class="knobs"><${Select} label=${t('music.kept')} value=${value.voice} onChange=${voice => onChange({ voice })}
                options=${[...VOICES.map(v => ({ value: v, label: t(`music.voice.${v}`) })), { value: '', label: t('music.kept.bars') }]} />
            ${value.voice === '' && html`<${NumberField} label=${t('music.bars')} value=${value.keep} integer min=${1} max=${Math.max(1, value.bars)} onChange=${keep => onChange({ keep })} />`}</div>`}</div>`;
}

/** batch, onSeed, onAgain, onForget: as of Batch */
export function ScoreBatch({ batch, onSeed, onAgain, onForget }) {
    return html`<section class="batch" aria-label=${titleOf(batch)}><header class="row spread"><div class="grow"><p class="cut said">${titleOf(batch)}</p>
            <p class="muted small-text cut">${batch.request.run} · ${t('create.seed.is', { seed: String(seedOf(batch.request)) })}</p></div>
            <div class="row tight"><${Button} small kind="quiet" icon="lock" label=${t('create.seed.keep')} onClick=${() => onSeed(seedOf(batch.request))} />
                <${Button} small kind="quiet" icon="again" label=${t('create.again')} onClick=${onAgain} />
                <${Button} small kind="quiet" icon="close" label=${t('create.forget')} onClick=${onForget} /></div></header>
        ${batch.jobs.map(id => html`<${Pieces} key=${id} id=${id} />`)}</section>`;
}

const titleOf = ({ kind, request }) => (kind !== 'harmonise' ? t('music.free') : request.voice ? t('music.to', { voice: t(`music.voice.${request.voice}`) })
    : t('music.on', { n: request.keep }));

function Pieces({ id }) {
    const state = useJob(id);
    const { job, files, preview, notes, fault } = state;
    const bad = fault || (job?.status === 'failed' && job.error);
    return html`${job && !ended(job) && html`<${JobState} state=${state} />`}
        ${bad && html`<${Notice} kind="fault">${faultText(bad)}<//>`}
        ${job?.status === 'cancelled' && html`<${Notice}>${t('job.cancelled')}<//>`}
        ${preview && job && !ended(job) && html`<${Picture} src=${preview} alt=${t('music.preview')} className="roll" />`}
        <div class="pieces">${piecesOf(files).map((p, i) => html`<${Piece} key=${p.base} name=${t('music.piece', { n: i + 1 })} roll=${p.roll && fileUrl(id, p.roll)}
            sound=${p.sound && fileUrl(id, p.sound)} notes=${p.notes && fileUrl(id, p.notes)} />`)}</div>
        ${notes.map((line, i) => html`<p key=${i} class="muted small-text">${line}</p>`)}`;
}
