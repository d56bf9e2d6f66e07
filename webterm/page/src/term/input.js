// src/term/input.js - what goes to the terminal's program: typed, pasted, pressed.
//
// The network takes what it can; the rest waits here, never more than a paste.  ^C overtakes a paste and
// ends it.

const FRAME = 16 * 1024;          // of 64 KiB that the protocol allows: ^C is never far behind
const NETWORK = 64 * 1024;        // as much may wait in the browser's socket
const PATIENCE_MS = 5000;         // what is typed without a connection waits so long
const LOOK_MS = 10;
const encoder = new TextEncoder();

export class Input {
    #link; #queue = []; #timer = 0; #since = 0; #dropped; #progress;

    /**
     * @param {() => import('../net.js').Link|null} link
     * @param {{dropped: (bytes: number) => void, progress: (bytes: number) => void}} on
     */
    constructor(link, on) {
        this.#link = link;
        this.#dropped = on.dropped;
        this.#progress = on.progress;
    }

    /** Bytes that wait. */
    get waiting() {
        return this.#queue.reduce((sum, part) => sum + part.length, 0);
    }

    /** @param {string|Uint8Array} what */
    send(what) {
        const bytes = typeof what === 'string' ? encoder.encode(what) : what;
        if (bytes.length === 1 && bytes[0] === 3 && this.waiting > FRAME) {
            this.#queue = [];
        }
        for (let at = 0; at < bytes.length; at += FRAME) {
            this.#queue.push(bytes.subarray(at, at + FRAME));
        }
        this.pump();
    }

    /** Sends as much as goes; to be called when a connection is there again, too. */
    pump() {
        clearTimeout(this.#timer);
        this.#timer = 0;
        const link = this.#link();
        while (this.#queue.length && link?.ready && link.waiting < NETWORK && link.send(this.#queue[0])) {
            this.#queue.shift();
        }
        if (this.#queue.length) {
            this.#wait(link);
        } else {
            this.#since = 0;
        }
        this.#progress(this.waiting);
    }

    #wait(link) {
        if (link?.ready) {
            this.#since = 0;
        } else if (!this.#since) {
            this.#since = Date.now();
        } else if (Date.now() - this.#since > PATIENCE_MS) {
            this.#dropped(this.waiting);
            this.#queue = [];
            this.#since = 0;
            return;
        }
        this.#timer = setTimeout(() => this.pump(), LOOK_MS);
    }

    /** Forgets what waits: the keyboard is somebody else's now. */
    clear() {
        this.#queue = [];
        this.pump();
    }
}

/**
 * The bytes of a paste: lines end as a keyboard ends them, and nothing in it can act as a key of its own.
 * @param {string} text
 * @param {boolean} bracketed  the program asked to be told what is pasted
 */
export function pasteBytes(text, bracketed) {
    // eslint-disable-next-line no-control-regex
    const plain = text.replace(/\r\n|\n/g, '\r').replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]/g, '');
    return encoder.encode(bracketed ? `\x1b[200~${plain}\x1b[201~` : plain);
}

/** Ctrl and a character: what a terminal gets.  Null: there is no such key. */
export function control(character) {
    const code = character.toUpperCase().charCodeAt(0);
    if (character === ' ') {
        return '\0';
    }
    return character.length === 1 && code >= 64 && code < 96 ? String.fromCharCode(code - 64) : character === '?' ? '\x7f' : null;
}
