// What the page remembers: values of forms in this browser, jobs of this tab, and settings that one page hands to another.
import { useState, useEffect } from './html.js';

const read = (store, key, usual) => {
    try { return JSON.parse(store.getItem(`palitra.${key}`)) ?? usual; } catch { return usual; }
};

function useStored(store, key, usual) {
    const [value, setValue] = useState(() => {
        const was = read(store, key, usual);
        return usual && typeof usual === 'object' && !Array.isArray(usual) ? { ...usual, ...was } : was;
    });
    useEffect(() => { store.setItem(`palitra.${key}`, JSON.stringify(value)); }, [value]);
    return [value, setValue];
}

/** State that this browser remembers. */
export const useKept = (key, usual) => useStored(localStorage, key, usual);

/** State that lives as long as the tab, also when it is loaded anew. */
export const useTab = (key, usual) => useStored(sessionStorage, key, usual);

const HANDED = 'palitra.handed';
const EDITS = ['complete', 'vary', 'continue', 'caption'];

/** "Use these settings": goes to the page of that kind and gives it the request. */
export function useSettings(kind, request) {
    const page = kind === 'dream' ? 'dream' : (kind === 'paint' && request.image) || EDITS.includes(kind) ? 'edit' : 'create';
    sessionStorage.setItem(HANDED, JSON.stringify({ page, kind, request }));
    if (location.hash === `#/${page}`) dispatchEvent(new Event('palitra-handed'));
    else location.hash = `#/${page}`;
}

/** Calls take(kind, request) with what was handed to this page, now or while it is open. */
export function useHanded(page, take) {
    useEffect(() => {
        const look = () => {
            const handed = read(sessionStorage, 'handed', null);
            if (!handed || handed.page !== page) return;
            sessionStorage.removeItem(HANDED);
            take(handed.kind, handed.request);
        };
        look();
        addEventListener('palitra-handed', look);
        return () => removeEventListener('palitra-handed', look);
    }, []);
}

export const randomSeed = () => Math.floor(Math.random() * 2 ** 31);
