// dash/pipeline.js - the picture: who hands frames to whom, how each is, how full each ring is.
//
//     world == ofproxy <-> vnsbridge <-> router        webterm, ptyhost beside
//
// Tiles and edges are made once and then changed in place.  The grid of dash.css lays them out: in a row, or on a
// narrow page as a list, with the arrows turned.
import {attribute, h, setText} from '../src/dom.js';
import {count, dpid, percent, rate, span} from './format.js';
import {newId, s} from './parts.js';
import {advice, LINE, reason, ROLES, stateKind, switchName} from './process.js';

const BESIDE = ['webterm', 'ptyhost'];

/** A line with a head, as wide as its place; with the fill of the ring as a bar upon it. */
function arrow(back) {
    const fill = s('rect', {class: 'dash-fill', x: 0, y: 9, width: '0%', height: 6});
    const head = s('path', {class: 'dash-head', d: 'M0 0 L9 5 L0 10 Z'});
    const end = s('svg', {class: 'dash-head-place', x: back ? '0' : '100%', y: 7, overflow: 'visible'},
        s('g', {transform: back ? 'translate(9 0) scale(-1 1)' : 'translate(-9 0)'}, head));
    const picture = s('svg', {class: 'dash-arrow', height: 24, 'aria-hidden': 'true'},
        s('rect', {class: 'dash-pipe', x: 0, y: 9, width: '100%', height: 6}), fill, end);
    return {picture, fill};
}

/** The same on a narrow page: beside its words, up or down. */
function mark(back) {
    return s('svg', {class: 'dash-mark', width: 12, height: 16, viewBox: '0 0 12 16', 'aria-hidden': 'true'},
        s('path', {d: back ? 'M6 1 L11 8 L7.5 8 L7.5 15 L4.5 15 L4.5 8 L1 8 Z' : 'M6 15 L11 8 L7.5 8 L7.5 1 L4.5 1 L4.5 8 L1 8 Z'}));
}

class Tile {
    constructor(name, {open, restart}) {
        this.name = name;
        this.title = h('button', {class: 'dash-tile-name', type: 'button', 'data-open': name, onclick: () => open(name)}, name);
        this.state = h('span', {class: 'state', 'data-state': 'off'}, 'unknown');
        this.text = h('p', {class: 'dash-tile-text'});
        this.advice = h('p', {class: 'dash-tile-advice'});
        this.facts = {};
        for (const key of ['PID', 'up', 'restarts', 'in', 'out']) {
            this.facts[key] = h('dd', {class: 'num'}, '–');
        }
        this.button = h('button', {class: 'button', type: 'button', 'aria-label': `Restart ${name} …`,
            onclick: () => restart(name)}, 'Restart …');
        this.element = h('article', {class: `panel dash-tile dash-at-${name}`, 'data-process': name, 'aria-label': name},
            h('header', {}, h('h3', {}, this.title), this.state),
            this.text, this.advice,
            h('dl', {class: 'dash-facts'}, Object.entries(this.facts).map(([key, dd]) => h('div', {}, h('dt', {}, key), dd))),
            h('footer', {}, this.button));
    }

    update(p) {
        const kind = stateKind(p.state);
        attribute(this.element, 'data-state', kind);
        attribute(this.state, 'data-state', kind);
        setText(this.state, p.state);
        setText(this.text, reason(p) || ROLES[this.name]);
        attribute(this.text, 'title', reason(p));
        setText(this.advice, advice(p));
        setText(this.facts.PID, p.alive ? String(p.pid ?? '–') : '–');
        setText(this.facts.up, p.alive ? span(p.uptime_s) : '–');
        setText(this.facts.restarts, count(p.restarts));
        for (const [key, value] of [['in', p.in_rate], ['out', p.out_rate]]) {
            setText(this.facts[key], rate(value));
            attribute(this.facts[key].parentElement, 'hidden', !LINE.includes(this.name)); // no frame comes to those beside
        }
    }

    may(operator) {
        attribute(this.button, 'disabled', !operator);
        attribute(this.button, 'title', !operator && 'You look on as a viewer: log in as operator to restart it');
    }

    chosen(name) {
        attribute(this.title, 'aria-expanded', name === this.name);
        this.element.classList.toggle('dash-chosen', name === this.name);
    }
}

class Edge {
    constructor(name, back, {open}) {
        this.name = name;
        const {picture, fill} = arrow(back);
        this.bar = fill;
        this.fill = h('span', {class: 'dash-edge-fill'});
        this.rate = h('span', {class: 'dash-edge-rate'});
        this.element = h('button', {class: 'dash-edge', type: 'button', 'data-ring': name, onclick: () => open(name)},
            mark(back), h('span', {class: 'dash-edge-name'}, h('span', {class: 'sr-only'}, 'Ring '), name), picture,
            h('span', {class: 'dash-edge-words'}, this.rate, ' ', this.fill));
    }

