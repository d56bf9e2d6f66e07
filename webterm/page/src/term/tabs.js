// src/term/tabs.js - one tab a session; arrows go from one to the next, Delete closes.
import {attribute, h, setText} from '../dom.js';

export class Tabs {
    #rows = new Map(); #on; #active = null;

    /** @param {{choose: (n: number) => void, close: (n: number) => void, add: () => void}} on */
    constructor(on) {
        this.#on = on;
        this.list = h('div', {class: 'term-tablist', role: 'tablist', 'aria-label': 'Sessions', onkeydown: (event) => this.#key(event)});
        this.closer = h('button', {class: 'button quiet', type: 'button', title: 'Close this session', onclick: () => on.close(this.#active)}, '×');
        this.add = h('button', {class: 'button quiet', type: 'button', 'aria-label': 'New session', title: 'New session', onclick: on.add}, '+');
        this.element = h('div', {class: 'term-tabs'}, this.list, this.closer, this.add);
    }

    /** @param {Iterable<import('./session.js').Session>} sessions  @param {number|null} active */
    show(sessions, active) {
        const all = [...sessions];
        for (const [number, row] of this.#rows) {
            if (!all.some((s) => s.number === number)) {
                row.tab.remove();
                this.#rows.delete(number);
            }
        }
        for (const session of all) {
            const row = this.#rows.get(session.number) ?? this.#make(session);
            const chosen = session.number === active;
            const name = session.title && session.title !== session.name ? `${session.name}: ${session.title}` : session.name;
            setText(row.text, name);
            attribute(row.tab, 'aria-selected', String(chosen));
            attribute(row.tab, 'tabindex', chosen ? '0' : '-1');
            attribute(row.tab, 'data-ended', session.ended !== null);
            attribute(row.tab, 'data-recording', Boolean(session.recording));
            attribute(row.tab, 'title', `${name}${session.ended ? ' (ended)' : ''}${session.recording ? ' (is being recorded)' : ''}`);
        }
        const chosen = all.find((s) => s.number === active);
        this.#active = active;
        this.closer.hidden = !chosen || all.length === 1 || chosen.readonly;
        this.closer.setAttribute('aria-label', `Close session ${chosen?.name ?? ''}`);
        this.add.hidden = all.some((s) => s.readonly);
    }

    /** A session rang its bell. */
    ring(number) {
        const tab = this.#rows.get(number)?.tab;
        tab?.setAttribute('data-bell', '');
        setTimeout(() => tab?.removeAttribute('data-bell'), 400);
    }

    focus(number) {
        this.#rows.get(number)?.tab.focus();
    }

    #make(session) {
        const text = h('span', {class: 'term-tab-name'}, session.name);
        const tab = h('button', {class: 'term-tab', type: 'button', role: 'tab', id: `term-tab-${session.number}`,
            'aria-controls': `term-panel-${session.number}`, onclick: () => this.#on.choose(session.number)}, text);
        const row = {tab, text};
        this.#rows.set(session.number, row);
        this.list.append(tab);
        return row;
    }

    #key(event) {
        const numbers = [...this.#rows.keys()];
        const now = numbers.findIndex((n) => this.#rows.get(n).tab === document.activeElement);
        const to = {ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1}[event.key];
        if (to !== undefined) {
            const number = numbers.at(to % numbers.length);
            this.#on.choose(number, true);
            this.focus(number);
        } else if (event.key === 'Delete' && now >= 0 && !this.closer.hidden) {
            this.#on.close(numbers[now]);
        } else {
            return;
        }
        event.preventDefault();
    }
}
