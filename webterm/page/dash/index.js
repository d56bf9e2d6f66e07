// dash/index.js - the stack, seen alive: the pipeline and its rates, tables, packets.
//
// The values of the stack are kept also while another view is seen, so that the charts have no hole; nothing is
// drawn then. Packets are asked for only while somebody looks at them.
import {attribute, h, memory, setText} from '../src/dom.js';
import {account, drops, eventList} from './account.js';
import {chart} from './chart.js';
import {details} from './details.js';
import {Feed} from './feed.js';
import {clock, micros, millis, rate} from './format.js';
import {histogram} from './histogram.js';
import {History} from './history.js';
import {packetsPage} from './packets.js';
import {announcer, tabs} from './parts.js';
import {pipeline} from './pipeline.js';
import {restarter} from './restart.js';
import {tablesPage} from './tables.js';

const RATE_CHART = {
    title: 'Frames a second', format: (v) => rate(v), series: [
        {title: 'received', column: 'received'}, {title: 'forwarded', column: 'forwarded'},
        {title: 'answered', column: 'answered'}, {title: 'dropped', column: 'dropped'}],
};
const LATENCY_CHART = {
    title: 'Latency over time', format: (v) => micros(v), log: true, series: [
        {title: 'p50', column: 'p50_us'}, {title: 'p99', column: 'p99_us'}, {title: 'p99.9', column: 'p999_us'}],
};

/** Picture, account, charts: everything that the topic "stack" fills. */
class Overview {
    #stack = null; #chosen = null; #seen = false; #drawn = -Infinity;

