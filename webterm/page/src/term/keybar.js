// src/term/keybar.js - keys that a phone's keyboard lacks.
import {h} from '../dom.js';
import {control} from './input.js';

const KEYS = [
    {text: 'Esc', say: 'Esc, escape', send: '\x1b'}, {text: 'Tab', say: 'Tab', send: '\t'}, {text: 'Ctrl', say: 'Ctrl, for the next key'},
    {text: '←', say: 'Left', arrow: 'D'}, {text: '↑', say: 'Up', arrow: 'A'}, {text: '↓', say: 'Down', arrow: 'B'}, {text: '→', say: 'Right', arrow: 'C'},
    {text: '|', say: 'Bar', send: '|'}, {text: '^C', say: 'Control C, interrupt', send: '\x03'},
];

export class KeyBar {
    #held = false; #session;

    /** @param {() => import('./session.js').Session|null} session */
    constructor(session) {
        this.#session = session;
        this.element = h('div', {class: 'term-keys', role: 'toolbar', 'aria-label': 'Keys'}, ...KEYS.map((key) => {
            // A press must not take the focus from the terminal: the phone's keyboard would go away.
            const button = h('button', {class: 'button', type: 'button', 'aria-label': key.say, onpointerdown: (e) => e.preventDefault(),
                onclick: () => this.#press(key)}, key.text);
            if (key.text === 'Ctrl') {
                this.ctrl = button;
                button.setAttribute('aria-pressed', 'false');
            }
            return button;
        }));
    }

    #press(key) {
        const session = this.#session();
        if (key.text === 'Ctrl') {
            this.#hold(!this.#held);
        } else if (session) {
            const application = session.screen.term.modes.applicationCursorKeysMode;
            session.type(key.arrow ? `\x1b${application ? 'O' : '['}${key.arrow}` : key.send);
        }
    }

    #hold(yes) {
        this.#held = yes;
        this.ctrl.setAttribute('aria-pressed', String(yes));
    }

    /** What is typed passes through here: Ctrl counts for one character. */
    filter(data) {
        if (!this.#held || data.length !== 1) {
            return data;
        }
        this.#hold(false);
        return control(data) ?? data;
    }
}
