// src/term/touch.js - a finger scrolls the terminal, which xterm.js itself leaves to a wheel.

/** @param {HTMLElement} stage  @param {() => import('@xterm/xterm').Terminal|undefined} terminal */
export function scrollByTouch(stage, terminal) {
    let last = null;
    let rest = 0;
    stage.addEventListener('touchstart', (event) => {
        last = event.touches.length === 1 ? event.touches[0].clientY : null;
        rest = 0;
    }, {passive: true});
    stage.addEventListener('touchmove', (event) => {
        const term = terminal();
        if (last === null || !term) {
            return;
        }
        const height = term.element.querySelector('.xterm-screen').clientHeight / term.rows;
        rest += last - event.touches[0].clientY;
        last = event.touches[0].clientY;
        const lines = Math.trunc(rest / height);
        rest -= lines * height;
        if (lines) {
            term.scrollLines(lines);
        }
    }, {passive: true});
}
