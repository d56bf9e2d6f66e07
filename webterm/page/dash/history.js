// dash/history.js - the last five minutes, as columns of numbers.  Pure: node tests it without a page.

export const SPAN_S = 300;
const GAP_S = 3; // a longer silence is shown as a gap, not as a straight line
const EVENTS = 200;

const RATES = ['received', 'forwarded', 'answered', 'dropped'];
const LATENCIES = ['p50_us', 'p99_us', 'p999_us'];
const COLUMNS = [...RATES, ...LATENCIES];

export class History {
    constructor() {
        this.t = [];
        this.columns = Object.fromEntries(COLUMNS.map((name) => [name, []]));
        this.events = []; // {t, process, from, to, text, outage_ms}
        this.intervals = []; // {t, buckets, max_us} of latency
    }

    /** One value of the topic "stack", of the time 't'. */
    add(stack, t) {
        const last = this.t.at(-1);
        if (last !== undefined && t <= last) {
            return; // the clock was set back, or webterm began anew with an old value
        }
        if (last !== undefined && t - last > GAP_S) {
            this.#push(last + 0.001, {});
        }
        const rates = stack.rates ?? {}, latency = stack.latency ?? {};
        const idle = !(Number(latency.count) > 0); // no frame, no latency: not a latency of zero
        this.#push(t, {...rates, ...idle ? {} : latency});
        if (!idle) {
            this.intervals.push({t, buckets: latency.buckets ?? [], max_us: latency.max_us});
        }
        this.#forget(t - SPAN_S);
    }

    event(value, t) {
        this.events.push({...value, t});
        if (this.events.length > EVENTS) {
            this.events.shift();
        }
    }

    /**
     * Latency of the last 'seconds': frames by bucket (lower bound -> count), their number, percentiles, the longest.
     * A percentile is the lower bound of its bucket, as the server's are.
     */
    lately(seconds) {
        const sums = new Map();
        const since = (this.t.at(-1) ?? 0) - seconds;
        const intervals = this.intervals.filter(({t}) => t > since);
        for (const {buckets} of intervals) {
            for (const [lower, n] of buckets) {
                sums.set(lower, (sums.get(lower) ?? 0) + Number(n));
            }
        }
        const count = [...sums.values()].reduce((sum, n) => sum + n, 0);
        return {
            sums, count, p50_us: quantile(sums, count * 0.5), p99_us: quantile(sums, count * 0.99), p999_us: quantile(sums, count * 0.999),
            max_us: count ? Math.max(...intervals.map(({max_us}) => Number(max_us) || 0)) : null,
        };
    }

    #push(t, values) {
        this.t.push(t);
        for (const name of COLUMNS) {
            const value = values[name];
            this.columns[name].push(value === undefined || value === null ? null : Number(value));
        }
    }

    #forget(before) {
        const n = this.t.findIndex((t) => t >= before);
        if (n > 0) {
            this.t.splice(0, n);
            COLUMNS.forEach((name) => this.columns[name].splice(0, n));
        }
        while (this.intervals.length && this.intervals[0].t < before) {
            this.intervals.shift();
        }
    }
}

function quantile(sums, rank) {
    let seen = 0;
    for (const [lower, n] of [...sums].sort((a, b) => a[0] - b[0])) {
        seen += n;
        if (seen >= rank) {
            return lower;
        }
    }
    return null;
}

const PER_DECADE = 8;

/** Bars with edges a fixed factor apart, from the first to the last that holds something: [{from, to, n}]. */
export function bars(sums) {
    const slots = new Map();
    for (const [lower, n] of sums) {
        const slot = Math.floor(Math.log10(Math.max(lower, 0.1)) * PER_DECADE + 1e-9);
        slots.set(slot, (slots.get(slot) ?? 0) + n);
    }
    const keys = [...slots.keys()];
    const edge = (slot) => 10 ** (slot / PER_DECADE);
    const list = [];
    for (let slot = Math.min(...keys); slot <= Math.max(...keys); slot++) {
        list.push({from: edge(slot), to: edge(slot + 1), n: slots.get(slot) ?? 0});
    }
    return list;
}
