// dash/process.js - what is said of a process.  Pure: node tests it without a page.

// Colour and shape of each state (shell.css): the word stands beside it.
const KINDS = {
    ready: 'ok', waiting: 'warn', starting: 'warn', stopping: 'warn', restarting: 'warn', silent: 'bad', down: 'bad',
};

export function stateKind(state) {
    return KINDS[state] ?? 'off';
}

export const ROLES = {
    ofproxy: 'speaks OpenFlow to the switches',
    vnsbridge: 'maps switch ports to router interfaces',
    router: 'decides what becomes of each frame',
    ptyhost: 'keeps the terminals',
    webterm: 'serves this page',
};

/** In the order of a frame's way. */
export const LINE = ['ofproxy', 'vnsbridge', 'router'];

export const RINGS = {
    PKT_IN: 'frames from switches', VNS_IN: 'frames for the router', VNS_OUT: "the router's verdicts and frames",
    PKT_OUT: 'verdicts, and frames to switches', OPENFLOW: 'messages of the OpenFlow connections',
};

const LOCAL = 0xfffffffe; // the switch's own port, which has its name

/** What people call a switch: its own port's name, else how it describes itself, else nothing. */
export function switchName(row) {
    const told = row.description?.datapath ?? '';
    const own = (row.port_list ?? []).find((port) => port.port === LOCAL)?.name;
    return row.name ?? own ?? (told && !told.includes(' ') && told.toLowerCase() !== 'none' ? told : '');
}

/** The reason why it is not ready, as it said itself; or what it serves. */
export function reason(process) {
    return process.text || (process.state === 'ready' ? ROLES[process.process] ?? '' : '');
}

/** What to do about it; '' where there is nothing to do. */
export function advice(process) {
    const {state, process: name} = process;
    if (state === 'restarting') {
        return 'Its supervisor starts it again; frames wait in the rings.';
    }
    if (state === 'down' && process.supervised === false) {
        return `Nobody supervises it: start the stack with "causeway up", or ${name} by hand.`;
    }
    if (state === 'down') {
        return `Press Restart, or type: causeway restart ${name}`;
    }
    if (state === 'waiting' && name === 'ofproxy') {
        return 'Is a switch set to this controller? The lab is: sudo lab/lab up';
    }
    return '';
}

/**
 * Of processes before and after a restart of 'name': who has the PID it had and ran on.
 * @returns {Array<{process: string, pid: number, uptime_s: number, undisturbed: boolean}>}
 */
export function others(before, after, name) {
    return after.filter((p) => p.process !== name).map((now) => {
        const old = before.find((p) => p.process === now.process);
        return {
            process: now.process, pid: now.pid, uptime_s: now.uptime_s, alive: now.alive,
            undisturbed: Boolean(old) && now.alive && old.pid === now.pid && old.restarts === now.restarts,
        };
    });
}
