// tests/page/unit.spec.mjs - parts of the page that need no browser.
import assert from 'node:assert/strict';
import test from 'node:test';

import {eventAfter, readCast} from '../../webterm/page/src/term/cast.js';
import {control, Input, pasteBytes} from '../../webterm/page/src/term/input.js';
import {Stream} from '../../webterm/page/src/term/stream.js';

/** Numbers that are the same in each run. */
function random(seed) {
    let x = seed;
    return (below) => {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        return x % below;
    };
}

function frame(offset, bytes) {
    const whole = new Uint8Array(8 + bytes.length);
    new DataView(whole.buffer).setBigUint64(0, BigInt(offset));
    whole.set(bytes, 8);
    return whole.buffer;
}

/** A stream that shows into 'seen', each write at 'finish()'. */
function rig(clock) {
    const r = {seen: [], sent: [], desyncs: 0, lost: 0, replaying: false, resets: 0, open: []};
    r.stream = new Stream({
        write: (bytes, done) => r.open.push(() => {
            r.seen.push(...bytes.map((b) => b));
            (r.marks ??= []).push(r.replaying);
            done();
        }),
        reset: () => r.open.push(() => {
            r.resets += 1;
            r.seen.length = 0;
        }),
        lost: (n) => r.lost += n,
        replaying: (yes) => r.replaying = yes,
    }, (m) => r.sent.push(m) > 0, () => r.desyncs += 1, clock);
    r.finish = () => r.open.splice(0).forEach((f) => f());
    return r;
}

const hello = (epoch, start, end) => ({type: 'hello', epoch, start, end});

test('every byte is shown once and in order, however often the connection is lost', () => {
    for (let seed = 1; seed <= 60; seed++) {
        const next = random(seed);
        const output = Uint8Array.from({length: 20000}, () => next(256));
        const r = rig();
        let had = 0; // what the session has printed so far
        while (r.seen.length < output.length) {
            const {epoch, from} = r.stream.attach('me');
            assert.equal(epoch, had === 0 && r.resets === 0 && from === null ? null : 'e');
            r.stream.text(hello('e', 0, had));
            r.stream.text({type: 'replay', until: had});
            let at = from ?? 0;
            for (let frames = next(20); frames > 0; frames--) {
                had = Math.min(output.length, had + next(900));
                const length = Math.min(next(700), had - at);
                r.stream.binary(frame(at, output.subarray(at, at + length)));
                at += length;
                if (next(3) === 0) {
                    r.finish();
                }
            }
            if (had === output.length && at === had) {
                r.finish();
            }
        }
        assert.deepEqual(Uint8Array.from(r.seen), output, `seed ${seed}`);
        assert.equal(r.desyncs, 0);
    }
});

test('bytes that came already are not shown again; a hole makes a new connection', () => {
    const r = rig();
    r.stream.attach('me');
    r.stream.text(hello('e', 100, 100));
    r.stream.binary(frame(100, Uint8Array.of(1, 2, 3)));
    r.stream.binary(frame(101, Uint8Array.of(2, 3, 4)));
    r.stream.binary(frame(100, Uint8Array.of(1, 2)));
    assert.equal(r.stream.attach('me').from, 104, 'what came and is not shown yet is not asked for again');
    r.finish();
    assert.deepEqual(r.seen, [1, 2, 3, 4]);
    r.stream.binary(frame(105, Uint8Array.of(6)));
    assert.equal(r.desyncs, 1);
    assert.equal(r.stream.attach('me').from, 104);
});

test('another epoch begins with an empty screen, after what was still to be shown of the last one', () => {
    const r = rig();
    r.stream.attach('me');
    r.stream.text(hello('e', 0, 3));
    r.stream.binary(frame(0, Uint8Array.of(1, 2, 3)));
    r.stream.text(hello('f', 3, 3));
    r.stream.binary(frame(3, Uint8Array.of(9)));
    r.finish();
    assert.deepEqual(r.seen, [9]);
    assert.equal(r.stream.behind, 0, 'what was shown of the last one does not count');
    assert.deepEqual(r.stream.attach('me'), {type: 'attach', epoch: 'f', from: 4, name: 'me'});
});

test('a gap empties the screen, goes on behind it, and is counted', () => {
    const r = rig();
    r.stream.attach('me');
    r.stream.text(hello('e', 0, 0));
    r.stream.binary(frame(0, Uint8Array.of(1)));
    r.stream.text({type: 'gap', from: 1, to: 1000});
    r.stream.binary(frame(1000, Uint8Array.of(7)));
    r.finish();
    assert.deepEqual(r.seen, [7]);
    assert.equal(r.lost, 999);
});

