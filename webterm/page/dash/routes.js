// dash/routes.js - the routing table: adding, deleting, and which route an address takes.
import {attribute, h, setText} from '../src/dom.js';
import {ask, toast} from '../src/ui.js';
import {addressKey, matches, parseAddress} from './lpm.js';
import {newId} from './parts.js';
import {liveTable} from './table.js';

const FIELDS = [
    {name: 'destination', title: 'Destination', hint: '10.0.0.0/8'},
    {name: 'gateway', title: 'Gateway', hint: '10.0.1.100'},
    {name: 'interface', title: 'Interface', hint: 'eth1'},
];

/** The destination itself is the next hop. */
function isDirect(route) {
    return !route.gateway || route.gateway === '0.0.0.0';
}

/** Input, label and the place for what the server says of it. */
function field(f, list) {
    const id = newId(f.name), wrong = newId('wrong');
    const input = h('input', {id, name: f.name, placeholder: f.hint, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': wrong, list});
    const message = h('span', {class: 'dash-wrong', id: wrong});
    return {
        input,
        element: h('div', {class: 'dash-field'}, h('label', {for: id}, f.title), input, message),
        say(sentence) {
            setText(message, sentence);
            attribute(input, 'aria-invalid', sentence ? 'true' : null);
        },
    };
}

function addForm(net) {
    const names = h('datalist', {id: newId('interfaces')});
    const fields = Object.fromEntries(FIELDS.map((f) => [f.name, field(f, f.name === 'interface' ? names.id : null)]));
    const other = h('p', {class: 'dash-wrong', role: 'alert'});
    const button = h('button', {class: 'button primary', type: 'submit'}, 'Add route');
    const clear = () => {
        Object.values(fields).forEach((f) => f.say(''));
        setText(other, '');
    };
    const submit = async (event) => {
        event.preventDefault();
        clear();
        const route = Object.fromEntries(FIELDS.map((f) => [f.name, fields[f.name].input.value.trim()]).filter(([, v]) => v));
        attribute(button, 'disabled', true);
        try {
            await net.post('/api/v1/routes', route);
            toast(`Route ${route.destination} was added.`, 'ok');
            element.reset();
            fields.destination.input.focus();
        } catch (problem) {
            const wrong = fields[problem.field];
            if (wrong) {
                wrong.say(problem.message);
                wrong.input.focus();
            } else {
                setText(other, problem.message);
            }
        } finally {
            attribute(button, 'disabled', false);
        }
    };
    const element = h('form', {class: 'dash-form', novalidate: true, onsubmit: submit, oninput: clear, 'aria-label': 'Add a route'},
        Object.values(fields).map((f) => f.element), button, other, names);
    return {
        element,
        interfaces(list) {
            names.replaceChildren(...[...new Set(list.map((i) => i.name))].map((name) => h('option', {value: name})));
        },
    };
}

/** The look-up is done here, by longest prefix, in what the router told last. */
function lookup(routes) {
    const id = newId('lookup');
    const answer = h('output', {class: 'dash-answer', for: id});
    const input = h('input', {id, placeholder: '10.0.1.100', autocomplete: 'off', spellcheck: 'false', oninput: () => say()});
    const say = () => {
        const text = input.value.trim(), address = parseAddress(text);
        if (!text) {
            setText(answer, '');
        } else if (address === null) {
            setText(answer, 'not an address yet: four numbers from 0 to 255');
        } else {
            const [best, ...rest] = matches(routes(), address);
            const via = best && !isDirect(best) ? ` via ${best.gateway}` : '';
            setText(answer, best ? `${best.destination}${via} dev ${best.interface}${best.state === 'ok' ? '' : `, ${best.state}`}`
                + `${rest.length ? `; shorter: ${rest.map((r) => r.destination).join(', ')}` : ''}`
                : 'no route: the sender is told "network unreachable"');
        }
    };
    return {element: h('p', {class: 'dash-lookup'}, h('label', {for: id}, 'Which route takes'), input, answer), update: say};
}

export function routesPanel(net) {
    let rows = [];
    const form = addForm(net), which = lookup(() => rows);
    const remove = async (route) => {
        const yes = await ask({title: `Delete the route to ${route.destination}?`, yes: 'Delete', danger: true,
            body: `It goes by ${route.interface}${isDirect(route) ? '' : `, gateway ${route.gateway}`}. Frames to it take the next shorter prefix, or have no route.`});
        if (yes) {
            net.delete(`/api/v1/routes/${route.destination}`).then(
                () => toast(`Route ${route.destination} was deleted.`, 'ok'), (problem) => toast(problem.message, 'bad'));
        }
    };
    const table = liveTable({
        name: 'routes', title: 'Routes', key: (r) => `${r.destination} ${r.gateway} ${r.interface}`, nothing: 'The router has no route.',
        above: h('div', {}, which.element, form.element),
        columns: [
            {key: 'destination', title: 'Destination', mono: true, sort: (r) => addressKey(r.destination)},
            {key: 'gateway', title: 'Gateway', mono: true, text: (r) => (isDirect(r) ? 'direct' : r.gateway), sort: (r) => addressKey(r.gateway)},
            {key: 'interface', title: 'Interface'},
            {key: 'state', title: 'State', state: (r) => (r.state === 'ok' ? 'ok' : 'warn')},
            {key: 'do', title: '', button: {text: 'Delete', label: (r) => `Delete route ${r.destination}`, press: remove}},
        ],
    });
    return {
        element: table.element,
        update(tables) {
            rows = tables.routes ?? [];
            table.update(rows, tables.stale?.routes);
            form.interfaces(tables.interfaces ?? []);
            which.update();
        },
        may(operator) {
            attribute(form.element, 'hidden', !operator);
            table.element.classList.toggle('dash-may-not', !operator);
        },
    };
}
