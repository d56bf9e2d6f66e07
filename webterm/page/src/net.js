// src/net.js - all that goes over the network: REST, and WebSockets that come back by themselves.
//
//     net.get('/api/v1/sessions')          -> value, or throws a Problem (its message is a sentence)
//     net.socket('/ws/live', 'causeway.live', {open, text, binary, state})   -> Link
//     net.watch(listener)                  the page's connection as a whole, for the top bar
//     net.me                               {role: 'operator'|'viewer', login: bool}, null before it is known

const FIRST_MS = 100;
const LONGEST_MS = 5000;
const GIVE_UP_CODES = new Set([1008, 4401]); // the server does not want us: a login may help, trying does not

/** An error that the server explained (RFC 9457), or the network made. */
export class Problem extends Error {
    constructor(status, title, detail, field) {
        super(detail || title);
        this.name = 'Problem';
        this.status = status;
        this.title = title;
        this.field = field; // which word of the request it is about, if the server said so
    }
}

/**
 * A WebSocket that is opened again when it is lost: after 100 ms, then 1.7 times longer each time, to
 * 5 s, each up to a half shorter by chance, so that a class of browsers does not come back as one.
 * Its state is 'connecting', 'open', 'waiting' or 'closed'.
 */
export class Link {
    #net; #path; #protocol; #on; #socket = null; #timer = 0; #failures = 0;

    constructor(net, path, protocol, handlers) {
        this.#net = net;
        this.#path = path;
        this.#protocol = protocol;
        this.#on = handlers;
        this.state = 'connecting';
        this.why = '';
        this.#connect();
    }

    /** Sends bytes, or an object as JSON.  False: there is no connection; nothing is kept for later. */
    send(what) {
        if (this.#socket?.readyState !== WebSocket.OPEN) {
            return false;
        }
        this.#socket.send(what instanceof Uint8Array ? what : JSON.stringify(what));
        return true;
    }

    /** Bytes that the browser has not handed to the network yet. */
    get waiting() {
        return this.#socket?.bufferedAmount ?? 0;
    }

    /** Ends it for good. */
    close() {
        this.#set('closed');
        clearTimeout(this.#timer);
        this.#socket?.close();
        this.#net.forget(this);
    }

    /** Leaves this connection for a new one. */
    again() {
        this.#socket?.close();
    }

    /** Tries at once, if it waits: the network is back, the page is seen again, somebody logged in. */
    hurry() {
        if (this.state === 'waiting') {
            this.#failures = 0;
            clearTimeout(this.#timer);
            this.#connect();
        }
    }

    #set(state, why = '') {
        this.state = state;
        this.why = why;
        this.#on.state?.(state, why);
        this.#net.changed();
    }

    #connect() {
        const url = new URL(this.#path, location.href);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        this.#set('connecting', this.why);
        const socket = new WebSocket(url, this.#protocol);
        socket.binaryType = 'arraybuffer';
        this.#socket = socket;
        socket.onopen = () => {
            this.#failures = 0;
            this.#set('open');
            this.#on.open?.();
        };
        socket.onmessage = (event) => {
            if (typeof event.data === 'string') {
                this.#on.text?.(JSON.parse(event.data));
            } else {
                this.#on.binary?.(event.data);
            }
        };
        socket.onclose = (event) => {
            if (this.#socket === socket && this.state !== 'closed') {
                this.#lost(event);
            }
        };
    }

    #lost(event) {
        this.#failures += 1;
        const long = GIVE_UP_CODES.has(event.code) ? LONGEST_MS : Math.min(LONGEST_MS, FIRST_MS * 1.7 ** (this.#failures - 1));
        this.#timer = setTimeout(() => this.#connect(), long * (0.5 + Math.random() / 2));
        this.#set('waiting', event.reason);
        if (GIVE_UP_CODES.has(event.code) || this.#failures % 4 === 2) {
            this.#net.whoAmI().catch(() => {}); // a session that ended looks like a refused connection
        }
    }
}

export class Net {
    #links = new Set(); #listeners = new Set(); #state = '';

    constructor() {
        this.me = null;
        addEventListener('online', () => this.hurry());
        document.addEventListener('visibilitychange', () => document.hidden || this.hurry());
    }

    socket(path, protocol, handlers) {
        const link = new Link(this, path, protocol, handlers);
        this.#links.add(link);
        this.changed();
        return link;
    }

    forget(link) {
        this.#links.delete(link);
        this.changed();
    }

    hurry() {
        for (const link of this.#links) {
            link.hurry();
        }
    }

    /** 'open', 'connecting' or 'waiting': the worst of what the page has open; and why. */
    get state() {
        const states = [...this.#links].map((l) => l.state);
        return ['waiting', 'connecting'].find((s) => states.includes(s)) ?? 'open';
    }

    get why() {
        return [...this.#links].find((l) => l.why)?.why ?? '';
    }

    /** Calls 'listener' when state, why or me have changed, and now.  Returns what ends that. */
    watch(listener) {
        this.#listeners.add(listener);
        listener();
        return () => this.#listeners.delete(listener);
    }

    changed() {
        const now = `${this.state} ${this.why} ${JSON.stringify(this.me)}`;
        if (now !== this.#state) {
            this.#state = now;
            this.#listeners.forEach((l) => l());
        }
    }

    /** Asks who we are for the server, and keeps it. */
    async whoAmI() {
        this.me = await this.get('/api/v1/me');
        this.changed();
        return this.me;
    }

    get(path) {
        return this.#request('GET', path);
    }

    post(path, body) {
        return this.#request('POST', path, body);
    }

    delete(path) {
        return this.#request('DELETE', path);
    }

    async #request(method, path, body) {
        let response;
        try {
            response = await fetch(path, {
                method,
                headers: body === undefined ? {} : {'content-type': 'application/json'},
                body: body === undefined ? undefined : JSON.stringify(body),
                cache: 'no-store',
            });
        } catch {
            throw new Problem(0, 'No connection', 'webterm does not answer: it may be restarting');
        }
        const type = response.headers.get('content-type') ?? '';
        const value = type.includes('json') ? await response.json().catch(() => null) : await response.text();
        if (!response.ok) {
            if (response.status === 401 && path !== '/api/v1/me' && path !== '/api/v1/login') {
                this.whoAmI().catch(() => {});
            }
            throw new Problem(response.status, value?.title ?? response.statusText, value?.detail, value?.field);
        }
        return value;
    }
}
