// Parts that pages are made of. Each has its label for screen readers and works by keyboard.
import { html, useState, useEffect, useLayoutEffect, useRef, useId, signal } from './html.js';
import { t, number, duration, language } from './words.js';
import { Icon } from './icons.js';

export { Icon };

const join = (...names) => names.filter(Boolean).join(' ');

/** A label, what it labels, help and a fault. children: a function from {id, 'aria-describedby', 'aria-invalid'} to the control. */
export function Field({ label, help, error, children, className, hideLabel }) {
    const id = useId();
    const about = join(help && `${id}-help`, error && `${id}-error`) || undefined;
    const control = { id, 'aria-describedby': about, 'aria-invalid': error ? 'true' : undefined };
    return html`<div class=${join('field', className)}>
        <label for=${id} class=${hideLabel ? 'unseen' : ''}>${label}</label>
        ${children(control)}
        ${help && html`<p class="help" id="${id}-help">${help}</p>`}
        ${error && html`<p class="error" id="${id}-error">${error}</p>`}
    </div>`;
}

/** A line of text, or with rows several. */
export function TextField({ label, value, onInput, rows, placeholder, help, error, className, hideLabel, onEnter, list, ...more }) {
    const key = event => {
        if (onEnter && event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); onEnter(); }
    };
    return html`<${Field} label=${label} help=${help} error=${error} className=${className} hideLabel=${hideLabel}>${control => rows
        ? html`<textarea ...${control} ...${more} rows=${rows} placeholder=${placeholder} value=${value} onKeyDown=${key}
            onInput=${e => onInput(e.target.value)}></textarea>`
        : html`<input type="text" ...${control} ...${more} list=${list} placeholder=${placeholder} value=${value} onKeyDown=${key}
            onInput=${e => onInput(e.target.value)} />`}<//>`;
}

/** A number; onChange gets a number that is within its bounds, or nothing happens and the field says what is allowed. */
export function NumberField({ label, value, onChange, min, max, step, integer, help, error, className, hideLabel, disabled }) {
    const [text, setText] = useState(null);
    const bad = text !== null && wrong(text, min, max, integer);
    const put = next => {
        setText(next);
        if (!wrong(next, min, max, integer)) onChange(Number(next));
    };
    return html`<${Field} label=${label} help=${help} error=${bad ? t('ui.number', { range: range(min, max) }) : error} className=${className}
        hideLabel=${hideLabel}>${control => html`<input type="number" inputmode=${integer ? 'numeric' : 'decimal'} ...${control} min=${min} max=${max}
            step=${step ?? (integer ? 1 : 'any')} value=${text ?? value} disabled=${disabled} onInput=${e => put(e.target.value)}
            onBlur=${() => setText(null)} />`}<//>`;
}

const wrong = (text, min, max, integer) => {
    const n = Number(text);
    return text.trim() === '' || Number.isNaN(n) || (integer && !Number.isInteger(n)) || n < (min ?? -Infinity) || n > (max ?? Infinity);
};
const range = (min, max) => (min !== undefined && max !== undefined ? `${number(min)} – ${number(max)}`
    : min !== undefined ? `≥ ${number(min)}` : max !== undefined ? `≤ ${number(max)}` : '…');

/** One of some. options: texts, or {value, label, group?} */
export function Select({ label, value, onChange, options, help, error, className, hideLabel, disabled }) {
    const all = options.map(o => (typeof o === 'object' ? o : { value: o, label: o }));
    const groups = [...new Set(all.map(o => o.group))];
    const option = o => html`<option key=${o.value} value=${o.value} selected=${String(o.value) === String(value)}>${o.label}</option>`;
    return html`<${Field} label=${label} help=${help} error=${error} className=${className} hideLabel=${hideLabel}>${control => html`
        <span class="select"><select ...${control} value=${value} disabled=${disabled} onChange=${e => onChange(e.target.value)}>
            ${groups.map(g => (g ? html`<optgroup key=${g} label=${g}>${all.filter(o => o.group === g).map(option)}</optgroup>`
                : all.filter(o => !o.group).map(option)))}
        </select></span>`}<//>`;
}

