// dash/restart.js - the question before a restart, the measured outage after it, and who was not disturbed.
import {attribute, h, setText} from '../src/dom.js';
import {millis, span} from './format.js';
import {newId} from './parts.js';
import {others} from './process.js';

const CONSEQUENCE = {
    ofproxy: 'The switches keep their flows and connect again by themselves. Frames on the way wait in the rings.',
    vnsbridge: 'Frames wait in the rings until its successor takes them, where it left off.',
    router: 'Frames wait in the ring until its successor takes them, where it left off. It reads its routing table anew: '
        + 'routes that were added by hand are gone.',
    ptyhost: 'It keeps the terminals: their programs end, and sessions begin anew.',
    webterm: 'This page and all others lose their connection for a moment, and come back by themselves.',
};
const PATIENCE_MS = 30000;

/** The processes beside the one that was restarted: their PIDs and uptimes, running on. */
function witnesses() {
    const body = h('tbody');
    const element = h('table', {class: 'table dash-witnesses'},
        h('caption', {}, 'The others meanwhile'),
        h('thead', {}, h('tr', {}, ['Process', 'PID', 'Up for', ''].map((t, i) => h(t ? 'th' : 'td', {scope: t && 'col', class: i === 1 || i === 2 ? 'num' : null}, t)))), body);
    const rows = new Map();
    return {
        element,
        update(before, now, name) {
            for (const o of others(before, now, name)) {
                if (!rows.has(o.process)) {
                    const cells = [h('th', {scope: 'row'}, o.process), h('td', {class: 'num'}), h('td', {class: 'num'}),
                        h('td', {}, h('span', {class: 'state'}))];
                    rows.set(o.process, cells);
                    body.append(h('tr', {}, cells));
                }
                const [, pid, up, word] = rows.get(o.process);
                setText(pid, o.alive ? o.pid : '–');
                setText(up, o.alive ? span(o.uptime_s) : '–');
                attribute(word.firstChild, 'data-state', o.undisturbed ? 'ok' : o.alive ? 'warn' : 'off');
                setText(word.firstChild, o.undisturbed ? 'undisturbed' : o.alive ? 'restarted, too' : 'not running');
            }
        },
    };
}

/**
 * Restart buttons: ask(name) asks, restarts, and shows what it cost.
 * @param {any} net  @param {() => any} latest  the newest value of the topic "stack"
 */
export function restarter(net, latest) {
    let job = null; // {name, before, oldPid, startedAt, done}
    const id = newId('restart');
    const title = h('h2', {id}), text = h('p'), progress = h('p', {class: 'dash-restart-state', role: 'status'});
    const kill = h('input', {type: 'checkbox'});
    const how = h('label', {class: 'dash-check'}, kill, 'kill it at once (SIGKILL), as a crash would');
    const witness = witnesses();
    const yes = h('button', {class: 'button danger', type: 'button', onclick: () => begin()}, 'Restart');
    const no = h('button', {class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close()}, 'Cancel');
    const dialog = h('dialog', {class: 'dialog dash-restart', 'aria-labelledby': id}, title,
        h('div', {class: 'dialog-body'}, text, how, progress, witness.element), h('div', {class: 'dialog-foot'}, no, yes));
    dialog.addEventListener('close', () => {
        job = null;
    });

    const pidOf = (stack, name) => stack?.processes.find((p) => p.process === name)?.pid;
    const say = (kind, sentence) => {
        attribute(progress, 'data-kind', kind);
        setText(progress, sentence);
    };
    const finish = (kind, sentence) => {
        if (job) {
            job.done = true;
            say(kind, sentence);
            attribute(yes, 'hidden', true);
            setText(no, 'Close');
            no.focus();
        }
    };
    const success = (outage, pid) => finish('ok', `${job.name} is back after ${millis(outage)}`
        + `${job.oldPid && pid ? `: PID ${job.oldPid} is now ${pid}` : ''}.`);

    const begin = async () => {
        const mine = job;
        Object.assign(job, {before: latest()?.processes ?? [], oldPid: pidOf(latest(), job.name), startedAt: performance.now()});
        attribute(yes, 'disabled', true);
        attribute(how, 'hidden', true);
        attribute(witness.element, 'hidden', false);
        say('warn', `${job.name} is being restarted …`);
        try {
            const answer = await net.post(`/api/v1/processes/${encodeURIComponent(job.name)}/restart`, {hard: kill.checked});
            if (job === mine && !mine.done && answer?.outage_ms !== undefined) { // webterm cannot say when it is back
                success(answer.outage_ms, answer.pid);
            }
        } catch (problem) {
            if (job === mine && !(mine.name === 'webterm' && problem.status === 0)) {
                finish('bad', problem.message);
            }
        }
    };

    return {
        element: dialog,
        ask(name) {
            job = {name, before: null, done: false};
            setText(title, `Restart ${name}?`);
            setText(text, CONSEQUENCE[name] ?? '');
            say('', '');
            kill.checked = false;
            attribute(how, 'hidden', name === 'webterm' || null);
            attribute(witness.element, 'hidden', true);
            attribute(yes, 'hidden', false);
            attribute(yes, 'disabled', false);
            setText(no, 'Cancel');
            dialog.showModal();
            no.focus();
        },
        update(stack) {
            if (!job?.before) {
                return;
            }
            witness.update(job.before, stack.processes, job.name);
            const now = stack.processes.find((p) => p.process === job.name);
            const ms = performance.now() - job.startedAt;
            if (job.name === 'webterm' && !job.done && now?.alive && now.pid !== job.oldPid) {
                success(ms, now.pid);
            } else if (!job.done && ms > PATIENCE_MS) {
                finish('bad', `${job.name} did not come back within ${PATIENCE_MS / 1000} s: see "causeway logs ${job.name}".`);
            } else if (!job.done) {
                say('warn', `${job.name}: ${now?.state ?? 'unknown'}, for ${span(ms / 1000)}`);
            }
        },
    };
}
