// The server's API (/v1). What goes wrong is thrown as Fault; a 401 also opens the login.
import { signal } from '@preact/signals';
import { language } from './words.js';

/** A refusal of the server: http status, code, field (empty where it is none's), message for a person, retry in seconds (0 = none). */
export class Fault extends Error {
    constructor(http, code, field, message, retry = 0) {
        super(message);
        Object.assign(this, { http, code, field, retry });
    }
}

/** Whether the server asks for its token. */
export const locked = signal(false);
/** Whether the server answers. */
export const online = signal(true);

async function ask(method, path, body, type) {
    const headers = { 'Accept-Language': language.value };
    if (type) headers['Content-Type'] = type;
    let answer;
    try {
        answer = await fetch(path, { method, headers, body, credentials: 'same-origin', keepalive: method === 'DELETE' });   // what is ended as the page closes, too
    } catch {
        online.value = false;
        throw new Fault(0, 'offline', '', 'the server does not answer');
    }
    online.value = true;
    if (answer.ok) return answer.status === 204 ? null : (answer.headers.get('Content-Type') || '').includes('json') ? answer.json() : answer.text();
    if (answer.status === 401 && path !== '/v1/session') locked.value = true;
    const retry = Number(answer.headers.get('Retry-After')) || 0;
    let error = {};
    try { error = (await answer.json()).error || {}; } catch { /* no JSON: the status says what there is to say */ }
    throw new Fault(answer.status, error.code || 'failed', error.field || '', error.message || `HTTP ${answer.status}`, retry);
}

const json = (method, path, body) => ask(method, path, JSON.stringify(body), 'application/json');

export const get = path => ask('GET', path);
export const post = (path, body) => json('POST', path, body);
export const patch = (path, body) => json('PATCH', path, body);
export const del = path => ask('DELETE', path);

/** Sends the bytes of a picture. -> {id, width, height, settings?, text} */
export const upload = blob => ask('POST', '/v1/uploads', blob, blob.type || 'image/png');

/** Hands in a job. -> Job */
export const submit = (kind, request) => post('/v1/jobs', { kind, request });

export const cancel = id => del(`/v1/jobs/${encodeURIComponent(id)}`);

/** Gives the token; from then on the browser sends it by itself. */
export async function login(token) {
    await post('/v1/session', { token });
    locked.value = false;
}

const path = name => name.split('/').map(encodeURIComponent).join('/');

/** Address of a job's file. job: a Job or its id; wide: pixels at most, for a thumbnail. */
export const fileUrl = (job, name, wide) =>
    `/v1/jobs/${encodeURIComponent(job.id || job)}/files/${path(name)}${wide ? `?wide=${wide}` : ''}`;

export const uploadUrl = id => `/v1/uploads/${encodeURIComponent(id)}`;

export const ENDS = ['done', 'failed', 'cancelled'];
export const ended = job => ENDS.includes(job.status);

const EVENTS = ['queued', 'started', 'progress', 'preview', 'file', 'note', ...ENDS];
const STREAMS = 2;      // a browser has six connections to a server over HTTP/1.1, for all of its tabs
const LOOK = 1000;      // milliseconds between two looks at jobs for which no stream is left
let streams = 0;

/**
 * Follows a job: on.NAME(data) for each of its events once, on.end(job) with its end, on.lost(fault) where it cannot be followed any more.
 * A page that is hidden lets go of its stream and takes it up again where it was. Returns a function that stops it.
 */
export function follow(id, on) {
    let source = null, timer = 0, seen = 0, over = false;

    const tell = (name, data) => on[name] && on[name](data);
    const stop = () => { over = true; leave(); document.removeEventListener('visibilitychange', turn); };
    const end = (name, job) => { stop(); tell(name, job); tell('end', job); };

    function leave() {
        clearTimeout(timer);
        if (source) { source.close(); source = null; streams--; }
    }

    function listen() {
        source = new EventSource(`/v1/jobs/${encodeURIComponent(id)}/events?language=${language.value}`);
        streams++;
        for (const name of EVENTS) {
            source.addEventListener(name, event => {
                const at = Number(event.lastEventId);
                if (over || at <= seen) return;
                seen = at;
                const data = JSON.parse(event.data);
                if (ENDS.includes(name)) end(name, data);
                else tell(name, data);
            });
        }
        source.onerror = () => {
            if (over || source.readyState !== EventSource.CLOSED) return;   // else it comes back by itself
            leave();
            look();
        };
    }

    async function look() {
        try {
            const job = await get(`/v1/jobs/${encodeURIComponent(id)}`);
            if (over) return;
            if (ended(job)) return end(job.status, job);
            tell('look', job);
            if (job.status === 'queued') tell('queued', job);
        } catch (fault) {
            if (over) return;
            if (fault.http >= 400 && fault.http < 500) { stop(); tell('lost', fault); return; }
        }
        timer = setTimeout(take, LOOK);
    }

    function take() {
        if (over || document.hidden || source) return;
        if (streams < STREAMS) listen();
        else look();
    }

    function turn() {
        if (document.hidden) leave();
        else take();
    }

    document.addEventListener('visibilitychange', turn);
    take();
    return stop;
}
