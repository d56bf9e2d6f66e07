// dash/packets.js - what passes, decoded: a filter that the server understands, a pause, a download.
import {attribute, h, memory, setText} from '../src/dom.js';
import {toast} from '../src/ui.js';
import {count} from './format.js';
import {packetDetails} from './packet_details.js';
import {PacketList} from './packet_list.js';
import {Sequence, Store} from './packet_store.js';
import {newId} from './parts.js';
import {RINGS} from './process.js';

const KEPT = 10000;
const TRIAL_MS = 2000; // a filter that cannot be read is refused sooner
const WHERE = Object.keys(RINGS); // and the OpenFlow connections, which are no ring
const EXAMPLES = 'for example: icmp · arp · host 10.0.1.100 · tcp port 80';

async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        toast('Copied: paste it into a terminal that has Wireshark.', 'ok');
    } catch {
        toast(`The browser does not let a page copy here. This is the line: ${text}`, 'warn');
    }
}

/** The address of what is kept, with the filter and places that are shown. */
function fileQuery(options, more = {}) {
    const query = new URLSearchParams({...more, ...options.filter ? {filter: options.filter} : {}, where: options.where.join(',')});
    return `/api/v1/packets.pcapng?${query}`;
}

function curlLine(options, login) {
    const url = new URL(fileQuery(options, {follow: '3600'}), location.href).href.replaceAll("'", '%27');
    return `curl -sN ${login ? '-H "Authorization: Bearer $TOKEN" ' : ''}'${url}' | wireshark -k -i -`;
}

function whereBoxes(chosen, changed) {
    return h('fieldset', {class: 'dash-where'}, h('legend', {class: 'sr-only'}, 'Where'), WHERE.map((name) => h('label', {class: 'dash-check', title: RINGS[name]},
        h('input', {type: 'checkbox', name, checked: chosen.includes(name), onchange: changed}), name)));
}

class PacketsPage {
    #feed; #net; #store = new Store(KEPT); #aside = new Store(KEPT); #sequence = new Sequence();
    #came = 0; #missed = 0; #paused = false; #active = false; #timer = 0;
    #options; // what the server looks for
    #trial = null; // {options, packets, timer}: asked for, and may still be refused

    constructor(net, feed) {
        this.#net = net;
        this.#feed = feed;
        const where = memory.get('dash.where', ['PKT_IN', 'PKT_OUT']).filter((name) => WHERE.includes(name));
        this.#options = {filter: '', where};
        this.list = new PacketList(this.#store, {
            choose: (p) => this.details.open(p), follow: () => this.#say(),
        });
        this.details = packetDetails(net, {close: () => {
            this.details.open(null);
            this.list.element.focus();
        }});
        this.#controls(where);
        this.element = h('div', {class: 'dash-page dash-packets'}, h('div', {class: 'panel dash-packets-main'}, this.tools, this.wrong,
            this.list.element, this.status), this.details.element);
        feed.on('packets', (value, message) => this.#take(value, message));
        this.#say();
    }

