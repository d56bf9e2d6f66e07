// dash/table.js - a table that is updated in place: sorted by a column, filtered by words, keyed by row.
//
//     const t = liveTable({title: 'Routes', key: (r) => r.destination, columns: [{key, title, ...}]})
//     t.update(rows)
//
// A row's element stays the row's for as long as it is there, so neither scroll, focus nor selection is lost.
// Arrow keys go from row to row; Enter does what a click on the row does.
import {attribute, h, setText} from '../src/dom.js';
import {count} from './format.js';
import {arrange, isSelecting, newId} from './parts.js';

const MOST = 500; // rows in the document; a filter finds the others

/**
 * @typedef {{key: string, title: string, num?: boolean, text?(row: any): string, sort?(row: any): number|string,
 *     state?(row: any): string, mono?: boolean, button?: {text: string, label(row: any): string, press(row: any): void}}} Column
 */

function textOf(column, row) {
    const value = column.text ? column.text(row) : row[column.key];
    return value === null || value === undefined ? '' : String(value);
}

function sortKey(column, row) {
    const value = column.sort ? column.sort(row) : row[column.key];
    return typeof value === 'string' && value !== '' && !Number.isNaN(Number(value)) ? Number(value) : value ?? '';
}

function compare(a, b) {
    if (typeof a === 'number' && typeof b === 'number') {
        return a - b;
    }
    return String(a).localeCompare(String(b), 'en', {numeric: true});
}

/** A row's cells, made once. */
class Row {
    constructor(table, columns) {
        this.columns = columns;
        this.cells = columns.map((column, i) => this.#cell(column, i));
        this.element = h('tr', {tabindex: -1}, this.cells);
        this.element.addEventListener('click', (event) => event.target.closest('button') || table.open?.(this.value));
    }

    #cell(column, i) {
        if (column.button) {
            this.button = h('button', {class: 'button dash-row-button', type: 'button', tabindex: -1,
                onclick: () => column.button.press(this.value)}, column.button.text);
            return h('td', {class: 'dash-row-do'}, this.button);
        }
        const classes = [column.num && 'num', column.mono && 'mono'].filter(Boolean).join(' ');
        return h(i === 0 ? 'th' : 'td', {class: classes || null, scope: i === 0 ? 'row' : null},
            column.state ? h('span', {class: 'state'}) : null);
    }

    update(value) {
        this.value = value;
        this.columns.forEach((column, i) => {
            if (column.button) {
                attribute(this.button, 'aria-label', column.button.label(value));
                return;
            }
            const text = textOf(column, value), at = column.state ? this.cells[i].firstChild : this.cells[i];
            setText(at, text);
            if (column.state) {
                attribute(at, 'data-state', column.state(value));
            }
        });
    }

    tab(on) {
        this.element.tabIndex = on ? 0 : -1;
        if (this.button) {
            this.button.tabIndex = on ? 0 : -1;
        }
    }
}

class LiveTable {
    #what; #rows = new Map(); #values = []; #by; #down = false; #current = null; #shown = []; #old = '';

