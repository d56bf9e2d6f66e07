// src/term/stream.js - a session's output: every byte once and in order, across lost connections.
//
//     stream.attach(name)      -> what to send when a connection opens
//     stream.text(message)     hello, gap and replay; others are not for here
//     stream.binary(buffer)    8 bytes of offset, then output
//
// It knows neither xterm nor WebSocket: 'sink' shows, 'send' answers (docs/web-protocol.md).

const ACK_BYTES = 64 * 1024;   // at once, after so many; the server's window is eight times that
const ACK_MS = 100;            // fewer, and all that is shown once nothing waits: after so long
const WINDOW = 512 * 1024;     // the server's
const AHEAD_MS = 100;          // no more than this page shows in so long shall be on its way: it is what ^C waits for
const AHEAD_LEAST = 64 * 1024;
const RATE_MS = 100;           // a rate is of so long at least

export class Stream {
    #sink; #send; #desync; #epoch = null; #next = 0; #shown = 0; #acked = 0; #until = 0; #timer = 0; #from = 0;
    #generation = 0; #clock; #held = 0; #since = 0; #counted = 0;

    /**
     * @param {{write: (bytes: Uint8Array, done: () => void) => void, reset: () => void,
     *          lost: (bytes: number) => void, replaying: (yes: boolean) => void}} sink
     * @param {(message: object) => boolean} send
     * @param {() => void} desync  offsets make no sense: connect anew
     * @param {() => number} [clock]  milliseconds
     */
    constructor(sink, send, desync, clock = () => performance.now()) {
        this.#clock = clock;
        this.#sink = sink;
        this.#send = send;
        this.#desync = desync;
    }

    /** Bytes that came and are not shown yet. */
    get behind() {
        return this.#next - this.#shown;
    }

    /** What a new connection says first.  What is still to be shown is not asked for again. */
    attach(name) {
        this.#acked = this.#from = this.#next;
        return {type: 'attach', epoch: this.#epoch, from: this.#epoch === null ? null : this.#next, name};
    }

    text(message) {
        if (message.type === 'hello' && message.epoch !== this.#epoch) {
            this.#startOver(message.start);
            this.#epoch = message.epoch;
        } else if (message.type === 'gap') {
            this.#sink.lost(message.to - Math.min(this.#next, message.to));
            this.#startOver(message.to);
        } else if (message.type === 'replay') {
            this.#until = message.until;
            this.#sink.replaying(this.#shown < message.until);
        }
    }

    binary(buffer) {
        if (buffer.byteLength < 8) {
            this.#desync();
            return;
        }
        const offset = Number(new DataView(buffer).getBigUint64(0));
        let bytes = new Uint8Array(buffer, 8);
        if (offset > this.#next) {
            this.#desync();
            return;
        }
        bytes = bytes.subarray(Math.min(bytes.length, this.#next - offset));
        const old = Math.max(0, Math.min(bytes.length, this.#until - this.#next));
        this.#write(bytes.subarray(0, old));
        this.#write(bytes.subarray(old));
    }

    /** A part that is old as a whole, or new as a whole: what is shown next is known by then. */
    #write(bytes) {
        if (bytes.length === 0) {
            return;
        }
        const generation = this.#generation;
        this.#next += bytes.length;
        this.#sink.write(bytes, () => {
            if (generation === this.#generation) {
                this.#shown += bytes.length;
                this.#measure(bytes.length);
                this.#sink.replaying(this.#shown < this.#until);
                this.#acknowledge();
            }
        });
    }

    #startOver(offset) {
        this.#generation += 1;
        this.#next = this.#shown = this.#acked = this.#from = offset;
        this.#until = 0;
        this.#sink.reset();
        this.#sink.replaying(false);
    }

    /**
     * What is said to be shown.  In a flood that this page shows slowly it is less than that, by as much as makes the
     * server's window smaller; half at first, so that our pace is seen from the start.
     */
    get #told() {
        return this.#shown - Math.floor(Math.min(this.#held, Math.max(0, this.#shown - this.#from) / 2));
    }

    #measure(bytes) {
        const now = this.#clock();
        this.#counted += bytes;
        if (now - this.#since >= RATE_MS) {
            const ahead = this.#counted / (now - this.#since) * AHEAD_MS;
            this.#held = WINDOW - Math.min(WINDOW, Math.max(AHEAD_LEAST, ahead));
            this.#since = now;
            this.#counted = 0;
        }
    }

    #acknowledge() {
        if (this.#told - this.#acked >= ACK_BYTES) {
            clearTimeout(this.#timer);
            this.#timer = 0;
            this.#ack(this.#told);
        }
        this.#timer ||= setTimeout(() => {
            this.#timer = 0;
            this.#ack(this.#shown === this.#next ? this.#shown : this.#told);
        }, ACK_MS);
    }

    #ack(offset) {
        if (offset > this.#acked && this.#send({type: 'ack', offset})) {
            this.#acked = offset;
        }
    }
}
