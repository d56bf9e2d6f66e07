// src/login.js - the page of those who have not said who they are.
import {h} from './dom.js';

const KEPT = 'causeway-login';

/**
 * The address that webterm prints has the password behind its '#', which no server and no log gets to see.  It is taken
 * from the address bar, and kept for this tab: webterm forgets who is logged in when it is restarted.
 * @returns {boolean} whether there was one
 */
export function takeLogin() {
    const [, password] = /^#login=(.+)$/.exec(location.hash) ?? [];
    if (password) {
        sessionStorage.setItem(KEPT, decodeURIComponent(password));
        history.replaceState(null, '', location.pathname + location.search);
    }
    return Boolean(password);
}

export function forgetLogin() {
    sessionStorage.removeItem(KEPT);
}

/** Logs in by the password of the address.  Returns '' when that went well, null without one, else what is wrong. */
async function logInByAddress(net) {
    const password = sessionStorage.getItem(KEPT);
    if (password === null) {
        return null;
    }
    try {
        await net.post('/api/v1/login', {password});
        await net.whoAmI();
        return '';
    } catch (problem) {
        if (problem.status === 401) {
            forgetLogin();
            return 'This address is of another start of webterm: open the one that it prints now.';
        }
        return problem.message;
    }
}

/**
 * Logs in by the password that the address had, or by one that is typed.
 * @param {import('./net.js').Net} net
 * @returns {Promise<void>}
 */
export async function logIn(net) {
    const why = await logInByAddress(net);
    if (why !== '') {
        await askPassword(net, why ?? '');
    }
}

/**
 * Shows a password field in place of everything else until the server takes a password.
 * @param {import('./net.js').Net} net
 * @param {string} why what went wrong before
 * @returns {Promise<void>}
 */
function askPassword(net, why) {
    return new Promise((resolve) => {
        const field = h('input', {type: 'password', id: 'password', name: 'password', autocomplete: 'current-password', required: true,
            'aria-describedby': 'login-error'});
        const error = h('p', {class: 'login-error', id: 'login-error', role: 'alert'}, why);
        const button = h('button', {class: 'button primary'}, 'Log in');
        const form = h('form', {class: 'login panel', onsubmit: async (event) => {
            event.preventDefault();
            button.disabled = true;
            error.textContent = '';
            try {
                await net.post('/api/v1/login', {password: field.value});
                await net.whoAmI();
                form.remove();
                document.body.classList.remove('locked');
                resolve();
            } catch (problem) {
                error.textContent = problem.message;
                field.select();
            } finally {
                button.disabled = false;
            }
        }},
        h('h2', {}, 'Log in'), h('label', {for: 'password'}, 'Password'), field, error, button,
        h('p', {class: 'login-help'}, 'An operator types and changes things; a viewer watches. The password says which you are.'));
        document.body.classList.add('locked');
        document.getElementById('main').append(form);
        field.focus();
    });
}

/** Whether the server wants a password first. */
export function isStranger(me) {
    return me !== null && me.role !== 'operator' && me.role !== 'viewer';
}