    update(r) {
        const p = Math.min(100, Number(r.fill_percent) || 0);
        this.bar.setAttribute('width', `${p}%`);
        attribute(this.element, 'data-level', p >= 80 ? 'bad' : p >= 30 ? 'warn' : 'ok');
        this.element.classList.toggle('dash-moving', Number(r.rate) > 0);
        setText(this.fill, `${percent(p)} full`);
        setText(this.rate, rate(r.rate));
        attribute(this.element, 'title', `from ${r.from} to ${r.to}`);
    }

    chosen(name) {
        attribute(this.element, 'aria-expanded', name === this.name);
        this.element.classList.toggle('dash-chosen', name === this.name);
    }
}

/** Switches and hosts, as the tables have them. */
class World {
    constructor(open) {
        this.list = h('ul', {class: 'dash-world-list'});
        this.title = h('button', {class: 'dash-tile-name', type: 'button', onclick: open}, 'switches');
        this.hosts = h('p', {class: 'dash-tile-text'});
        this.element = h('article', {class: 'panel dash-tile dash-at-world', 'aria-label': 'switches and hosts'},
            h('header', {}, h('h3', {}, this.title)), this.list, this.hosts);
    }

    update(tables) {
        const switches = (tables.switches ?? []).filter((w) => !w.auxiliary);
        const shown = switches.slice(0, 4).map((w) => {
            const up = w.state === 'ready';
            return h('li', {}, h('span', {class: 'state', 'data-state': up ? 'ok' : 'warn'}, switchName(w) || dpid(w.dpid)),
                h('span', {class: 'dash-dim'}, ` ${[up ? '' : w.state, w.version, `${w.ports ?? 0} ports`].filter(Boolean).join(', ')}`));
        });
        const signature = JSON.stringify(switches.map((w) => [w.dpid, w.state, w.version, w.ports]));
        if (signature !== this.signature) {
            this.signature = signature;
            this.list.replaceChildren(...shown, ...switches.length > 4 ? [h('li', {}, `and ${switches.length - 4} more`)] : [],
                ...switches.length === 0 ? [h('li', {class: 'dash-dim'}, 'no switch is connected')] : []);
        }
        const hosts = (tables.arp ?? []).filter((a) => a.state === 'reachable').length;
        setText(this.hosts, `${hosts} ${hosts === 1 ? 'neighbour' : 'neighbours'} known`);
    }
}

/** The line between switches and ofproxy is no ring: it has rates alone. */
function wire() {
    const into = h('span', {class: 'dash-edge-rate'}), out = h('span', {class: 'dash-edge-rate'});
    const row = (back, words) => h('div', {class: 'dash-edge dash-wire'}, mark(back),
        h('span', {class: 'dash-edge-name'}, back ? '' : 'OpenFlow'), arrow(back).picture, h('span', {class: 'dash-edge-words'}, words));
    return {
        element: h('div', {class: 'dash-lane dash-at-wire'}, row(false, into), row(true, out)),
        update(rates, processes) {
            const ofproxy = processes.find((p) => p.process === 'ofproxy');
            setText(into, `${rate(rates.received)} in`);
            setText(out, `${rate(ofproxy?.out_rate)} out`);
        },
    };
}

/**
 * @param {{open(name: string): void, restart(name: string): void, switches(): void}} actions
 * @returns {{element: HTMLElement, update(stack: any): void, tables(t: any): void,
 *     may(operator: boolean): void, chosen(name: string|null): void}}
 */
export function pipeline(actions) {
    const tiles = Object.fromEntries([...LINE, ...BESIDE].map((name) => [name, new Tile(name, actions)]));
    const edges = {};
    const world = new World(actions.switches), line = wire();
    const lanes = {lane1: h('div', {class: 'dash-lane dash-at-lane1'}), lane2: h('div', {class: 'dash-lane dash-at-lane2'})};
    const title = newId('pipeline');
    const element = h('section', {class: 'dash-pipeline', 'aria-labelledby': title},
        h('h2', {class: 'sr-only', id: title}, 'Pipeline'), world.element, line.element,
        tiles.ofproxy.element, lanes.lane1, tiles.vnsbridge.element, lanes.lane2, tiles.router.element,
        h('div', {class: 'dash-beside'}, BESIDE.map((name) => tiles[name].element)));
    const edgeOf = (r) => {
        if (!edges[r.ring]) {
            const [from, to] = [LINE.indexOf(r.from), LINE.indexOf(r.to)];
            edges[r.ring] = new Edge(r.ring, to < from, actions);
            lanes[Math.min(from, to) === 0 ? 'lane1' : 'lane2'].append(edges[r.ring].element);
        }
        return edges[r.ring];
    };
    return {
        element,
        update(stack) {
            stack.processes.forEach((p) => tiles[p.process]?.update(p));
            stack.rings.forEach((r) => edgeOf(r).update(r));
            line.update(stack.rates ?? {}, stack.processes);
        },
        tables: (t) => world.update(t),
        may: (operator) => Object.values(tiles).forEach((t) => t.may(operator)),
        chosen: (name) => [...Object.values(tiles), ...Object.values(edges)].forEach((x) => x.chosen(name)),
    };
}
