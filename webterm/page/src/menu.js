// src/menu.js - a menu that a button or a pointer opens; arrows, Home, End, Escape and letters work in it.
import {h} from './dom.js';

/** @typedef {{text: string, hint?: string, do?: () => void, checked?: boolean, disabled?: string, line?: boolean}} Item */

function list(items, close) {
    return items.map((item) => {
        if (item.line) {
            return h('hr', {role: 'separator'});
        }
        const attributes = {
            class: 'menu-item', type: 'button', tabindex: '-1',
            role: item.checked === undefined ? 'menuitem' : 'menuitemcheckbox',
            'aria-checked': item.checked === undefined ? null : String(item.checked),
            'aria-disabled': item.disabled ? 'true' : null,
            title: item.disabled || null,
            onclick: () => {
                if (!item.disabled) {
                    close();
                    item.do();
                }
            },
        };
        return h('button', attributes, h('span', {class: 'menu-text'}, item.text), item.hint ? h('kbd', {}, item.hint) : null);
    });
}

/** The item that a key leads to, or null. */
function walk(event, menu) {
    const all = [...menu.querySelectorAll('.menu-item')];
    const now = all.indexOf(document.activeElement);
    const steps = {ArrowDown: now + 1, ArrowUp: Math.max(now, 0) - 1, Home: 0, End: -1};
    if (event.key in steps) {
        return all.at(steps[event.key] % all.length);
    }
    if (event.key.length !== 1 || event.ctrlKey || event.altKey || event.key === ' ') {
        return null;
    }
    const after = [...all.slice(now + 1), ...all.slice(0, now + 1)];
    return after.find((item) => item.textContent.toLowerCase().startsWith(event.key.toLowerCase())) ?? null;
}

/**
 * Opens a menu below 'anchor', or at a point of the window.  Focus goes back to where it was.
 * @param {Item[]} items
 * @param {{anchor?: HTMLElement, x?: number, y?: number, label: string}} where
 */
export function openMenu(items, where) {
    document.querySelector('.menu')?.dispatchEvent(new Event('close-menu'));
    const before = document.activeElement;
    const menu = h('div', {class: 'menu', role: 'menu', 'aria-label': where.label});
    const outside = (event) => menu.contains(event.target) || close(false);
    const close = (refocus = true) => {
        document.removeEventListener('pointerdown', outside, true);
        where.anchor?.setAttribute('aria-expanded', 'false');
        menu.remove();
        if (refocus) {
            before?.focus?.();
        }
    };
    menu.append(...list(items, close));
    menu.addEventListener('close-menu', () => close(false));
    menu.addEventListener('keydown', (event) => {
        const next = walk(event, menu);
        if (next) {
            next.focus();
        } else if (event.key === 'Escape' || event.key === 'Tab') {
            close();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    });
    document.getElementById('main').append(menu);
    const box = where.anchor?.getBoundingClientRect();
    const x = box ? box.right - menu.offsetWidth : where.x;
    const y = box ? box.bottom + 2 : where.y;
    menu.style.left = Math.max(4, Math.min(x, innerWidth - menu.offsetWidth - 4)) + 'px';
    menu.style.top = Math.max(4, Math.min(y, innerHeight - menu.offsetHeight - 4)) + 'px';
    where.anchor?.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    menu.querySelector('.menu-item')?.focus();
}
