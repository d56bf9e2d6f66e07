// src/dom.js - elements in one expression.

/**
 * h('button', {class: 'button', onclick: f, 'aria-pressed': 'true'}, 'Text', child, ...)
 * A member that begins with "on" listens; true and false set and leave out; null is left out.
 * Text is text: nothing here reads markup.
 * @param {string} tag
 * @param {Object<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {any} the element
 */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith('on')) {
            element.addEventListener(name.slice(2), value);
        } else if (value === true) {
            element.setAttribute(name, '');
        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(name, String(value));
        }
    }
    element.append(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false).map(
        (c) => (c instanceof Node ? c : String(c))));
    return element;
}

/** Sets or removes an attribute, only if it changes. */
export function attribute(element, name, value) {
    if (value === null || value === undefined || value === false) {
        element.removeAttribute(name);
    } else if (element.getAttribute(name) !== String(value)) {
        element.setAttribute(name, String(value));
    }
}

/** Sets the text, only if it changes.  Keeps the text node, so that a selection that touches it stays where it is. */
export function setText(element, text) {
    const want = String(text ?? '');
    const node = element.firstChild;
    if (node?.nodeType === Node.TEXT_NODE && !node.nextSibling) {
        if (node.data !== want) {
            node.data = want;
        }
    } else if (node || want) {
        element.textContent = want;
    }
}

/** What is remembered in this browser.  A browser that remembers nothing is no error. */
export const memory = {
    get(key, otherwise) {
        try {
            return JSON.parse(localStorage.getItem('causeway.' + key) ?? 'null') ?? otherwise;
        } catch {
            return otherwise;
        }
    },
    set(key, value) {
        try {
            localStorage.setItem('causeway.' + key, JSON.stringify(value));
        } catch { /* private windows may refuse */ }
    },
};
