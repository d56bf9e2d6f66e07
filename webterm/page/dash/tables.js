// dash/tables.js - routes, neighbours, interfaces, virtual hosts, switches, ports and ingress classes.
import {attribute, h} from '../src/dom.js';
import {toast} from '../src/ui.js';
import {count, dpid, millis, rate} from './format.js';
import {addressKey} from './lpm.js';
import {switchName} from './process.js';
import {routesPanel} from './routes.js';
import {switchPanel} from './switches.js';
import {liveTable} from './table.js';

const upIsOk = (r) => ({up: 'ok', down: 'bad', off: 'off'})[r.state] ?? 'warn';

function neighbours(net) {
    const button = h('button', {class: 'button', type: 'button', onclick: () => net.delete('/api/v1/arp').then(
        (answer) => toast(`Neighbours forgotten: ${answer.deleted}. The router asks for them anew when it needs them.`, 'ok'),
        (problem) => toast(problem.message, 'bad'))}, 'Forget all');
    const table = liveTable({
        name: 'arp', title: 'Neighbours', key: (r) => `${r.address} ${r.interface}`, nothing: 'The router knows no neighbour yet.',
        columns: [
            {key: 'address', title: 'Address', mono: true, sort: (r) => addressKey(r.address)},
            {key: 'mac', title: 'MAC', mono: true},
            {key: 'interface', title: 'Interface'},
            {key: 'state', title: 'State', state: (r) => (r.state === 'reachable' ? 'ok' : 'warn')},
            {key: 'age_s', title: 'Age', num: true, text: (r) => `${count(r.age_s)} s`},
            {key: 'held', title: 'Held', num: true, text: (r) => count(r.held)},
            {key: 'do', title: '', button: {text: 'Forget', label: (r) => `Forget neighbour ${r.address}`, press: (r) =>
                net.delete(`/api/v1/arp/${r.address}`).then(() => {}, (problem) => toast(problem.message, 'bad'))}},
        ],
    });
    table.head.append(button);
    return {
        element: table.element, update: (t) => table.update(t.arp, t.stale?.arp),
        may(operator) {
            table.element.classList.toggle('dash-may-not', !operator);
            attribute(button, 'disabled', !operator);
            attribute(button, 'title', !operator && 'You look on as a viewer: log in as operator');
        },
    };
}

const PLAIN = [
    {
        name: 'interfaces', title: 'Interfaces', key: (r) => `${r.vhost} ${r.name}`, nothing: 'No virtual host has an interface.',
        columns: [
            {key: 'name', title: 'Interface'},
            {key: 'vhost', title: 'Virtual host'},
            {key: 'address', title: 'Address', mono: true, text: (r) => `${r.address}/${r.prefix_len}`, sort: (r) => addressKey(r.address)},
            {key: 'state', title: 'State', state: upIsOk},
            {key: 'mac', title: 'MAC', mono: true},
            {key: 'port', title: 'Switch port', mono: true, text: (r) => (r.known === false ? '–' : `${dpid(r.dpid)}:${r.port}`)},
            {key: 'speed_mbps', title: 'Mbit/s', num: true, text: (r) => (r.speed_mbps ? count(r.speed_mbps) : '–')},
        ],
    },
    {
        name: 'vhosts', title: 'Virtual hosts', key: (r) => r.vhost, nothing: 'There is no virtual host.',
        columns: [
            {key: 'vhost', title: 'Virtual host'},
            {key: 'owner', title: 'Served by'},
            {key: 'state', title: 'State', state: (r) => (r.state === 'ready' ? 'ok' : 'warn')},
            {key: 'peer', title: 'Peer', mono: true},
            {key: 'text', title: 'Says'},
        ],
    },
    {
        name: 'ingress', title: 'Ingress classes', key: (r) => `${r.class} ${r.dpid ?? ''} ${r.port ?? ''}`, nothing: 'No frame came in yet.',
        columns: [
            {key: 'class', title: 'Class'},
            {key: 'dpid', title: 'Datapath', mono: true, text: (r) => (r.dpid ? dpid(r.dpid) : 'all')},
            {key: 'port', title: 'Port'},
            {key: 'rate', title: 'May come', num: true, text: (r) => (r.rate ? rate(r.rate) : 'any')},
            {key: 'share', title: 'Share', num: true, text: (r) => (r.share ? count(r.share) : '')},
            {key: 'in_flight', title: 'In flight', num: true, text: (r) => count(r.in_flight)},
            {key: 'admitted', title: 'Let in', num: true, text: (r) => count(r.admitted)},
            {key: 'metered', title: 'Over rate', num: true, text: (r) => count(r.metered)},
            {key: 'crowded', title: 'No place', num: true, text: (r) => count(r.crowded)},
        ],
    },
];

