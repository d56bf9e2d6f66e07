// dash/histogram.js - how long frames took, on a logarithmic scale: bars of the last ten seconds, and percentiles.
import {attribute, h, setText} from '../src/dom.js';
import {count, micros} from './format.js';
import {bars} from './history.js';
import {newId, s} from './parts.js';

const SECONDS = 10;
const BOTTOM = 22, TOP = 16, SIDE = 8;
const MARKS = [['p50', 'p50_us'], ['p99', 'p99_us'], ['p99.9', 'p999_us']];

/** Where the bars and decades lie in a picture of that size. */
function scale(list, width, height) {
    const low = Math.log10(list[0].from), high = Math.log10(list.at(-1).to);
    const most = Math.max(...list.map((bar) => bar.n));
    return {
        low, high,
        x: (us) => SIDE + (Math.log10(Math.max(us, 10 ** low)) - low) / (high - low) * (width - 2 * SIDE),
        y: (n) => height - BOTTOM - n / most * (height - BOTTOM - TOP),
    };
}

function drawBars(list, to, height) {
    return list.filter((bar) => bar.n > 0).map((bar) => {
        const x = to.x(bar.from), y = Math.min(to.y(bar.n), height - BOTTOM - 1);
        return s('rect', {class: 'dash-column', x: x + 0.5, y, width: Math.max(1, to.x(bar.to) - x - 1), height: height - BOTTOM - y});
    });
}

function drawDecades(to, width, height) {
    const drawn = [s('line', {class: 'dash-axis', x1: SIDE, x2: width - SIDE, y1: height - BOTTOM, y2: height - BOTTOM})];
    for (let d = Math.floor(to.low); d <= to.high; d++) {
        // 1, 2, 5 in each decade, as far as there is room for words
        for (const step of to.high - to.low > 2.2 ? [1] : [1, 2, 5]) {
            const us = step * 10 ** d, x = to.x(us);
            if (Math.log10(us) >= to.low && x <= width - SIDE) {
                drawn.push(s('line', {class: 'dash-axis', x1: x, x2: x, y1: height - BOTTOM, y2: height - BOTTOM + 4}),
                    s('text', {class: 'dash-axis-text', x, y: height - 5, 'text-anchor': x < 24 ? 'start' : x > width - 24 ? 'end' : 'middle'},
                        micros(us).replace(/\.0+ /, ' ')));
            }
        }
    }
    return drawn;
}

function drawMarks(latency, to, width, height) {
    let free = -Infinity;
    return MARKS.flatMap(([name, key]) => {
        const x = to.x(Number(latency[key]));
        if (!(Number(latency[key]) > 0) || x > width) {
            return [];
        }
        const line = s('line', {class: 'dash-mark-line', x1: x, x2: x, y1: TOP - 2, y2: height - BOTTOM});
        const at = Math.max(x, free);
        free = at + 36;
        return at > width - 14 ? [line] : [line, s('text', {class: 'dash-axis-text', x: at, y: 10, 'text-anchor': at < 14 ? 'start' : 'middle'}, name)];
    });
}

/** @param {import('./history.js').History} history */
export function histogram(history) {
    const id = newId('histogram');
    const picture = s('svg', {class: 'dash-histogram-picture', role: 'img', 'aria-labelledby': id});
    const words = Object.fromEntries([...MARKS, ['max', 'max_us'], ['frames', 'count']].map(([name]) => [name, h('dd', {class: 'num'}, '–')]));
    const place = h('div', {class: 'dash-chart dash-histogram'}, picture);
    const nothing = h('p', {class: 'empty dash-over'}, 'No frame passed in the last 10 seconds.');
    const element = h('section', {class: 'panel dash-chart-panel'},
        h('div', {class: 'dash-panel-head'}, h('h2', {id}, 'Latency, last 10 seconds')),
        h('dl', {class: 'dash-facts dash-facts-wide'}, Object.entries(words).map(([name, dd]) => h('div', {}, h('dt', {}, name), dd))),
        place);
    place.append(nothing);
    const draw = (latency) => {
        const {width, height} = place.getBoundingClientRect();
        const list = bars(latency.sums);
        attribute(nothing, 'hidden', list.length > 0);
        if (width < 40 || list.length === 0) {
            picture.replaceChildren();
            return;
        }
        attribute(picture, 'viewBox', `0 0 ${Math.floor(width)} ${Math.floor(height)}`);
        const to = scale(list, width, height);
        picture.replaceChildren(...drawBars(list, to, height), ...drawDecades(to, width, height), ...drawMarks(latency, to, width, height));
    };
    return {
        element,
        update() {
            const latency = history.lately(SECONDS);
            for (const [name, key] of [...MARKS, ['max', 'max_us']]) {
                setText(words[name], micros(latency[key]));
            }
            setText(words.frames, count(latency.count));
            draw(latency);
        },
    };
}