test('what is old and what is new are never shown in one piece', () => {
    const r = rig();
    r.stream.attach('me');
    r.stream.text(hello('e', 0, 4));
    r.stream.text({type: 'replay', until: 4});
    assert.equal(r.replaying, true);
    r.stream.binary(frame(0, Uint8Array.of(1, 2, 3, 4, 5, 6)));
    r.finish();
    assert.deepEqual(r.seen, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(r.marks, [true, false]);
    assert.equal(r.replaying, false);
});

for (const [pace, msEach, ahead] of [['slow', 50, 64], ['fast', 3, 512]]) {
    test(`a ${pace} page has ${ahead} KiB before a ^C; all is acknowledged in order, once it is shown`, async () => {
        const window = 512 * 1024;
        let sent = 0;
        let now = 0;
        const r = rig(() => now);
        r.stream.attach('me');
        r.stream.text(hello('e', 0, 0));
        for (let turn = 0; turn < 200; turn++) {
            const acked = r.sent.at(-1)?.offset ?? 0;
            while (sent + 32768 <= acked + window) {
                r.stream.binary(frame(sent, new Uint8Array(32768)));
                sent += 32768;
            }
            assert.ok(r.stream.behind > 0, 'the window never stands still');
            assert.ok(turn < 50 || Math.abs(r.stream.behind - ahead * 1024) <= 96 * 1024, `${r.stream.behind} bytes are before a ^C`);
            now += msEach;
            r.open.shift()();
            assert.ok((r.sent.at(-1)?.offset ?? 0) <= sent - r.stream.behind);
        }
        const offsets = r.sent.map((m) => m.offset);
        assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b));
        r.finish();
        await new Promise((resolve) => setTimeout(resolve, 250));
        assert.equal(r.sent.at(-1).offset, sent);
    });
}

test('^C overtakes a paste and ends it; a paste goes in pieces that the network takes', () => {
    const sent = [];
    const link = {ready: true, waiting: 1e9, send: (bytes) => sent.push(bytes) > 0};
    const input = new Input(() => link, {dropped: () => {}, progress: () => {}});
    input.send('x'.repeat(100000));
    assert.equal(sent.length, 0);
    assert.equal(input.waiting, 100000);
    input.send('\x03');
    assert.equal(input.waiting, 1);
    link.waiting = 0;
    input.pump();
    assert.deepEqual(sent.map((b) => [...b]), [[3]]);
    input.send('y'.repeat(100000));
    assert.ok(sent.every((b) => b.length <= 65536));
    assert.equal(sent.reduce((sum, b) => sum + b.length, 0), 100001);
});

test('what is typed without a connection is sent when there is one', () => {
    const sent = [];
    const link = {ready: false, waiting: 0, send: (bytes) => sent.push(bytes) > 0};
    const input = new Input(() => link, {dropped: () => assert.fail('dropped'), progress: () => {}});
    input.send('ab');
    input.send('c');
    assert.equal(sent.length, 0);
    link.ready = true;
    input.pump();
    assert.equal(Buffer.concat(sent).toString(), 'abc');
});

test('a paste is lines as a keyboard types them, and cannot leave its brackets', () => {
    const text = (bytes) => new TextDecoder().decode(bytes);
    assert.equal(text(pasteBytes('a\r\nb\nc\td', false)), 'a\rb\rc\td');
    assert.equal(text(pasteBytes('ä\x1b[201~rm\x03\x9b', true)), '\x1b[200~ä[201~rm\x1b[201~');
    assert.equal(control('c'), '\x03');
    assert.equal(control('['), '\x1b');
    assert.equal(control('€'), null);
});

test('a recording is read up to a broken line, its pauses shortened', () => {
    const text = '{"version":2,"width":80,"height":24}\n[0.5,"o","a"]\n[100.5,"o","b"]\n[101,"i","x"]\n[10\n[102,"o","c"]';
    const cast = readCast(text, true);
    assert.deepEqual(cast.events.map((e) => e.at), [0.5, 2.5, 3]);
    assert.equal(readCast(text, false).duration, 101);
    assert.equal(eventAfter(cast.events, 2.5), 2);
    assert.equal(eventAfter(cast.events, 0), 0);
    assert.throws(() => readCast('{"version":1}\n', true), /asciicast/);
});
