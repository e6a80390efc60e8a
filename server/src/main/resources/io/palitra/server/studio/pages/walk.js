// A walk through the codes of a model: a map to click on or random points, directions, and the way between points that were pinned.
import { html, useState, useEffect, useMemo, useRef } from '../lib/html.js';
import { t, register, number } from '../lib/words.js';
import { get, submit, cancel, ended } from '../lib/api.js';
import { Head, Select, Slider, Button, Check, Notice, Empty, Picture, Tabs, useFetch, say } from '../lib/ui.js';
import { faultText } from '../lib/faults.js';
import { useJob, JobState } from '../lib/job.js';
import { useQuery } from '../lib/place.js';
import { useKept } from '../lib/kept.js';
import { WALKS, MAPS, Newest, walk, named, withNamed, useLeaving, jsonFile, moved, text } from '../lib/latent.js';
import { LatentMap } from '../lib/latentmap.js';
import { Player } from '../lib/player.js';
import words from '../words/walk.js';

register(words);

const ITEMS = 3000, SEEDS = 12, DIRECTIONS = 8, FAR = 3;

/** Models whose codes can be walked through: pictures of families with codes. */
export const walkable = models => models.filter(m => WALKS.includes(m.family) && (!m.size || m.size.length === 3));

export default function Page() {
    const { value, fault } = useFetch(() => get('/v1/models'));
    const asked = useQuery().model;
    const [kept, setKept] = useKept('walk', { model: '', pins: [] });
    const head = html`<${Head} title=${t('nav.walk')} about=${t('walk.about')} />`;
    if (fault) return html`${head}<${Notice} kind="fault">${faultText(fault)}<//>`;
    if (!value) return html`${head}<p class="muted">${t('shell.loading')}</p>`;
    const models = walkable(value.models);
    if (models.length === 0) {
        return html`${head}<${Empty} icon="walk" title=${t('walk.none')} action=${html`<a class="button main" href="#/train">${t('walk.none.do')}</a>`}>${t('walk.none.about')}<//>`;
    }
    const wanted = asked || kept.model;
    const model = models.find(m => m.name === wanted) || models.find(m => MAPS.includes(m.family)) || models[0];
    return html`${head}<div class="stack"><div class="sift"><${Select} label=${t('walk.model')} value=${model.name}
            onChange=${name => { location.hash = '#/walk'; setKept({ model: name, pins: [] }); }}
            options=${models.map(m => ({ value: m.name, label: `${m.name} — ${m.family}${m.data ? `, ${m.data}` : ''}` }))} /></div>
        <${Walk} key=${model.name} model=${model} pins=${kept.model === model.name ? kept.pins : []} onPins=${pins => setKept({ model: model.name, pins })} /></div>`;
}

function Walk({ model, pins, onPins }) {
    const [tab, setTab] = useState(MAPS.includes(model.family) ? 'map' : 'random');
    const [point, setPoint] = useState(null);               // {code}: what was chosen
    const [amounts, setAmounts] = useState([]);
    const [truncation, setTruncation] = useState(1);
    const [label, setLabel] = useState('');
    const [seen, setSeen] = useState(null);                 // {code, url}: what is shown
    const [fault, setFault] = useState(null);
    const left = useLeaving();
    const { value: found } = useFetch(() => walk({ run: model.name, seeds: [0], directions: DIRECTIONS }, left), [model.name]);
    const [measured, setMeasured] = useState(null);         // {names, directions, spreads}: asked for by a button
    const compass = useMemo(() => (found && measured ? withNamed(found, measured) : found), [found, measured]);
    const classes = (model.takes || []).includes('label') ? model.classes || [] : [];
    const asked = { truncation, label: classes.length ? label : '' };
    const decoder = useMemo(() => new Newest(async request => {
        try {
            setSeen((await walk(request, left)).frames[0]);
            setFault(null);
        } catch (problem) {
            if (!left.aborted) setFault(problem);
        }
    }), []);
    const show = code => decoder.ask({ run: model.name, codes: [text(code)], ...asked });
    const base = point || (compass && { code: compass.frames[0].code });
    const here = base && compass && amounts.some(a => a) ? moved(base.code, amounts, compass) : base?.code;
    useEffect(() => {
        if (here && !point && here === compass?.frames[0].code && truncation === 1 && !label) setSeen(compass.frames[0]);   // it was decoded with the directions
        else if (here) show(here);
    }, [here && text(here), truncation, label]);
    const choose = code => { setAmounts([]); setPoint({ code }); };
    const pin = frame => onPins([...pins, { code: frame.code, url: frame.url }]);
    const tabs = [...(MAPS.includes(model.family) ? [{ id: 'map', label: t('walk.map') }] : []), { id: 'random', label: t('walk.random') }];
    return html`<div class="work wide-left"><section class="card">
            <${Tabs} label=${t('walk.points')} tabs=${tabs} value=${tab} onChange=${setTab}>
                ${tab === 'map' ? html`<${MapOf} model=${model} left=${left} here=${here} pins=${pins} onHover=${code => (code ? show(code) : here && show(here))} onChoose=${choose}
                    onPin=${() => seen && pin(seen)} seen=${seen} />` : html`<${Random} model=${model} left=${left} asked=${asked} onChoose=${choose} onPin=${pin} />`}<//></section>
        <section class="card stack" aria-label=${t('walk.here')}>
            ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}
            <div class="here"><${Picture} src=${seen?.url} alt=${t('walk.here')} className="sheet-of" /></div>
            <${Button} kind="main" icon="plus" disabled=${!seen} onClick=${() => pin(seen)}>${t('walk.pin')}<//>
            ${classes.length > 0 && html`<${Select} label=${t('key.label')} value=${label} onChange=${setLabel} options=${[{ value: '', label: t('walk.any') },
                ...classes.map((name, i) => ({ value: name, label: name === String(i) ? name : `${i} · ${name}` }))]} />`}
            <${Slider} label=${t('walk.truncation')} value=${truncation} min=${0} max=${1.5} step=${0.05} onInput=${setTruncation} help=${t('walk.truncation.help')} format=${n => number(n, 2)} />
            <${Directions} compass=${compass} amounts=${amounts} onChange=${setAmounts} />
            ${compass && !measured && html`<${Measure} model=${model} left=${left} onFound=${setMeasured} />`}
        </section></div>
        <${Way} model=${model} left=${left} pins=${pins} onPins=${onPins} onChoose=${choose} />`;
}

