// Before and after, one over the other, with an edge to move.
import { html, useLayoutEffect, useRef, useState } from './html.js';
import { t, number } from './words.js';

/** before, after: addresses; width, height: of before in pixels; margin: what was added around it */
export function Compare({ before, after, width, height, margin }) {
    const [at, setAt] = useState(50);
    const over = useRef(), line = useRef(), box = useRef();
    const wide = width + margin.left + margin.right, high = height + margin.top + margin.bottom;
    useLayoutEffect(() => {
        box.current.style.aspectRatio = `${wide} / ${high}`;
        box.current.style.maxWidth = `min(100%, calc(64dvh * ${wide / high}))`;
        over.current.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
        line.current.style.left = `${at}%`;
        Object.assign(over.current.firstChild.style, { left: `${100 * margin.left / wide}%`, top: `${100 * margin.top / high}%`, width: `${100 * width / wide}%`, height: `${100 * height / high}%` });
    });
    const pixels = e => e.target.classList.toggle('pixels', e.target.naturalWidth <= 128);
    return html`<div class="compare" ref=${box}>
        <img src=${after} alt=${t('edit.after')} onLoad=${pixels} />
        <div class="over" ref=${over}><img src=${before} alt=${t('edit.before')} onLoad=${pixels} /></div>
        <span class="line" ref=${line} aria-hidden="true"></span><span class="tag left">${t('edit.before')}</span><span class="tag right">${t('edit.after')}</span>
        <input type="range" min="0" max="100" step="0.5" value=${at} aria-label=${t('edit.compare')} aria-valuetext=${`${number(at, 0)} %`} onInput=${e => setAt(Number(e.target.value))} /></div>`;
}
