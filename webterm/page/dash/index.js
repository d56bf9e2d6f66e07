// webterm/page/dash/index.js - the stack, seen alive.
import {h} from '../src/dom.js';

/** @param {HTMLElement} element @param {import('../src/net.js').Net} net */
export function mountDash(element, net) {
    void net;
    element.append(h('p', {class: 'empty'}, 'The live view is not built yet.'));
    return {shown() {}};
}