    #controls(where) {
        const id = newId('filter'), wrong = newId('wrong');
        this.filter = h('input', {id, class: 'dash-packet-filter mono', type: 'search', placeholder: EXAMPLES, spellcheck: 'false',
            autocomplete: 'off', autocapitalize: 'none', 'aria-describedby': wrong, oninput: () => this.#later()});
        this.wrong = h('p', {class: 'dash-wrong', id: wrong, role: 'status'});
        this.boxes = whereBoxes(where, () => this.#ask());
        this.pause = h('button', {class: 'button', type: 'button', 'aria-pressed': 'false', onclick: () => this.#pause(!this.#paused)}, 'Pause');
        this.tail = h('button', {class: 'button', type: 'button', 'aria-pressed': 'true', title: 'Keep the newest in sight',
            onclick: () => this.list.setFollow(true) ?? this.#say()}, 'Follow');
        this.file = h('a', {class: 'button', download: 'causeway.pcapng', href: '#'}, 'Download pcapng');
        this.tools = h('div', {class: 'dash-tools'},
            h('div', {class: 'dash-filter-field'}, h('label', {for: id}, 'Filter'), this.filter), this.boxes,
            h('div', {class: 'dash-buttons'}, this.pause, this.tail,
                h('button', {class: 'button', type: 'button', onclick: () => this.#clear()}, 'Clear'), this.file,
                h('button', {class: 'button', type: 'button', 'data-desk': true, title: 'A line for a terminal: Wireshark shows what comes, live',
                    onclick: () => copy(curlLine(this.#options, this.#net.me?.login))}, 'Copy line for Wireshark')));
        this.counts = h('span', {class: 'num'});
        this.missed = h('span', {class: 'state', 'data-state': 'warn', hidden: true});
        this.note = h('span');
        this.status = h('p', {class: 'dash-packets-status'}, this.counts, this.missed, this.note);
    }

    /** While nobody looks, nothing is asked for. */
    active(on) {
        this.#active = on;
        this.#subscribe();
        if (on) {
            this.list.changed();
        }
    }

    #subscribe() {
        this.#feed.want('packets', this.#active && this.#options.where.length > 0, this.#options);
        attribute(this.file, 'href', fileQuery(this.#options));
    }

    #later() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#ask(), 300);
    }

    #ask() {
        const where = [...this.boxes.querySelectorAll('input:checked')].map((box) => box.name);
        const options = {filter: this.filter.value.trim(), where};
        memory.set('dash.where', where);
        this.#refused('');
        this.#settle();
        this.#trial = {before: this.#options, packets: [], timer: setTimeout(() => this.#settle(), TRIAL_MS)};
        this.#options = options;
        this.#subscribe();
    }

    /** It was not refused: the list begins anew, with what came of it since. */
    #settle() {
        if (this.#trial) {
            const {packets, timer} = this.#trial;
            clearTimeout(timer);
            this.#trial = null;
            this.#clear();
            this.#show(packets);
        }
    }

    /** A filter that cannot be read changes nothing but the line below it: the server keeps the one before, so do we. */
    #refused(sentence) {
        setText(this.wrong, sentence);
        attribute(this.filter, 'aria-invalid', sentence ? 'true' : null);
        if (sentence && this.#trial) {
            const {before, packets, timer} = this.#trial;
            clearTimeout(timer);
            this.#trial = null;
            this.#options = before;
            attribute(this.file, 'href', fileQuery(before));
            this.#feed.keep('packets', before);
            this.#show(packets);
            setText(this.wrong, `${sentence.replace(/\.$/, '')}. What is shown is ${before.filter ? `still of "${before.filter}"` : 'everything'}.`);
        }
    }

    #take(value, message) {
        if (message.key === 'refused') {
            this.#refused(String(value));
            return;
        }
        this.#missed += Number(value.missed ?? 0);
        if (value.watching) { // the first value of a subscription that was taken
            this.#settle();
            setText(this.note, value.note ?? '');
        }
        const packets = this.#sequence.fresh(value.packets ?? []);
        if (this.#trial) {
            this.#trial.packets.push(...packets);
        } else {
            this.#show(packets);
        }
    }

    #show(packets) {
        if (this.#paused) {
            this.#came += packets.length;
            this.#aside.push(packets);
        } else {
            this.list.changed(this.#store.push(packets));
        }
        this.#say();
    }

    /** Paused, the list stands still; what comes is put aside. */
    #pause(on) {
        this.#paused = on;
        if (!on) {
            const aside = Array.from({length: this.#aside.length}, (_, i) => this.#aside.at(i));
            this.list.changed(this.#store.push(aside));
            this.#aside.clear();
            this.#came = 0;
        }
        attribute(this.pause, 'aria-pressed', String(on));
        setText(this.pause, on ? 'Go on' : 'Pause');
        this.#say();
    }

    #clear() {
        this.#store.clear();
        this.#aside.clear();
        this.#came = this.#missed = 0;
        this.list.clear();
        this.details.open(null);
        this.#say();
    }

    #say() {
        const n = this.#store.length;
        const none = this.#options.where.length === 0 ? 'Choose at least one place to look at.' : 'No packet yet: a ping makes some.';
        setText(this.counts, [`${count(n)} ${n === 1 ? 'packet' : 'packets'}${n === KEPT ? ', the newest' : ''}`,
            this.#paused ? `paused: ${count(this.#came)} came since` : ''].filter(Boolean).join(' · '));
        attribute(this.list.element, 'data-hint', n ? null : none);
        attribute(this.missed, 'hidden', this.#missed === 0);
        setText(this.missed, `missed ${count(this.#missed)}`);
        attribute(this.missed, 'title', 'They passed faster than webterm could look; the stack itself was not slowed');
        attribute(this.tail, 'aria-pressed', String(this.list.follow));
    }
}

export function packetsPage(net, feed) {
    return new PacketsPage(net, feed);
}
