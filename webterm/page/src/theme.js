// src/theme.js - light, dark, or as the system has it; and colours for what CSS does not reach.
import {memory} from './dom.js';

export const THEMES = ['system', 'light', 'dark'];
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set();
let choice = THEMES.includes(memory.get('theme')) ? memory.get('theme') : 'system';

function apply() {
    if (choice === 'system') {
        delete document.documentElement.dataset.theme;
    } else {
        document.documentElement.dataset.theme = choice;
    }
    for (const listener of listeners) {
        listener();
    }
}

export function themeChoice() {
    return choice;
}

/** @param {'system'|'light'|'dark'} name */
export function setTheme(name) {
    choice = name;
    memory.set('theme', choice);
    apply();
}

/** Calls 'listener' when the colours have changed.  Returns what ends that. */
export function onTheme(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

const probe = document.createElement('span');
probe.hidden = true;

/** The colour that a token has now, as "rgb(...)": for a canvas, uPlot or xterm. */
export function color(token) {
    if (!probe.isConnected) {
        document.body.append(probe);
    }
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
}

system.addEventListener('change', apply);
apply();