    constructor(net, toSwitches) {
        this.history = new History();
        this.restart = restarter(net, () => this.#stack);
        this.pipeline = pipeline({open: (name) => this.choose(name), restart: (name) => this.restart.ask(name), switches: toSwitches});
        this.details = details({close: () => this.choose(null)});
        this.account = account();
        this.events = eventList();
        this.drops = drops();
        this.parts = [chart(RATE_CHART, this.history), chart(LATENCY_CHART, this.history)];
        this.histogram = histogram(this.history);
        this.element = h('div', {class: 'dash-page dash-overview'}, this.pipeline.element, this.details.element, this.account.element,
            h('div', {class: 'dash-columns'}, this.parts[0].element, this.parts[1].element, this.histogram.element,
                this.drops.element, this.events.element), this.restart.element);
    }

    choose(name) {
        this.#chosen = name === this.#chosen ? null : name;
        this.pipeline.chosen(this.#chosen);
        this.details.update(this.#stack, this.#chosen);
        if (this.#chosen) {
            this.details.element.scrollIntoView({block: 'nearest'});
        }
    }

    update(stack, t) {
        this.#stack = stack;
        this.history.add(stack, t);
        this.restart.update(stack);
        if (this.#seen) {
            this.draw();
        }
    }

    /** An event comes at once, the next value of the stack within 250 ms: the tile need not wait for it. */
    event(value, t) {
        this.history.event(value, t);
        const process = this.#stack?.processes.find((p) => p.process === value.process);
        if (process) {
            const down = value.to === 'down' || value.to === 'restarting';
            Object.assign(process, {state: down && process.supervised !== false ? 'restarting' : value.to, text: value.text ?? '', alive: !down});
            if (!down && value.starts && value.pid) {
                Object.assign(process, {pid: value.pid, restarts: value.starts - 1});
            }
            this.pipeline.update(this.#stack);
        }
    }

    seen(on) {
        this.#seen = on;
        if (on && this.#stack) {
            this.draw();
        }
    }

    draw() {
        const now = performance.now(), still = matchMedia('(prefers-reduced-motion: reduce)').matches;
        this.pipeline.update(this.#stack);
        this.details.update(this.#stack, this.#chosen);
        this.account.update(this.#stack);
        this.drops.update(this.#stack);
        if (!still || now - this.#drawn > 2000) { // who wants little motion sees the pictures change every two seconds
            this.#drawn = now;
            this.histogram.update();
            this.parts.forEach((part) => part.update());
        }
    }
}

function sentence(event) {
    const outage = event.outage_ms === undefined || event.outage_ms === null ? '' : ` after ${millis(event.outage_ms)}`;
    return `${event.process}: ${event.from} to ${event.to}${outage}${event.text ? `, ${event.text}` : ''}`;
}

/** Says how old the picture is while there is no connection. */
function staleness(root, feed) {
    const note = h('p', {class: 'dash-stale state', 'data-state': 'warn', role: 'status', hidden: true});
    let last = null;
    feed.onState((open) => {
        attribute(root, 'data-stale', !open && last !== null);
        attribute(note, 'hidden', open || last === null);
        setText(note, open || last === null ? '' : `No connection to webterm: what is shown is of ${clock(last)}.`);
    });
    return {element: note, heard: (t) => {
        last = t;
    }};
}

const ALONE = ['routes', 'arp', 'interfaces', 'vhosts', 'switches', 'ingress'];

/** Tables that are longer together than a message may be, each by REST; one that is not had stays as it was. */
async function readTables(net, before) {
    const read = await Promise.allSettled(ALONE.map((name) => net.get(`/api/v1/${name}`)));
    const tables = {...before, stale: {ports: 'the tables are too long to be told together'}};
    for (const [i, {value, reason}] of read.entries()) {
        if (reason) {
            tables.stale[ALONE[i]] = reason.message;
        } else {
            tables[ALONE[i]] = value;
        }
    }
    return tables;
}

/** @param {HTMLElement} element @param {import('../src/net.js').Net} net */
export function mountDash(element, net) {
    const feed = new Feed(net), aloud = announcer();
    const root = h('div', {class: 'dash'});
    const stale = staleness(root, feed);
    const overview = new Overview(net, () => {
        pages.choose('tables');
        tables.toSwitches();
    });
    const tables = tablesPage(net), packets = packetsPage(net, feed);
    let visible = false, page = '';
    const scrolled = {}; // each page has its own place
    const settle = () => {
        const seen = visible && !document.hidden;
        overview.seen(seen && page === 'overview');
        packets.active(seen && page === 'packets');
        feed.want('tables', seen && page !== 'packets');
        feed.want('stack', !document.hidden);
        feed.want('events', true);
    };
    const pages = tabs('Of the stack', [
        {name: 'overview', title: 'Overview', element: overview.element}, {name: 'tables', title: 'Tables', element: tables.element},
        {name: 'packets', title: 'Packets', element: packets.element},
    ], memory.get('dash.page', 'overview'), (name) => {
        page = name;
        element.scrollTop = scrolled[name] ?? 0;
        memory.set('dash.page', name);
        settle();
    });
    root.append(h('div', {class: 'dash-bar'}, pages.bar, stale.element), overview.element, tables.element, packets.element, aloud.element);
    element.append(root);

    element.addEventListener('scroll', () => {
        scrolled[page] = element.scrollTop;
    }, {passive: true});
    feed.on('stack', (value, message) => {
        stale.heard(message.t);
        overview.update(value, message.t);
    });
    let told = {}, newest = null, reading = false;
    feed.on('tables', async (value, message) => {
        newest = {value, tooLong: message.key === 'too_long'};
        if (reading) {
            return; // what came meanwhile is looked at afterwards
        }
        reading = true;
        try {
            while (newest) {
                const next = newest;
                newest = null;
                told = next.tooLong ? await readTables(net, told) : next.value;
                overview.pipeline.tables(told);
                tables.update(told);
            }
        } finally {
            reading = false;
        }
    });
    feed.on('events', (value, message) => {
        if (!value.process) {
            return; // how many were missed: the next value of the stack has the outcome
        }
        overview.event(value, message.t);
        overview.events.add(sentence(value), clock(message.t, 1));
        aloud.say(`${value.process} is ${value.to}`);
    });
    net.watch(() => {
        const operator = net.me?.role === 'operator';
        overview.pipeline.may(operator);
        tables.may(operator);
    });
    document.addEventListener('visibilitychange', settle);
    pages.start();
    return {
        shown(on) {
            visible = on;
            settle();
        },
    };
}
