// dash/account.js - what became of every frame: the sum, whether it holds, and why frames were dropped.
import {attribute, h, setText} from '../src/dom.js';
import {count, rate, words} from './format.js';
import {arrange} from './parts.js';

const PARTS = ['received', 'forwarded', 'answered', 'held', 'dropped', 'in_flight'];

/** received = forwarded + answered + held + dropped + in flight */
export function account() {
    const cells = Object.fromEntries(PARTS.map((name) => [name, {total: h('dd', {class: 'num'}), rate: h('dd', {class: 'num dash-dim'})}]));
    const holds = h('span', {class: 'state', 'data-state': 'off'}, 'not known yet');
    const element = h('section', {class: 'panel dash-account', 'aria-label': 'Account of frames'},
        h('dl', {}, PARTS.map((name) =>
            h('div', {'data-total': name}, h('dt', {}, words(name)), cells[name].total, cells[name].rate))),
        h('p', {class: 'dash-holds'}, holds));
    return {
        element,
        update(stack) {
            for (const name of PARTS) {
                setText(cells[name].total, count(stack.totals?.[name]));
                setText(cells[name].rate, name === 'in_flight' ? ' ' : rate(stack.rates?.[name]));
            }
            const known = typeof stack.holds === 'boolean';
            attribute(holds, 'data-state', !known ? 'off' : stack.holds ? 'ok' : 'bad');
            setText(holds, !known ? 'not known yet' : stack.holds ? 'everything adds up' : 'does not add up: see causeway show verdicts');
        },
    };
}

/** Reasons that never struck are left out. */
export function drops() {
    const body = h('tbody');
    const rows = new Map();
    const nothing = h('p', {class: 'empty'}, 'No frame was dropped.');
    const table = h('table', {class: 'table'}, h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Reason'), h('th', {scope: 'col'}, 'Decided by'),
        h('th', {scope: 'col', class: 'num'}, 'Rate'), h('th', {scope: 'col', class: 'num'}, 'Total'))), body);
    const element = h('section', {class: 'panel dash-drops'}, h('div', {class: 'dash-panel-head'}, h('h2', {}, 'Dropped, by reason')),
        h('div', {class: 'dash-scroll scrolls'}, table, nothing));
    const row = (d) => {
        const key = `${d.process} ${d.reason}`;
        if (!rows.has(key)) {
            const cells = {rate: h('td', {class: 'num'}), total: h('td', {class: 'num'})};
            cells.row = h('tr', {'data-reason': d.reason}, h('th', {scope: 'row'}, words(d.reason), h('span', {class: 'dash-why'}, d.text ?? '')),
                h('td', {}, d.process), cells.rate, cells.total);
            rows.set(key, cells);
        }
        return rows.get(key);
    };
    return {
        element,
        update(stack) {
            const shown = (stack.drops ?? []).filter((d) => Number(d.total) > 0);
            attribute(nothing, 'hidden', shown.length > 0);
            attribute(table, 'hidden', shown.length === 0);
            arrange(body, shown.map((d) => {
                const cells = row(d);
                setText(cells.rate, rate(d.rate));
                setText(cells.total, count(d.total));
                cells.row.classList.toggle('dash-now', Number(d.rate) > 0);
                return cells.row;
            }));
        },
    };
}

const SHOWN_EVENTS = 30;

/** What processes did, newest first. */
export function eventList() {
    const list = h('ol', {class: 'dash-events'});
    const nothing = h('p', {class: 'empty'}, 'No process has changed its state since this page was opened.');
    const element = h('section', {class: 'panel'}, h('div', {class: 'dash-panel-head'}, h('h2', {}, 'What happened')),
        h('div', {class: 'dash-scroll scrolls'}, list, nothing));
    return {
        element,
        add(sentence, time) {
            nothing.hidden = true;
            list.prepend(h('li', {}, h('time', {class: 'num'}, time), ' ', sentence));
            while (list.children.length > SHOWN_EVENTS) {
                list.lastElementChild.remove();
            }
        },
    };
}
