// src/term/session.js - one session: its connection, its screen, who drives it.
import {h, memory} from '../dom.js';
import {toast} from '../ui.js';
import {Input} from './input.js';
import {Screen} from './screen.js';
import {Stream} from './stream.js';

const REPORT = /^\x1b\[(?:[IO]|M|<)/; // eslint-disable-line no-control-regex
const SAY_AGAIN_MS = 5000;

/** The name by which others see this browser. */
export function myName() {
    let name = memory.get('name', '');
    if (!name) {
        name = 'guest ' + Math.random().toString(36).slice(2, 5);
        memory.set('name', name);
    }
    return name;
}

export class Session {
    #net; #link; #stream; #input; #changed; #replaying = false; #saidNo = 0; #drove = false; #size = {cols: 80, rows: 24};
    #shown = false; #met = false; // has been attached before: who drove then goes on to

    /**
     * @param {import('../net.js').Net} net
     * @param {{session: number, name: string}} row  of GET /api/v1/sessions
     * @param {{changed: (s: Session) => void, key: (event: KeyboardEvent) => boolean, filter: (data: string) => string,
     *          bell: (s: Session) => void}} on
     */
    constructor(net, row, on) {
        this.#net = net;
        this.#changed = on.changed;
        this.number = row.session;
        this.name = row.name;
        this.title = '';
        this.driver = false;
        this.driverName = '';
        this.wanted = '';
        this.viewers = 0;
        this.readonly = false;
        this.ended = null;
        this.asked = false;
        this.pasting = 0;
        this.element = h('div', {class: 'term-screen', 'data-session': this.number});
        this.panel = h('div', {class: 'term-panel', role: 'tabpanel', id: `term-panel-${this.number}`,
            'aria-labelledby': `term-tab-${this.number}`, hidden: true}, this.element);
        this.on = on;
    }

    /** To be called once the panel is in the page. */
    open() {
        this.screen = new Screen(this.element, {
            label: `Terminal ${this.name}. F6 leaves it.`,
            muted: () => this.#replaying || !this.driver,
        });
        this.element.terminal = this.screen.term; // for the browser's console, and tests
        this.#stream = new Stream({
            write: (bytes, done) => this.screen.write(bytes, done),
            reset: () => this.screen.reset(),
            lost: (bytes) => bytes > 0 && toast(`${this.name}: ${bytes.toLocaleString('en')} bytes of output came too fast for this page; they are in "Save as text" if they are recent.`, 'warn'),
            replaying: (yes) => this.#setReplaying(yes),
        }, (message) => this.#link.send(message), () => this.#link.again());
        this.#input = new Input(() => this, {
            dropped: (bytes) => toast(`There is no connection: ${bytes} bytes that were typed are not sent.`, 'warn'),
            progress: (bytes) => this.#set({pasting: bytes}),
        });
        this.#listen(this.screen.term);
        this.#link = this.#net.socket(`/ws/terminal?session=${this.number}`, 'causeway.terminal', {
            open: () => this.#link.send({...this.#stream.attach(myName()), ...(this.#met ? {driver: this.#drove} : {})}),
            text: (message) => this.#message(message),
            binary: (buffer) => this.#stream.binary(buffer),
            state: () => this.#set({driver: false, helloed: false}),
        });
    }

    #listen(term) {
        term.onData((data) => this.type(this.on.filter(data)));
        term.onBinary((data) => this.type(Uint8Array.from(data, (c) => c.charCodeAt(0))));
        term.onTitleChange((title) => this.#set({title}));
        term.onBell(() => this.#replaying || this.on.bell(this));
        term.attachCustomKeyEventHandler((event) => this.on.key(event));
    }

    /** What the input queue wants to know of the connection. */
    get ready() {
        return this.#link.state === 'open' && this.driver;
    }

    get waiting() {
        return this.#link.waiting;
    }

    send(bytes) {
        return this.#link.send(bytes);
    }

    /** Bytes received that are not on the screen yet. */
    get behind() {
        return this.#stream.behind;
    }

    get connection() {
        return this.#link.state;
    }

    get size() {
        return this.#size;
    }

    /** Types, if this page drives; else says who does, now and then. */
    type(what) {
        if (!what || what.length === 0) {
            return;
        }
        if (this.driver || (this.#drove && this.#link.state !== 'open')) {
            this.#input.send(what);
        } else if (!REPORT.test(what) && Date.now() - this.#saidNo > SAY_AGAIN_MS) {
            this.#saidNo = Date.now();
            toast(this.whyNot(), 'info');
        }
    }

    /** Why this page may not type, as a sentence; '' if it may. */
    whyNot() {
        if (this.ended) {
            return this.driver ? 'This session has ended: Enter begins it anew.' : 'This session has ended.';
        }
        if (this.driver) {
            return '';
        }
        if (this.#link?.state !== 'open' || !this.helloed) {
            return 'There is no connection to the session yet.';
        }
        if (this.readonly) {
            return 'You are a viewer, and watch: an operator may type.';
        }
        return this.driverName ? `You watch: ${this.driverName} has the keyboard. Take it, or ask for it.` : 'Nobody has the keyboard: take it.';
    }

    take() {
        this.#link.send({type: 'take'});
    }

    askForKeyboard() {
        this.#set({asked: this.#link.send({type: 'ask'})});
    }

    give() {
        this.#link.send({type: 'give'});
    }

    /** Asks for the driver's size, or takes it over; also when the window or the font has changed. */
    fit() {
        if (!this.#shown) {
            return;
        }
        const fits = this.driver ? this.screen.proposed() : null;
        if (!fits) {
            this.screen.adopt(this.#size.cols, this.#size.rows);
            return;
        }
        this.screen.adopt(fits.cols, fits.rows);
        if (fits.cols !== this.#size.cols || fits.rows !== this.#size.rows) {
            this.#size = fits;
            this.#link.send({type: 'resize', cols: fits.cols, rows: fits.rows});
            this.#set({});
        }
    }

    shown(visible) {
        this.#shown = visible;
        this.panel.hidden = !visible;
        this.fit();
    }

    applySettings() {
        this.screen.applySettings();
        this.fit();
    }

    close() {
        this.#link.close();
        this.screen.dispose();
        this.panel.remove();
    }

    #message(m) {
        if (m.type === 'hello') {
            this.#hello(m);
        } else if (m.type === 'state') {
            this.#state(m);
        } else if (m.type === 'ended') {
            this.#set({ended: {status: m.status, signal: m.signal}, driver: false});
        } else if (m.type === 'refused') {
            this.#set({asked: false});
            toast(`${this.name}: ${m.why}`, 'warn');
        } else {
            this.#stream.text(m);
        }
    }

    #hello(m) {
        this.#met = true;
        this.#stream.text(m);
        this.#size = {cols: m.cols, rows: m.rows};
        this.#set({helloed: true, readonly: m.readonly, viewers: m.viewers, ended: m.state === 'ended' ? this.ended ?? {} : null});
        this.#drives(m.driver);
    }

    #state(m) {
        const size = {cols: m.cols, rows: m.rows};
        this.#set({driverName: m.driver_name ?? '', viewers: m.viewers, wanted: m.wanted ?? '', asked: this.asked && m.wanted === myName()});
        this.#drives(m.driver);
        if (!m.driver && (size.cols !== this.#size.cols || size.rows !== this.#size.rows)) {
            this.#size = size;
            this.fit();
        }
    }

    #drives(yes) {
        const changed = yes !== this.driver;
        this.#drove = yes;
        this.#set({driver: yes});
        if (changed || yes) {
            this.fit();
        }
        if (yes) {
            this.#set({asked: false});
            this.#input.pump();
        } else {
            this.#input.clear();
        }
    }

    #setReplaying(yes) {
        if (yes !== this.#replaying) {
            this.#replaying = yes;
            this.#changed(this);
        }
    }

    #set(values) {
        let news = false;
        for (const [name, value] of Object.entries(values)) {
            news ||= this[name] !== value;
            this[name] = value;
        }
        if (news || Object.keys(values).length === 0) {
            this.#changed(this);
        }
    }
}