/** A number by a knob. format: from the number to what is shown beside the label */
export function Slider({ label, value, onInput, onChange, min, max, step = 1, format = n => number(n), help, className, disabled }) {
    const id = useId();
    return html`<div class=${join('field slider', className)}>
        <div class="row spread"><label for=${id}>${label}</label><output for=${id}>${format(value)}</output></div>
        <input type="range" id=${id} min=${min} max=${max} step=${step} value=${value} disabled=${disabled} aria-valuetext=${format(value)}
            aria-describedby=${help ? `${id}-help` : undefined}
            onInput=${e => onInput(Number(e.target.value))} onChange=${e => onChange && onChange(Number(e.target.value))} />
        ${help && html`<p class="help" id="${id}-help">${help}</p>`}
    </div>`;
}

/** kind: main (one a page), plain, quiet (without a frame), danger. With an icon alone give label. */
export function Button({ children, onClick, kind = 'plain', icon, busy, disabled, label, type = 'button', pressed, className, small, ...more }) {
    return html`<button type=${type} class=${join('button', kind, small && 'small', !children && 'alone', className)} onClick=${onClick}
        disabled=${disabled || busy} aria-busy=${busy ? 'true' : undefined} aria-label=${label} title=${label}
        aria-pressed=${pressed === undefined ? undefined : String(pressed)} ...${more}>
        ${busy ? html`<span class="spinner" aria-hidden="true"></span>` : icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
    </button>`;
}

/** Yes or no. */
export function Check({ label, checked, onChange, help, disabled }) {
    const id = useId();
    return html`<div class="field check">
        <input type="checkbox" id=${id} checked=${checked} disabled=${disabled} aria-describedby=${help ? `${id}-help` : undefined}
            onChange=${e => onChange(e.target.checked)} />
        <label for=${id}>${label}</label>
        ${help && html`<p class="help" id="${id}-help">${help}</p>`}
    </div>`;
}

/** How far something is: of = 0 where its end is not known; left: seconds. */
export function Progress({ label, done = 0, of = 0, left }) {
    const share = of > 0 ? Math.min(1, done / of) : null;
    const bar = useRef();
    useLayoutEffect(() => { bar.current.style.transform = share === null ? '' : `scaleX(${share})`; }, [share]);
    return html`<div class="progress">
        <div class="row spread"><span>${label}</span><span class="muted">${share !== null && `${number(share * 100, 0)} %`}${
            left > 0 ? ` · ${t('ui.left', { time: duration(left) })}` : ''}</span></div>
        <div class=${join('bar', share === null && 'endless')} role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
            aria-valuenow=${share === null ? undefined : Math.round(share * 100)}><div ref=${bar}></div></div>
    </div>`;
}

/** A message in the page. kind: info, good, fault */
export function Notice({ kind = 'info', children, onClose }) {
    return html`<div class="notice ${kind}" role=${kind === 'fault' ? 'alert' : 'status'}>
        <${Icon} name=${kind === 'fault' ? 'alert' : kind === 'good' ? 'check' : 'info'} /><div>${children}</div>
        ${onClose && html`<${Button} kind="quiet" icon="close" label=${t('ui.close')} onClick=${onClose} small />`}
    </div>`;
}

/** What a page shows where there is nothing yet. */
export function Empty({ title, children, icon = 'picture', action }) {
    return html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2><p>${children}</p>${action}</div>`;
}

/** A window over the page, closed by Escape too. */
export function Dialog({ title, open, onClose, children, wide, actions }) {
    const dialog = useRef();
    const id = useId();
    useEffect(() => {
        const it = dialog.current;
        if (open && !it.open) it.showModal();
        if (!open && it.open) it.close();
    }, [open]);
    return html`<dialog ref=${dialog} class=${wide ? 'wide' : ''} aria-labelledby=${id} onClose=${onClose}
        onClick=${e => e.target === dialog.current && onClose()}>
        ${open && html`<div class="sheet"><header><h2 id=${id}>${title}</h2><${Button} kind="quiet" icon="close" label=${t('ui.close')}
            onClick=${onClose} /></header><div class="body">${children}</div>${actions && html`<footer>${actions}</footer>`}</div>`}
    </dialog>`;
}

/** Asks before something is done that cannot be undone. -> [the dialog, ask(text, then)] */
export function useConfirm(title, doIt) {
    const [asked, setAsked] = useState(null);
    const close = () => setAsked(null);
    const dialog = html`<${Dialog} title=${title} open=${asked !== null} onClose=${close} actions=${html`
        <${Button} onClick=${close}>${t('ui.cancel')}<//><${Button} kind="danger" onClick=${() => { asked.then(); close(); }}>${doIt}<//>`}>
        <p>${asked && asked.text}</p><//>`;
    return [dialog, (text, then) => setAsked({ text, then })];
}

