// src/term/index.js - the terminal view.
import {h} from '../dom.js';

export function mountTerminal(element, net) {
    void net;
    element.append(h('p', {class: 'empty'}, 'The terminal is not built yet.'));
    return {shown() {}};
}
