// dash/details.js - what is known of the tile or ring that was chosen.
import {attribute, h, setText} from '../src/dom.js';
import {bytes, count, percent, rate, span, words} from './format.js';
import {arrange, newId} from './parts.js';
import {advice, LINE, reason, RINGS, ROLES} from './process.js';

function ofProcess(p, stack) {
    const drops = (stack.drops ?? []).filter((d) => d.process === p.process && Number(d.total) > 0);
    return [
        ['What it does', ROLES[p.process]],
        ['State', p.state],
        ['Says', reason(p)],
        ['What to do', advice(p)],
        ['PID', p.alive ? p.pid : ''],
        ['Up for', p.alive ? span(p.uptime_s) : ''],
        ['Restarts', count(p.restarts)],
        ...LINE.includes(p.process) ? [['Takes in', rate(p.in_rate)], ['Hands on', rate(p.out_rate)]] : [],
        ...drops.map((d) => [`Dropped: ${words(d.reason)}`, `${count(d.total)}, ${rate(d.rate)}`]),
    ];
}

function ofRing(r) {
    return [
        ['Carries', RINGS[r.ring]],
        ['From', r.from],
        ['To', r.to],
        ['Fill', percent(r.fill_percent)],
        ['Used', `${bytes(r.used_bytes)} of ${bytes(r.size_bytes)}`],
        ['Rate', rate(r.rate)],
        ['Records so far', count(r.records)],
        ['Refused, since it was full', count(r.full)],
    ];
}

/** A panel below the picture; hidden while nothing is chosen. */
export function details({close}) {
    const id = newId('details');
    const title = h('h2', {id});
    const list = h('dl', {class: 'dash-details-list'});
    const rows = new Map(); // key -> {row, value}
    const element = h('section', {class: 'panel dash-details', 'aria-labelledby': id, tabindex: '-1', hidden: true},
        h('div', {class: 'dash-panel-head'}, title,
            h('button', {class: 'button quiet', type: 'button', 'aria-label': 'Close details', onclick: close}, 'Close')), list);
    element.addEventListener('keydown', (event) => event.key === 'Escape' && close());
    const show = (facts) => {
        const shown = facts.filter(([, value]) => value !== undefined && value !== null && value !== '');
        arrange(list, shown.map(([key, value]) => {
            if (!rows.has(key)) {
                const dd = h('dd');
                rows.set(key, {row: h('div', {}, h('dt', {}, key), dd), value: dd});
            }
            setText(rows.get(key).value, value);
            return rows.get(key).row;
        }));
    };
    return {
        element,
        update(stack, chosen) {
            const process = stack?.processes.find((p) => p.process === chosen);
            const ring = stack?.rings.find((r) => r.ring === chosen);
            attribute(element, 'hidden', !process && !ring);
            if (process) {
                setText(title, process.process);
                show(ofProcess(process, stack));
            } else if (ring) {
                setText(title, `Ring ${ring.ring}`);
                show(ofRing(ring));
            }
        },
    };
}
