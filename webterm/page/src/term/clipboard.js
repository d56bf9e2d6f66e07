// src/term/clipboard.js - copy and paste, also where the browser lends its clipboard to no page.
import {h} from '../dom.js';
import {ask, toast} from '../ui.js';

const PREVIEW_LINES = 8;
const PREVIEW_LETTERS = 600;

/** Puts text into the clipboard. */
export async function copy(text) {
    if (!text) {
        toast('Nothing is selected: mark text with the mouse, or choose "Select all".', 'info');
        return;
    }
    if (await write(text)) {
        toast(`Copied ${text.length.toLocaleString('en')} characters.`, 'ok');
    } else {
        toast('The browser did not let this page copy: use its own menu (Shift and right click).', 'warn');
    }
}

async function write(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch { /* plain http on another host than localhost has no such thing: the old way */ }
    const area = h('textarea', {class: 'sr-only', 'aria-hidden': 'true', tabindex: '-1'});
    const before = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    before?.focus();
    return done;
}

/** The clipboard's text, or null with a word to the reader. */
export async function readClipboard() {
    try {
        return await navigator.clipboard.readText();
    } catch {
        toast('The browser does not show this page its clipboard: press Ctrl+Shift+V (or Cmd+V) in the terminal.', 'info');
        return null;
    }
}

/** True at once for one line; several are shown first, since each one runs as it arrives. */
export async function mayPaste(text, where) {
    const lines = text.replace(/\r\n|\r/g, '\n').replace(/\n$/, '').split('\n');
    if (lines.length === 1) {
        return true;
    }
    const start = lines.slice(0, PREVIEW_LINES).join('\n').slice(0, PREVIEW_LETTERS);
    const more = lines.length > PREVIEW_LINES || start.length === PREVIEW_LETTERS;
    return ask({
        title: `Paste ${lines.length.toLocaleString('en')} lines?`,
        body: [h('p', {}, `${text.length.toLocaleString('en')} characters go to ${where}. Each line runs as soon as it is there.`),
            h('pre', {tabindex: '0', 'aria-label': 'Beginning of what is pasted'}, start + (more ? '\n…' : ''))],
        yes: 'Paste',
    });
}

/** Offers bytes to the reader as a file. */
export function save(name, content, type) {
    const url = URL.createObjectURL(new Blob([content], {type}));
    h('a', {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}
