# tests/bench/yard.py - what the benchmarks are made of: turns, ratios, a table, and the machine.
#
#     part = Part('ring', 'Rings, between two processes')
#     got = turns({'causeway': measure_ours, 'plain ring': measure_plain})    by turns, never all of one first
#     part.row('64-byte records', 'ns a record', got, aim('at most the best', most=1, beside=('plain ring',)))
#     part.end()                                                              prints, and keeps it for the report
#
# A ratio is made of two figures of the same turn, so that what the machine does meanwhile is in both.
# 'make bench' says what is run; QUICK=1 makes each measurement shorter, not fewer.
import json
import os
import platform
import statistics
import subprocess
import sys
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('BUILD', REPO + '/build'))
BENCH, BIN = BUILD + '/bench', BUILD + '/bin'
RESULTS = os.environ.get('RESULTS', BUILD + '/bench/results')
QUICK = os.environ.get('QUICK', '') not in ('', '0')
ROUNDS = int(os.environ.get('ROUNDS', '5'))
OURS = 'causeway'
NOISE = 10  # per cent of the machine that others may take


def run(*command, timeout=150, **options):
    """What the command prints; the benchmark ends where it fails."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          timeout=timeout, check=False, **options)
    if done.returncode:
        raise SystemExit('%s: %s ended with %d: %s' % (
            os.path.basename(sys.argv[0]), ' '.join(map(str, command)), done.returncode, done.stdout.strip()))
    return done.stdout


def turns(contestants, rounds=ROUNDS):
    """{name: [what its function returned]}: each has its turn in each round, the first one another each time."""
    got, names = {name: [] for name in contestants}, list(contestants)
    for turn in range(rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            got[name].append(contestants[name]())
    return got


def pick(got, key):
    """Of turns whose functions return several figures, one."""
    return {name: [figures[key] for figures in values] for name, values in got.items()}


def number(value):
    """Three digits, or all before the point."""
    if abs(value) >= 100000:
        return '{:,.0f}'.format(value)
    return '%.0f' % value if abs(value) >= 100 else '%.1f' % value if abs(value) >= 10 else '%.2f' % value


def spread(values):
    return '%s – %s – %s' % tuple(number(f(values)) for f in (min, statistics.median, max))


def ratios(ours, others):
    """One for each turn; none where a figure of the others is 0."""
    return [a / b for a, b in zip(ours, others)] if all(others) else []


def aim(text, most=None, least=None, beside=()):
    """What the median is to be: at most, or at least, a number; or so many times that of the best of those beside."""
    return {'text': text, 'most': most, 'least': least, 'beside': list(beside)}


def reached(row):
    """The figures that the aim is about, and whether their median is as it is to be."""
    goal, figures = row['aim'], row['figures'][row['ours']]
    if goal['beside']:
        best = min if goal['most'] is not None else max
        figures = ratios(figures, [best(turn) for turn in zip(*(row['figures'][name] for name in goal['beside']))])
    if not figures:
        return [], False
    value = statistics.median(figures)
    return figures, value <= goal['most'] if goal['most'] is not None else value >= goal['least']


def taken(seconds=0.3):
    """The share of all processors, in per cent, that is taken while we do nothing."""
    def look():
        fields = [int(word) for word in read('/proc/stat').split('\n')[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    (all_before, idle_before), _ = look(), time.sleep(seconds)
    all_after, idle_after = look()
    return 100 * (1 - (idle_after - idle_before) / max(1, all_after - all_before))


class Part:
    """One table of the report."""

    def __init__(self, name, title, note=''):
        self.name, self.title, self.note, self.rows, self.start = name, title, note, [], time.monotonic()
        print('\n%s' % title, flush=True)
        share = taken()
        if share > NOISE:
            words = 'NOT QUIET: before it began, others took %.0f %% of the machine.' % share
            self.note = ' '.join(filter(None, (note, words)))
            print('  ' + words, flush=True)

    def row(self, what, unit, got, goal=None, ours=OURS):
        """The figures of all; beside each but ours, ours divided by it."""
        self.rows.append({'what': what, 'unit': unit, 'figures': got, 'aim': goal, 'ours': ours})
        print('  %s, %s%s' % (what, unit, ' (aim: %s: %s)' % (goal['text'], 'reached' if reached(self.rows[-1])[1] else
                                                              'NOT reached') if goal else ''))
        for name, values in got.items():
            beside = ''
            if name != ours and ours in got and ratios(got[ours], values):
                beside = '   %s / it: %s' % (ours, spread(ratios(got[ours], values)))
            print('    %-28s %s%s' % (name, spread(values), beside), flush=True)

    def end(self):
        os.makedirs(RESULTS, exist_ok=True)
        with open('%s/%s.json' % (RESULTS, self.name), 'w', encoding='utf-8') as f:
            json.dump({'title': self.title, 'note': self.note, 'rows': self.rows, 'machine': machine(),
                       'quick': QUICK, 'rounds': ROUNDS}, f, indent=1)
        print('  (%.0f s)' % (time.monotonic() - self.start), flush=True)


def read(path, default=''):
    try:
        with open(path, encoding='utf-8') as f:
            return f.read().strip()
    except OSError:
        return default


def cpu_model():
    for line in read('/proc/cpuinfo').splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.machine()


def machine():
    """(name, value), as the report shows it."""
    words = dict(line.split('=', 1) for line in read(BENCH + '/flags').splitlines() if '=' in line)
    commit = subprocess.run(['git', '-C', REPO, 'log', '-1', '--format=%h %cs'], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    guest = subprocess.run(['systemd-detect-virt'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False).stdout.strip() if os.path.exists('/usr/bin/systemd-detect-virt') else ''
    governor = read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'none to be seen')
    return [('processor', cpu_model()), ('cores', str(len(os.sched_getaffinity(0)))),
            ('kernel', platform.release() + (', a guest of %s' % guest if guest and guest != 'none' else '')),
            ('frequency governor', governor), ('compiler', words.get('compiler', 'not known')),
            ('flags', words.get('flags', 'not known')), ('commit', commit or 'not known')]