function switches(net) {
    const panel = switchPanel(net);
    const table = liveTable({
        name: 'switches', title: 'Switches', key: (r) => `${r.dpid} ${r.auxiliary ?? 0} ${r.peer}`, nothing: 'No switch is connected to ofproxy.', open: (r) => panel.open(r),
        columns: [
            {key: 'name', title: 'Switch', text: (r) => switchName(r) || dpid(r.dpid), sort: switchName},
            {key: 'dpid', title: 'Datapath', mono: true, text: (r) => dpid(r.dpid)},
            {key: 'state', title: 'State', state: (r) => (r.state === 'ready' ? 'ok' : 'warn')},
            {key: 'peer', title: 'Peer', mono: true},
            {key: 'version', title: 'OpenFlow', text: (r) => String(r.version ?? '').replace('OpenFlow ', '')},
            {key: 'role', title: 'Role'},
            {key: 'ports', title: 'Ports', num: true},
            {key: 'rtt_ms', title: 'Round trip', num: true, text: (r) => millis(r.rtt_ms)},
            {key: 'rx_messages', title: 'Received', num: true, text: (r) => count(r.rx_messages)},
            {key: 'tx_messages', title: 'Sent', num: true, text: (r) => count(r.tx_messages)},
            {key: 'errors', title: 'Errors', num: true, text: (r) => count(r.errors)},
            {key: 'last_error', title: 'Last error'},
            {key: 'do', title: '', button: {text: 'Look into', label: (r) => `Look into switch ${switchName(r) || r.dpid}`, press: (r) => panel.open(r)}},
        ],
    });
    return {
        element: h('div', {class: 'dash-wide'}, table.element, panel.element), focus: () => table.filter.focus(),
        update(t) {
            table.update(t.switches, t.stale?.switches);
            panel.switches(t.switches ?? []);
        },
        may() {},
    };
}

function ports() {
    const table = liveTable({
        name: 'ports', title: 'Ports', key: (r) => `${r.dpid} ${r.port ?? r.number}`, nothing: 'No switch has told its ports.',
        columns: [
            {key: 'name', title: 'Port'},
            {key: 'port', title: 'Number', num: true, sort: (r) => r.number ?? r.port},
            {key: 'dpid', title: 'Datapath', mono: true, text: (r) => dpid(r.dpid)},
            {key: 'state', title: 'State', state: upIsOk},
            {key: 'mac', title: 'MAC', mono: true},
            {key: 'speed_mbps', title: 'Mbit/s', num: true, text: (r) => (r.speed_mbps ? count(r.speed_mbps) : '–')},
        ],
    });
    return {element: table.element, update: (t) => table.update(t.ports, t.stale?.ports), may() {}};
}

function plain(what) {
    const table = liveTable(what);
    return {element: table.element, update: (t) => table.update(t[what.name], t.stale?.[what.name]), may() {}};
}

export function tablesPage(net) {
    const bySwitch = switches(net);
    const [interfaces, vhosts, ingress] = PLAIN.map(plain);
    const routes = routesPanel(net), arp = neighbours(net), port = ports();
    const all = [routes, arp, interfaces, vhosts, bySwitch, port, ingress];
    return {
        element: h('div', {class: 'dash-page dash-tables'}, routes.element, h('div', {class: 'dash-stack'}, arp.element, vhosts.element),
            interfaces.element, port.element, bySwitch.element, ingress.element),
        update: (tables) => all.forEach((part) => part.update(tables)),
        may: (operator) => all.forEach((part) => part.may(operator)),
        toSwitches() {
            bySwitch.element.scrollIntoView({block: 'start'});
            bySwitch.focus();
        },
    };
}