const NAMES = { thickness: 'walk.named.thickness', slant: 'walk.named.slant' };
const called = (name, k) => (!name ? t('walk.direction', { n: k + 1 }) : NAMES[name] ? t(NAMES[name]) : t('walk.named.class', { name: name.replace(/^class /, '') }));

/** Asks for the directions of what is measured: classes, thickness, slant. */
function Measure({ model, left, onFound }) {
    const [busy, setBusy] = useState(false);
    const find = async () => {
        setBusy(true);
        try {
            onFound(await named(model.name, left));
        } catch (problem) {
            if (!left.aborted) say(faultText(problem), 'fault');
        } finally {
            setBusy(false);
        }
    };
    return html`<div class="stack"><${Button} small kind="quiet" busy=${busy} onClick=${find}>${t('walk.named.find')}<//>
        <p class="muted small-text">${t(busy ? 'walk.named.wait' : 'walk.named.about')}</p></div>`;
}

/** Sliders along the directions in which pictures change most, and those that have names. */
function Directions({ compass, amounts, onChange }) {
    if (!compass) return html`<p class="muted small-text">${t('walk.directions.wait')}</p>`;
    const put = (k, v) => onChange(compass.directions.map((_, i) => (i === k ? v : amounts[i] || 0)));
    return html`<details class="more" open><summary>${t('walk.directions')}</summary><div class="form directions">${compass.directions.map((_, k) => html`<${Slider} key=${k}
        label=${called(compass.names?.[k], k)} value=${amounts[k] || 0} min=${-FAR} max=${FAR} step=${0.1} onInput=${v => put(k, v)} format=${n => number(n, 1)} />`)}
        ${amounts.some(a => a) && html`<${Button} small kind="quiet" icon="undo" onClick=${() => onChange([])}>${t('walk.directions.back')}<//>`}</div></details>`;
}

