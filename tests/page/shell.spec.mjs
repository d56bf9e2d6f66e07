// tests/page/shell.spec.mjs - the terminal, with a shell in it: floods, pastes, sizes, who drives.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';

import {closeAll, PHONE, startBrowser, stopBrowser, until, Visitor} from './page.mjs';

const PROMPT = /\$ ?$|> ?$|# ?$/;

before(startBrowser);
afterEach(closeAll);
after(stopBrowser);

test('^C ends a flood at once, and the page stays alive', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.sees(PROMPT);
    await v.type('yes flood\r');
    await v.sees(/(flood\n){30}/);
    const lived = await v.page.evaluate(() => new Promise((resolve) => {
        const start = performance.now();
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
    }));
    assert.ok(lived < 2000, `two frames took ${lived} ms`);
    await v.page.evaluate(() => void (window.took = new Promise((resolve) => {
        const {terminal} = document.querySelector('.term-panel:not([hidden]) .term-screen');
        let pressed = 0;
        terminal.textarea.addEventListener('keydown', (event) => event.key === 'c' && (pressed ||= performance.now()), true);
        const look = () => {
            const {active} = terminal.buffer;
            const line = active.getLine(active.baseY + active.cursorY).translateToString(true);
            return pressed && /[$#>] ?$/.test(line) ? resolve(performance.now() - pressed) : setTimeout(look, 5);
        };
        look();
    })));
    await v.page.keyboard.press('Control+c');
    const took = await v.page.evaluate(() => window.took);
    console.log(`# ^C under a flood: ${Math.round(took)} ms to the prompt`);
    assert.ok(took < 10000);
    await v.type("echo st''opped\r");
    await v.sees(/^stopped$/m);
    await v.close();
});

test('an address that names no view shows the terminal, whatever word it is', async () => {
    for (const hash of ['#constructor', '#toString', '#nothing']) {
        const v = await Visitor.come({}, hash);
        await v.drives();
        assert.equal(await v.page.locator('#views [aria-current="page"]').textContent(), 'Terminal', hash);
        await v.close();
    }
});

test('UTF-8 is whole, however the bytes are cut', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.type("clear; for i in $(seq 400); do printf 'äöü€漢字😀'; done; echo; echo en''d\r");
    await v.sees(/^end$/m);
    const text = await v.text();
    assert.ok(!text.includes('\ufffd'));
    assert.equal(text.replaceAll('\n', '').split('äöü€漢字😀').length, 401);
    await v.close();
});

test('a paste of 100 KB arrives whole; several lines are shown first', async () => {
    const v = await Visitor.come();
    await v.drives();
    const text = Array.from({length: 1000}, (_, i) => `line ${String(i).padStart(4, '0')} ${'x'.repeat(90)}`).join('\n') + '\n';
    await v.type('clear; stty -echo; echo rea\'\'dy; cat | cksum; stty echo\r');
    await v.sees(/^ready$/m);
    await v.paste(text);
    const dialog = v.page.getByRole('dialog');
    await dialog.waitFor();
    assert.match(await dialog.textContent(), /Paste 1,000 lines\?/);
    await v.accessible('the question before a paste');
    await dialog.getByRole('button', {name: 'Paste'}).click();
    await v.until(async () => !/sending/.test(await v.page.locator('.term-details').textContent()), 'end of the paste');
    await v.page.locator('.term-panel:not([hidden]) textarea').focus();
    await v.page.keyboard.press('Control+d');
    await v.sees(new RegExp(`^${cksum(Buffer.from(text))} ${text.length}$`, 'm'));
    await v.close();
});

test('a paste of several lines can be refused; copy takes what is marked', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.paste('echo one\necho two\n');
    await v.page.getByRole('dialog').getByRole('button', {name: 'Cancel'}).click();
    await v.type("clear; echo mar''ked\r");
    await v.sees(/^marked$/m);
    assert.doesNotMatch(await v.text(), /one|two/);
    const {x, y, height} = await v.page.locator('.xterm-rows > div', {hasText: /^marked$/}).boundingBox();
    await v.page.mouse.dblclick(x + 20, y + height / 2);
    await v.page.keyboard.press('Control+Shift+C');
    await v.until(async () => await v.page.evaluate(() => navigator.clipboard.readText()) === 'marked', 'copied text');
    await v.close();
});

test('the program sees the size of the driver\'s window; a viewer of another size sees it whole', async () => {
    const v = await Visitor.come({name: 'driver'});
    await v.drives();
    const w = await Visitor.come({...PHONE, name: 'watcher'});
    await w.says(/driver has the keyboard/);
    for (const width of [1000, 1280]) {
        const before = await v.size();
        await v.page.setViewportSize({width, height: 700});
        await until(async () => (await v.size()).cols !== before.cols, 'other size');
        const {cols, rows} = await v.size();
        await v.type('clear; stty size\r');
        await v.sees(new RegExp(`^${rows} ${cols}$`, 'm'));
        await until(async () => (await w.size()).cols === cols, 'viewer of the same size');
        await w.sees(new RegExp(`^${rows} ${cols}$`, 'm'));
    }
    await w.close();
    await v.close();
});

