// Settings: of families by their keys, of requests by their schema. Good defaults; those that few need lie closed.
import { html } from './html.js';
import { t, knows } from './words.js';
import { Select, NumberField, TextField, Check } from './ui.js';

/** A name for people from "sampler.stepSize". */
export function title(key) {
    const leaf = key.slice(key.lastIndexOf('.') + 1);
    for (const name of [`key.${key}`, `key.${leaf}`]) if (knows(name)) return t(name);
    const words = leaf.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/_/g, ' ').toLowerCase();
    return words[0].toUpperCase() + words.slice(1);
}

/** The keys that count where those values are chosen: of "sampler.steps" that of the chosen sampler. values: {key: text} */
export function applicable(keys, values) {
    const now = {};
    const found = [];
    for (const key of keys) {
        if (key.key.includes('NAME') || !holds(key.when, now)) continue;
        now[key.key] = values[key.key] ?? key.default;
        found.push(key);
    }
    return found;
}

const holds = (when, now) => !when || when.split(', ').every(one => {
    const at = one.indexOf('=');
    return now[one.slice(0, at)] === one.slice(at + 1);
});

/** ["key=value"] of what differs from its default and counts. */
export const toList = (keys, values) => applicable(keys, values)
    .filter(k => values[k.key] !== undefined && values[k.key] !== k.default).map(k => `${k.key}=${values[k.key]}`);

/** {key: text} from ["key=value"]. */
export const fromList = list => Object.fromEntries((list || []).map(one => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));

/** {min, max} of "between 1 and 9", "at least 1", "at most 1". */
export function bounds(range) {
    const between = /^between (\S+) and (\S+)$/.exec(range), least = /^at least (\S+)$/.exec(range), most = /^at most (\S+)$/.exec(range);
    if (between) return { min: Number(between[1]), max: Number(between[2]) };
    return { min: least ? Number(least[1]) : undefined, max: most ? Number(most[1]) : undefined };
}

/**
 * Settings of a family. keys: [{key, type, default, range, help, when}]; values: {key: text}, those that were changed; main: the keys that
 * are seen at once, the others lie closed; hide: keys that the page asks for by itself; error: {field, message} of a fault.
 */
export function KeysForm({ keys, values, onChange, main = [], hide = [], error, summary }) {
    const shown = applicable(keys, values).filter(k => !hide.includes(k.key));
    const put = (key, value) => onChange({ ...values, [key]: value });
    const row = k => html`<${KeyField} key=${k.key + k.when} k=${k} value=${values[k.key] ?? k.default} onChange=${v => put(k.key, v)}
        error=${error && error.field === k.key ? error.message : undefined} />`;
    const first = shown.filter(k => main.includes(k.key)), rest = shown.filter(k => !main.includes(k.key));
    return html`<div class="form">${first.map(row)}<${More} summary=${summary} changed=${rest.filter(k => k.key in values
        && values[k.key] !== k.default).length} open=${rest.some(k => error && error.field === k.key)}>${rest.map(row)}<//></div>`;
}

function KeyField({ k, value, onChange, error }) {
    const label = title(k.key), help = k.help;
    if (k.type.includes('|')) return html`<${Select} label=${label} help=${help} error=${error} value=${value} options=${k.type.split('|')} onChange=${onChange} />`;
    if (k.type === 'boolean') return html`<${Check} label=${label} help=${help} checked=${value === 'true'} onChange=${v => onChange(String(v))} />`;
    if (['int', 'long', 'double'].includes(k.type)) {
        return html`<${NumberField} label=${label} help=${help} error=${error} value=${Number(value)} integer=${k.type !== 'double'} ...${bounds(k.range)}
            onChange=${v => onChange(String(v))} />`;
    }
    return html`<${TextField} label=${label} help=${help} error=${error} value=${value} onInput=${onChange} />`;
}

function More({ children, summary, changed, open }) {
    if (children.length === 0) return null;
    return html`<details class="more" open=${open || undefined}><summary>${summary || t('form.more')}${
        changed > 0 && html` <span class="badge">${changed}</span>`}</summary><div class="form">${children}</div></details>`;
}

/**
 * Settings of a request. schema: JSON Schema of an object; values: {name: value}, nested as the schema is, those that were changed; main,
 * hide, error: as of KeysForm, nested names as "how.steps".
 */
