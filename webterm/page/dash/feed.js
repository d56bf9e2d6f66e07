// dash/feed.js - /ws/live for the whole view: one connection, whatever looks at it.
//
//     feed.on('stack', (value, message) => ...)      listens
//     feed.want('packets', true, {filter, where})    subscribes; again after each reconnection
//     feed.onState((open) => ...)

export class Feed {
    #link; #wanted = new Map(); #listeners = new Map(); #states = new Set();

    constructor(net) {
        this.open = false;
        this.#link = net.socket('/ws/live', 'causeway.live', {
            open: () => this.#send([...this.#wanted.keys()]),
            text: (message) => this.#hand(message),
            state: (state) => this.#state(state === 'open'),
        });
    }

    /** The first value after a subscription is whole. */
    on(topic, listener) {
        this.#listeners.set(topic, [...this.#listeners.get(topic) ?? [], listener]);
    }

    onState(listener) {
        this.#states.add(listener);
        listener(this.open);
    }

    /** Options that differ from those before are told to the server, too. */
    want(topic, wanted, options = null) {
        const before = this.#wanted.get(topic);
        if (!wanted && before !== undefined) {
            this.#wanted.delete(topic);
            this.#link.send({unsubscribe: [topic]});
        } else if (wanted && before !== JSON.stringify(options)) {
            this.#wanted.set(topic, JSON.stringify(options));
            this.#send([topic]);
        }
    }

    /** The server kept the options that it had: so do we, for the next reconnection. */
    keep(topic, options) {
        if (this.#wanted.has(topic)) {
            this.#wanted.set(topic, JSON.stringify(options));
        }
    }

    #send(topics) {
        if (topics.length) {
            const options = topics.map((topic) => [topic, JSON.parse(this.#wanted.get(topic))]).filter(([, o]) => o);
            this.#link.send({subscribe: topics, ...Object.fromEntries(options)});
        }
    }

    #hand(message) {
        for (const listener of this.#listeners.get(message.topic) ?? []) {
            listener(message.value, message);
        }
    }

    #state(open) {
        if (open !== this.open) {
            this.open = open;
            this.#states.forEach((listener) => listener(open));
        }
    }
}