test('one drives, others watch; the keyboard is taken, asked for and handed over', async () => {
    const a = await Visitor.come({name: 'anna'});
    await a.drives();
    const b = await Visitor.come({name: 'bert'});
    await b.says(/anna has the keyboard/);
    await b.type("echo no''thing\r");
    await b.page.locator('.toast', {hasText: 'anna has the keyboard'}).waitFor();
    await b.page.getByRole('button', {name: 'Ask for it'}).click();
    await a.says(/bert asks for the keyboard/);
    await a.page.getByRole('button', {name: 'Hand over to bert'}).click();
    await b.drives();
    await a.says(/bert has the keyboard/);
    await b.type("clear; echo by''bert\r");
    await a.sees(/^bybert$/m);
    await a.page.getByRole('button', {name: 'Take the keyboard'}).click();
    await a.drives();
    await b.says(/anna has the keyboard/);
    assert.doesNotMatch(await a.text(), /^nothing$/m);
    await b.close();
    await a.close();
});

test('what is old answers no queries and rings no bell when it is shown again', async () => {
    const a = await Visitor.come();
    await a.drives();
    await a.type("clear; stty -echo; printf '\\033[c\\033[6n\\a'; read -t 1 -n 60 answer; stty echo; echo answ''er=${#answer}\r");
    const [, length] = await a.sees(/^answer=(\d+)$/m);
    assert.ok(Number(length) > 5, 'the driver\'s terminal answers what is new');
    await a.page.reload();
    await a.drives();
    await a.sees(/^answer=/m);
    await a.type('echo f\'\'in\r');
    await a.sees(/^fin$/m);
    assert.doesNotMatch(await a.text(), /\[\?1;2c|\d+;\d+R/);
    await a.close();
});

test('by keyboard alone: into the terminal, out of it, through tabs, menu and search', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.sees(PROMPT);
    await v.type("clear; echo need''le; echo need''le\r");
    await v.sees(/needle\nneedle/);
    const focused = () => v.page.evaluate(() => document.activeElement.getAttribute('role') ?? document.activeElement.tagName);
    assert.equal(await focused(), 'TEXTAREA');
    await v.page.keyboard.press('F6');
    assert.equal(await focused(), 'tab');
    await v.page.keyboard.press('F6');
    assert.equal(await focused(), 'TEXTAREA');
    await v.page.keyboard.press('Control+Shift+F');
    await v.page.keyboard.type('needle');
    await until(async () => /of 2/.test(await v.page.locator('.term-count').textContent()), 'two found');
    await v.page.keyboard.press('Escape');
    assert.equal(await focused(), 'TEXTAREA');
    await v.page.locator('#term-more').focus();
    await v.page.keyboard.press('Enter');
    assert.equal(await focused(), 'menuitem');
    await v.accessible('an open menu');
    await v.page.keyboard.press('s'); // Select all
    await v.page.keyboard.press('Escape');
    assert.equal(await v.page.evaluate(() => document.activeElement.id), 'term-more');
    await v.page.keyboard.press('Control+Shift+?');
    await v.page.getByRole('dialog', {name: 'Keys'}).waitFor();
    await v.accessible('the list of keys');
    await v.page.keyboard.press('Escape');
    await v.close();
});

test('on a phone the key bar types, and Ctrl counts for the next key', async () => {
    const v = await Visitor.come(PHONE);
    await v.drives();
    await v.sees(PROMPT);
    await v.type('cat');
    await v.page.getByRole('button', {name: 'Bar'}).tap();
    await v.type('cat\r');
    await v.page.getByRole('button', {name: 'Ctrl, for the next key'}).tap();
    await v.type('c');
    await v.type("clear; echo on''ce\r");
    await v.sees(/^once$/m);
    await v.page.getByRole('button', {name: 'Up', exact: true}).tap();
    await v.sees(/clear; echo on''ce$/);
    await v.page.getByRole('button', {name: 'Control C, interrupt'}).tap();
    await v.fitsAcross('the terminal on a phone');
    const small = await v.page.evaluate(() => [...document.querySelectorAll('button, a.button, input, select')].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width > 0 && box.height < 43.5;
    }).map((e) => e.textContent || e.className));
    assert.deepEqual(small, [], 'too small for a finger');
    await v.close();
});

/** POSIX cksum. */
function cksum(bytes) {
    let crc = 0;
    const step = (byte) => {
        for (let bit = 7; bit >= 0; bit--) {
            const top = (crc >>> 31) ^ ((byte >> bit) & 1);
            crc = ((crc << 1) ^ (top ? 0x04c11db7 : 0)) >>> 0;
        }
    };
    bytes.forEach(step);
    for (let n = bytes.length; n > 0; n = Math.floor(n / 256)) {
        step(n % 256);
    }
    return ~crc >>> 0;
}
