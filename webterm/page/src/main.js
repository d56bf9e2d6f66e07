// src/main.js - the page: two views, who we are, whether there is a connection.
import {attribute, h, setText} from './dom.js';
import {forgetLogin, isStranger, logIn, takeLogin} from './login.js';
import {openMenu} from './menu.js';
import {Net} from './net.js';
import {addShortcuts, showShortcuts} from './shortcuts.js';
import {setTheme, themeChoice, THEMES} from './theme.js';
import {toast} from './ui.js';
import './viewport.js';

const VIEWS = {terminal: 'Terminal', stack: 'Stack', both: 'Both'};
const THEME_TEXT = {system: 'Colours: as the system', light: 'Colours: light', dark: 'Colours: dark'};
const STATES = {open: ['ok', 'Connected'], connecting: ['warn', 'Connecting'], waiting: ['bad', 'Reconnecting']};
const net = new Net();
const mounted = {};
let ready = false;

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

function wantedView() {
    const wanted = location.hash.slice(1);
    return Object.hasOwn(VIEWS, wanted) ? wanted : 'terminal';
}

async function show() {
    const view = wantedView();
    document.getElementById('main').classList.toggle('both', view === 'both');
    for (const link of document.querySelectorAll('#views a')) {
        attribute(link, 'aria-current', link.hash === '#' + view && 'page');
    }
    for (const name of ['terminal', 'stack']) {
        const visible = ready && (view === name || view === 'both');
        document.getElementById('view-' + name).hidden = !visible;
        if (visible || mounted[name]) {
            (await mount(name))?.shown(visible);
        }
    }
}

function menu() {
    return [
        ...THEMES.map((name) => ({text: THEME_TEXT[name], checked: themeChoice() === name, do: () => setTheme(name)})),
        {line: true},
        {text: 'Keys', hint: 'Ctrl+Shift+?', do: showShortcuts},
        ...(net.me?.login ? [{text: 'Log out', do: logOut}] : []),
    ];
}

async function logOut() {
    try {
        await net.post('/api/v1/logout');
        forgetLogin();
        location.reload();
    } catch (problem) {
        toast(`Still logged in: ${problem.message}`, 'bad');
    }
}

function topbar() {
    const state = h('span', {class: 'state', id: 'connection', role: 'status'});
    const role = h('span', {class: 'role', id: 'role'});
    const more = h('button', {class: 'button', type: 'button', id: 'page-menu', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
        onclick: () => openMenu(menu(), {anchor: more, label: 'Page'})}, 'Page');
    document.getElementById('views').append(...Object.entries(VIEWS).map(([name, text]) =>
        h('a', {class: 'button quiet', href: '#' + name, 'data-view': name}, text)));
    document.getElementById('topbar-end').append(role, state, more);
    net.watch(() => {
        const [kind, text] = STATES[net.state];
        attribute(state, 'data-state', kind);
        setText(state, text);
        attribute(state, 'title', net.why);
        role.textContent = net.me?.role === 'viewer' ? 'viewer' : net.me?.role === 'operator' ? 'operator' : '';
        attribute(role, 'title', net.me?.role === 'viewer' ? 'You may watch; an operator may change things.' : 'You may change things.');
    });
}

/** Says who we are; a stranger logs in first.  Also when a session has run out later. */
async function enter() {
    if (isStranger(net.me)) {
        ready = false;
        show();
        await logIn(net);
        net.hurry();
    }
    ready = true;
    await show();
}

async function start() {
    for (let pause = 200; net.me === null; pause = Math.min(pause * 1.7, 5000)) {
        try {
            await net.whoAmI();
        } catch (problem) {
            toast(problem.message, 'bad');
            await new Promise((resolve) => setTimeout(resolve, pause));
        }
    }
    await enter();
    net.watch(() => ready && isStranger(net.me) && enter());
}

topbar();
addShortcuts('Page', [
    {keys: 'Ctrl+Shift+?', text: 'This list', do: showShortcuts},
    {keys: 'Alt+1', text: 'Terminal', do: () => location.hash = 'terminal'},
    {keys: 'Alt+2', text: 'Stack', do: () => location.hash = 'stack'},
    {keys: 'Alt+3', text: 'Both', do: () => location.hash = 'both'},
]);
takeLogin();
addEventListener('hashchange', () => takeLogin() ? location.reload() : show());
start();
