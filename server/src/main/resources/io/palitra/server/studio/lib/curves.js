// Curves of runs over their steps: one metric of several runs in one chart, smooth over raw, train and test, on a plain or a log axis.
import uPlot from 'uplot';
import { html, useState, useEffect, useLayoutEffect, useRef, useMemo } from './html.js';
import { t, number, language } from './words.js';
import { get } from './api.js';
import { Select, Slider, Check } from './ui.js';

const COLOURS = 8;
const LOOK = 1500;      // milliseconds between two looks at a run that trains
const HEIGHT = 320;
const STYLE = '/studio/vendor/uplot-1.6.32.css';
const LOSSES = '*';

/** The address of a run. */
export const runPath = name => `/v1/runs/${encodeURIComponent(name)}`;

/** {name: {columns, rows}} of runs; those that train are asked again for what came since. */
export function useMetrics(runs) {
    const [tables, setTables] = useState({});
    const key = runs.map(r => `${r.name}:${r.state}`).join('\n');
    useEffect(() => {
        let left = false, timer = 0;
        const own = {};
        const load = async run => {
            const last = own[run.name]?.rows.at(-1)?.[0];
            const more = await get(`${runPath(run.name)}/metrics${last === undefined ? '' : `?after=${last}`}`);
            own[run.name] = own[run.name] ? joined(own[run.name], more) : more;
        };
        const look = async () => {
            if (!document.hidden) {
                await Promise.all(runs.map(run => load(run).catch(() => { own[run.name] ??= { columns: ['step'], rows: [] }; })));
                if (left) return;
                setTables({ ...own });
            }
            if (!left && runs.some(r => r.state === 'running')) timer = setTimeout(look, LOOK);
        };
        look();
        return () => { left = true; clearTimeout(timer); };
    }, [key]);
    return tables;
}

/** A table and its later rows, which may have other columns. */
export function joined(a, b) {
    if (b.rows.length === 0) return a;
    const columns = [...a.columns, ...b.columns.filter(c => !a.columns.includes(c))];
    const wide = table => table.rows.map(row => columns.map(c => row[table.columns.indexOf(c)] ?? null));
    return { columns, rows: [...wide(a), ...wide(b)] };
}

/** Metrics that one may look at: losses first, then their parts; what is measured on the test split belongs to its loss. */
export function metricsOf(tables) {
    const all = [...new Set(Object.values(tables).flatMap(table => table.columns))]
        .filter(c => !['step', 'epoch'].includes(c) && !c.startsWith('test/'));
    const losses = all.filter(c => !c.includes('/') && c !== 'lr');
    return { losses, others: all.filter(c => !losses.includes(c)) };
}

/** Exponential mean that is not drawn to 0 at its start. weight: 0 = as it is, below 1. */
export function smooth(values, weight) {
    if (weight <= 0) return values;
    let mean = 0, seen = 0;
    return values.map(v => {
        if (v === null || !Number.isFinite(v)) return null;
        mean = mean * weight + (1 - weight) * v;
        seen = seen * weight + 1 - weight;
        return mean / seen;
    });
}

/** [{run, metric, test, x, y}] of the points of some metrics. */
export function lines(tables, metrics, byEpoch) {
    const found = [];
    for (const [run, table] of Object.entries(tables)) {
        const at = table.columns.indexOf(byEpoch ? 'epoch' : 'step');
        for (const metric of metrics) {
            for (const name of [metric, `test/${metric}`]) {
                const column = table.columns.indexOf(name);
                if (column < 0 || at < 0) continue;
                const points = table.rows.filter(r => r[column] !== null && r[column] !== undefined && r[at] !== null);
                if (points.length === 0) continue;
                found.push({ run, metric, test: name !== metric, x: points.map(r => r[at]), y: points.map(r => r[column]) });
            }
        }
    }
    return found;
}

/** Curves of runs with their controls. runs: [{name, state}] */
export function Curves({ runs }) {
    const tables = useMetrics(runs);
    const { losses, others } = metricsOf(tables);
    const [chosen, setChosen] = useState('');
    const [log, setLog] = useState(false);
    const [byEpoch, setByEpoch] = useState(false);
    const [weight, setWeight] = useState(0);
    const options = [...(losses.length > 1 ? [{ value: LOSSES, label: t('curves.losses') }] : []),
        ...losses.map(value => ({ value, label: value })), ...others.map(value => ({ value, label: value, group: t('curves.parts') }))];
    const metric = options.some(o => o.value === chosen) ? chosen : options[0]?.value;
    const drawn = useMemo(() => (metric ? lines(tables, metric === LOSSES ? losses : [metric], byEpoch) : []), [tables, metric, byEpoch]);
    if (Object.keys(tables).length === 0) return html`<p class="muted">${t('shell.loading')}</p>`;
    if (drawn.length === 0) return html`<p class="muted">${t('curves.none')}</p>`;
    return html`<div class="stack">
        <div class="curve-controls">
            <${Select} label=${t('curves.metric')} value=${metric} onChange=${setChosen} options=${options} />
            <${Slider} label=${t('curves.smoothing')} value=${weight} min=${0} max=${0.99} step=${0.01} onInput=${setWeight}
                format=${n => number(n, 2)} />
            <${Check} label=${t('curves.log')} checked=${log} onChange=${setLog} />
            <${Check} label=${t('curves.epochs')} checked=${byEpoch} onChange=${setByEpoch} />
        </div>
        <${Chart} drawn=${drawn} log=${log} weight=${weight} byEpoch=${byEpoch} one=${runs.length === 1} />
    </div>`;
}