    constructor(what) {
        this.#what = what;
        this.#by = what.columns[0];
        this.open = what.open;
        const id = newId('table');
        this.filter = h('input', {class: 'dash-filter', type: 'search', placeholder: 'Filter', 'aria-label': `Filter ${what.title}`,
            oninput: () => this.#draw(true)});
        this.note = h('p', {class: 'dash-note', role: 'status'});
        this.body = h('tbody');
        this.heads = what.columns.map((column) => this.#head(column));
        this.table = h('table', {class: 'table dash-table', 'aria-labelledby': id}, h('thead', {}, h('tr', {}, this.heads)), this.body);
        this.empty = h('p', {class: 'empty'}, what.nothing ?? 'Nothing yet.');
        this.place = h('div', {class: 'dash-scroll scrolls'}, this.table, this.empty);
        this.count = h('span', {class: 'dash-count num'});
        this.head = h('div', {class: 'dash-panel-head'}, h('h2', {id}, what.title), this.count, this.filter);
        this.element = h('section', {class: 'panel dash-table-panel', 'aria-labelledby': id, 'data-table': what.name ?? null},
            this.head, what.above ?? null, this.place, this.note);
        this.body.addEventListener('keydown', (event) => this.#key(event));
        this.body.addEventListener('focusin', (event) => this.#settle(this.#shown.find((r) => r.element.contains(event.target))));
        this.#order();
    }

    /** 'old': why the rows are not those of now; a sentence. */
    update(values, old = '') {
        this.#values = values ?? [];
        this.#old = old ?? '';
        this.#draw(false);
    }

    #head(column) {
        if (column.button) {
            return h('td', {class: 'dash-row-do'});
        }
        const button = h('button', {class: 'dash-sort', type: 'button', onclick: () => {
            this.#down = this.#by === column ? !this.#down : false;
            this.#by = column;
            this.#order();
            this.#draw(true);
        }}, column.title);
        return h('th', {scope: 'col', class: column.num ? 'num' : null}, button);
    }

    #order() {
        this.#what.columns.forEach((column, i) => {
            attribute(this.heads[i], 'aria-sort', column === this.#by && (this.#down ? 'descending' : 'ascending'));
        });
    }

    /** Those that have all words of the filter, in order. */
    #chosen() {
        const wanted = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        const has = (row) => {
            const text = this.#what.columns.filter((c) => !c.button).map((c) => textOf(c, row)).join(' ').toLowerCase();
            return wanted.every((word) => text.includes(word));
        };
        const list = wanted.length ? this.#values.filter(has) : [...this.#values];
        const keyed = list.map((row, i) => ({row, key: sortKey(this.#by, row), i}));
        keyed.sort((a, b) => (compare(a.key, b.key) || a.i - b.i) * (this.#down ? -1 : 1));
        return keyed.map(({row}) => row);
    }

    #draw(asked) {
        const chosen = this.#chosen(), keys = new Set();
        const seen = chosen.slice(0, MOST).map((value) => {
            const key = this.#what.key(value);
            keys.add(key);
            if (!this.#rows.has(key)) {
                this.#rows.set(key, new Row(this, this.#what.columns));
            }
            this.#rows.get(key).update(value);
            return this.#rows.get(key);
        });
        for (const key of [...this.#rows.keys()].filter((k) => !keys.has(k))) {
            this.#rows.delete(key);
        }
        this.#shown = seen;
        if (asked || !isSelecting(this.body)) {
            arrange(this.body, [...new Set(seen)].map((row) => row.element));
        }
        this.#settle(seen.includes(this.#current) ? this.#current : seen[0]);
        this.#say(chosen.length);
    }

    #say(n) {
        const all = this.#values.length;
        setText(this.count, n === all ? count(all) : `${count(n)} of ${count(all)}`);
        attribute(this.table, 'hidden', n === 0);
        attribute(this.empty, 'hidden', n > 0);
        setText(this.empty, all > 0 ? 'No row has these words.' : this.#what.nothing ?? 'Nothing yet.');
        setText(this.note, [n > MOST && `The first ${MOST} of ${count(n)} are shown: filter to see others.`,
            this.#old && `Not as of now: ${this.#old}.`].filter(Boolean).join(' '));
    }

    #settle(row) {
        if (row && row !== this.#current) {
            this.#current?.tab(false);
            row.tab(true);
            this.#current = row;
        }
    }

    #key(event) {
        const at = this.#shown.findIndex((row) => row.element === event.target);
        const to = {ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: this.#shown.length - 1}[event.key];
        if (at >= 0 && to !== undefined && this.#shown[to]) {
            event.preventDefault();
            this.#shown[to].element.focus();
        } else if (at >= 0 && event.key === 'Enter' && this.open) {
            this.open(this.#shown[at].value);
        }
    }
}

export function liveTable(what) {
    return new LiveTable(what);
}