/**
 * A picture, fetched when it comes into sight; a small one keeps its pixels sharp. delay: milliseconds that it must stay before it is
 * fetched, for those that fly past.
 */
export function Picture({ src, alt, width, height, className, delay = 0 }) {
    const [ready, setReady] = useState(delay === 0);
    const [state, setState] = useState('waits');
    useEffect(() => {
        if (delay === 0) return undefined;
        const timer = setTimeout(() => setReady(true), delay);
        return () => clearTimeout(timer);
    }, []);
    const loaded = e => {
        e.target.classList.toggle('pixels', e.target.naturalWidth <= 128);
        setState('there');
    };
    return html`<span class=${join('picture', state, className)}>${ready && src && html`<img src=${src} alt=${alt} width=${width} height=${height}
        loading=${delay ? 'eager' : 'lazy'} decoding="async" draggable="false" onLoad=${loaded} onError=${() => setState('gone')} />`}</span>`;
}

/** tabs: [{id, label, icon?}]; children belong to the one that is chosen. */
export function Tabs({ label, tabs, value, onChange, children }) {
    const id = useId();
    const list = useRef();
    const key = event => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const at = (tabs.findIndex(x => x.id === value) + step + tabs.length) % tabs.length;
        onChange(tabs[at].id);
        list.current.children[at].focus();
    };
    return html`<div class="tabs"><div role="tablist" aria-label=${label} ref=${list} onKeyDown=${key}>${tabs.map(tab => html`
        <button key=${tab.id} type="button" role="tab" id="${id}-${tab.id}" aria-selected=${String(tab.id === value)} aria-controls="${id}-panel"
            tabindex=${tab.id === value ? 0 : -1} onClick=${() => onChange(tab.id)}>${tab.icon && html`<${Icon} name=${tab.icon} />`}${tab.label}</button>`)}</div>
        <div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${value}" tabindex="-1">${children}</div></div>`;
}

/**
 * A grid of any number of items, of which only those in sight are in the page. It scrolls with the nearest [data-scroll]. size: least width
 * of a cell; ratio: its height by its width; render(i): its content; name(i): what a screen reader says; onOpen(i): Enter or a click;
 * extra(i): controls over the cell; onEnd: called when the end comes near; keyOf(i); of(i): what a cell shows, by whose identity it is drawn anew
 */
