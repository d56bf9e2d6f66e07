// dash/lpm.js - which route takes an address: the longest prefix that it lies in.  Pure: node tests it without a page.

// A dotted quad as a number, or null: nothing shorter, no leading zeros, as the router's own reading.
export function parseAddress(text) {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(String(text).trim());
    if (!match) {
        return null;
    }
    let value = 0;
    for (const part of match.slice(1)) {
        if (Number(part) > 255 || (part.length > 1 && part[0] === '0')) {
            return null;
        }
        value = value * 256 + Number(part);
    }
    return value;
}

// {net, len}, or null
export function parsePrefix(text) {
    const [address, bits, ...rest] = String(text).trim().split('/');
    const net = parseAddress(address);
    const len = bits === undefined ? 32 : /^\d{1,2}$/.test(bits) ? Number(bits) : -1;
    return net === null || len < 0 || len > 32 || rest.length ? null : {net, len};
}

function covers(prefix, address) {
    const size = 2 ** (32 - prefix.len);
    return Math.floor(prefix.net / size) === Math.floor(address / size);
}

// Every route that the address lies in, the longest prefix first: the first is the one that is taken.
export function matches(routes, address) {
    return routes
        .map((route) => ({route, prefix: parsePrefix(route.destination)}))
        .filter(({prefix}) => prefix && covers(prefix, address))
        .sort((a, b) => b.prefix.len - a.prefix.len)
        .map(({route}) => route);
}

// For sorting: addresses and prefixes by number, not by letter.
export function addressKey(text) {
    const prefix = parsePrefix(text ?? '');
    return prefix ? prefix.net * 64 + prefix.len : -1;
}