function style() {
    if (document.querySelector(`link[href="${STYLE}"]`)) return;
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: STYLE });
    document.head.prepend(link);
}

/** Counts the changes between light and dark. */
function useColours() {
    const [turn, setTurn] = useState(0);
    useEffect(() => {
        const next = () => setTurn(n => n + 1);
        const system = matchMedia('(prefers-color-scheme: dark)');
        const own = new MutationObserver(next);
        own.observe(document.documentElement, { attributeFilter: ['data-theme'] });
        system.addEventListener('change', next);
        return () => { own.disconnect(); system.removeEventListener('change', next); };
    }, []);
    return turn;
}

const named = line => `${line.run} · ${line.metric}${line.test ? ` · ${t('curves.test')}` : ''}`;

function Chart({ drawn, log, weight, byEpoch, one }) {
    const root = useRef(), chart = useRef(null);
    const [hidden, setHidden] = useState([]);
    const [at, setAt] = useState(null);
    const turn = useColours();
    const label = line => (one ? `${line.metric}${line.test ? ` · ${t('curves.test')}` : ''}` : named(line));
    const colourOf = [...new Set(drawn.map(l => (one ? l.metric : l.run + (new Set(drawn.map(d => d.metric)).size > 1 ? l.metric : ''))))];
    const colour = l => colourOf.findIndex(c => c === l.run || c === l.metric || c === l.run + l.metric) % COLOURS;
    const shown = drawn.filter(l => !hidden.includes(named(l)));
    const shape = `${turn} ${log} ${weight > 0} ${byEpoch} ${language.value} ${shown.map(l => named(l) + colour(l)).join('|')}`;

    const data = useMemo(() => {
        const tables = shown.flatMap(l => {
            const y = l.y.map(v => (log && !(v > 0) ? null : v));
            return weight > 0 && !l.test ? [[l.x, y], [l.x, smooth(y, weight)]] : [[l.x, y]];
        });
        return tables.length ? uPlot.join(tables.map(([x, y]) => [x, y])) : [[], []];
    }, [shape, drawn, weight]);

    useLayoutEffect(() => {
        style();
        const css = getComputedStyle(document.documentElement);
        const read = name => css.getPropertyValue(name).trim();
        const series = shown.flatMap(l => {
            const stroke = read(`--curve-${colour(l)}`);
            const line = { label: named(l), stroke, width: 2, dash: l.test ? [7, 5] : undefined, spanGaps: true,
                points: { show: l.test || l.x.length < 3, size: 5, fill: stroke } };
            return weight > 0 && !l.test ? [{ ...line, width: 1, alpha: 0.3, points: { show: false } }, line] : [line];
        });
        const axis = { stroke: read('--muted'), grid: { stroke: read('--line'), width: 1 }, ticks: { stroke: read('--line'), width: 1 },
            font: `12px ${read('--sans')}` };
        const plot = new uPlot({
            width: root.current.clientWidth, height: HEIGHT, legend: { show: false }, series: [{}, ...series],
            cursor: { y: false, points: { size: 8 } }, scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
            axes: [{ ...axis, values: (u, all) => all.map(v => number(v, 2)) },
                { ...axis, size: 62, values: (u, all) => all.map(v => (v === null ? '' : number(v, 4))) }],
            hooks: { setCursor: [u => setAt(u.cursor.idx ?? null)] },
        }, data, root.current);
        chart.current = plot;
        const sizes = new ResizeObserver(() => root.current && plot.setSize({ width: root.current.clientWidth, height: HEIGHT }));
        sizes.observe(root.current);
        return () => { sizes.disconnect(); plot.destroy(); chart.current = null; };
    }, [shape]);

    useLayoutEffect(() => { chart.current?.setData(data); }, [data]);

    /** The value at the cursor, or the last. */
    const value = line => {
        const x = at === null ? undefined : data[0][at];
        let last = line.y.length - 1;
        if (x !== undefined) while (last > 0 && line.x[last] > x) last--;
        return number(line.y[last], 4);
    };
    const turnOff = name => setHidden(hidden.includes(name) ? hidden.filter(h => h !== name) : [...hidden, name]);
    const place = at === null || data[0][at] === undefined ? t('curves.last') : byEpoch ? t('curves.at.epoch', { n: number(data[0][at], 2) })
        : t('curves.at.step', { n: number(data[0][at], 0) });
    return html`<figure class="curves"><div ref=${root} role="img" aria-label=${t('curves.picture', { n: drawn.length })}></div>
        <figcaption><span class="muted small-text">${place}</span><ul class="plain legend">${drawn.map(l => html`<li key=${named(l)}>
            <button type="button" aria-pressed=${String(!hidden.includes(named(l)))} onClick=${() => turnOff(named(l))}>
                <span class="swatch c${colour(l)} ${l.test ? 'dashed' : ''}" aria-hidden="true"></span><span class="cut">${label(l)}</span>
                <strong>${value(l)}</strong></button></li>`)}</ul></figcaption></figure>`;
}
