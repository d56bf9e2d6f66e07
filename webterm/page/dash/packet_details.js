// dash/packet_details.js - one packet: its layers as a tree, its bytes in hex, the chosen field's bytes marked.
import {attribute, h, setText} from '../src/dom.js';
import {clock, count} from './format.js';

const ROW = 16;

/** [name, value, offset, length]: offsets are of the frame, and may be missing. */
function fieldItem([name, value, offset, length], choose) {
    const depth = name.length - name.trimStart().length; // a field within a field: OpenFlow has such
    const item = h('li', {role: 'treeitem', tabindex: -1, 'aria-selected': 'false', class: 'dash-leaf'},
        h('span', {class: 'dash-leaf-name'}, name.trim()), ' ', h('span', {class: 'dash-leaf-value'}, String(value)));
    item.style.marginLeft = `${depth / 3}em`;
    item.range = Number.isInteger(offset) && length > 0 ? [offset, offset + length] : null;
    item.addEventListener('click', (event) => {
        event.stopPropagation();
        choose(item);
    });
    return item;
}

function rangeOf(items) {
    const ranges = items.map((i) => i.range).filter(Boolean);
    return ranges.length ? [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))] : null;
}

function layerItem(layer, choose) {
    const fields = (layer.fields ?? []).map((f) => fieldItem(f, choose));
    const item = h('li', {role: 'treeitem', tabindex: -1, 'aria-expanded': 'true', 'aria-selected': 'false', class: 'dash-layer'},
        h('span', {class: 'dash-layer-name'}, layer.name), h('ul', {role: 'group'}, fields));
    item.range = Number.isInteger(layer.offset) && layer.length > 0 ? [layer.offset, layer.offset + layer.length] : rangeOf(fields);
    item.firstChild.addEventListener('click', () => {
        choose(item);
        attribute(item, 'aria-expanded', String(item.getAttribute('aria-expanded') !== 'true'));
    });
    return item;
}

/** Arrow keys as in every tree: up and down over what is open, left closes or goes to the parent, right opens or enters. */
function treeKey(event, tree, choose) {
    const item = event.target, open = item.getAttribute('aria-expanded');
    const seen = [...tree.querySelectorAll('[role="treeitem"]')].filter((i) => !i.parentElement.closest('[aria-expanded="false"]'));
    const at = seen.indexOf(item);
    let to = {ArrowUp: seen[at - 1], ArrowDown: seen[at + 1], Home: seen[0], End: seen.at(-1)}[event.key];
    if (event.key === 'ArrowLeft' && open === 'true') {
        attribute(item, 'aria-expanded', 'false');
    } else if (event.key === 'ArrowLeft') {
        to = item.parentElement.closest('[role="treeitem"]');
    } else if (event.key === 'ArrowRight' && open === 'false') {
        attribute(item, 'aria-expanded', 'true');
    } else if (event.key === 'ArrowRight') {
        to = item.querySelector('[role="treeitem"]');
    } else if (!to) {
        return;
    }
    event.preventDefault();
    if (to) {
        choose(to);
        to.focus();
    }
}

/** Offset, bytes, characters; each byte an element, so that it can be marked. */
function hexDump(hex) {
    const pairs = hex.match(/../g) ?? [], marks = [];
    const lines = [];
    for (let from = 0; from < pairs.length; from += ROW) {
        const row = pairs.slice(from, from + ROW);
        const bytes = row.map((pair) => h('span', {class: 'dash-byte'}, pair));
        const letters = row.map((pair) => {
            const code = parseInt(pair, 16);
            return h('span', {class: 'dash-byte'}, code >= 32 && code < 127 ? String.fromCharCode(code) : '·');
        });
        row.forEach((pair, i) => marks.push([bytes[i], letters[i]]));
        lines.push(h('div', {class: 'dash-hex-line'}, h('span', {class: 'dash-hex-offset'}, from.toString(16).padStart(4, '0')),
            h('span', {class: 'dash-hex-bytes'}, bytes), h('span', {class: 'dash-hex-text', 'aria-hidden': 'true'}, letters)));
    }
    return {lines, marks};
}

export function packetDetails(net, {close}) {
    const title = h('h2', {});
    const note = h('p', {class: 'dash-wrong', role: 'status'});
    const tree = h('ul', {role: 'tree', class: 'dash-tree', 'aria-label': 'Layers'});
    const hex = h('div', {class: 'dash-hex mono', tabindex: 0, role: 'group', 'aria-label': 'Bytes'});
    const element = h('section', {class: 'panel dash-packet-details', 'aria-label': 'The chosen packet', hidden: true},
        h('div', {class: 'dash-panel-head'}, title, h('button', {class: 'button quiet', type: 'button', onclick: close}, 'Close')), note, tree, hex);
    let marks = [], wanted = null, timer = 0;
    const choose = (item) => {
        for (const other of tree.querySelectorAll('[role="treeitem"]')) {
            other.tabIndex = other === item ? 0 : -1;
            attribute(other, 'aria-selected', String(other === item));
        }
        const [from, to] = item.range ?? [0, 0];
        marks.forEach((pair, i) => pair.forEach((byte) => byte.classList.toggle('dash-marked', i >= from && i < to)));
        marks[from]?.[0].scrollIntoView({block: 'nearest'});
    };
    tree.addEventListener('keydown', (event) => treeKey(event, tree, choose));
    element.addEventListener('keydown', (event) => event.key === 'Escape' && close());
    const show = (packet) => {
        const dump = hexDump(packet.hex ?? '');
        marks = dump.marks;
        tree.replaceChildren(...(packet.layers ?? []).map((layer) => layerItem(layer, choose)));
        hex.replaceChildren(...dump.lines);
        const first = tree.querySelector('[role="treeitem"]');
        if (first) {
            first.tabIndex = 0;
        }
    };
    const load = async (packet) => {
        try {
            const whole = await net.get(`/api/v1/packets/${packet.n}`);
            if (wanted === packet) {
                const same = whole.t === packet.t; // a webterm that began anew has given the number to another
                setText(note, same ? '' : 'webterm was restarted since: it no longer has the bytes of this packet.');
                show(same ? whole : {});
            }
        } catch (problem) {
            if (wanted === packet) {
                setText(note, problem.message);
                show({});
            }
        }
    };
    return {
        element,
        open(packet) {
            wanted = packet;
            element.hidden = !packet;
            clearTimeout(timer);
            if (packet) {
                setText(title, `${packet.where}, ${clock(packet.t, 6)}, ${count(packet.len)} bytes`);
                timer = setTimeout(load, 60, packet); // not for each row that an arrow key runs over
            }
        },
    };
}
