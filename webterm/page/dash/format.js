// dash/format.js - numbers, spans and times for people.  Pure: node tests it without a page.

const DASH = '–';
const whole = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});

// A counter may be a string, since it may exceed 2^53 - 1: then every digit is shown.
export function count(n) {
    if (n === null || n === undefined || n === '') {
        return DASH;
    }
    if (typeof n === 'string' && /^\d+$/.test(n)) {
        return whole.format(BigInt(n));
    }
    return Number.isFinite(Number(n)) ? whole.format(Number(n)) : DASH;
}

// 0/s, 3.5/s, 1,234/s, 123 k/s
export function rate(n) {
    if (n === null || n === undefined || !Number.isFinite(Number(n))) {
        return DASH;
    }
    const v = Number(n);
    if (v >= 1e6) {
        return `${(v / 1e6).toFixed(v >= 1e7 ? 1 : 2)} M/s`;
    }
    if (v >= 1e5) {
        return `${whole.format(v / 1e3)} k/s`;
    }
    if (v > 0 && v < 9.95) {
        return v < 0.05 ? '0/s' : `${v.toFixed(1)}/s`;
    }
    return `${whole.format(v)}/s`;
}

export function bytes(n) {
    const v = Number(n);
    if (n === null || n === undefined || !Number.isFinite(v)) {
        return DASH;
    }
    for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]]) {
        if (v >= size) {
            return `${(v / size).toFixed(v >= 100 * size ? 0 : 1)} ${unit}`;
        }
    }
    return `${whole.format(v)} B`;
}

// Three significant digits: 14.0 µs, 1.25 ms, 2.00 s
export function micros(us) {
    const v = Number(us);
    if (us === null || us === undefined || !Number.isFinite(v)) {
        return DASH;
    }
    const [n, unit] = v >= 1e6 ? [v / 1e6, 's'] : v >= 1e3 ? [v / 1e3, 'ms'] : [v, 'µs'];
    return `${n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)} ${unit}`;
}

export function millis(ms) {
    return ms === null || ms === undefined ? DASH : micros(Number(ms) * 1000);
}

export function percent(p) {
    const v = Number(p);
    if (p === null || p === undefined || !Number.isFinite(v)) {
        return DASH;
    }
    return v > 0 && v < 0.1 ? '<0.1 %' : `${v >= 10 ? v.toFixed(0) : v.toFixed(1)} %`;
}

// 4.2 s, 3 min 05 s, 2 h 07 min, 5 d 3 h: two units, the second with two digits so that it does not jump.
export function span(seconds) {
    const v = Number(seconds);
    if (seconds === null || seconds === undefined || !Number.isFinite(v)) {
        return DASH;
    }
    const two = (n) => String(Math.floor(n)).padStart(2, '0');
    if (v < 60) {
        return `${v < 10 ? v.toFixed(1) : Math.floor(v)} s`;
    }
    if (v < 3600) {
        return `${Math.floor(v / 60)} min ${two(v % 60)} s`;
    }
    if (v < 86400) {
        return `${Math.floor(v / 3600)} h ${two((v % 3600) / 60)} min`;
    }
    return `${Math.floor(v / 86400)} d ${Math.floor((v % 86400) / 3600)} h`;
}

// 16:04:09, with 'digits' of the second's fraction
export function clock(seconds, digits = 0) {
    const scale = 10 ** digits;
    const full = Math.floor(Number(seconds));
    const d = new Date(full * 1000);
    const two = (n) => String(n).padStart(2, '0');
    const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
    if (!digits) {
        return text;
    }
    const part = Math.min(scale - 1, Math.floor((Number(seconds) - full) * scale));
    return `${text}.${String(part).padStart(digits, '0')}`;
}

// 0x0000000000000001 -> 0x1
export function dpid(text) {
    return String(text ?? DASH).replace(/^0x0+(?=.)/, '0x');
}

// no_route -> no route
export function words(name) {
    return String(name ?? '').replaceAll('_', ' ');
}
