// src/term/screen.js - one terminal on the page: xterm.js with its addons, themes and sizes.
import {FitAddon} from '@xterm/addon-fit';
import {SearchAddon} from '@xterm/addon-search';
import {SerializeAddon} from '@xterm/addon-serialize';
import {Unicode11Addon} from '@xterm/addon-unicode11';
import {WebLinksAddon} from '@xterm/addon-web-links';
import {WebglAddon} from '@xterm/addon-webgl';
import {Terminal} from '@xterm/xterm';
import {memory} from '../dom.js';
import {color, onTheme} from '../theme.js';

const ANSI = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const START_OVER = new Uint8Array([0x18, 0x1b, 0x63]); // CAN ends what was begun, ESC c is a full reset
const FONT = {least: 6, most: 32, usual: 14};

export const settings = {
    fontSize: memory.get('fontSize', FONT.usual),
    screenReader: memory.get('screenReader', false),
};

/** xterm's theme, from the page's tokens. */
function theme() {
    const colors = {
        background: color('--term-ground'),
        foreground: color('--term-text'),
        cursor: color('--term-cursor'),
        cursorAccent: color('--term-ground'),
        selectionBackground: color('--term-selection'),
    };
    for (const name of ANSI) {
        colors[name] = color(`--term-${name}`);
        colors['bright' + name[0].toUpperCase() + name.slice(1)] = color(`--term-bright-${name}`);
    }
    return colors;
}

function openLink(event, uri) {
    event.preventDefault();
    if (/^https?:\/\//i.test(uri)) {
        window.open(uri, '_blank', 'noopener,noreferrer');
    }
}

/** Sequences that a terminal answers; a page that does not drive, or shows what is old, must not. */
function muteAnswers(term, muted) {
    const swallow = () => muted();
    const asks = (data) => muted() && /(^|;)\?/.test(data);
    const {parser} = term;
    for (const id of [
        {final: 'c'}, {prefix: '>', final: 'c'}, {prefix: '=', final: 'c'}, {final: 'n'}, {prefix: '?', final: 'n'},
        {prefix: '>', final: 'q'}, {intermediates: '$', final: 'p'}, {prefix: '?', intermediates: '$', final: 'p'},
        {final: 't'}, {prefix: '?', final: 'u'},
    ]) {
        parser.registerCsiHandler(id, swallow);
    }
    parser.registerDcsHandler({intermediates: '$', final: 'q'}, swallow);
    parser.registerDcsHandler({intermediates: '+', final: 'q'}, swallow);
    for (const id of [4, 10, 11, 12, 52]) {
        parser.registerOscHandler(id, asks);
    }
}

let card = null;

/** Whether WebGL is drawn by hardware: in software it is slower than the DOM. */
function hasGraphicsCard() {
    if (card === null) {
        const gl = document.createElement('canvas').getContext('webgl2', {failIfMajorPerformanceCaveat: true});
        const info = gl?.getExtension('WEBGL_debug_renderer_info');
        const name = gl ? String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : 'software';
        card = !/swiftshader|llvmpipe|software/i.test(name);
        gl?.getExtension('WEBGL_lose_context')?.loseContext();
    }
    return card;
}

export class Screen {
    #element; #webgl = null; #ends = []; #fontSize = 0;

    /**
     * @param {HTMLElement} element
     * @param {{label: string, muted: () => boolean}} options  muted: answer no queries now
     */
    constructor(element, {label, muted}) {
        this.#element = element;
        this.term = new Terminal({
            allowProposedApi: true,
            cursorBlink: false,
            fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
            fontSize: settings.fontSize,
            lineHeight: 1.1, // less cuts underscores off in some fonts
            linkHandler: {activate: openLink},
            minimumContrastRatio: 4.5,
            screenReaderMode: settings.screenReader,
            scrollback: 10000,
            theme: theme(),
        });
        this.search = new SearchAddon();
        this.serialize = new SerializeAddon();
        this.fitter = new FitAddon();
        for (const addon of [this.search, this.serialize, this.fitter, new Unicode11Addon(), new WebLinksAddon(openLink)]) {
            this.term.loadAddon(addon);
        }
        this.term.unicode.activeVersion = '11';
        muteAnswers(this.term, muted);
        this.term.open(element);
        this.term.textarea.setAttribute('aria-label', label);
        this.#useWebgl();
        this.#ends.push(onTheme(() => this.term.options.theme = theme()));
    }

    /** The graphics card draws; when its context is lost, or there is none, the DOM does. */
    #useWebgl() {
        if (!hasGraphicsCard()) {
            return;
        }
        try {
            this.#webgl = new WebglAddon();
            this.#webgl.onContextLoss(() => {
                this.#webgl.dispose();
                this.#webgl = null;
            });
            this.term.loadAddon(this.#webgl);
        } catch {
            this.#webgl = null;
        }
    }

    write(bytes, done) {
        this.term.write(bytes, done);
    }

    /** Empties screen and scroll-back, after what was written before. */
    reset() {
        this.term.write(START_OVER);
    }

    /** The columns and rows that fit at the reader's font size, or null while nothing is seen. */
    proposed() {
        this.#setFont(settings.fontSize);
        const size = this.fitter.proposeDimensions();
        return size && Number.isFinite(size.cols) && size.cols > 1 ? {cols: Math.max(size.cols, 20), rows: Math.max(size.rows, 4)} : null;
    }

    /** Takes the driver's size; where it does not fit, the font is made smaller. */
    adopt(cols, rows) {
        if (cols !== this.term.cols || rows !== this.term.rows) {
            this.term.resize(cols, rows);
        }
        const fits = this.proposed();
        if (fits && (fits.cols < cols || fits.rows < rows)) {
            const scale = Math.min(fits.cols / cols, fits.rows / rows);
            this.#setFont(Math.max(FONT.least, Math.floor(settings.fontSize * scale * 2) / 2));
        }
    }

    #setFont(size) {
        if (size !== this.#fontSize) {
            this.#fontSize = size;
            this.term.options.fontSize = size;
        }
    }

    applySettings() {
        this.term.options.screenReaderMode = settings.screenReader;
        this.#fontSize = 0;
    }

    focus() {
        this.term.focus();
    }

    dispose() {
        this.#ends.forEach((end) => end());
        this.term.dispose();
    }
}

/** Changes the size of the letters, for all terminals of this page. */
export function zoom(step) {
    settings.fontSize = step === 0 ? FONT.usual : Math.min(FONT.most, Math.max(FONT.least + 2, settings.fontSize + step));
    memory.set('fontSize', settings.fontSize);
}

export function setScreenReader(on) {
    settings.screenReader = on;
    memory.set('screenReader', on);
}
