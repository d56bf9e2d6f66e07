// src/term/actions.js - the lab's commands as buttons, from GET /api/v1/buttons (a file that a teacher edits).
import {attribute, h, memory} from '../dom.js';
import {toast} from '../ui.js';

const CLEAR_LINE = '\x05\x15'; // to the end of the line, then delete to its beginning: what was begun is not run

export class Actions {
    #buttons = []; #run; #why = '';

    /** @param {(keys: string) => void} run  types into the session that is looked at */
    constructor(run) {
        this.#run = run;
        this.list = h('div', {class: 'term-actions-list', id: 'term-actions'});
        this.toggle = h('button', {class: 'button term-actions-toggle', type: 'button', 'aria-controls': 'term-actions',
            onclick: () => this.toggleOpen()}, 'Commands');
        this.element = h('div', {class: 'term-actions', role: 'group', 'aria-label': 'Commands of the lab', hidden: true}, this.toggle, this.list);
        this.#open(innerWidth > 640 && memory.get('actions', true));
    }

    get isOpen() {
        return !this.list.hidden;
    }

    toggleOpen() {
        this.#open(!this.isOpen);
    }

    #open(yes) {
        this.list.hidden = !yes;
        this.element.classList.toggle('closed', !yes);
        this.toggle.setAttribute('aria-expanded', String(yes));
        if (innerWidth > 640) {
            memory.set('actions', yes);
        }
    }

    /** Reads the file's buttons anew. */
    async load(net) {
        try {
            this.#show(await net.get('/api/v1/buttons'));
        } catch (problem) {
            if (problem.status !== 404) {
                toast(`The command buttons are missing: ${problem.message}`, 'warn');
            }
        }
    }

    /** @param {{id: string, label: string, group: string, command: string, hint: string}[]} rows */
    #show(rows) {
        const groups = [...new Set(rows.map((row) => row.group))];
        this.#buttons = [];
        this.list.replaceChildren(...groups.map((group, i) => h('div', {class: 'term-group', role: 'group', 'aria-labelledby': `term-group-${i}`},
            h('span', {class: 'term-group-name', id: `term-group-${i}`}, group),
            ...rows.filter((row) => row.group === group).map((row) => this.#button(row)))));
        this.element.hidden = groups.length === 0;
        this.allow(this.#why);
    }

    #button(row) {
        const button = h('button', {class: 'button', type: 'button', 'data-button': row.id, onclick: (event) => {
            if (this.#why) {
                toast(this.#why, 'info');
            } else {
                this.#run(`${CLEAR_LINE}${row.command.replaceAll('\n', '\r')}\r`, event.detail > 0);
            }
        }}, row.label);
        this.#buttons.push({button, hint: [row.hint, `Types: ${row.command.replaceAll('\n', '; ')}`].filter(Boolean).join(' ')});
        return button;
    }

    /** '' : the buttons work.  Else they say why they do not. */
    allow(why) {
        this.#why = why;
        for (const {button, hint} of this.#buttons) {
            attribute(button, 'aria-disabled', why ? 'true' : null);
            attribute(button, 'title', why || hint);
            attribute(button, 'aria-description', why || hint);
        }
    }
}
