// src/term/player.js - recordings: a list, and a player with speed and a place to jump to.
import {h} from '../dom.js';
import {openDialog, toast} from '../ui.js';
import {eventAfter, readCast} from './cast.js';
import {Screen} from './screen.js';

const SPEEDS = [0.5, 1, 2, 4, 8];

function clock(seconds) {
    const tenths = Math.floor(seconds * 10);
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
}

/** Shows what there is; choosing one plays it. */
export async function showRecordings(net) {
    let rows;
    try {
        rows = (await net.get('/api/v1/recordings')).recordings;
    } catch (problem) {
        toast(`The recordings cannot be listed: ${problem.message}`, 'bad');
        return;
    }
    const dialog = h('dialog', {class: 'dialog term-recordings', 'aria-labelledby': 'recordings-title'},
        h('h2', {id: 'recordings-title'}, 'Recordings'),
        h('div', {class: 'dialog-body'}, rows.length ? list(net, rows, () => dialog.close())
            : h('p', {}, 'There are none yet. "Record" starts one; it keeps what the session prints.')),
        h('div', {class: 'dialog-foot'}, h('button', {class: 'button', type: 'button', onclick: () => dialog.close()}, 'Close')));
    openDialog(dialog);
}

function list(net, rows, close) {
    return h('table', {class: 'table'},
        h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'Started'), h('th', {scope: 'col'}, 'Name'), h('th', {scope: 'col', class: 'num'}, 'KB'),
            h('th', {}, h('span', {class: 'sr-only'}, 'Do')))),
        h('tbody', {}, rows.map((row) => h('tr', {},
            h('td', {}, row.started ? new Date(row.started * 1000).toLocaleString() : ''), h('td', {class: 'mono'}, row.name),
            h('td', {class: 'num'}, Math.ceil((row.size ?? 0) / 1024)),
            h('td', {class: 'term-row-buttons'},
                h('button', {class: 'button', type: 'button', 'aria-label': `Play ${row.name}`, onclick: () => {
                    close();
                    play(net, row.name);
                }}, 'Play'),
                h('a', {class: 'button', href: `/api/v1/recordings/${encodeURIComponent(row.name)}`, download: row.name,
                    'aria-label': `Save ${row.name}`}, 'Save'))))));
}

async function play(net, name) {
    try {
        const text = await net.get(`/api/v1/recordings/${encodeURIComponent(name)}`);
        new Player(name, typeof text === 'string' ? text : JSON.stringify(text));
    } catch (problem) {
        toast(`${name} cannot be played: ${problem.message}`, 'bad');
    }
}

class Player {
    #cast; #text; #at = 0; #done = 0; #since = 0; #playing = false; #frame = 0; #screen;

    constructor(name, text) {
        this.#text = text;
        this.#cast = readCast(text, true);
        this.place = h('div', {class: 'term-player-screen'});
        this.button = h('button', {class: 'button', type: 'button', onclick: () => this.#go(!this.#playing)}, 'Pause');
        this.bar = h('input', {type: 'range', min: '0', step: 'any', value: '0', 'aria-label': 'Place in the recording',
            oninput: () => this.#seek(Number(this.bar.value))});
        this.time = h('span', {class: 'num mono term-player-time'});
        this.speed = h('select', {'aria-label': 'Speed'}, SPEEDS.map((s) => h('option', {value: s, selected: s === 1}, `${s} ×`)));
        this.pauses = h('input', {type: 'checkbox', checked: true, onchange: () => this.#reread()});
        this.dialog = h('dialog', {class: 'dialog term-player', 'aria-labelledby': 'player-title'},
            h('h2', {id: 'player-title'}, name), h('div', {class: 'dialog-body'}, this.place),
            h('div', {class: 'dialog-foot'}, this.button, this.bar, this.time, this.speed,
                h('label', {class: 'term-check'}, this.pauses, 'Shorten pauses'),
                h('button', {class: 'button', type: 'button', onclick: () => this.dialog.close()}, 'Close')));
        openDialog(this.dialog, () => this.#end());
        this.#screen = new Screen(this.place, {label: `Recording ${name}`, muted: () => true});
        this.#screen.term.options.disableStdin = true;
        this.#screen.adopt(this.#cast.cols, this.#cast.rows);
        this.bar.max = this.#cast.duration;
        this.#go(true);
    }

    #end() {
        cancelAnimationFrame(this.#frame);
        this.#screen.dispose();
    }

    #reread() {
        const part = this.#cast.duration ? this.#at / this.#cast.duration : 0;
        this.#cast = readCast(this.#text, this.pauses.checked);
        this.bar.max = this.#cast.duration;
        this.#seek(part * this.#cast.duration);
    }

    #go(yes) {
        this.#playing = yes;
        this.button.textContent = yes ? 'Pause' : 'Play';
        if (yes && this.#at >= this.#cast.duration) {
            this.#seek(0);
        }
        this.#since = performance.now();
        cancelAnimationFrame(this.#frame);
        this.#step();
    }

    #seek(at) {
        this.#screen.reset();
        this.#done = 0;
        this.#at = at;
        this.#since = performance.now();
        this.#show();
    }

    #step() {
        const now = performance.now();
        if (this.#playing) {
            this.#at = Math.min(this.#cast.duration, this.#at + (now - this.#since) / 1000 * Number(this.speed.value));
        }
        this.#since = now;
        this.#show();
        if (this.#playing && this.#at >= this.#cast.duration) {
            this.#playing = false;
            this.button.textContent = 'Play again';
        }
        if (this.#playing) {
            this.#frame = requestAnimationFrame(() => this.#step());
        }
    }

    /** All that was printed by now and is not on the screen yet. */
    #show() {
        const to = eventAfter(this.#cast.events, this.#at);
        for (const event of this.#cast.events.slice(this.#done, to)) {
            if (event.kind === 'o') {
                this.#screen.write(event.data);
            } else if (event.kind === 'r') {
                const [cols, rows] = event.data.split('x').map(Number);
                this.#screen.adopt(cols, rows);
            }
        }
        this.#done = to;
        this.bar.value = this.#at;
        this.bar.setAttribute('aria-valuetext', clock(this.#at));
        this.time.textContent = `${clock(this.#at)} / ${clock(this.#cast.duration)}`;
    }
}
