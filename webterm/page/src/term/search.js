// src/term/search.js - the search bar of a terminal.
import {h} from '../dom.js';
import {color} from '../theme.js';

/** "rgb(1, 2, 3)" as "#010203", which is all that the search addon takes. */
function hex(token) {
    return '#' + color(token).match(/\d+/g).slice(0, 3).map((n) => Number(n).toString(16).padStart(2, '0')).join('');
}

export class SearchBar {
    #session = null; #end = null;

    /** @param {() => void} leave  focus goes back to the terminal */
    constructor(leave) {
        this.#leave = leave;
        this.field = h('input', {type: 'search', 'aria-label': 'Find in the terminal', placeholder: 'Find', spellcheck: 'false',
            autocapitalize: 'off', oninput: () => this.#find(true, true), onkeydown: (event) => this.#key(event)});
        this.count = h('span', {class: 'term-count', role: 'status'});
        this.letters = this.#toggle('Aa', 'Upper and lower case differ');
        this.pattern = this.#toggle('.*', 'A regular expression');
        this.element = h('div', {class: 'term-search', role: 'search', hidden: true}, this.field, this.letters, this.pattern, this.count,
            h('button', {class: 'button', type: 'button', 'aria-label': 'Previous match', title: 'Previous (Shift+Enter)', onclick: () => this.#find(false)}, '↑'),
            h('button', {class: 'button', type: 'button', 'aria-label': 'Next match', title: 'Next (Enter)', onclick: () => this.#find(true)}, '↓'),
            h('button', {class: 'button quiet', type: 'button', 'aria-label': 'Close the search', title: 'Close (Escape)', onclick: () => this.close()}, '×'));
    }

    #leave;

    #toggle(text, title) {
        const button = h('button', {class: 'button mono', type: 'button', 'aria-pressed': 'false', title, 'aria-label': title, onclick: () => {
            button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
            this.#find(true, true);
        }}, text);
        return button;
    }

    open(session) {
        this.use(session);
        this.element.hidden = false;
        const selected = session.screen.term.getSelection();
        if (selected && !selected.includes('\n')) {
            this.field.value = selected;
        }
        this.field.focus();
        this.field.select();
        this.#find(true, true);
    }

    /** Another session is looked at. */
    use(session) {
        if (session !== this.#session) {
            this.#clear();
            this.#session = session;
        }
    }

    close() {
        this.#clear();
        this.element.hidden = true;
        this.#leave();
    }

    #clear() {
        this.#session?.screen?.search.clearDecorations();
        this.#end?.dispose();
        this.#end = null;
        this.count.textContent = '';
    }

    #find(forward, incremental = false) {
        const search = this.#session?.screen.search;
        if (!search || !this.field.value) {
            this.#clear();
            return;
        }
        this.#end ??= search.onDidChangeResults(({resultIndex, resultCount}) => {
            this.count.textContent = resultCount === 0 ? 'none' : `${resultIndex + 1} of ${resultCount}`;
        });
        const options = {
            incremental, caseSensitive: this.letters.getAttribute('aria-pressed') === 'true', regex: this.#validPattern(),
            decorations: {matchBackground: hex('--term-match'), activeMatchBackground: hex('--term-match-now'),
                matchOverviewRuler: hex('--term-match'), activeMatchColorOverviewRuler: hex('--term-match-now')},
        };
        if (!(forward ? search.findNext(this.field.value, options) : search.findPrevious(this.field.value, options))) {
            this.count.textContent = 'none';
        }
    }

    /** Whether the field is a pattern; a broken one is searched as text, and marked. */
    #validPattern() {
        const wanted = this.pattern.getAttribute('aria-pressed') === 'true';
        let valid = true;
        try {
            void new RegExp(wanted ? this.field.value : '');
        } catch {
            valid = false;
        }
        this.field.setAttribute('aria-invalid', String(!valid));
        return wanted && valid;
    }

    #key(event) {
        if (event.key === 'Enter') {
            this.#find(!event.shiftKey);
        } else if (event.key === 'Escape') {
            this.close();
        } else {
            return;
        }
        event.preventDefault();
    }
}