/** The map of a run, made once and kept as a job; one that is not done when the page is left is ended. */
function MapOf({ model, left, here, pins, seen, onHover, onChoose, onPin }) {
    const [kept, setKept] = useKept('maps', {});
    const [map, setMap] = useState(null);
    const state = useJob(map ? null : kept[model.name] || null);
    const working = useRef(null);      // id of a job that this page handed in or saw at work
    const keep = id => setKept(k => ({ ...k, [model.name]: id }));
    const make = () => {
        setMap(null);
        submit('map', { run: model.name, n: ITEMS }).then(job => {
            working.current = job.id;
            if (left.aborted) cancel(job.id).catch(() => {});
            else keep(job.id);
        }, problem => say(faultText(problem), 'fault'));
    };
    const find = () => get('/v1/jobs?kind=map&status=done&limit=1000').then(({ jobs }) => {
        const same = jobs.find(job => job.request.run === model.name && job.request.n === ITEMS && !job.gone);
        if (same) keep(same.id);
        else make();
    }, make);
    useEffect(() => left.addEventListener('abort', () => working.current && cancel(working.current).catch(() => {})), []);
    useEffect(() => { if (!kept[model.name]) find(); }, []);
    useEffect(() => { if (state.fault?.http === 404) find(); }, [state.fault]);
    useEffect(() => {
        const { job } = state;
        if (job?.status === 'cancelled' && working.current !== job.id) make();      // by who left the page before
        if (job && job.id === kept[model.name]) working.current = ended(job) && job.status !== 'cancelled' ? null : job.id;
    }, [state.job?.id, state.job?.status]);
    useEffect(() => {
        if (state.job?.status !== 'done') return;
        jsonFile(state.job, state.job.files.find(name => name.endsWith('.json'))).then(setMap, make);
    }, [state.job?.status]);
    if (!map) {
        return html`<div class="stack"><${JobState} state=${state} />${state.job?.status === 'failed' && html`<${Button} icon="again" onClick=${make}>${t('walk.map.again')}<//>`}
            ${!state.job && html`<p class="muted">${t('walk.map.wait')}</p>`}</div>`;
    }
    return html`<div class="stack"><${LatentMap} map=${map} here=${here} pins=${pins} seen=${seen} onHover=${onHover} onChoose=${onChoose} onPin=${onPin} />
        <div class="row spread"><p class="muted small-text">${map.mean.length === 2 ? t('walk.map.about.two') : t('walk.map.about', { share: Math.round(map.share * 100), n: map.mean.length })}</p>
            <${Button} small kind="quiet" icon="again" onClick=${make}>${t('walk.map.again')}<//></div></div>`;
}

/** Points drawn from the prior, by their seeds. */
function Random({ model, left, asked, onChoose, onPin }) {
    const [first, setFirst] = useState(0);
    const { value, fault } = useFetch(() => walk({ run: model.name, seeds: Array.from({ length: SEEDS }, (_, i) => first + i), ...asked }, left), [first, asked.label, asked.truncation]);
    if (fault) return html`<${Notice} kind="fault">${faultText(fault)}<//>`;
    return html`<div class="stack"><div class="tiles large" role="group" aria-label=${t('walk.random')}>${(value?.frames || Array(SEEDS).fill(null)).map((frame, i) => html`
            <button type="button" key=${frame ? frame.url : i} class="tile" disabled=${!frame} aria-label=${t('walk.seed', { n: String(first + i) })} title=${t('walk.seed', { n: String(first + i) })}
                onClick=${() => onChoose(frame.code)} onDblClick=${() => onPin(frame)}>${frame && html`<${Picture} src=${frame.url} alt="" />`}</button>`)}</div>
        <div class="row spread"><p class="muted small-text">${t('walk.random.about')}</p><div class="row"><${Button} small icon="back" disabled=${first === 0} label=${t('walk.fewer')} onClick=${() => setFirst(Math.max(0, first - SEEDS))} />
            <${Button} small icon="dice" onClick=${() => setFirst(first + SEEDS)}>${t('walk.more')}<//></div></div></div>`;
}

/** The pinned points, and the way through them. */
function Way({ model, left, pins, onPins, onChoose }) {
    const [between, setBetween] = useState(8);
    const [round, setRound] = useState(false);
    const [way, setWay] = useState(null);
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState(null);
    const key = pins.map(p => p.url).join('\n');
    const go = async () => {
        setBusy(true);
        setFault(null);
        try {
            const codes = pins.map(p => text(p.code));
            setWay({ key, ...await walk({ run: model.name, codes: round ? [...codes, codes[0]] : codes, between }, left) });
        } catch (problem) {
            setFault(problem);
        } finally {
            setBusy(false);
        }
    };
    const shift = (i, by) => {
        const all = [...pins];
        [all[i], all[i + by]] = [all[i + by], all[i]];
        onPins(all);
    };
    return html`<section class="card stack" aria-label=${t('walk.way')}><div class="row spread"><h2>${t('walk.way')}</h2>
            ${pins.length > 0 && html`<${Button} small kind="quiet" icon="bin" onClick=${() => onPins([])}>${t('walk.unpin.all')}<//>`}</div>
        ${pins.length === 0 ? html`<p class="muted">${t('walk.way.none')}</p>` : html`<ol class="plain pins">${pins.map((p, i) => html`<li key=${p.url + i}>
            <button type="button" class="tile" aria-label=${t('walk.pin.choose', { n: i + 1 })} onClick=${() => onChoose(p.code)}><${Picture} src=${p.url} alt="" /></button>
            <span class="pin-number" aria-hidden="true">${i + 1}</span>
            <div class="row pin-buttons"><${Button} small kind="quiet" icon="back" label=${t('walk.pin.earlier', { n: i + 1 })} disabled=${i === 0} onClick=${() => shift(i, -1)} />
                <${Button} small kind="quiet" icon="close" label=${t('walk.unpin', { n: i + 1 })} onClick=${() => onPins(pins.filter((_, k) => k !== i))} />
                <${Button} small kind="quiet" icon="next" label=${t('walk.pin.later', { n: i + 1 })} disabled=${i === pins.length - 1} onClick=${() => shift(i, 1)} /></div></li>`)}</ol>`}
        ${pins.length === 1 && html`<p class="muted">${t('walk.way.one')}</p>`}
        ${pins.length > 1 && html`<div class="way-controls"><${Slider} label=${t('walk.between')} value=${between} min=${1} max=${30} onInput=${setBetween} />
            <${Check} label=${t('walk.round')} checked=${round} onChange=${setRound} /><${Button} kind="main" icon="walk" busy=${busy} onClick=${go}>${t('walk.go')}<//></div>`}
        ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}
        ${way && pins.length > 1 && html`<${Player} frames=${way.frames} points=${way.points} onChoose=${frame => onChoose(frame.code)} />`}
    </section>`;
}
