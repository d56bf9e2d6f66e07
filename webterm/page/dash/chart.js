// dash/chart.js - lines over the last five minutes (uPlot), with the times at which a process died or came back.
import uPlot from 'uplot';

import {attribute, h, setText} from '../src/dom.js';
import {color, onTheme} from '../src/theme.js';
import {clock} from './format.js';
import {SPAN_S} from './history.js';
import {newId} from './parts.js';

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]]; // lines differ by more than colour
const FONT = '11px system-ui, sans-serif';

/** Every event that took a process away: a dashed line, and its name at the top. */
function drawEvents(u, events, shown) {
    const {ctx} = u, {left, top, width, height} = u.bbox, ratio = devicePixelRatio;
    let lastLabel = -Infinity;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = shown.bad;
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    for (const event of events) {
        const x = Math.round(u.valToPos(event.t, 'x', true));
        if (event.from !== 'ready' || x < left || x > left + width) {
            continue;
        }
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
        if (x - lastLabel > 60 * ratio) {
            const text = `${event.process} ${event.to}`, room = ctx.measureText(text).width + 4 * ratio;
            ctx.fillText(text, x + room > left + width ? x - room : x + 4 * ratio, top + 11 * ratio);
            lastLabel = x;
        }
    }
    ctx.restore();
}

/** On a logarithmic axis: 1, 10, 100; what uPlot would draw between them says nothing here. */
function decades(u, axis, min, max) {
    const list = [];
    for (let v = 10 ** Math.ceil(Math.log10(min) - 1e-9); v <= max * 1.001; v *= 10) {
        list.push(v);
    }
    return list;
}

/** A legend that is live: what is under the pointer, or the newest. A click takes a line away. */
function legend(series, format, toggle) {
    const values = series.map(() => h('span', {class: 'num dash-legend-value'}, '–'));
    const keys = series.map((line, i) => h('button', {
        class: 'dash-legend-key', type: 'button', 'aria-pressed': 'true', onclick() {
            const on = keys[i].getAttribute('aria-pressed') !== 'true';
            attribute(keys[i], 'aria-pressed', String(on));
            toggle(i, on);
        },
    }, h('span', {class: `dash-swatch dash-swatch-${i + 1}`, 'aria-hidden': 'true'}), line.title, values[i]));
    const at = h('span', {class: 'dash-legend-at num'});
    return {
        element: h('div', {class: 'dash-legend'}, keys, at),
        isOn: (i) => keys[i].getAttribute('aria-pressed') === 'true',
        show(history, index) {
            const newest = index === null || index === undefined;
            const i = newest ? history.t.length - 1 : index;
            values.forEach((v, k) => setText(v, format(history.columns[series[k].column][i])));
            setText(at, newest || !history.t[i] ? '' : `at ${clock(history.t[i])}`);
        },
    };
}

/**
 * @param {{title: string, series: Array<{title: string, column: string}>, format(v: number): string, log?: boolean}} what
 * @param {import('./history.js').History} history
 */
export function chart(what, history) {
    const id = newId('chart');
    const place = h('div', {class: 'dash-chart', role: 'img', 'aria-labelledby': id});
    const title = h('h2', {id}, what.title);
    let plot = null, colors = {};
    const keys = legend(what.series, what.format, (i, on) => plot?.setSeries(i + 1, {show: on}));
    const element = h('section', {class: 'panel dash-chart-panel'}, h('div', {class: 'dash-panel-head'}, title), keys.element, place);
    const data = () => [history.t, ...what.series.map((line) => history.columns[line.column])];

    const options = (width, height) => ({
        width, height, legend: {show: false}, padding: [8, 20, 0, 0],
        cursor: {drag: {x: false, y: false}, points: {size: 5}, sync: {key: 'dash'}},
        scales: {
            x: {time: true, range: () => [(history.t.at(-1) ?? Date.now() / 1000) - SPAN_S, history.t.at(-1) ?? Date.now() / 1000]},
            y: what.log
                ? {distr: 3, range: (u, min, max) => [10 ** Math.floor(Math.log10(min || 1)), 10 ** Math.ceil(Math.log10(max || 1000) + 1e-9)]}
                : {range: (u, min, max) => [0, Math.max(10, (max || 0) * 1.08)]},
        },
        axes: [
            {stroke: colors.text, font: FONT, grid: {stroke: colors.line, width: 1}, ticks: {stroke: colors.line}, space: 70,
                values: (u, splits) => splits.map((t) => clock(t)), size: 26},
            {stroke: colors.text, font: FONT, grid: {stroke: colors.line, width: 1}, ticks: {stroke: colors.line}, size: 62,
                space: 28, values: (u, splits) => splits.map((v) => (v === null ? '' : what.format(v))), ...what.log ? {splits: decades} : {}},
        ],
        series: [{}, ...what.series.map((line, i) => ({
            label: line.title, stroke: colors[`s${i + 1}`], width: 1.5, dash: DASHES[i], spanGaps: false, points: {show: false},
            show: keys.isOn(i),
        }))],
        hooks: {
            draw: [(u) => drawEvents(u, history.events, colors)],
            setCursor: [(u) => keys.show(history, u.cursor.left >= 0 ? u.cursor.idx : null)],
        },
    });
    const build = () => {
        const {width, height} = place.getBoundingClientRect();
        plot?.destroy();
        plot = null;
        if (width < 80 || height < 60) {
            return; // not seen
        }
        colors = {text: color('--text-2'), line: color('--line'), bad: color('--bad')};
        what.series.forEach((line, i) => {
            colors[`s${i + 1}`] = color(`--series-${i + 1}`);
        });
        plot = new uPlot(options(Math.floor(width), Math.floor(height)), data(), place);
    };
    new ResizeObserver(build).observe(place);
    onTheme(build);
    return {
        element,
        update() {
            plot?.setData(data());
            if (!plot || plot.cursor.left < 0 || plot.cursor.left === undefined) {
                keys.show(history, null);
            }
        },
    };
}
