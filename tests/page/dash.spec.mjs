// tests/page/dash.spec.mjs - the live view, of a real stack with a real switch and hosts.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {after, afterEach, before, test} from 'node:test';

import {closeAll, PHONE, place, process_, startBrowser, stopBrowser, until, Visitor} from './page.mjs';

before(startBrowser);
afterEach(closeAll);
after(stopBrowser);

/** The live view, on one of its pages. */
async function come(page = 'overview', options = {}) {
    const v = await Visitor.come(options, '#stack');
    await v.page.locator(`.dash-bar [data-tab="${page}"]`).click();
    return v;
}

const tile = (v, name) => v.page.locator(`[data-process="${name}"]`);

function fact(v, process, name) {
    return tile(v, process).locator('dl > div', {hasText: new RegExp(`^${name}`)}).locator('dd').textContent();
}

function isReady(v, name, patience) {
    return until(async () => await tile(v, name).locator('.state').textContent() === 'ready',
        async () => `ready ${name}; its tile: ${await tile(v, name).textContent()}`, patience);
}

function inHost(host, ...command) {
    return execFileSync(place.lab[0], [...place.lab.slice(1), 'exec', host, ...command], {encoding: 'utf8', timeout: 30000});
}

/** When the tile ceases to say "ready", by the page's clock. */
function watchTile(v, name) {
    return v.page.evaluate((wanted) => {
        const element = document.querySelector(`[data-process="${wanted}"] .state`);
        window.changedAt = 0;
        new MutationObserver(() => {
            if (element.textContent !== 'ready') {
                window.changedAt ||= Date.now();
            }
        }).observe(element, {childList: true, characterData: true, subtree: true});
    }, name);
}

test('a router that is killed: its tile says so at once, and recovers with another PID and one more restart', async () => {
    const v = await come();
    await isReady(v, 'router');
    const before = process_('router');
    const [ofproxy, vnsbridge] = ['ofproxy', 'vnsbridge'].map((name) => process_(name).pid);
    await until(async () => await fact(v, 'router', 'PID') === String(before.pid), 'PID of the router');
    await watchTile(v, 'router');
    const killed = Date.now();
    process.kill(before.pid, 'SIGKILL');
    const changed = await until(() => v.page.evaluate(() => window.changedAt), 'change of its tile');
    console.log(`# the tile changed ${changed - killed} ms after the kill`);
    assert.ok(changed - killed < 2000);
    await isReady(v, 'router');
    const now = await until(() => process_('router').alive && process_('router').pid !== before.pid && process_('router'), 'successor');
    await until(async () => await fact(v, 'router', 'PID') === String(now.pid), 'PID of its successor');
    assert.equal(await fact(v, 'router', 'restarts'), String(before.restarts + 1));
    assert.deepEqual([await fact(v, 'ofproxy', 'PID'), await fact(v, 'vnsbridge', 'PID')], [String(ofproxy), String(vnsbridge)]);
    await until(async () => /router: .* to ready/.test(await v.page.locator('.dash-events').textContent()), 'the event in the list');
    await v.close();
});

test('a restart by its button is asked for, measured, and leaves the others undisturbed', async () => {
    const v = await come();
    await isReady(v, 'vnsbridge');
    const before = process_('vnsbridge').pid;
    const dialog = v.page.getByRole('dialog', {name: 'Restart vnsbridge?'});
    await tile(v, 'vnsbridge').getByRole('button', {name: 'Restart vnsbridge'}).click();
    await dialog.getByRole('button', {name: 'Cancel'}).click();
    assert.equal(process_('vnsbridge').pid, before, 'nothing is done without a yes');
    await tile(v, 'vnsbridge').getByRole('button', {name: 'Restart vnsbridge'}).click();
    await v.accessible('the question before a restart');
    await dialog.getByRole('button', {name: 'Restart', exact: true}).click();
    const said = await until(async () => /is back after .*/.exec(await dialog.locator('.dash-restart-state').textContent()),
        async () => `end of the restart: ${await dialog.textContent()}`);
    console.log(`# vnsbridge ${said[0]}`);
    assert.match(said[0], new RegExp(`is back after [\\d.]+ m?s: PID ${before} is now ${process_('vnsbridge').pid}`));
    await until(async () => await dialog.getByText('undisturbed').count() === 4, async () => `four undisturbed: ${await dialog.textContent()}`);
    await v.shot('dash-restarted');
    await dialog.getByRole('button', {name: 'Close'}).click();
    await isReady(v, 'vnsbridge');
    await v.close();
});

