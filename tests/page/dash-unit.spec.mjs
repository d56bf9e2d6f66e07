// tests/page/dash-unit.spec.mjs - parts of the live view that need no browser.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as format from '../../webterm/page/dash/format.js';
import {bars, History} from '../../webterm/page/dash/history.js';
import {matches, parseAddress, parsePrefix} from '../../webterm/page/dash/lpm.js';
import {Sequence, Store} from '../../webterm/page/dash/packet_store.js';
import {advice, others, stateKind} from '../../webterm/page/dash/process.js';

test('numbers have units, and no digit of a counter is lost', () => {
    const said = [
        [format.count('12345678901234567890'), '12,345,678,901,234,567,890'], [format.count(0), '0'], [format.count(undefined), '–'],
        [format.rate(0), '0/s'], [format.rate(3.21), '3.2/s'], [format.rate(1234.5), '1,235/s'], [format.rate(234567), '235 k/s'],
        [format.rate(1.5e6), '1.50 M/s'], [format.bytes(2097152), '2.0 MiB'], [format.bytes(12), '12 B'],
        [format.micros(14), '14.0 µs'], [format.micros(1250), '1.25 ms'], [format.micros(2e6), '2.00 s'], [format.millis(62), '62.0 ms'],
        [format.percent(0.01), '<0.1 %'], [format.percent(0), '0.0 %'], [format.percent(55.4), '55 %'],
        [format.span(4.21), '4.2 s'], [format.span(61), '1 min 01 s'], [format.span(9000), '2 h 30 min'], [format.span(100000), '1 d 3 h'],
        [format.dpid('0x0000000000000001'), '0x1'], [format.dpid('0x0000000000000000'), '0x0'], [format.words('no_route'), 'no route'],
    ];
    for (const [is, wanted] of said) {
        assert.equal(is, wanted);
    }
    assert.match(format.clock(1790000000.123456, 6), /^\d\d:\d\d:\d\d\.12345[56]$/);
});

test('the longest prefix takes an address', () => {
    const routes = ['0.0.0.0/0', '10.0.0.0/8', '10.0.1.100/32', '10.0.1.0/24', '128.0.0.0/1'].map((destination) => ({destination}));
    const taken = (text) => matches(routes, parseAddress(text)).map((r) => r.destination);
    assert.deepEqual(taken('10.0.1.100'), ['10.0.1.100/32', '10.0.1.0/24', '10.0.0.0/8', '0.0.0.0/0']);
    assert.deepEqual(taken('255.255.255.255'), ['128.0.0.0/1', '0.0.0.0/0']);
    assert.deepEqual(matches(routes.slice(1), parseAddress('11.0.0.0')), []);
    for (const bad of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '1.2.3.x', '::1']) {
        assert.equal(parseAddress(bad), null, bad);
    }
    for (const bad of ['1.2.3.4/33', '1.2.3.4/', '1.2.3.4/8/8', '/8']) {
        assert.equal(parsePrefix(bad), null, bad);
    }
});

test('five minutes are kept, and a silence is a gap', () => {
    const h = new History();
    for (let i = 0; i <= 2000; i++) {
        h.add({rates: {received: i}, latency: {count: '1', p50_us: 10, buckets: [[10, 1]]}}, 1000 + i / 4);
    }
    assert.ok(h.t.at(-1) - h.t[0] <= 300 && h.t.length >= 1200 && h.t.length <= 1202);
    assert.equal(h.columns.received.at(-1), 2000);
    assert.ok(Object.values(h.columns).every((c) => c.length === h.t.length));
    h.add({rates: {received: 1}}, h.t.at(-1) - 1);
    assert.equal(h.columns.received.at(-1), 2000, 'an older value is not taken');
    h.add({rates: {received: 5}, latency: {count: '0', p50_us: 0}}, h.t.at(-1) + 10);
    assert.deepEqual(h.columns.received.slice(-3), [2000, null, 5]);
    assert.equal(h.columns.p50_us.at(-1), null, 'without a frame there is no latency');
});

test('bars of the histogram hold every frame of the last seconds', () => {
    const h = new History();
    h.add({latency: {count: '9', buckets: [[5, 1000]]}}, 100);
    h.add({latency: {count: '1', max_us: 20, buckets: []}}, 119);
    h.add({latency: {count: '9', max_us: 951, buckets: [[10, 3], [11, 4], [950, '2']]}}, 120);
    const list = bars(h.lately(10).sums);
    assert.equal(list.reduce((sum, bar) => sum + bar.n, 0), 9);
    assert.equal(list[0].n, 7);
    assert.ok(list[0].from <= 10 && list.at(-1).to > 950);
    list.slice(1).forEach((bar, i) => assert.equal(bar.from, list[i].to));
    assert.deepEqual(bars(new Map()), []);
    const {count, p50_us, p99_us, max_us} = h.lately(10);
    assert.deepEqual([count, p50_us, p99_us, max_us], [9, 11, 950, 951]);
});

test('the newest packets are kept, and found', () => {
    const store = new Store(100);
    let left = 0;
    for (let n = 0; n < 1000; n += 7) {
        left += store.push(Array.from({length: 7}, (_, i) => ({n: n + i, epoch: 0})));
    }
    assert.equal(store.length, 100);
    assert.equal(left, 1001 - 100);
    for (let i = 0; i < 100; i++) {
        assert.equal(store.at(i).n, 901 + i);
        assert.equal(store.indexOf(store.at(i)), i);
    }
    assert.equal(store.indexOf({n: 5, epoch: 0}), -1);
    assert.equal(store.at(100), undefined);
});

test('no packet is shown twice after a reconnection, and a new webterm is another epoch', () => {
    const s = new Sequence();
    const p = (n, t) => ({n, t});
    assert.equal(s.fresh([p(1, 10), p(2, 11)]).length, 2);
    assert.equal(s.fresh([p(1, 10), p(2, 11), p(3, 12)]).length, 1);
    assert.equal(s.epoch, 0);
    const again = s.fresh([p(1, 20), p(2, 21)]);
    assert.deepEqual(again.map((x) => x.epoch), [1, 1]);
});

test('a restart of one leaves the others undisturbed, or says so', () => {
    const before = [{process: 'router', pid: 1, restarts: 0}, {process: 'ofproxy', pid: 2, restarts: 0}, {process: 'vnsbridge', pid: 3, restarts: 0}];
    const after = [{process: 'router', pid: 9, restarts: 1, alive: true}, {process: 'ofproxy', pid: 2, restarts: 0, alive: true},
        {process: 'vnsbridge', pid: 7, restarts: 1, alive: true}];
    assert.deepEqual(others(before, after, 'router').map((o) => [o.process, o.undisturbed]), [['ofproxy', true], ['vnsbridge', false]]);
    assert.equal(stateKind('ready'), 'ok');
    assert.equal(stateKind('what'), 'off');
    assert.match(advice({process: 'router', state: 'down', supervised: false}), /causeway up/);
    assert.equal(advice({process: 'router', state: 'ready'}), '');
});