export function VirtualGrid({ count, size = 180, gap = 12, ratio = 1, label, name, render, onOpen, extra, onEnd, keyOf = i => i, of }) {
    const root = useRef();
    const drawn = useRef(new Map());
    const [view, setView] = useState({ from: 0, to: 0, columns: 1, cell: size });
    const [active, setActive] = useState(0);
    const rows = Math.ceil(count / view.columns);
    const height = view.cell * ratio;

    useLayoutEffect(() => {
        const scroller = root.current.closest('[data-scroll]');
        let asked = 0;
        const look = () => {
            asked = 0;
            const it = root.current;
            if (!it) return;
            const width = it.clientWidth;
            const columns = Math.max(2, Math.floor((width + gap) / (size + gap)));
            const cell = Math.floor((width - gap * (columns - 1)) / columns);
            const row = cell * ratio + gap;
            const above = scroller.getBoundingClientRect().top - it.getBoundingClientRect().top;
            const from = Math.max(0, Math.floor(above / row) - 2);
            const to = Math.max(0, Math.ceil((above + scroller.clientHeight) / row) + 2);
            setView(v => (v.from === from && v.to === to && v.columns === columns && v.cell === cell ? v : { from, to, columns, cell }));
        };
        const soon = () => { if (!asked) asked = requestAnimationFrame(look); };
        const sizes = new ResizeObserver(soon);
        sizes.observe(root.current);
        scroller.addEventListener('scroll', soon, { passive: true });
        look();
        return () => { scroller.removeEventListener('scroll', soon); sizes.disconnect(); cancelAnimationFrame(asked); };
    }, [size, gap, ratio, count === 0]);

    useLayoutEffect(() => { root.current.style.height = `${Math.max(0, rows * (height + gap) - gap)}px`; }, [rows, height, gap]);
    useEffect(() => { if (onEnd && count > 0 && view.to >= rows - 2) onEnd(); }, [view.to, rows, count]);

    const focus = i => {
        setActive(i);
        const row = Math.floor(i / view.columns);
        if (row < view.from || row >= view.to) return;
        requestAnimationFrame(() => root.current?.querySelector(`[data-index="${i}"]`)?.focus());
    };
    const key = event => {
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: view.columns, ArrowUp: -view.columns }[event.key];
        const to = event.key === 'Home' ? 0 : event.key === 'End' ? count - 1 : step ? active + step : -1;
        if (to < 0 || to >= count) return;
        event.preventDefault();
        focus(to);
    };
    const cells = [];
    const was = drawn.current;
    drawn.current = new Map();
    for (let i = view.from * view.columns; i < Math.min(count, view.to * view.columns); i++) {
        const made = () => html`<${Cell} key=${keyOf(i)} x=${(i % view.columns) * (view.cell + gap)} y=${Math.floor(i / view.columns) * (height + gap)} width=${view.cell}
            height=${height} index=${i} count=${count} label=${name(i)} chosen=${i === active} onOpen=${() => { setActive(i); onOpen(i); }} extra=${extra && extra(i)}>${render(i)}<//>`;
        const facts = of ? [of(i), i, view.cell, view.columns, count, i === active, language.value] : null;
        const old = facts && was.get(i);
        const node = old && facts.every((f, n) => f === old.facts[n]) ? old.node : made();   // the same node is not compared again
        if (facts) drawn.current.set(i, { facts, node });
        cells.push(node);
    }
    return html`<div class="grid" role="list" aria-label=${label} ref=${root} onKeyDown=${key}>${cells}</div>`;
}

function Cell({ x, y, width, height, index, count, label, chosen, onOpen, extra, children }) {
    const cell = useRef();
    useLayoutEffect(() => {
        Object.assign(cell.current.style, { transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` });
    }, [x, y, width, height]);
    return html`<div class="cell" role="listitem" aria-setsize=${count} aria-posinset=${index + 1} ref=${cell}>
        <button type="button" class="open" data-index=${index} tabindex=${chosen ? 0 : -1} aria-label=${label} onClick=${onOpen}>${children}</button>
        ${extra}
    </div>`;
}

const toasts = signal([]);
let said = 0;

/** A message that goes by itself. kind: info, good, fault */
export function say(text, kind = 'info') {
    const id = ++said;
    toasts.value = [...toasts.value, { id, text, kind }];
    setTimeout(() => { toasts.value = toasts.value.filter(x => x.id !== id); }, kind === 'fault' ? 9000 : 4000);
}

export function Toasts() {
    return html`<div class="toasts" aria-live="polite">${toasts.value.map(x => html`<${Notice} key=${x.id} kind=${x.kind}
        onClose=${() => { toasts.value = toasts.value.filter(y => y.id !== x.id); }}>${x.text}<//>`)}</div>`;
}

/** What a fetch has brought: {value, fault, again}. fetcher is asked anew when one of deps changes. */
export function useFetch(fetcher, deps = []) {
    const [state, setState] = useState({ value: undefined, fault: null });
    const [turn, setTurn] = useState(0);
    useEffect(() => {
        let left = false;
        fetcher().then(value => left || setState({ value, fault: null }), fault => left || setState(s => ({ value: s.value, fault })));
        return () => { left = true; };
    }, [...deps, turn]);
    return { ...state, again: () => setTurn(n => n + 1) };
}

/** Title of a page, a sentence about it, and controls beside it. */
export function Head({ title, about, children }) {
    useEffect(() => { document.title = `${title} · Palitra`; }, [title]);
    return html`<header class="head"><div><h1>${title}</h1>${about && html`<p class="muted">${about}</p>`}</div>${
        children && html`<div class="row">${children}</div>`}</header>`;
}
