import { html } from '../lib/html.js';
import { t, register } from '../lib/words.js';
import { Head } from '../lib/ui.js';
import words from '../words/runs.js';

register(words);

export default function Page() {
    return html`<${Head} title=${t('nav.runs')} about=${t('runs.about')} />`;
}