test('a ping is seen as ICMP echo, its TTL in the details, and tshark reads the download', async () => {
    const v = await come('packets');
    await until(async () => inHost('client', 'ping', '-c', '1', '-W', '1', '192.168.2.2').includes(' 0% packet loss')
        && await v.page.locator('.dash-packet-body .dash-packet', {hasText: /echo/i}).count() > 1, 'echo request and reply');
    await v.page.getByRole('button', {name: 'Pause'}).click();
    await v.page.locator('.dash-packet-body .dash-packet', {hasText: /10\.0\.1\.100.*192\.168\.2\.2.*echo/i}).first().click();
    const leaf = v.page.locator('.dash-leaf', {hasText: /^TTL|^ttl|time to live/i}).first();
    await leaf.waitFor();
    assert.match(await leaf.textContent(), /6[34]/);
    await leaf.click();
    assert.match(await v.page.locator('.dash-hex').textContent(), /^0000/);
    await v.accessible('a packet with its details');
    await v.shot('dash-packets');
    const [file] = await Promise.all([v.page.waitForEvent('download'), v.page.getByText('Download pcapng').click()]);
    const read = execFileSync('tshark', ['-r', await file.path(), '-Y', 'icmp.type == 8', '-T', 'fields', '-e', 'ip.dst'], {encoding: 'utf8'});
    assert.match(read, /192\.168\.2\.2/);
    await v.close();
});

test('by keyboard alone: through the packets, into the details, and back', async () => {
    const v = await come('packets');
    await until(async () => inHost('client', 'ping', '-c', '1', '-W', '1', '10.0.1.1') && await v.page.locator('.dash-packet-body .dash-packet').count() > 1, 'packets');
    await v.page.locator('.dash-packet-list').focus();
    await v.page.keyboard.press('Home');
    await v.page.keyboard.press('ArrowDown');
    const selected = () => v.page.evaluate(() => document.getElementById( // one look: packets that come push it to another row
        document.querySelector('.dash-packet-list').getAttribute('aria-activedescendant'))?.getAttribute('aria-selected'));
    await until(async () => await selected() === 'true', 'row that is chosen and the active one');
    await v.page.locator('[role="tree"] [role="treeitem"]').first().focus();
    await v.page.keyboard.press('ArrowRight');
    assert.match(await v.page.evaluate(() => document.activeElement.className), /dash-leaf/);
    await v.page.keyboard.press('Escape');
    assert.match(await v.page.evaluate(() => document.activeElement.className), /dash-packet-list/);
    await v.close();
});

test('a filter that cannot be read is explained below it; one that can shows only what it names', async () => {
    const v = await come('packets');
    const filter = v.page.getByRole('searchbox', {name: 'Filter', exact: true});
    await filter.fill('icmp nonsense-word');
    const wrong = v.page.locator('.dash-packets-main > .dash-wrong');
    await until(async () => /nonsense-word/.test(await wrong.textContent()), 'the sentence about the filter');
    assert.equal(await filter.getAttribute('aria-invalid'), 'true');
    await filter.fill('icmp');
    await until(async () => await wrong.textContent() === '', 'no sentence');
    await until(async () => inHost('client', 'ping', '-c', '1', '-W', '1', '10.0.1.1') && await v.page.locator('.dash-packet-body .dash-packet').count() > 1, 'packets');
    const protocols = await v.page.locator('.dash-packet-body .dash-p-proto').allTextContents();
    assert.deepEqual([...new Set(protocols.filter(Boolean).map((p) => p.toLowerCase()))], ['icmp']);
    await v.close();
});

test('a route is added, looked up and deleted; what is wrong is said at its field', async () => {
    const v = await come('tables');
    const routes = v.page.locator('[data-table="routes"]');
    const fill = (name, text) => routes.getByLabel(name, {exact: true}).fill(text);
    const row = routes.locator('tbody tr', {hasText: '203.0.113.0/24'});
    await until(async () => await routes.locator('tbody tr').count() >= 3, 'routes of the lab');
    v.refused = true;
    await fill('Destination', '203.0.113.1/24');
    await fill('Interface', 'eth1');
    await routes.getByRole('button', {name: 'Add route'}).click();
    await routes.getByText(/has bits set beyond its \/24/).waitFor();
    assert.equal(await routes.getByLabel('Destination', {exact: true}).getAttribute('aria-invalid'), 'true');
    await fill('Destination', '203.0.113.0/24');
    await fill('Gateway', '192.168.2.2');
    await routes.getByRole('button', {name: 'Add route'}).click();
    await row.waitFor();
    await fill('Which route takes', '203.0.113.77');
    await routes.getByText('203.0.113.0/24 via 192.168.2.2 dev eth1').waitFor();
    await row.getByRole('button', {name: 'Delete route 203.0.113.0/24'}).click();
    await v.page.getByRole('dialog').getByRole('button', {name: 'Delete'}).click();
    await until(async () => await row.count() === 0, 'route that is gone');
    await until(async () => !/203/.test(await routes.locator('output').textContent()), 'another answer of the look-up');
    await v.close();
});

