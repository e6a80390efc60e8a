// The shell: pages by the address's hash, language, colours, the queue, and the login where the server asks for a token.
import { Component } from 'preact';
import { html, render, signal, effect, useState, useEffect } from './lib/html.js';
import { t, register, language, languages, kindName } from './lib/words.js';
import { get, locked, online, login, cancel } from './lib/api.js';
import { Button, Icon, Select, Dialog, Empty, Notice, TextField, Toasts, say } from './lib/ui.js';
import { faultText } from './lib/faults.js';
import shellWords from './words/shell.js';
import formWords from './words/form.js';

register(shellWords);
register(formWords);

const PAGES = {
    create: () => import('./pages/create.js'),
    edit: () => import('./pages/edit.js'),
    dream: () => import('./pages/dream.js'),
    walk: () => import('./pages/walk.js'),
    train: () => import('./pages/train.js'),
    runs: () => import('./pages/runs.js'),
    gallery: () => import('./pages/gallery.js'),
    models: () => import('./pages/models.js'),
    data: () => import('./pages/data.js'),
    system: () => import('./pages/system.js'),
};
const GROUPS = [['create', 'edit', 'dream', 'walk'], ['train', 'runs'], ['gallery'], ['models', 'data', 'system']];
const QUEUE_LOOK = 2000;    // milliseconds
const KEPT = 'palitra.theme';

