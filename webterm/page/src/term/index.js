// src/term/index.js - the terminal view: sessions as tabs, the lab's commands, the screen, who drives it.
import {h, memory} from '../dom.js';
import {openMenu} from '../menu.js';
import {addShortcuts} from '../shortcuts.js';
import {ask, prompt, toast} from '../ui.js';
import {Actions} from './actions.js';
import {copy, mayPaste, readClipboard, save} from './clipboard.js';
import {pasteBytes} from './input.js';
import {KeyBar} from './keybar.js';
import {showRecordings} from './player.js';
import {setScreenReader, settings, zoom} from './screen.js';
import {SearchBar} from './search.js';
import {myName, Session} from './session.js';
import {StatusLine} from './status.js';
import {Tabs} from './tabs.js';
import {scrollByTouch} from './touch.js';

const LIST_MS = 5000;

export function mountTerminal(element, net) {
    return new TerminalView(element, net);
}

class TerminalView {
    #net; #sessions = new Map(); #active = null; #visible = false; #timer = 0; #drawing = 0; #listing = null;

    constructor(element, net) {
        this.#net = net;
        this.tabs = new Tabs({choose: (n, stay) => this.#choose(n, stay), close: (n) => this.#close(n), add: () => this.#add()});
        this.actions = new Actions((keys, byPointer) => this.#run(keys, byPointer));
        this.search = new SearchBar(() => this.#focus());
        this.status = new StatusLine(net);
        this.keys = new KeyBar(() => this.session);
        this.stage = h('div', {class: 'term-stage'}, this.search.element);
        this.element = element;
        element.append(h('div', {class: 'term-top'}, this.tabs.element, this.#tools()), this.actions.element, this.stage,
            this.keys.element, this.status.element);
        this.#listen();
        this.actions.load(net);
        this.#list();
    }

    /** @returns {Session|null} what is looked at */
    get session() {
        return this.#sessions.get(this.#active) ?? null;
    }

    shown(visible) {
        this.#visible = visible;
        this.session?.shown(visible);
        clearTimeout(this.#timer);
        if (visible) {
            this.#list();
            this.#focusIfFree();
        }
    }

    #tools() {
        this.record = h('button', {class: 'button term-record', type: 'button', onclick: () => this.#record(), 'aria-pressed': 'false'}, 'Record');
        const more = h('button', {class: 'button', type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', id: 'term-more',
            onclick: () => openMenu(this.#menu(), {anchor: more, label: 'Terminal'})}, 'Menu');
        return h('div', {class: 'term-tools', role: 'toolbar', 'aria-label': 'Terminal'},
            h('button', {class: 'button term-wide', type: 'button', title: 'Find (Ctrl+Shift+F)', onclick: () => this.#find()}, 'Find'),
            h('button', {class: 'button term-wide', type: 'button', 'aria-label': 'A\u2212, smaller letters', title: 'Smaller letters', onclick: () => this.#zoom(-1)}, 'A\u2212'),
            h('button', {class: 'button term-wide', type: 'button', 'aria-label': 'A+, larger letters', title: 'Larger letters', onclick: () => this.#zoom(1)}, 'A+'),
            this.record, more);
    }

    #menu() {
        const session = this.session;
        const term = session?.screen.term;
        const none = session ? undefined : 'There is no session.';
        const viewer = this.#net.me?.role === 'viewer' ? 'You are a viewer: an operator may do this.' : none;
        return [
            {text: 'Copy', hint: 'Ctrl+Shift+C', do: () => copy(term.getSelection()), disabled: none},
            {text: 'Paste', hint: 'Ctrl+Shift+V', do: async () => this.#paste(await readClipboard()), disabled: session?.whyNot() || none},
            {text: 'Select all', do: () => term.selectAll(), disabled: none},
            {text: 'Find', hint: 'Ctrl+Shift+F', do: () => this.#find(), disabled: none},
            {text: 'Clear what is shown here', do: () => term.clear(), disabled: none},
            {line: true},
            {text: 'Larger letters', do: () => this.#zoom(1)}, {text: 'Smaller letters', do: () => this.#zoom(-1)},
            {text: 'Usual letters', do: () => this.#zoom(0)},
            {text: 'Commands of the lab', checked: this.actions.isOpen, do: () => this.actions.toggleOpen()},
            {text: 'For screen readers', checked: settings.screenReader, do: () => this.#readAloud()},
            {line: true},
            {text: session?.recording ? 'Stop recording' : 'Record', do: () => this.#record(), disabled: viewer},
            {text: 'Recordings', do: () => showRecordings(this.#net)},
            {text: 'Save as text', do: () => this.#saveText(), disabled: none},
            {text: 'Save with colours', do: () => save(`${session.name}.html`, session.screen.serialize.serializeAsHTML(), 'text/html'), disabled: none},
            {line: true},
            {text: `My name: ${myName()}`, do: () => this.#rename()},
            {text: 'Send the key F6', do: () => session.type('\x1b[17~'), disabled: session?.whyNot() || none},
        ];
    }

    #listen() {
        const {stage} = this;
        new ResizeObserver(() => this.#redraw(true)).observe(stage);
        stage.addEventListener('paste', (event) => {
            if (event.target === this.search.field) {
                return;
            }
            event.preventDefault();
            event.stopPropagation();
            this.#paste(event.clipboardData.getData('text/plain'));
        }, true);
        stage.addEventListener('contextmenu', (event) => {
            if (!event.shiftKey && event.target !== this.search.field) {
                event.preventDefault();
                openMenu(this.#menu(), {x: event.clientX, y: event.clientY, label: 'Terminal'});
            }
        });
        scrollByTouch(stage, () => this.session?.screen.term);
        addShortcuts('Terminal', [
            {keys: 'F6', text: 'Leave the terminal; again: go back into it', do: () => this.#leave()},
            {keys: 'Ctrl+Shift+C', text: 'Copy what is marked', do: () => this.session && copy(this.session.screen.term.getSelection()), when: () => this.#inTerminal()},
            {keys: 'Ctrl+Shift+V', text: 'Paste (several lines are shown first)'},
            {keys: 'Ctrl+Shift+F', text: 'Find', do: () => this.#find(), when: () => this.#visible},
            {keys: 'Shift+PageUp', text: 'Scroll back; Shift+PageDown: forth'},
            {keys: 'Shift+right click', text: "The browser's own menu"},
        ]);
        this.#net.watch(() => this.#redraw());
        document.addEventListener('visibilitychange', () => document.hidden || this.#list());
    }

    /** Draws tabs, line and buttons anew, at most once a frame; fits the terminal if its place changed. */
    #redraw(fit = false) {
        this.fitting ||= fit;
        this.#drawing ||= requestAnimationFrame(() => {
            this.#drawing = 0;
            const session = this.session;
            if (this.fitting) {
                this.fitting = false;
                session?.fit();
            }
            this.tabs.show(this.#sessions.values(), this.#active);
            this.status.show(session);
            this.actions.allow(session ? session.whyNot() : 'There is no session.');
            this.record.setAttribute('aria-pressed', String(Boolean(session?.recording)));
            this.record.textContent = session?.recording ? 'Stop recording' : 'Record';
            this.record.disabled = !session || this.#net.me?.role === 'viewer';
            this.stage.dataset.drives = String(Boolean(session?.driver));
            document.title = session ? `${session.title || session.name} \u2013 Causeway` : 'Causeway';
        });
    }

    /** Which sessions there are; asked for now and then, for others open and close them, too. */
    #list() {
        this.#listing ??= this.#fetchList().finally(() => {
            this.#listing = null;
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => this.#visible && !document.hidden && this.#list(), LIST_MS);
        });
        return this.#listing;
    }

    async #fetchList() {
        let rows;
        try {
            rows = (await this.#net.get('/api/v1/sessions')).sessions;
        } catch {
            return; // the line above says that there is no connection
        }
        for (const [number, session] of this.#sessions) {
            if (!rows.some((r) => r.session === number)) {
                session.close();
                this.#sessions.delete(number);
            }
        }
        for (const row of rows) {
            const session = this.#sessions.get(row.session) ?? this.#make(row);
            session.recording = row.recording;
            session.name = row.name;
        }
        if (!this.session && this.#sessions.size) {
            this.#choose(this.#sessions.keys().next().value, true);
            this.#focusIfFree();
        }
        this.#redraw();
    }

    #make(row) {
        const session = new Session(this.#net, row, {
            changed: () => this.#redraw(), key: (event) => this.#key(event), filter: (data) => this.keys.filter(data),
            bell: (s) => this.tabs.ring(s.number),
        });
        this.#sessions.set(row.session, session);
        this.stage.append(session.panel);
        session.open();
        return session;
    }

    #choose(number, stay = false) {
        for (const session of this.#sessions.values()) {
            session.shown(this.#visible && session.number === number);
        }
        this.#active = number;
        if (this.session) {
            this.search.use(this.session);
        }
        if (!stay) {
            this.#focus();
        }
        this.#redraw();
    }

    async #add() {
        try {
            const {session} = await this.#net.post('/api/v1/sessions', {kind: 'lab'});
            await this.#listing;
            await this.#list();
            this.#choose(session);
        } catch (problem) {
            toast(`No new session: ${problem.message}`, 'bad');
        }
    }

    async #close(number) {
        const session = this.#sessions.get(number);
        if (!session?.ended && !await ask({title: `Close session ${session.name}?`, yes: 'Close it', danger: true,
            body: 'What runs in it is stopped, for everyone who looks at it. Its output is gone.'})) {
            return;
        }
        try {
            await this.#net.delete(`/api/v1/sessions/${number}`);
            await this.#listing;
            await this.#list();
        } catch (problem) {
            toast(`The session stays: ${problem.message}`, 'bad');
        }
    }

    #focus() {
        this.session?.screen.focus();
    }

    /** So that who opens the page may type at once; not on a phone, whose keyboard would come up. */
    #focusIfFree() {
        if (this.#visible && matchMedia('(pointer: fine)').matches && [null, document.body].includes(document.activeElement)) {
            this.#focus();
        }
    }

    #inTerminal() {
        return this.stage.contains(document.activeElement) && document.activeElement !== this.search.field;
    }

    /** Out of the terminal to the tab above it, or back. */
    #leave() {
        if (!this.#visible) {
            return;
        }
        if (this.#inTerminal()) {
            this.tabs.focus(this.#active);
        } else {
            this.#focus();
        }
    }

    /** What xterm does with a key; false: the page has it (shortcuts.js). */
    #key(event) {
        return !(event.key === 'F6' || (event.ctrlKey && event.shiftKey && ['C', 'V', 'F'].includes(event.key.toUpperCase())));
    }

    #run(keys, byPointer) {
        this.session?.type(keys);
        if (byPointer && matchMedia('(pointer: fine)').matches) {
            this.#focus();
        }
    }

    async #paste(text) {
        const session = this.session;
        if (!text || !session) {
            return;
        }
        const why = session.whyNot();
        if (why) {
            toast(why, 'info');
        } else if (await mayPaste(text, session.name)) {
            session.type(pasteBytes(text, session.screen.term.modes.bracketedPasteMode));
        }
        session.screen.focus();
    }

    #find() {
        if (this.session) {
            this.search.open(this.session);
        }
    }

    #zoom(step) {
        zoom(step);
        this.#sessions.forEach((s) => s.applySettings());
    }

    #readAloud() {
        setScreenReader(!settings.screenReader);
        this.#sessions.forEach((s) => s.applySettings());
        toast(settings.screenReader ? 'Output is read aloud, and the lines can be walked through.' : 'Output is no longer read aloud.', 'ok');
    }

    async #record() {
        const session = this.session;
        const path = `/api/v1/sessions/${session.number}/recording`;
        try {
            await (session.recording ? this.#net.delete(path) : this.#net.post(path));
            toast(session.recording ? 'The recording is kept: Menu, Recordings.' : `${session.name} is recorded: what it prints, not what is typed.`, 'ok');
        } catch (problem) {
            toast(`Recording: ${problem.message}`, 'bad');
        }
        await this.#listing;
        await this.#list();
    }

    #saveText() {
        h('a', {href: `/api/v1/sessions/${this.session.number}/text`, download: `${this.session.name}.txt`}).click();
    }

    async #rename() {
        const name = await prompt({title: 'Your name, as others see it', value: myName(), label: 'Name'});
        if (name) {
            memory.set('name', name.slice(0, 40));
            toast('Others see your new name when this page connects the next time.', 'ok');
        }
    }
}
