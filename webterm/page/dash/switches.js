// dash/switches.js - into one switch: its flows, groups, meters, tables, ports and queues, asked of it on demand.
import {attribute, h, setText} from '../src/dom.js';
import {count, span} from './format.js';
import {newId, tabs} from './parts.js';
import {switchName} from './process.js';
import {liveTable} from './table.js';

const n = (key, title) => ({key, title, num: true, text: (r) => count(r[key])});
const age = {key: 'duration_s', title: 'Age', num: true, text: (r) => span(r.duration_s)};

// What is shown of each; a switch that tells more has it in REST.
const ASKED = {
    flows: {
        title: 'Flows', key: (r) => `${r.table} ${r.priority} ${r.match} ${r.cookie}`,
        columns: [n('table', 'Table'), n('priority', 'Priority'), {key: 'match', title: 'Match', mono: true, text: (r) => r.match || 'any'},
            {key: 'actions', title: 'Actions', mono: true, text: (r) => r.actions || 'drop'}, n('n_packets', 'Packets'), n('n_bytes', 'Bytes'),
            age, {key: 'cookie', title: 'Cookie', mono: true}],
    },
    ports: {
        title: 'Ports', key: (r) => r.number,
        columns: [{key: 'name', title: 'Port'}, {key: 'port', title: 'Number', num: true, sort: (r) => r.number},
            {key: 'state', title: 'State', state: (r) => ({up: 'ok', off: 'off'})[r.state] ?? 'bad'},
            n('rx_packets', 'Received'), n('rx_bytes', 'Bytes in'), n('rx_dropped', 'Dropped in'), n('rx_errors', 'Errors in'),
            n('tx_packets', 'Sent'), n('tx_bytes', 'Bytes out'), n('tx_dropped', 'Dropped out'), n('tx_errors', 'Errors out')],
    },
    tables: {
        title: 'Tables', key: (r) => r.table,
        columns: [n('table', 'Table'), {key: 'name', title: 'Name'}, n('active', 'Flows'), n('lookups', 'Look-ups'), n('matched', 'Matched')],
    },
    groups: {
        title: 'Groups', key: (r) => r.group_id,
        columns: [n('group_id', 'Group'), {key: 'text', title: 'Says', mono: true}, n('packet_count', 'Packets'), n('byte_count', 'Bytes'), age],
    },
    meters: {
        title: 'Meters', key: (r) => r.meter_id,
        columns: [n('meter_id', 'Meter'), {key: 'text', title: 'Says', mono: true}, n('packet_in_count', 'Packets'), n('byte_in_count', 'Bytes'), age],
    },
    queues: {
        title: 'Queues', key: (r) => `${r.port} ${r.queue}`,
        columns: [{key: 'port', title: 'Port', num: true, sort: (r) => r.number}, n('queue', 'Queue'), n('tx_packets', 'Sent'), n('tx_bytes', 'Bytes'),
            n('tx_errors', 'Errors'), {key: 'max_rate', title: 'Most', num: true, text: (r) => (r.max_rate ? `${r.max_rate / 10} %` : '–')}],
    },
};

/** One of the lists: asked for when it is looked at, and by its button. */
function asked(net, topic, dpid) {
    const table = liveTable({...ASKED[topic], name: `switch-${topic}`, nothing: 'The switch has none.'});
    const again = h('button', {class: 'button', type: 'button', onclick: () => fetch()}, 'Ask again');
    const wrong = h('p', {class: 'dash-wrong', role: 'alert'});
    table.head.append(again);
    table.element.append(wrong);
    const fetch = async () => {
        attribute(again, 'disabled', true);
        try {
            table.update(await net.get(`/api/v1/${topic}?switch=${encodeURIComponent(dpid())}`));
            setText(wrong, '');
        } catch (problem) {
            table.update([]);
            setText(wrong, problem.message);
        } finally {
            attribute(again, 'disabled', false);
        }
    };
    return {name: topic, title: ASKED[topic].title, element: table.element, fetch};
}

export function switchPanel(net) {
    let dpid = null;
    const id = newId('switch');
    const title = h('h2', {id, tabindex: -1});
    const pages = Object.keys(ASKED).map((topic) => asked(net, topic, () => dpid));
    const choice = tabs('Of this switch', pages, 'flows', (name) => pages.find((p) => p.name === name).fetch());
    const close = () => {
        dpid = null;
        element.hidden = true;
    };
    const gone = h('p', {class: 'dash-wrong', role: 'status'});
    const element = h('section', {class: 'panel dash-switch', 'aria-labelledby': id, hidden: true},
        h('div', {class: 'dash-panel-head'}, title, h('button', {class: 'button quiet', type: 'button', onclick: close}, 'Close')),
        gone, choice.bar, pages.map((page) => page.element));
    element.addEventListener('keydown', (event) => event.key === 'Escape' && close());
    return {
        element,
        open(row) {
            dpid = row.dpid;
            setText(title, `Switch ${switchName(row) || row.dpid}`);
            element.hidden = false;
            choice.start();
            title.focus();
            element.scrollIntoView({block: 'nearest'});
        },
        switches(list) {
            setText(gone, dpid && !list.some((row) => row.dpid === dpid) ? 'It is not connected now: what is shown is what it said last.' : '');
        },
    };
}
