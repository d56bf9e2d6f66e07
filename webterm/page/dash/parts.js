// dash/parts.js - elements that change all the time.
//
// Everything live goes through setText and attribute, which touch the document only when a value has changed:
// what is not touched keeps its scroll, focus and selection, and costs no layout.
import {h, setText} from '../src/dom.js';

const SVG = 'http://www.w3.org/2000/svg';

/** As h(), for SVG. */
export function s(tag, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, String(value));
    }
    element.append(...children);
    return element;
}

let ids = 0;
export function newId(what) {
    ids += 1;
    return `dash-${what}-${ids}`;
}

/** Children of 'parent' in this order, moving as few as may be; one that holds the focus gets it back. */
export function arrange(parent, wanted) {
    const focused = parent.contains(document.activeElement) ? document.activeElement : null;
    const keep = new Set(wanted);
    for (const child of [...parent.children]) {
        if (!keep.has(child)) {
            child.remove();
        }
    }
    let at = parent.firstElementChild;
    for (const element of wanted) {
        if (element === at) {
            at = at.nextElementSibling;
        } else {
            parent.insertBefore(element, at);
        }
    }
    if (focused && focused !== document.activeElement && parent.contains(focused)) {
        focused.focus({preventScroll: true});
    }
}

/** True while text within 'element' is selected: then nothing there should move. */
export function isSelecting(element) {
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && element.contains(selection.anchorNode));
}

/** Says changes to who cannot see them: politely, several at once, none twice. */
export function announcer() {
    const element = h('p', {class: 'sr-only', role: 'status', 'aria-live': 'polite'});
    let pending = [], timer = 0;
    const flush = () => {
        timer = 0;
        setText(element, pending.slice(-3).join('. '));
        pending = [];
    };
    return {
        element,
        say(sentence) {
            if (!pending.includes(sentence)) {
                pending.push(sentence);
                timer ||= setTimeout(flush, 600);
            }
        },
    };
}

/** Arrow keys, Home and End move through a group of which one has tabindex 0. */
function roving(group, items) {
    const settle = (chosen) => {
        for (const item of items) {
            item.tabIndex = item === chosen ? 0 : -1;
        }
    };
    group.addEventListener('focusin', (event) => {
        if (items.includes(event.target)) {
            settle(event.target);
        }
    });
    group.addEventListener('keydown', (event) => {
        const at = items.indexOf(event.target);
        const to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: items.length - 1}[event.key];
        if (at >= 0 && items[to]) {
            event.preventDefault();
            items[to].focus();
        }
    });
    return settle;
}

/** A row of tabs and their panels.  'pages': [{name, title, element}].  'chosen' is called with a name. */
export function tabs(label, pages, first, chosen) {
    const bar = h('div', {class: 'dash-tabs', role: 'tablist', 'aria-label': label});
    const buttons = pages.map((page) => {
        page.element.id ||= newId('page');
        const button = h('button', {
            class: 'button quiet', type: 'button', role: 'tab', id: newId('tab'), 'aria-controls': page.element.id,
            'data-tab': page.name, onclick: () => choose(page.name),
        }, page.title);
        page.element.setAttribute('role', 'tabpanel');
        page.element.setAttribute('aria-labelledby', button.id);
        return button;
    });
    const settle = roving(bar, buttons);
    const choose = (name) => {
        for (const [i, page] of pages.entries()) {
            buttons[i].setAttribute('aria-selected', page.name === name);
            page.element.hidden = page.name !== name;
        }
        settle(buttons[pages.findIndex((page) => page.name === name)]);
        chosen(name);
    };
    bar.append(...buttons);
    return {bar, choose, start: () => choose(pages.some((page) => page.name === first) ? first : pages[0].name)};
}
