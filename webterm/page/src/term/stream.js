// src/term/stream.js - a session's output: every byte once and in order, across lost connections.
//
//     stream.attach(name)      -> what to send when a connection opens
//     stream.text(message)     hello, gap and replay; others are not for here
//     stream.binary(buffer)    8 bytes of offset, then output
//
// It knows neither xterm nor WebSocket: 'sink' shows, 'send' answers (docs/web-protocol.md).

const ACK_BYTES = 64 * 1024;   // at once, after so many; the server's window is eight times that
const ACK_MS = 100;            // fewer: after so long

export class Stream {
    #sink; #send; #desync; #epoch = null; #next = 0; #shown = 0; #acked = 0; #until = 0; #timer = 0;
    #generation = 0;

    /**
     * @param {{write: (bytes: Uint8Array, done: () => void) => void, reset: () => void,
     *          lost: (bytes: number) => void, replaying: (yes: boolean) => void}} sink
     * @param {(message: object) => boolean} send
     * @param {() => void} desync  offsets make no sense: connect anew
     */
    constructor(sink, send, desync) {
        this.#sink = sink;
        this.#send = send;
        this.#desync = desync;
    }

    /** Bytes that came and are not shown yet. */
    get behind() {
        return this.#next - this.#shown;
    }

    get next() {
        return this.#next;
    }

    /** What a new connection says first.  What is still to be shown is not asked for again. */
    attach(name) {
        this.#acked = this.#next;
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
                this.#sink.replaying(this.#shown < this.#until);
                this.#acknowledge();
            }
        });
    }

    #startOver(offset) {
        this.#generation += 1;
        this.#next = this.#shown = this.#acked = offset;
        this.#until = 0;
        this.#sink.reset();
        this.#sink.replaying(false);
    }

    #acknowledge() {
        if (this.#shown - this.#acked >= ACK_BYTES) {
            clearTimeout(this.#timer);
            this.#timer = 0;
            this.#ack();
        } else if (!this.#timer) {
            this.#timer = setTimeout(() => {
                this.#timer = 0;
                this.#ack();
            }, ACK_MS);
        }
    }

    #ack() {
        if (this.#shown > this.#acked && this.#send({type: 'ack', offset: this.#shown})) {
            this.#acked = this.#shown;
        }
    }
}
