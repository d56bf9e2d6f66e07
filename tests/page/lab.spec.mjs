// tests/page/lab.spec.mjs - the lab in a browser: its prompt, its commands, and webterm killed meanwhile.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';

import {closeAll, PHONE, process_, startBrowser, stopBrowser, until, Visitor} from './page.mjs';

const PROMPT = /mininet> ?$/;

before(startBrowser);
afterEach(closeAll);
after(stopBrowser);

test('a button pings server1 through the router; a second browser watches', async () => {
    const v = await Visitor.come({name: 'anna'});
    await v.sees(PROMPT);
    await v.drives();
    const w = await Visitor.come({name: 'bert'});
    await w.says(/anna has the keyboard, you watch/);
    const button = w.page.getByRole('button', {name: 'ping server1', exact: true});
    await until(async () => await button.getAttribute('aria-disabled') === 'true', 'a viewer\'s button that is off');
    assert.match(await button.getAttribute('title'), /anna has the keyboard/);
    await v.page.keyboard.type('left over'); // the button clears the line first
    await v.sees(/mininet> left over$/);
    await v.page.getByRole('button', {name: 'ping server1', exact: true}).click();
    await v.sees(/3 packets transmitted, 3 received, 0% packet loss/);
    await w.sees(/3 packets transmitted, 3 received, 0% packet loss/);
    assert.equal(await v.text(), await w.text());
    await v.close();
    await w.close();
});

test('webterm is killed under output: both browsers go on, nothing is lost and nothing is doubled', async () => {
    const v = await Visitor.come({name: 'anna'});
    await v.drives();
    await v.sees(PROMPT);
    const w = await Visitor.come({name: 'bert'});
    await w.says(/anna has the keyboard/);
    await v.type('client ping -i 0.02 -c 250 server1\r');
    for (const at of [30, 90]) {
        await v.sees(new RegExp(`icmp_seq=${at} `));
        const {pid} = process_('webterm');
        v.away = w.away = true;
        process.kill(pid, 'SIGKILL');
        await until(() => process_('webterm').pid !== pid && process_('webterm').alive, 'successor of webterm');
        await v.drives();
        await w.says(/anna has the keyboard/);
    }
    await v.sees(/250 packets transmitted/);
    await w.sees(/250 packets transmitted/);
    for (const one of [v, w]) {
        const all = (await one.text()).split('\n');
        const begin = all.findLastIndex((line) => line.includes('ping -i 0.02'));
        const seen = all.slice(begin).map((line) => /icmp_seq=(\d+) /.exec(line)?.[1]).filter(Boolean).map(Number);
        assert.deepEqual(seen, Array.from({length: 250}, (_, i) => i + 1), one.name);
    }
    v.away = w.away = false;
    await v.type('client ping -c 1 server2\r');
    await w.sees(/1 packets transmitted, 1 received/);
    await w.close();
    await v.close();
});

test('a session is opened, recorded, played, and closed again', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.page.getByRole('button', {name: 'New session'}).click();
    await v.until(async () => await v.page.getByRole('tab').count() === 2, 'second tab');
    await v.until(async () => await v.page.getByRole('tab').nth(1).getAttribute('aria-selected') === 'true', 'new session in front');
    await v.drives();
    await v.sees(PROMPT);
    await v.page.getByRole('button', {name: 'Record', exact: true}).click();
    await v.page.getByRole('button', {name: 'Stop recording'}).waitFor();
    await v.type('nodes\r');
    await v.sees(/server1[^]*mininet> ?$/);
    await v.page.getByRole('button', {name: 'Stop recording'}).click();
    await v.page.getByRole('button', {name: 'Record', exact: true}).waitFor();
    await v.page.locator('#term-more').click();
    await v.page.getByRole('menuitem', {name: 'Recordings'}).click();
    await v.accessible('the list of recordings');
    await v.page.getByRole('button', {name: /^Play/}).first().click();
    const player = v.page.locator('.term-player');
    await player.getByRole('button', {name: 'Play again'}).waitFor();
    await v.until(async () => /server1/.test(await player.locator('.xterm-rows').textContent()), 'what was recorded');
    await v.accessible('the player');
    await v.shot('player-desktop');
    await player.getByRole('slider').fill('0');
    await v.until(async () => !/server1/.test(await player.locator('.xterm-rows').textContent()), 'the beginning again');
    await player.getByRole('button', {name: 'Close'}).click();
    await v.page.getByRole('button', {name: /^Close session/}).click();
    await v.page.getByRole('dialog').getByRole('button', {name: 'Close it'}).click();
    await v.until(async () => await v.page.getByRole('tab').count() === 1, 'one tab');
    await v.close();
});

test('the terminal is saved as text', async () => {
    const v = await Visitor.come();
    await v.drives();
    await v.type('nodes\r');
    await v.sees(/server1[^]*mininet> ?$/);
    await v.page.locator('#term-more').click();
    const [download] = await Promise.all([v.page.waitForEvent('download'), v.page.getByRole('menuitem', {name: 'Save as text'}).click()]);
    const {readFileSync} = await import('node:fs');
    assert.match(readFileSync(await download.path(), 'utf8'), /mininet> nodes/);
    await v.close();
});

for (const [device, options] of [['desktop', {}], ['phone', PHONE]]) {
    for (const colorScheme of ['light', 'dark']) {
        test(`${device}, ${colorScheme}: readable, named, in the window`, async () => {
            const v = await Visitor.come({...options, colorScheme});
            await v.drives();
            await v.page.locator('.term-actions').waitFor();
            await v.type('client ping -c 2 server1\r');
            await v.sees(/2 received[^]*mininet> ?$/);
            await v.fitsAcross(`${device} ${colorScheme}`);
            await v.accessible(`the terminal, ${device}, ${colorScheme}`);
            await v.shot(`terminal-${device}-${colorScheme}`);
            if (device === 'phone') {
                await v.page.getByRole('button', {name: 'Commands'}).tap();
                await v.accessible('the commands on a phone');
                await v.shot(`commands-${device}-${colorScheme}`);
            }
            await v.page.locator('#page-menu').click();
            await v.accessible('the page\'s menu');
            await v.shot(`menu-${device}-${colorScheme}`);
            await v.page.keyboard.press('Escape');
            await v.close();
        });
    }
}
