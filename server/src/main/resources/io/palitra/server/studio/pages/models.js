import { html } from '../lib/html.js';
import { t, register } from '../lib/words.js';
import { Head } from '../lib/ui.js';
import words from '../words/models.js';

register(words);

export default function Page() {
    return html`<${Head} title=${t('nav.models')} about=${t('models.about')} />`;
}
