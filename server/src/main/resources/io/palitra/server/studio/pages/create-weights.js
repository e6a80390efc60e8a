// Weights of words in a prompt, as (word:1.2).

/** The text with that part's weight moved by a step; a part without selection is the word at the cursor. -> {text, from, to} */
export function weigh(text, from, to, step) {
    if (from === to) {
        while (from > 0 && /[^\s,()]/.test(text[from - 1])) from--;
        while (to < text.length && /[^\s,():]/.test(text[to])) to++;
    }
    if (from === to) return { text, from, to };
    const before = text.slice(0, from), part = text.slice(from, to), after = text.slice(to);
    const weight = /^:(\d+(?:\.\d+)?)\)/.exec(after);
    if (before.endsWith('(') && weight) {
        const next = Math.max(0, Math.round((Number(weight[1]) + step) * 100) / 100);
        if (next === 1) return { text: before.slice(0, -1) + part + after.slice(weight[0].length), from: from - 1, to: to - 1 };
        return { text: `${before}${part}:${next})${after.slice(weight[0].length)}`, from, to };
    }
    return { text: `${before}(${part}:${Math.round((1 + step) * 100) / 100})${after}`, from: from + 1, to: to + 1 };
}
