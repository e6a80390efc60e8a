// What an address of the studio says after its page: #/runs?run=mine
import { useState, useEffect } from './html.js';

const read = () => Object.fromEntries(new URLSearchParams(location.hash.split('?')[1] || ''));

/** {name: text} of the address, as it changes. */
export function useQuery() {
    const [query, setQuery] = useState(read);
    useEffect(() => {
        const look = () => setQuery(read());
        addEventListener('hashchange', look);
        return () => removeEventListener('hashchange', look);
    }, []);
    return query;
}

/** The address of a page with what it is to show. */
export const address = (page, query) => `#/${page}?${new URLSearchParams(query)}`;

/** Calls look now and every so many milliseconds while the page is seen; look gets a function that says whether it was left. */
export function useEvery(milliseconds, look, deps = []) {
    useEffect(() => {
        let left = false, timer = 0;
        const turn = async () => {
            clearTimeout(timer);
            if (left) return;
            if (!document.hidden) await look(() => left);
            if (!left && !document.hidden) timer = setTimeout(turn, milliseconds);
        };
        const seen = () => { if (!document.hidden) turn(); };
        document.addEventListener('visibilitychange', seen);
        turn();
        return () => { left = true; clearTimeout(timer); document.removeEventListener('visibilitychange', seen); };
    }, deps);
}
