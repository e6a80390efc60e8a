// Music that can be heard: a roll, a player for its sound, its notes to save.
import { html } from './html.js';
import { t } from './words.js';
import { Icon, Picture } from './ui.js';

/** One plays at a time. */
const alone = event => document.querySelectorAll('audio').forEach(other => { if (other !== event.target) other.pause(); });

export const Player = ({ src, label }) => html`<audio controls preload="none" src=${src} aria-label=${label} onPlay=${alone}></audio>`;

/** roll, sound, notes: addresses, '' for what there is not; name: of the piece; onOpen: the roll was clicked */
export function Piece({ roll, sound, notes, name, delay }) {
    return html`<figure class="piece">${roll && html`<${Picture} src=${roll} alt=${t('heard.roll', { name })} className="roll" delay=${delay} />`}
        <figcaption class="row">${sound && html`<${Player} src=${sound} label=${name} />`}
            ${notes && html`<a class="button small quiet alone" href=${notes} download aria-label=${t('heard.notes', { name })} title=${t('heard.notes', { name })}><${Icon} name="save" /></a>`}</figcaption></figure>`;
}

/** [{base, roll, sound, notes}] of names of files, by what stands before their endings. */
export function piecesOf(names) {
    const all = new Map();
    for (const name of names) {
        const [, base, end] = /^(.*)\.(\w+)$/.exec(name) || [];
        const as = { png: 'roll', wav: 'sound', mid: 'notes' }[end];
        if (as) all.set(base, { base, ...all.get(base), [as]: name });
    }
    return [...all.values()].filter(p => p.sound || p.notes).sort((a, b) => (a.base < b.base ? -1 : 1));
}
