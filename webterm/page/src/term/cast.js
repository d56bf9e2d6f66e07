// src/term/cast.js - asciicast v2: a line of JSON for the header, then one an event: [seconds, "o", text].

const LONGEST_PAUSE = 2;

/**
 * Reads a recording.  A line that is broken (the last one of a recording that goes on) ends it.
 * @param {string} text
 * @param {boolean} shorten  pauses of more than two seconds become two
 * @returns {{cols: number, rows: number, title: string, duration: number, events: {at: number, kind: string, data: string}[]}}
 */
export function readCast(text, shorten) {
    const lines = text.split('\n');
    let header;
    try {
        header = JSON.parse(lines[0]);
    } catch {
        header = {};
    }
    if (header.version !== 2) {
        throw new Error('this is no asciicast of version 2');
    }
    const events = [];
    let last = 0;
    let at = 0;
    for (const line of lines.slice(1)) {
        let event;
        try {
            event = JSON.parse(line);
        } catch {
            break;
        }
        const pause = Math.max(0, event[0] - last);
        last = event[0];
        at += shorten ? Math.min(pause, LONGEST_PAUSE) : pause;
        events.push({at, kind: event[1], data: event[2]});
    }
    return {cols: header.width, rows: header.height, title: header.title ?? '', duration: at, events};
}

/** The index of the first event later than 'at'. */
export function eventAfter(events, at) {
    let low = 0;
    let high = events.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (events[middle].at <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
