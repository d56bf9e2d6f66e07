// src/term/status.js - the line below the terminal: who has the keyboard, and how things stand.
import {attribute, h, setText} from '../dom.js';
import {myName} from './session.js';

function bytes(n) {
    return n < 1024 * 1024 ? `${Math.ceil(n / 1024)} KB` : `${(n / 1024 / 1024).toFixed(1)} MB`;
}

function ending(ended) {
    return ended.signal ? `ended by signal ${ended.signal}` : ended.status === undefined ? 'ended' : `ended with status ${ended.status}`;
}

export class StatusLine {
    #session = null; #net;

    constructor(net) {
        this.#net = net;
        const button = (text, f) => h('button', {class: 'button', type: 'button', onclick: () => this.#session && f(this.#session), hidden: true}, text);
        this.who = h('span', {class: 'state term-who', role: 'status'});
        this.take = button('Take the keyboard', (s) => s.take());
        this.ask = button('Ask for it', (s) => s.askForKeyboard());
        this.give = button('Hand over', (s) => s.give());
        this.details = h('span', {class: 'term-details'});
        this.element = h('div', {class: 'term-status'}, this.who, this.give, this.take, this.ask, this.details);
    }

    show(session) {
        this.#session = session;
        const open = session?.connection === 'open' && session.helloed;
        const [state, text] = this.#who(session, open);
        attribute(this.who, 'data-state', state);
        setText(this.who, text);
        const watching = open && !session.driver && !session.readonly;
        this.take.hidden = !watching;
        this.ask.hidden = !watching || !session.driverName;
        attribute(this.ask, 'aria-disabled', session?.asked ? 'true' : null);
        this.ask.textContent = session?.asked ? 'Asked' : 'Ask for it';
        this.give.hidden = !(open && session.driver && session.wanted && session.wanted !== myName());
        this.give.textContent = session?.wanted ? `Hand over to ${session.wanted}` : 'Hand over';
        this.details.textContent = session ? this.#details(session) : '';
    }

    #who(session, open) {
        if (!session) {
            return ['off', 'No session'];
        }
        if (!open) {
            return ['warn', session.connection === 'waiting' ? 'Connection lost, trying again' : 'Connecting'];
        }
        if (session.ended) {
            return ['off', `The session has ${ending(session.ended)}` + (session.driver ? ': Enter begins it anew' : '')];
        }
        if (session.driver) {
            return session.wanted && session.wanted !== myName() ? ['warn', `${session.wanted} asks for the keyboard`] : ['ok', 'You have the keyboard'];
        }
        return ['off', session.driverName ? `${session.driverName} has the keyboard, you watch` : 'Nobody has the keyboard'];
    }

    #details(session) {
        const parts = [];
        if (session.pasting > 0) {
            parts.push(`sending ${bytes(session.pasting)}, ^C ends it`);
        }
        if (session.behind > 512 * 1024) {
            parts.push(`${bytes(session.behind)} behind`);
        }
        if (session.viewers > 0) {
            parts.push(`${session.viewers} watching`);
        }
        parts.push(`${session.size.cols} × ${session.size.rows}`);
        return parts.join('  ·  ');
    }
}
