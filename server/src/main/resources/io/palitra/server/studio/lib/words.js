// Words of the page in the language that is chosen. A page brings words/PAGE.js with {en: {...}, ru: {...}} and registers it once.
import { signal, effect } from '@preact/signals';

const KEPT = 'palitra.language';
const all = { en: {}, ru: {} };
const kept = localStorage.getItem(KEPT);

export const languages = { en: 'English', ru: 'Русский' };
export const language = signal(kept in languages ? kept : (navigator.language || '').startsWith('ru') ? 'ru' : 'en');

effect(() => {
    document.documentElement.lang = language.value;
    localStorage.setItem(KEPT, language.value);
});

export function register(words) {
    for (const name of Object.keys(all)) Object.assign(all[name], words[name]);
}

/** The words of a key; {name} in them is params.name. Where they depend on params.n they are {one, few, many, other}. */
export function t(key, params = {}) {
    const words = all[language.value][key];
    if (words === undefined) throw new Error(`no words for '${key}' in ${language.value}`);
    const chosen = typeof words === 'string' ? words : words[plural(params.n)] ?? words.other;
    return chosen.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? shown(params[name]) : whole));
}

/** Whether there are words for a key. */
export const knows = key => all[language.value][key] !== undefined;

/** What a kind of job is called; its own name where there are no words for it. */
export const kindName = kind => (knows(`kind.${kind}`) ? t(`kind.${kind}`) : kind);

const plural = n => new Intl.PluralRules(language.value).select(n);
const shown = value => (typeof value === 'number' ? number(value) : String(value));

/** A number as people write it; digits: after the point, at most. */
export const number = (value, digits = 3) => new Intl.NumberFormat(language.value, { maximumFractionDigits: digits }).format(value);

/** "1.2 GB", by powers of 1000. */
export function bytes(value) {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    let at = 0;
    while (value >= 1000 && at < units.length - 1) { value /= 1000; at++; }
    return new Intl.NumberFormat(language.value, { style: 'unit', unit: units[at], unitDisplay: 'short', maximumFractionDigits: at ? 1 : 0 })
        .format(value);
}

/** "4 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const unit = (n, name) => new Intl.NumberFormat(language.value, { style: 'unit', unit: name, unitDisplay: 'short' }).format(n);
    if (whole < 60) return unit(seconds > 0 && seconds < 1 ? Math.round(seconds * 10) / 10 : whole, 'second');
    const [large, small] = whole < 3600 ? [['minute', whole / 60], ['second', whole % 60]] : [['hour', whole / 3600], ['minute', whole % 3600 / 60]];
    return [large, small].map(([name, n]) => [name, Math.floor(n)]).filter(([, n]) => n > 0).map(([name, n]) => unit(n, name)).join(' ');
}

/** Date and time of seconds since 1970. */
export const moment = seconds => new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'short' }).format(seconds * 1000);
