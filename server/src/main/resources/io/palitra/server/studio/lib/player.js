// A row of pictures, and the same as a film that one may stop at any of them.
import { html, useState, useEffect, useRef } from './html.js';
import { t, number } from './words.js';
import { Button, Slider, Picture } from './ui.js';

/** frames: [{url}]; points: which of them are marked; onChoose(frame): a picture of the row was clicked */
export function Player({ frames, points, onChoose }) {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const [at, setAt] = useState(0);
    const [plays, setPlays] = useState(!still);
    const [rate, setRate] = useState(10);
    const way = useRef(1);
    const row = useRef();
    useEffect(() => { frames.forEach(f => { new Image().src = f.url; }); setAt(0); way.current = 1; }, [frames]);
    useEffect(() => {
        if (!plays || frames.length < 2) return undefined;
        const timer = setInterval(() => setAt(i => {
            if (i + way.current < 0 || i + way.current >= frames.length) way.current = -way.current;
            return i + way.current;
        }), 1000 / rate);
        return () => clearInterval(timer);
    }, [plays, rate, frames]);
    const i = Math.min(at, frames.length - 1);
    return html`<div class="player"><div class="stack tight"><${Picture} src=${frames[i].url} alt=${t('player.frame', { n: i + 1, of: frames.length })} className="sheet-of" />
            <div class="row"><${Button} icon=${plays ? 'stop' : 'play'} label=${plays ? t('player.stop') : t('player.play')} onClick=${() => setPlays(!plays)} />
                <div class="grow"><${Slider} label=${t('player.at')} value=${i} min=${0} max=${frames.length - 1} onInput=${n => { setPlays(false); setAt(n); }} format=${n => `${n + 1} / ${frames.length}`} /></div></div>
            <${Slider} label=${t('player.rate')} value=${rate} min=${2} max=${30} onInput=${setRate} format=${n => t('player.rate.value', { n: number(n) })} /></div>
        <div class="tiles strip" role="group" aria-label=${t('player.row')} ref=${row}>${frames.map((f, k) => html`<button type="button" key=${f.url}
            class="tile ${points?.includes(k) ? 'marked' : ''} ${k === i ? 'now' : ''}" aria-label=${t('player.frame', { n: k + 1, of: frames.length })}
            onClick=${() => { setPlays(false); setAt(k); onChoose(f); }}><${Picture} src=${f.url} alt="" /></button>`)}</div></div>`;
}
