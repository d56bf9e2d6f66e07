// src/login.js - the page of those who have not said who they are.
import {h} from './dom.js';

/**
 * Shows a password field in place of everything else until the server takes a password.
 * @param {import('./net.js').Net} net
 * @returns {Promise<void>}
 */
export function logIn(net) {
    return new Promise((resolve) => {
        const field = h('input', {type: 'password', id: 'password', name: 'password', autocomplete: 'current-password', required: true,
            'aria-describedby': 'login-error'});
        const error = h('p', {class: 'login-error', id: 'login-error', role: 'alert'});
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
