// tests/page/login.spec.mjs - passwords: who may type, who may watch, who may neither.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {after, afterEach, before, test} from 'node:test';

import {closeAll, PHONE, place, startBrowser, stopBrowser, until, Visitor} from './page.mjs';

before(startBrowser);
afterEach(closeAll);
after(stopBrowser);

async function logIn(v, password) {
    await v.page.getByLabel('Password').fill(password);
    await v.page.getByRole('button', {name: 'Log in'}).click();
}

test('an operator types, a viewer watches and is told why', async () => {
    const v = await Visitor.come({name: 'anna'});
    await logIn(v, 'password');
    await v.drives();
    await v.type("echo he''re\r");
    await v.sees(/^here$/m);
    const w = await Visitor.come({name: 'bert'});
    await logIn(w, 'viewer-password');
    await w.sees(/^here$/m);
    await w.says(/anna has the keyboard, you watch/);
    assert.equal(await w.page.locator('#role').textContent(), 'viewer');
    assert.equal(await w.page.getByRole('button', {name: 'Take the keyboard'}).count(), 0);
    await w.type('x');
    await w.page.locator('.toast', {hasText: 'You are a viewer'}).waitFor();
    await w.accessible('a viewer\'s page');
    await w.close();
    await v.page.locator('#page-menu').click();
    await v.page.getByRole('menuitem', {name: 'Log out'}).click();
    await v.page.getByLabel('Password').waitFor();
    await v.close();
});

test('an address with the password logs in, hides it, and does so again when webterm was restarted', async () => {
    const v = await Visitor.come({}, '#login=password');
    await v.drives();
    assert.equal(await v.page.evaluate(() => location.href), place.url);
    v.away = v.refused = true;
    const done = spawnSync(place.bin + '/causeway', ['--run-dir', place.run_dir, 'restart', 'webterm'], {encoding: 'utf8'});
    assert.equal(done.status, 0, done.stderr);
    await v.sees(/./);
    await v.type("echo a'gain'\r");
    await v.sees(/^again$/m);
    await v.page.reload();
    await v.drives();
    await v.page.locator('#page-menu').click();
    await v.page.getByRole('menuitem', {name: 'Log out'}).click();
    await v.page.getByLabel('Password').waitFor();
    await v.page.evaluate(() => location.hash = 'login=another');
    await v.until(async () => /another start/.test(await v.page.getByRole('alert').textContent()), 'the sentence');
    await v.page.evaluate(() => location.hash = 'login=password');
    await v.drives();
    await v.close();
});

test('a wrong password is refused with a sentence; nothing of the lab is seen without one', async () => {
    for (const [device, options] of [['desktop', {}], ['phone', PHONE]]) {
        const v = await Visitor.come(options);
        await v.page.getByLabel('Password').waitFor();
        assert.equal(await v.page.locator('.xterm').count(), 0);
        await v.accessible(`login, ${device}`);
        await v.fitsAcross(`login, ${device}`);
        await v.shot(`login-${device}`);
        v.refused = true;
        await logIn(v, 'guess');
        await until(async () => /wrong/.test(await v.page.getByRole('alert').textContent()), 'the refusal');
        await v.close();
    }
});