export function SchemaForm({ schema, values, onChange, main = [], hide = [], error, summary }) {
    const rows = flat(schema, '', values).filter(r => !hide.includes(r.path) && !hide.some(h => r.path.startsWith(`${h}.`)));
    const changed = r => read(values, r.path) !== undefined && read(values, r.path) !== r.of.default && !r.path.endsWith('.kind');
    const put = (r, value) => {
        if (!r.kinds) return onChange(write(values, r.path, value, r.base));
        const parent = r.path.slice(0, -'.kind'.length), chosen = r.kinds.find(k => k.title === value);
        return onChange(write(values, parent, r.usual.kind === value ? undefined : variant(chosen)));
    };
    const row = r => html`<${SchemaField} key=${r.path} r=${r} value=${read(values, r.path) ?? r.of.default} onChange=${v => put(r, v)}
        error=${error && error.field === r.path ? error.message : undefined} />`;
    const first = main.map(path => rows.find(r => r.path === path)).filter(Boolean), rest = rows.filter(r => !main.includes(r.path));
    return html`<div class="form">${first.map(row)}<${More} summary=${summary} changed=${rest.filter(changed).length}
        open=${rest.some(r => error && error.field === r.path)}>${rest.map(row)}<//></div>`;
}

/** An object of that kind, with its defaults. */
const variant = of => Object.fromEntries(Object.entries(of.properties).map(([name, x]) => [name, x.const ?? x.default]));

/**
 * [{path, of}] of every setting of a schema that is a number, a text, yes or no, a list of texts, or a choice of kinds, of whose fields
 * those of the chosen one follow: with kinds at the choice, and base, the object that a field is written into, at the fields.
 */
export function flat(schema, prefix = '', values = {}) {
    return Object.entries(schema?.properties || {}).flatMap(([name, of]) => {
        const path = prefix + name;
        if (of.oneOf && of.default?.kind) {
            const now = read(values, path) || of.default, chosen = of.oneOf.find(k => k.title === now.kind) || of.oneOf[0];
            const fields = Object.entries(chosen.properties).filter(([field, x]) => field !== 'kind' && ['integer', 'number', 'string', 'boolean'].includes(x.type));
            return [{ path: `${path}.kind`, of: { enum: of.oneOf.map(k => k.title), default: of.default.kind, description: of.description }, kinds: of.oneOf, usual: of.default },
                ...fields.map(([field, x]) => ({ path: `${path}.${field}`, of: { ...x, default: now[field] ?? x.default }, base: { at: path, value: now } }))];
        }
        if (of.type === 'object' && of.properties) return flat(of, `${path}.`, values);
        const simple = ['integer', 'number', 'string', 'boolean'].includes(of.type) || of.enum || (of.type === 'array' && of.items?.type === 'string');
        return simple && !of['x-place'] ? [{ path, of }] : [];
    });
}

export const read = (values, path) => path.split('.').reduce((at, name) => at?.[name], values);

/** values with that one changed; undefined takes it out. base: {at, value}: the object at a path, where it is not in values yet */
export function write(values, path, value, base) {
    const whole = base && read(values, base.at) === undefined ? write(values, base.at, base.value) : values;
    const [name, ...rest] = path.split('.');
    const next = rest.length ? write(whole?.[name] || {}, rest.join('.'), value) : value;
    const made = { ...whole, [name]: next };
    if (next === undefined) delete made[name];
    return made;
}

function SchemaField({ r: { path, of }, value, onChange, error }) {
    const label = title(path.replace(/\.kind$/, '')), help = of.description;
    if (of.enum) return html`<${Select} label=${label} help=${help} error=${error} value=${value} options=${of.enum} onChange=${onChange} />`;
    if (of.type === 'boolean') return html`<${Check} label=${label} help=${help} checked=${value === true} onChange=${onChange} />`;
    if (of.type === 'integer' || of.type === 'number') {
        return html`<${NumberField} label=${label} help=${help} error=${error} value=${value ?? ''} integer=${of.type === 'integer'} min=${of.minimum}
            max=${of.maximum} onChange=${onChange} />`;
    }
    if (of.type === 'array') {
        return html`<${TextField} label=${label} help=${help} error=${error} rows=${2} value=${(value || []).join('\n')}
            onInput=${text => onChange(text.split('\n').filter(line => line.trim() !== ''))} />`;
    }
    return html`<${TextField} label=${label} help=${help} error=${error} value=${value ?? ''} onInput=${onChange} />`;
}
