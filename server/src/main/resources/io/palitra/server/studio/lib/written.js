// Texts that were written or are being written, and what can be done with one.
import { html, useState, useEffect } from './html.js';
import { t } from './words.js';
import { get } from './api.js';
import { Button, Icon, Notice } from './ui.js';
import { faultText } from './faults.js';
import { copy } from './viewer.js';

/** beginning: what a person wrote of it; marks: [[from, to]] of parts that a model filled; grows: more comes; onGoOn(text): write on from it */
export function Written({ text, beginning = '', marks = [], n, grows, save, onGoOn }) {
    const name = t('written.text', { n });
    const own = beginning && text.startsWith(beginning) ? beginning.length : 0;
    return html`<article class="written"><div class="paper ${grows ? 'grows' : ''}" tabindex="0" role="region" aria-label=${name} aria-busy=${grows ? 'true' : undefined}>${
            marks.length > 0 ? marked(text, marks) : html`${own > 0 && html`<span class="given">${text.slice(0, own)}</span>`}${text.slice(own)}`}${grows && html`<span class="caret" aria-hidden="true"></span>`}</div>
        <footer class="row tight">${!grows && html`<${Button} small kind="quiet" icon="copy" label=${t('written.copy', { n })} onClick=${() => copy(text)} />`}
            ${!grows && onGoOn && html`<${Button} small kind="quiet" icon="play" onClick=${() => onGoOn(text)}>${t('written.on')}<//>`}
            ${!grows && save && html`<a class="button small quiet alone" href=${save} download aria-label=${t('written.save', { n })} title=${t('written.save', { n })}><${Icon} name="save" /></a>`}</footer></article>`;
}

function marked(text, marks) {
    const letters = [...text];
    let at = 0;
    const parts = [];
    for (const [from, to] of marks) {
        parts.push(letters.slice(at, from).join(''), html`<mark>${letters.slice(from, to).join('')}</mark>`);
        at = to;
    }
    return [...parts, letters.slice(at).join('')];
}

/** A text of the server. cut: whether it is the page's own height at most */
export function TextFile({ src, label }) {
    const [state, setState] = useState({ text: null, fault: null });
    useEffect(() => {
        let left = false;
        get(src).then(text => left || setState({ text, fault: null }), fault => left || setState({ text: null, fault }));
        return () => { left = true; };
    }, [src]);
    if (state.fault) return html`<${Notice} kind="fault">${faultText(state.fault)}<//>`;
    return html`<pre class="paper" tabindex="0" role="region" aria-label=${label}>${state.text ?? t('shell.loading')}</pre>`;
}
