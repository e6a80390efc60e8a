// Points of a latent space and their pictures: sums of codes, the plane of a map, and walks as jobs.
import { useEffect, useMemo } from './html.js';
import { get, submit, cancel, fileUrl, ended, Fault } from './api.js';

const FIRST = 40, MOST = 400;    // milliseconds between looks at a short job
const MADE = 'palitra.made', REMEMBERED = 100;
/** Families whose codes are a row of numbers. */
export const WALKS = ['vae', 'gan', 'stylegan', 'ae', 'realnvp'];
/** Those that find the code of an item, and so have a map. */
export const MAPS = ['vae', 'ae'];

/** Directions of what is measured of the pictures, found once. -> {names, directions, spreads} */
export async function named(run, left) {
    const job = await once('directions', { run, count: 0, labels: true }, left);
    return jsonFile(job, job.files.find(name => name.endsWith('directions.json')));
}

/** The same directions, and behind them those that have names. */
export const withNamed = (compass, more) => compass && {
    ...compass, directions: [...compass.directions, ...more.directions], spreads: [...compass.spreads, ...more.spreads],
    names: [...compass.directions.map(() => ''), ...more.names],
};

/** The job when it has ended. @throws Fault where it failed */
export async function finished(job) {
    for (let pause = FIRST; !ended(job); pause = Math.min(MOST, pause * 1.4)) {
        await new Promise(go => { setTimeout(go, pause); });
        job = await get(`/v1/jobs/${encodeURIComponent(job.id)}`);
    }
    if (job.status === 'done') return job;
    throw new Fault(0, job.error?.code || 'cancelled', job.error?.field || '', job.error?.message || job.status);
}

/** A file of JSON of a job. */
export async function jsonFile(job, name) {
    const found = await get(fileUrl(job, name));
    return typeof found === 'string' ? JSON.parse(found) : found;
}

/** A signal that is aborted when the page is left: what was asked for it alone is ended then. */
export function useLeaving() {
    const leaving = useMemo(() => new AbortController(), []);
    useEffect(() => {
        const leave = () => leaving.abort();
        addEventListener('pagehide', leave);
        return () => { removeEventListener('pagehide', leave); leave(); };
    }, []);
    return leaving.signal;
}

const made = () => {
    try { return JSON.parse(sessionStorage.getItem(MADE)) || {}; } catch { return {}; }
};

/** A job that ends with the signal, and is asked for once: a finished one of this tab is taken where there is one. */
export async function once(kind, request, left) {
    const key = JSON.stringify([kind, request]), before = made()[key];
    if (before) {
        const job = await get(`/v1/jobs/${encodeURIComponent(before)}`).catch(() => null);
        if (job?.status === 'done' && !job.gone) return job;
    }
    const job = await submit(kind, request), end = () => cancel(job.id).catch(() => {});
    if (left.aborted) end();
    left.addEventListener('abort', end);
    try {
        const done = await finished(job);
        sessionStorage.setItem(MADE, JSON.stringify(Object.fromEntries([...Object.entries(made()), [key, job.id]].slice(-REMEMBERED))));
        return done;
    } finally {
        left.removeEventListener('abort', end);
    }
}

/** Decodes points, until the signal. -> [{code, url}], with points (which of them were asked for), directions and spreads. */
export async function walk(request, left) {
    const job = await once('walk', request, left);
    const pictures = job.files.filter(name => name.endsWith('.png')).sort();
    const told = job.result?.codes?.length ? job.result : await jsonFile(job, job.files.find(name => name.endsWith('.json')));
    return { frames: pictures.map((name, i) => ({ code: told.codes[i], url: fileUrl(job, name) })), points: told.points,
        directions: told.directions, spreads: told.spreads };
}

export const text = code => code.join(' ');

/** base + sum of amounts[k] spreads[k] directions[k] */
export function moved(base, amounts, { directions, spreads }) {
    return base.map((v, i) => amounts.reduce((sum, a, k) => (a ? sum + a * spreads[k] * directions[k][i] : sum), v));
}

/** The code of a place of the map. */
export const codeAt = (map, x, y) => map.mean.map((m, i) => m + x * map.axes[0][i] + y * map.axes[1][i]);

/** The place of a code on the map, whose axes are of length 1 and at a right angle. */
export function placeOf(map, code) {
    const along = axis => axis.reduce((sum, a, i) => sum + a * (code[i] - map.mean[i]), 0);
    return { x: along(map.axes[0]), y: along(map.axes[1]) };
}

/** Does the newest of what is asked, one at a time: what was asked in between is passed over. */
export class Newest {
    constructor(work) { this.work = work; this.next = null; this.busy = false; }

    ask(what) {
        this.next = { what };
        if (!this.busy) this.turn();
    }

    async turn() {
        this.busy = true;
        while (this.next) {
            const { what } = this.next;
            this.next = null;
            await this.work(what, () => this.next !== null);
        }
        this.busy = false;
    }
}
