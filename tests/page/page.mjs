// tests/page/page.mjs - what the browser tests are made of: Chromium, pages that watch their console, and waiting.
//
// tests/page/run starts a stack and a lab and says in CAUSEWAY_PAGE where they are: {"url", "run_dir", "bin", "shots"}.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.CAUSEWAY_PAGE_PACKAGES, 'x.js'));
const {chromium} = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const place = JSON.parse(process.env.CAUSEWAY_PAGE);
export const PATIENCE_MS = Number(process.env.CAUSEWAY_PATIENCE_MS ?? 30000);
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];
export const DESKTOP = {viewport: {width: 1280, height: 800}};
export const PHONE = {viewport: {width: 390, height: 844}, hasTouch: true, isMobile: true, deviceScaleFactor: 2};

const LOOKED_AT = 300;
let browser = null;
const visitors = new Set();

export async function startBrowser() {
    browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, timeout: PATIENCE_MS});
}

export async function stopBrowser() {
    await browser?.close();
}

/** What a test that failed has left open. */
export async function closeAll() {
    for (const v of visitors) {
        await v.context.close();
    }
    visitors.clear();
}

/** The condition's first true value; fails after half a minute with what was awaited. */
export async function until(condition, what, patience = PATIENCE_MS) {
    const deadline = Date.now() + patience;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        if (Date.now() > deadline) {
            assert.fail(`after ${patience} ms still no ${typeof what === 'function' ? await what() : what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

/**
 * A browser of its own (cookies, memory).  Whatever its console says that is no word of the network's while webterm is away
 * fails the test at close().
 */
export class Visitor {
    static async come(options = {}, hash = '') {
        const v = new Visitor();
        v.name = options.name ?? 'visitor';
        v.errors = [];
        v.away = false;
        v.context = await browser.newContext({...DESKTOP, permissions: ['clipboard-read', 'clipboard-write'], ...options});
        await v.context.addInitScript((name) => localStorage.getItem('causeway.name') ?? localStorage.setItem('causeway.name', JSON.stringify(name)), v.name);
        v.context.setDefaultTimeout(PATIENCE_MS);
        visitors.add(v);
        v.page = await v.context.newPage();
        v.page.on('console', (m) => m.type() === 'error' && !v.mayFail(m.text()) && v.errors.push(m.text()));
        v.page.on('pageerror', (e) => v.errors.push(e.stack ?? String(e)));
        await v.page.goto(place.url + hash);
        return v;
    }

    /** While webterm is away the browser itself writes that connections fail; and so of a password that is refused. */
    mayFail(text) {
        return (this.refused && /status of (401|422)/.test(text)) || this.away && /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection to/.test(text);
    }

    async close() {
        visitors.delete(this);
        await this.context.close();
        assert.deepEqual(this.errors, [], `${this.name}: errors in the browser's console`);
    }

    /** What the terminal holds, scroll-back and screen, or its last rows; wrapped lines are one. */
    text(rows = Infinity) {
        return this.page.evaluate((last) => {
            const term = document.querySelector('.term-panel:not([hidden]) .term-screen')?.terminal;
            if (!term) {
                return '';
            }
            const buffer = term.buffer.active;
            const lines = [];
            for (let i = Math.max(0, buffer.length - last); i < buffer.length; i++) {
                const line = buffer.getLine(i);
                if (line.isWrapped && lines.length) {
                    lines[lines.length - 1] += line.translateToString(true);
                } else {
                    lines.push(line.translateToString(true));
                }
            }
            return lines.join('\n').trimEnd();
        }, rows);
    }

    /** Waits until the end of the terminal's text matches: looking through all of it would keep a page busy that has a flood to show. */
    sees(pattern, patience) {
        return until(async () => pattern.exec(await this.text(LOOKED_AT)), async () => `${pattern} in:\n${(await this.text()).slice(-1500)}`, patience);
    }

    /** The same as until(), but a failure also says what the page said. */
    until(condition, what) {
        return until(condition, async () => `${what}; the page says: ${(await this.page.locator('.toast p').allTextContents()).join('; ') || 'nothing'}`);
    }

    status() {
        return this.page.locator('.term-who').textContent();
    }

    says(pattern) {
        return until(async () => pattern.test(await this.status()), async () => `${pattern} in the line below: "${await this.status()}"`);
    }

    drives() {
        return this.says(/You have the keyboard/);
    }

    /** Types; \r is Enter. */
    async type(text) {
        await this.page.locator('.term-panel:not([hidden]) textarea').focus();
        await this.page.keyboard.press('Shift'); // for xterm.js a key is held whose end a dialog had
        for (const part of text.split(/(\r)/).filter(Boolean)) {
            await (part === '\r' ? this.page.keyboard.press('Enter') : this.page.keyboard.insertText(part));
        }
    }

    size() {
        return this.page.evaluate(() => {
            const {cols, rows} = document.querySelector('.term-panel:not([hidden]) .term-screen').terminal;
            return {cols, rows};
        });
    }

    /** Puts text where Ctrl+Shift+V takes it from, and presses it. */
    async paste(text) {
        await this.page.evaluate((t) => navigator.clipboard.writeText(t), text);
        await this.page.locator('.term-panel:not([hidden]) textarea').focus();
        await this.page.keyboard.press('Control+Shift+V');
    }

    shot(name) {
        mkdirSync(place.shots, {recursive: true});
        return this.page.screenshot({path: path.join(place.shots, `${name}.png`)});
    }

    /** What axe-core finds wrong: names, labels, contrast, keyboard. */
    async accessible(what) {
        await this.page.evaluate(AXE);
        const found = await this.page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
        const said = found.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.target} ${n.failureSummary}`).join('\n')}`);
        assert.deepEqual(said, [], what);
    }

    /** Nothing is wider than the window. */
    async fitsAcross(what) {
        const width = this.page.viewportSize().width; // a phone's innerWidth grows with what does not fit
        const wide = await this.page.evaluate((right) => [...document.querySelectorAll('body *')].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.right > right + 1 && !e.closest('.xterm, .term-tablist, .scrolls, .sr-only');
        }).map((e) => `${e.tagName}.${e.className}`), width);
        assert.deepEqual(wide.slice(0, 5), [], `${what}: wider than the window`);
    }
}

/** One of the stack's processes, as causeway sees it. */
export function process_(name) {
    const said = spawnSync(`${place.bin}/causeway`, ['--run-dir', place.run_dir, 'status', '--json']); // status 1: not all are ready
    return JSON.parse(said.stdout).processes.find((p) => p.process === name);
}
