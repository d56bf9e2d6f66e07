// dash/packet_list.js - thousands of packets, of which the document holds those in sight.
//
// One element scrolls, as high as all rows would be; the few rows in sight are filled anew at each frame in which
// something changed. Focus stays on the list itself: the chosen row is its active descendant.
import {attribute, h, setText} from '../src/dom.js';
import {clock, count, dpid} from './format.js';
import {newId} from './parts.js';

const COLUMNS = [
    {key: 'time', title: 'Time', text: (p) => clock(p.t, 6)},
    {key: 'where', title: 'Where', text: (p) => p.where},
    {key: 'port', title: 'Port', text: (p) => (p.port?.startsWith('0x') ? dpid(p.port) : p.port ?? '')},
    {key: 'src', title: 'Source', text: (p) => p.src ?? ''},
    {key: 'dst', title: 'Destination', text: (p) => p.dst ?? ''},
    {key: 'proto', title: 'Protocol', text: (p) => p.proto ?? ''},
    {key: 'len', title: 'Length', text: (p) => count(p.len)},
    {key: 'info', title: 'Info', text: (p) => p.info ?? ''},
];

class Line {
    constructor(choose) {
        this.cells = COLUMNS.map((c) => h('div', {role: 'gridcell', class: `dash-p-${c.key}`}));
        this.element = h('div', {role: 'row', class: 'dash-packet', id: newId('packet'), onclick: () => choose(this.packet)}, this.cells);
    }

    show(packet, index, chosen) {
        if (packet !== this.packet) {
            this.packet = packet;
            COLUMNS.forEach((c, i) => setText(this.cells[i], c.text(packet)));
            attribute(this.element, 'data-proto', packet.proto);
        }
        attribute(this.element, 'aria-rowindex', index + 2);
        attribute(this.element, 'aria-selected', String(chosen));
    }
}

export class PacketList {
    #store; #chosen = null; #onChoose; #onFollow; #lines = []; #frame = 0; #row = 22; #left = 0;

    constructor(store, {choose, follow}) {
        this.#store = store;
        this.#onChoose = choose;
        this.#onFollow = follow;
        this.follow = true;
        this.rows = h('div', {class: 'dash-packet-rows'});
        this.body = h('div', {role: 'rowgroup', class: 'dash-packet-body'}, this.rows);
        const head = h('div', {role: 'rowgroup', class: 'dash-packet-head'}, h('div', {role: 'row', 'aria-rowindex': 1, class: 'dash-packet'},
            COLUMNS.map((c) => h('div', {role: 'columnheader', class: `dash-p-${c.key}`}, c.title))));
        this.element = h('div', {class: 'dash-packet-list', role: 'grid', tabindex: 0, 'aria-label': 'Packets', 'aria-rowcount': -1,
            'aria-colcount': COLUMNS.length, onkeydown: (event) => this.#key(event), onscroll: () => this.#scrolled()}, head, this.body);
        new ResizeObserver(() => this.#resized()).observe(this.element);
    }

    /** Something came; 'left' old ones went. Drawn at the next frame. */
    changed(left = 0) {
        this.#left += left;
        this.#frame ||= requestAnimationFrame(() => this.#draw());
    }

    setFollow(on) {
        this.follow = on;
        this.changed();
    }

    clear() {
        this.#chosen = null;
        this.#left = 0;
        this.body.style.height = '0px';
        this.setFollow(true);
    }

    #resized() {
        this.#row = parseFloat(getComputedStyle(this.element).getPropertyValue('--dash-row')) || 22;
        this.changed();
    }

    #scrolled() {
        const {scrollTop, clientHeight, scrollHeight} = this.element;
        const follow = scrollTop + clientHeight >= scrollHeight - this.#row;
        if (follow !== this.follow) {
            this.follow = follow;
            this.#onFollow(follow);
        }
        this.changed();
    }

    #draw() {
        this.#frame = 0;
        const n = this.#store.length, list = this.element;
        if (list.clientHeight === 0) {
            return; // not seen
        }
        this.body.style.height = `${n * this.#row}px`;
        if (this.follow) {
            list.scrollTop = list.scrollHeight;
        } else if (this.#left) {
            list.scrollTop = Math.max(0, list.scrollTop - this.#left * this.#row); // what is read stays where it is
        }
        this.#left = 0;
        const first = Math.max(0, Math.floor(list.scrollTop / this.#row) - 1);
        this.#fill(first, Math.min(n - first, Math.ceil(list.clientHeight / this.#row) + 3));
        attribute(list, 'aria-rowcount', n + 1);
    }

    #fill(first, wanted) {
        while (this.#lines.length < wanted) {
            const line = new Line((packet) => this.#pick(packet));
            this.#lines.push(line);
            this.rows.append(line.element);
        }
        this.rows.style.transform = `translateY(${first * this.#row}px)`;
        let active = null;
        this.#lines.forEach((line, i) => {
            line.element.hidden = i >= wanted;
            if (i < wanted) {
                const packet = this.#store.at(first + i);
                line.show(packet, first + i, packet === this.#chosen);
                active = packet === this.#chosen ? line.element.id : active;
            }
        });
        attribute(this.element, 'aria-activedescendant', active);
    }

    /** Who picks a row wants to look at it: it must not run away. */
    #pick(packet) {
        if (this.follow) {
            this.follow = false;
            this.#onFollow(false);
        }
        this.choose(packet);
    }

    choose(packet) {
        this.#chosen = packet;
        this.#onChoose(packet);
        this.changed();
    }

    /** Scrolls no more than is needed. */
    #reveal(i) {
        const {scrollTop, clientHeight} = this.element;
        const room = clientHeight - this.element.firstChild.offsetHeight, top = i * this.#row;
        if (top < scrollTop) {
            this.element.scrollTop = top;
        } else if (top + this.#row > scrollTop + room) {
            this.element.scrollTop = top + this.#row - room;
        }
    }

    #key(event) {
        const n = this.#store.length, page = Math.max(1, Math.floor(this.element.clientHeight / this.#row) - 2);
        const at = this.#chosen ? this.#store.indexOf(this.#chosen) : -1;
        const from = at >= 0 ? at : Math.floor(this.element.scrollTop / this.#row) - 1;
        const to = {ArrowUp: from - 1, ArrowDown: from + 1, PageUp: from - page, PageDown: from + page, Home: 0, End: n - 1}[event.key];
        if (to === undefined || n === 0) {
            return;
        }
        event.preventDefault();
        const i = Math.min(n - 1, Math.max(0, to));
        if (this.follow && i < n - 1) {
            this.follow = false;
            this.#onFollow(false);
        }
        this.choose(this.#store.at(i));
        this.#reveal(i);
    }
}
