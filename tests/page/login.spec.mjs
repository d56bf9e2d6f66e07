// tests/page/login.spec.mjs - passwords: who may type, who may watch, who may neither.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';

import {closeAll, PHONE, startBrowser, stopBrowser, until, Visitor} from './page.mjs';

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
