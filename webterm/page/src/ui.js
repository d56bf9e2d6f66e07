// src/ui.js - short messages, and questions.
import {h} from './dom.js';

const STAYS_MS = {ok: 4000, info: 5000, warn: 8000, bad: 12000};

/**
 * Says something in the corner; screen readers say it aloud.  The same sentence is not said twice at once.
 * @param {string} sentence
 * @param {'ok'|'info'|'warn'|'bad'} [kind]
 */
export function toast(sentence, kind = 'info') {
    const place = document.getElementById('toasts');
    for (const old of place.children) {
        if (old.dataset.text === sentence) {
            old.remove();
        }
    }
    const box = h('div', {class: 'toast', 'data-kind': kind, 'data-text': sentence}, h('p', {}, sentence),
        h('button', {class: 'button quiet', type: 'button', 'aria-label': 'Close message', onclick: () => box.remove()}, '×'));
    place.append(box);
    while (place.children.length > 4) {
        place.firstElementChild.remove();
    }
    setTimeout(() => box.remove(), STAYS_MS[kind]);
}

/** Shows a dialog until it is closed; 'ended' is called then. */
export function openDialog(dialog, ended) {
    dialog.addEventListener('close', () => {
        dialog.remove();
        ended?.();
    });
    document.body.append(dialog);
    dialog.showModal();
}

/**
 * Asks; the answer comes when the dialog is closed.  Without a 'no' it only tells.
 * @param {{title: string, body?: string|Node|Array, yes?: string, no?: string|null, danger?: boolean}} q
 * @returns {Promise<boolean>}
 */
export function ask(q) {
    return new Promise((resolve) => {
        const yes = h('button', {class: 'button ' + (q.danger ? 'danger' : 'primary'), value: 'yes', autofocus: !q.danger},
            q.yes ?? 'OK');
        const no = q.no === null ? null : h('button', {class: 'button', type: 'button', autofocus: q.danger, onclick: () => dialog.close('no')},
            q.no ?? 'Cancel');
        const dialog = h('dialog', {class: 'dialog', 'aria-labelledby': 'dialog-title'},
            h('form', {method: 'dialog'}, h('h2', {id: 'dialog-title'}, q.title),
                h('div', {class: 'dialog-body'}, q.body ?? ''), h('div', {class: 'dialog-foot'}, no, yes)));
        openDialog(dialog, () => resolve(dialog.returnValue === 'yes'));
    });
}

/**
 * Asks for a line of text.
 * @param {{title: string, label: string, value?: string, type?: string}} q
 * @returns {Promise<string|null>} null: cancelled
 */
export async function prompt(q) {
    const field = h('input', {type: q.type ?? 'text', value: q.value ?? '', autofocus: true, maxlength: '200'});
    const yes = await ask({title: q.title, body: h('label', {class: 'field'}, q.label, field)});
    return yes ? field.value.trim() : null;
}