const place = () => location.hash.replace(/^#\/?/, '').split(/[/?]/)[0];
const asked = () => (place() === '' ? 'create' : Object.hasOwn(PAGES, place()) ? place() : '');   // '' = there is no such page
const page = signal(asked());
const waiting = signal([]);
const theme = signal(localStorage.getItem(KEPT) || 'auto');

addEventListener('hashchange', () => {
    page.value = asked();
    document.querySelector('[data-scroll]')?.scrollTo(0, 0);
});

effect(() => {
    localStorage.setItem(KEPT, theme.value);
    if (theme.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
});

async function lookAtQueue() {
    if (!document.hidden && !locked.value) {
        try {
            const [running, queued] = await Promise.all([get('/v1/jobs?limit=50&status=running'), get('/v1/jobs?limit=100&status=queued')]);
            const all = [...running.jobs, ...queued.jobs].filter(job => job.status === 'running' || job.status === 'queued');
            waiting.value = all.filter((job, at) => all.findIndex(other => other.id === job.id) === at);
        } catch { /* online and locked say it */ }
    }
    setTimeout(lookAtQueue, QUEUE_LOOK);
}

/** Shows what a page throws instead of an empty place. */
class Guard extends Component {
    constructor() { super(); this.state = { fault: null }; }

    static getDerivedStateFromError(fault) { return { fault }; }

    componentDidCatch(fault) { console.error(fault); }

    render({ children }, { fault }) {
        return fault ? html`<${Empty} icon="alert" title=${t('shell.broken')}
            action=${html`<${Button} onClick=${() => location.reload()}>${t('shell.reload')}<//>`}>${fault.message}<//>` : children;
    }
}

function Page({ name }) {
    const [state, setState] = useState({ name: '', Page: null, fault: null });
    useEffect(() => {
        let left = false;
        if (!name) return undefined;
        PAGES[name]().then(module => left || setState({ name, Page: module.default, fault: null }),
            fault => { console.error(fault); if (!left) setState({ name, Page: null, fault }); });
        return () => { left = true; };
    }, [name]);
    if (!name) return html`<${Empty} icon="alert" title=${t('shell.nowhere')} action=${html`<a class="button main" href="#/create">${t('nav.create')}</a>`}>${location.hash}<//>`;
    if (state.fault) {
        return html`<${Empty} icon="alert" title=${t('shell.broken')} action=${html`<${Button} onClick=${() => location.reload()}>${
            t('shell.reload')}<//>`}>${state.fault.message}<//>`;
    }
    return state.name === name && state.Page ? html`<${Guard} key=${name}><${state.Page} /><//>` : html`<p class="muted">${t('shell.loading')}</p>`;
}

function Navigation({ onGo }) {
    return html`<nav aria-label=${t('nav.label')}>${GROUPS.map(group => html`<ul key=${group[0]}>${group.map(name => html`
        <li key=${name}><a href="#/${name}" aria-current=${page.value === name ? 'page' : undefined} onClick=${onGo}><${Icon} name=${name} />${
            t(`nav.${name}`)}</a></li>`)}</ul>`)}</nav>`;
}

function Queue() {
    const [open, setOpen] = useState(false);
    const n = waiting.value.length;
    return html`<button type="button" class="queue ${n > 0 ? 'busy' : ''}" onClick=${() => setOpen(true)} aria-haspopup="dialog">
            <span class="dot" aria-hidden="true"></span>${n > 0 ? t('shell.queue', { n }) : t('shell.idle')}</button>
        <${Dialog} title=${t('shell.queue.title')} open=${open} onClose=${() => setOpen(false)}>
            ${n === 0 ? html`<p class="muted">${t('shell.queue.none')}</p>` : html`<ul class="plain lines">${waiting.value.map(job => html`
                <li key=${job.id} class="row spread"><div><strong>${kindName(job.kind)}</strong> <span class="muted">${t(`status.${job.status}`)}${
                    job.position ? ` · ${job.position}` : ''}</span><div class="cut muted small-text">${about(job)}</div></div>
                    <${Button} small kind="quiet" icon="stop" onClick=${() => cancel(job.id).catch(f => say(faultText(f), 'fault'))}>${t('job.cancel')}<//></li>`)}</ul>`}
        <//>`;
}

const about = ({ request }) => request.prompt || request.texts || request.family || request.run || request.model || '';

function Settings() {
    return html`<div class="settings">
        <${Select} label=${t('shell.language')} hideLabel value=${language.value} onChange=${v => { language.value = v; }}
            options=${Object.entries(languages).map(([value, label]) => ({ value, label }))} />
        <${Select} label=${t('shell.theme')} hideLabel value=${theme.value} onChange=${v => { theme.value = v; }}
            options=${['auto', 'light', 'dark'].map(value => ({ value, label: t(`shell.theme.${value}`) }))} />
    </div>`;
}

function Login() {
    const [token, setToken] = useState('');
    const [fault, setFault] = useState(null);
    const enter = event => {
        event?.preventDefault();
        login(token.trim()).then(() => location.reload(), setFault);
    };
    useEffect(() => { document.querySelector('.login input')?.focus(); }, []);
    return html`<main class="login"><form class="card" onSubmit=${enter}><${Icon} name="lock" /><h1>${t('login.title')}</h1><p class="muted">${t('login.about')}</p>
        <${TextField} label=${t('login.token')} type="password" autocomplete="current-password" value=${token} onInput=${setToken}
            error=${fault && (fault.http === 401 ? t('login.wrong') : faultText(fault))} />
        <${Button} kind="main" type="submit" disabled=${token.trim() === ''}>${t('login.enter')}<//><${Settings} /></form></main>`;
}

function Shell() {
    const [menu, setMenu] = useState(false);
    if (locked.value) return html`<${Login} />`;
    return html`<div class="shell ${menu ? 'open' : ''}" onKeyDown=${e => e.key === 'Escape' && setMenu(false)}>
        <a class="skip" href="#main" onClick=${e => { e.preventDefault(); document.getElementById('main').focus(); }}>${t('nav.skip')}</a>
        <header class="top"><a class="brand" href="#/create" onClick=${() => setMenu(false)}><img src="/studio/icon.svg" alt="" width="28" height="28" />Palitra</a>
            <${Button} className="menu" kind="quiet" icon=${menu ? 'close' : 'menu'} label=${t('nav.menu')} aria-expanded=${String(menu)}
                onClick=${() => setMenu(!menu)} />
            <div class="side"><${Navigation} onGo=${() => setMenu(false)} /><div class="foot"><${Queue} /><${Settings} /></div></div></header>
        <main id="main" tabindex="-1" data-scroll>${!online.value && html`<${Notice} kind="fault">${t('shell.offline')}<//>`}<${Page} name=${page.value} /></main>
        <${Toasts} />
    </div>`;
}

render(html`<${Shell} />`, document.getElementById('app'));
lookAtQueue();
