// src/shortcuts.js - the page's keys, and the list of them.
import {h} from './dom.js';
import {ask} from './ui.js';

/** @type {{group: string, keys: string, text: string, do?: () => void, when?: () => boolean}[]} */
const all = [];

function name(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    return (event.ctrlKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '') + (event.shiftKey ? 'Shift+' : '') + key;
}

/** Adds keys to the list; those with 'do' are listened to while 'when' says so. */
export function addShortcuts(group, rows) {
    all.push(...rows.map((row) => ({group, ...row})));
}

export function showShortcuts() {
    const groups = [...new Set(all.map((s) => s.group))];
    ask({title: 'Keys', yes: 'Close', no: null, body: groups.map((group) => [h('h3', {}, group),
        h('table', {class: 'table'}, h('tbody', {}, all.filter((s) => s.group === group).map((s) =>
            h('tr', {}, h('th', {scope: 'row'}, h('kbd', {}, s.keys)), h('td', {}, s.text)))))])});
}

addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]')) {
        return;
    }
    const wanted = name(event);
    const found = all.find((s) => s.keys === wanted && s.do && (s.when?.() ?? true));
    if (found) {
        event.preventDefault();
        event.stopPropagation();
        found.do();
    }
}, true);
