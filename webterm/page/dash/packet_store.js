// dash/packet_store.js - the newest packets, at most so many; the oldest leave.  Pure: node tests it without a page.

export class Store {
    #ring; #head = 0; #size = 0; #limit;

    constructor(limit) {
        this.#limit = limit;
        this.#ring = new Array(limit);
    }

    get length() {
        return this.#size;
    }

    /** Counted from the oldest that is kept. */
    at(i) {
        return i >= 0 && i < this.#size ? this.#ring[(this.#head + i) % this.#limit] : undefined;
    }

    /** Returns how many old ones left for it. */
    push(packets) {
        let left = 0;
        for (const packet of packets) {
            if (this.#size === this.#limit) {
                this.#head = (this.#head + 1) % this.#limit;
                left += 1;
            } else {
                this.#size += 1;
            }
            this.#ring[(this.#head + this.#size - 1) % this.#limit] = packet;
        }
        return left;
    }

    clear() {
        this.#ring = new Array(this.#limit);
        this.#head = this.#size = 0;
    }

    /** Where a packet is now, or -1. They are in the order of their numbers within one webterm. */
    indexOf(packet) {
        for (let low = 0, high = this.#size - 1; low <= high;) {
            const middle = (low + high) >> 1, at = this.at(middle);
            if (at === packet) {
                return middle;
            }
            if (at.epoch < packet.epoch || (at.epoch === packet.epoch && at.n < packet.n)) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }
}

/** Leaves out what was seen before a reconnection; a webterm that began anew counts from 1 again: that is another epoch. */
export class Sequence {
    #n = -1; #t = 0;

    constructor() {
        this.epoch = 0;
    }

    fresh(packets) {
        return packets.filter((packet) => {
            if (packet.n <= this.#n) {
                if (packet.t <= this.#t) {
                    return false;
                }
                this.epoch += 1;
            }
            this.#n = packet.n;
            this.#t = packet.t;
            packet.epoch = this.epoch;
            return true;
        });
    }
}
