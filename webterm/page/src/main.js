// src/main.js - the page: two views, who we are, whether there is a connection.
import {attribute, h} from './dom.js';
import {Net} from './net.js';
import {nextTheme, onTheme, themeChoice} from './theme.js';
import {toast} from './ui.js';

const VIEWS = {terminal: 'Terminal', stack: 'Stack', both: 'Both'};
const net = new Net();
const mounted = {};

/** The view's code is loaded when it is first looked at. */
async function mount(name) {
    const element = document.getElementById('view-' + name);
    mounted[name] ??= (name === 'terminal'
        ? import('./term/index.js').then((m) => m.mountTerminal(element, net))
        : import('../dash/index.js').then((m) => m.mountDash(element, net))
    ).catch((error) => {
        delete mounted[name];
        toast(`This view could not be loaded: ${error.message}. Reload the page.`, 'bad');
    });
    return mounted[name];
}

async function show() {
    const wanted = location.hash.slice(1);
    const view = wanted in VIEWS ? wanted : 'terminal';
    document.getElementById('main').classList.toggle('both', view === 'both');
    for (const link of document.querySelectorAll('#views a')) {
        attribute(link, 'aria-current', link.hash === '#' + view && 'page');
    }
    for (const name of ['terminal', 'stack']) {
        const visible = view === name || view === 'both';
        document.getElementById('view-' + name).hidden = !visible;
        if (visible || mounted[name]) {
            (await mount(name))?.shown(visible);
        }
    }
}

function topbar() {
    const state = h('span', {class: 'state', id: 'connection', role: 'status'});
    const role = h('span', {class: 'role', id: 'role'});
    const theme = h('button', {class: 'button', type: 'button', onclick: nextTheme});
    const say = () => theme.textContent = `Theme: ${themeChoice()}`;
    document.getElementById('views').append(...Object.entries(VIEWS).map(([name, text]) =>
        h('a', {class: 'button quiet', href: '#' + name}, text)));
    document.getElementById('topbar-end').append(role, state, theme);
    onTheme(say);
    say();
    net.watch(() => {
        const [kind, text] = {open: ['ok', 'connected'], connecting: ['warn', 'connecting'], waiting: ['bad', 'reconnecting']}[net.state];
        state.dataset.state = kind;
        state.textContent = text;
        state.title = net.why;
        role.textContent = net.me ? net.me.role : '';
    });
}

topbar();
addEventListener('hashchange', show);
net.whoAmI().catch((problem) => toast(problem.message, 'bad'));
show();
