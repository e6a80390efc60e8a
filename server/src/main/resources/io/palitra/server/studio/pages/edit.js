import { html } from '../lib/html.js';
import { t, register } from '../lib/words.js';
import { Head } from '../lib/ui.js';
import words from '../words/edit.js';

register(words);

export default function Page() {
    return html`<${Head} title=${t('nav.edit')} about=${t('edit.about')} />`;
}