test('more routes than a message may hold are all there', async () => {
    const v = await come('tables');
    const routes = v.page.locator('[data-table="routes"]');
    const count = async () => Number(await routes.locator('.dash-count').textContent());
    const change = (method) => v.page.evaluate((how) => Promise.all([0, 1, 2, 3].map(async (lane) => {
        for (let i = lane; i < 800; i += 4) {
            const destination = `198.18.${i >> 8}.${i & 255}/32`;
            const route = JSON.stringify({destination, gateway: '192.168.2.2', interface: 'eth1'});
            const {ok, status} = await fetch('/api/v1/routes' + (how === 'DELETE' ? `/${destination}` : ''),
                {method: how, headers: {'content-type': 'application/json'}, body: how === 'POST' ? route : undefined});
            if (!ok) {
                throw new Error(`${how} ${destination}: ${status}`);
            }
        }
    })), method);
    await until(async () => await count() >= 3, 'routes of the lab');
    const before = await count();
    await change('POST');
    try {
        await until(async () => await count() === before + 800, async () => `${before + 800} routes, but ${await routes.textContent()}`.slice(0, 300));
        await routes.getByLabel('Which route takes', {exact: true}).fill('198.18.3.31');
        await routes.getByText('198.18.3.31/32 via 192.168.2.2 dev eth1').waitFor();
    } finally {
        await change('DELETE');
    }
    await until(async () => await count() === before, 'routes of the lab alone');
    await v.close();
});

test('into a switch: its flows and ports; a column sorts, a word filters', async () => {
    const v = await come('tables');
    await v.page.locator('[data-table="switches"]').getByRole('button', {name: /Look into/}).first().click();
    await until(async () => await v.page.locator('[data-table="switch-flows"] tbody tr').count() > 0, 'flows');
    await v.page.locator('.dash-switch').getByRole('tab', {name: 'Ports'}).click();
    const ports = v.page.locator('[data-table="switch-ports"]');
    await until(async () => await ports.locator('tbody tr').count() >= 3, 'ports');
    const numbers = async () => (await ports.locator('tbody tr td:nth-child(2)').allTextContents()).filter((t) => /^\d+$/.test(t)).map(Number);
    await ports.getByRole('button', {name: 'Number'}).click();
    const up = await numbers();
    assert.deepEqual(up, [...up].sort((a, b) => a - b));
    await ports.getByRole('button', {name: 'Number'}).click();
    assert.deepEqual(await numbers(), up.reverse());
    await ports.getByRole('searchbox').fill('eth2');
    assert.equal(await ports.locator('tbody tr').count(), 1);
    await v.close();
});

test('webterm is killed: the view says that it is old, and heals by itself', async () => {
    const v = await come();
    await isReady(v, 'webterm');
    const before = process_('webterm').pid;
    v.away = true;
    await v.page.evaluate(() => {
        window.same = true;
    });
    process.kill(before, 'SIGKILL');
    await v.page.locator('.dash-stale').waitFor();
    await v.page.locator('.dash-stale').waitFor({state: 'hidden'});
    await until(async () => {
        const pid = await fact(v, 'webterm', 'PID');
        return pid !== '–' && pid !== String(before);
    }, 'PID of its successor');
    assert.equal(await v.page.evaluate(() => window.same), true, 'no reload');
    await v.close();
});

/** One page in both themes, on what the visitor has in front of them. */
async function look(v, page, width, whole) {
    await v.page.locator(`.dash-bar [data-tab="${page}"]`).click();
    if (page === 'overview') {
        await isReady(v, 'router');
        await v.page.locator('[data-ring="VNS_IN"]').click();
        await v.page.locator('.dash-details').getByText('frames for the router').waitFor();
    } else if (page === 'tables') {
        await v.page.locator('[data-table="routes"] tbody tr').first().waitFor();
    }
    for (const colorScheme of ['light', 'dark']) {
        await v.page.emulateMedia({colorScheme});
        await v.shot(`dash-${page}-${width}-${colorScheme}`);
        if (colorScheme === whole) { // axe takes a second: between them the two widths have both themes
            await v.accessible(`${page}, ${width}, ${colorScheme}`);
        }
    }
    await v.fitsAcross(`${page}, ${width}`);
}

test('each page, light and dark, wide and narrow: nothing out of sight, nothing that a reader cannot use', async () => {
    for (const [width, options, whole] of [['desktop', {}, 'light'], ['phone', PHONE, 'dark']]) {
        const v = await come('overview', options);
        for (const page of ['overview', 'tables', 'packets']) {
            await look(v, page, width, whole);
        }
        await v.close();
    }
    assert.ok(existsSync(path.join(place.shots, 'dash-overview-phone-dark.png')));
});
