// Ways for a picture to come into a page: dropped, chosen from the disk, pasted, or from the gallery.
import { html, useEffect, useRef, useState } from './html.js';
import { t } from './words.js';
import { get, fileUrl } from './api.js';
import { Button, Dialog, Icon, Picture, Notice } from './ui.js';
import { faultText } from './faults.js';

const TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/bmp'];

/** The first picture among what was dropped or pasted, or null. */
export const pictureOf = transfer => [...(transfer?.files || [])].find(f => TYPES.includes(f.type)) || null;

export const hasFiles = event => [...(event.dataTransfer?.types || [])].includes('Files');

/** Asks for a picture. onBlob(blob, name) */
export function PicturePicker({ onBlob, label, small }) {
    const [over, setOver] = useState(false);
    const [gallery, setGallery] = useState(false);
    const input = useRef();
    const drop = e => {
        const found = pictureOf(e.dataTransfer);
        setOver(false);
        if (!found) return;
        e.preventDefault();
        e.stopPropagation();
        onBlob(found, found.name);
    };
    useEffect(() => {
        const paste = e => { const found = pictureOf(e.clipboardData); if (found) onBlob(found, found.name); };
        addEventListener('paste', paste);
        return () => removeEventListener('paste', paste);
    }, []);
    return html`<div class="drop ${over ? 'over' : ''} ${small ? 'small' : ''}" onDragOver=${e => { if (hasFiles(e)) { e.preventDefault(); setOver(true); } }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
        ${!small && html`<${Icon} name="upload" />`}<p>${label || t('pick.drop')}</p>
        <div class="row"><${Button} small=${small} onClick=${() => input.current.click()}>${t('pick.file')}<//><${Button} small=${small} icon="gallery" onClick=${() => setGallery(true)}>${t('pick.gallery')}<//></div>
        <input type="file" accept=${TYPES.join(',')} ref=${input} class="unseen" tabindex="-1" aria-label=${t('pick.file')} onChange=${e => { const f = e.target.files[0]; e.target.value = ''; if (f) onBlob(f, f.name); }} />
        <${GalleryPicker} open=${gallery} onClose=${() => setGallery(false)} onPick=${entry => { setGallery(false); fetchPicture(entry).then(blob => onBlob(blob, entry.name)); }} /></div>`;
}

/** The bytes of a job's picture. entry: {job, name} */
export async function fetchPicture({ job, name }) {
    const answer = await fetch(fileUrl(job, name), { credentials: 'same-origin' });
    if (!answer.ok) throw new Error(t('pick.gone'));
    return answer.blob();
}

function GalleryPicker({ open, onClose, onPick }) {
    const [found, setFound] = useState(null);
    const [fault, setFault] = useState(null);
    useEffect(() => { if (open) get('/v1/gallery?limit=60').then(x => setFound(x.pictures), setFault); }, [open]);
    return html`<${Dialog} title=${t('pick.gallery')} open=${open} onClose=${onClose} wide>
        ${fault && html`<${Notice} kind="fault">${faultText(fault)}<//>`}${found && found.length === 0 && html`<p class="muted">${t('pick.empty')}</p>`}
        <div class="picks">${(found || []).map(p => html`<button type="button" key=${p.id} class="tile" aria-label=${p.prompt || p.name} onClick=${() => onPick(p)}><${Picture} src=${fileUrl(p.job, p.name, 160)} alt="" /></button>`)}</div><//>`;
}

/** An image element of that address, decoded. */
export function loadImage(src) {
    return new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = () => reject(new Error(t('pick.gone')));
        image.src = src;
    });
}
