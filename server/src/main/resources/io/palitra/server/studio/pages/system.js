// The server itself, looked at every two seconds: memory, queue, models in memory, versions, and its log.
import { html, useState, useRef } from '../lib/html.js';
import { t, register, number, bytes, duration, language } from '../lib/words.js';
import { get } from '../lib/api.js';
import { Head, Notice, Check } from '../lib/ui.js';
import { faultText } from '../lib/faults.js';
import { useEvery } from '../lib/place.js';
import words from '../words/system.js';

register(words);

const LOOK = 2000, LINES = 1000;

export default function Page() {
    const [system, setSystem] = useState(null);
    const [fault, setFault] = useState(null);
    const [log, setLog] = useState([]);
    const last = useRef(0);
    useEvery(LOOK, async left => {
        try {
            const [now, more] = await Promise.all([get('/v1/system'), get(`/v1/log?after=${last.current}`)]);
            if (left()) return;
            setSystem(now);
            setFault(null);
            if (more.lines.length) {
                last.current = more.lines.at(-1).n;
                setLog(all => [...all, ...more.lines.filter(l => l.n > (all.at(-1)?.n ?? 0))].slice(-LINES));
            }
        } catch (problem) {
            if (!left()) setFault(problem);
        }
    });
    const head = html`<${Head} title=${t('nav.system')} about=${t('system.about')} />`;
    if (!system) return html`${head}${fault ? html`<${Notice} kind="fault">${faultText(fault)}<//>` : html`<p class="muted">${t('shell.loading')}</p>`}`;
    const { memory, queue } = system;
    const used = memory.total && memory.free !== undefined ? memory.total - memory.free : undefined;
    return html`${head}${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}<div class="stack">
        <div class="columns two"><section class="card stack" aria-label=${t('system.memory')}><h2>${t('system.memory')}</h2>
                ${used !== undefined && html`<${Share} label=${t('system.machine')} value=${used} of=${memory.total} />`}
                ${memory.resident !== undefined && html`<${Share} label=${t('system.process')} value=${memory.resident} of=${memory.total} />`}
                <${Share} label=${t('system.heap')} value=${memory.heap} of=${memory.heapMax} />
                ${memory.native !== undefined && html`<${Share} label=${t('system.native')} value=${memory.native} of=${memory.total} />`}</section>
            <section class="card stack" aria-label=${t('system.queue')}><h2>${t('system.queue')}</h2>
                <dl class="figures big"><div><dt>${t('system.running')}</dt><dd>${number(queue.running)}</dd></div><div><dt>${t('system.waiting')}</dt><dd>${number(queue.waiting)}</dd></div>
                    <div><dt>${t('system.most')}</dt><dd>${number(queue.most)}</dd></div></dl>
                <h3>${t('system.models')}</h3>${system.models.length === 0 ? html`<p class="muted">${t('system.models.none')}</p>`
                    : html`<ul class="plain lines">${system.models.map(m => html`<li key=${m.name} class="row spread"><span class="cut">${m.name}</span><span class="muted nowrap">${bytes(m.bytes)}</span></li>`)}</ul>`}</section></div>
        <section class="card stack" aria-label=${t('system.versions')}><h2>${t('system.versions')}</h2><dl class="particulars wide">${[['Palitra', system.version], ['Java', system.java], ['libtorch', system.libtorch],
            [t('system.device'), system.device], [t('system.processors'), number(system.processors)], [t('system.threads'), system.threads !== undefined && number(system.threads)], [t('system.uptime'), duration(system.uptime)]]
            .filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>
        <${LogLines} lines=${log} /></div>`;
}

const Share = ({ label, value, of }) => html`<div class="stack tight"><div class="row spread"><span>${label}</span><span class="muted nowrap">${bytes(value)}${of ? ` / ${bytes(of)}` : ''}</span></div>
    <meter class="share" min="0" max=${of || value || 1} high=${(of || value) * 0.9} optimum="0" value=${value} aria-label=${label}></meter></div>`;

function LogLines({ lines }) {
    const [faults, setFaults] = useState(false);
    const shown = lines.filter(l => !faults || l.level === 'fault').slice(-300).reverse();
    const time = seconds => new Intl.DateTimeFormat(language.value, { timeStyle: 'medium' }).format(seconds * 1000);
    return html`<section class="card stack" aria-label=${t('system.log')}><div class="row spread"><h2>${t('system.log')}</h2><${Check} label=${t('system.faults')} checked=${faults} onChange=${setFaults} /></div>
        ${shown.length === 0 ? html`<p class="muted">${t('system.log.none')}</p>` : html`<ol class="plain log" tabindex="0" aria-label=${t('system.log')}>${shown.map(l => html`<li key=${l.n} class=${l.level === 'fault' ? 'bad' : ''}>
            <time class="muted">${time(l.time)}</time> <span>${l.line}</span></li>`)}</ol>`}</section>`;
}
