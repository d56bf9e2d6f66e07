# tests/oracle/oracles.py - messages of the zoo (zoo.c), and what others make of them.
import collections
import json
import os
import re
import struct
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get('CAUSEWAY_ORACLE', os.path.join(REPO, 'build/oracle'))

Row = collections.namedtuple('Row', 'name bytes meant')
Refusal = collections.namedtuple('Refusal', 'name says why')


def zoo():
    """All messages of the zoo: name, bytes, and what was meant."""
    text = subprocess.run([BIN + '/zoo'], stdout=subprocess.PIPE, check=True, timeout=120).stdout.decode()
    rows = [line.split('\t') for line in text.splitlines()]
    assert len(rows) > 1000, 'the zoo is empty'
    return [Row(name, bytes.fromhex(raw), json.loads(meant)) for name, raw, meant in rows]


def again(messages):
    """What 'again' says of each message: our reading of it as JSON, or why it is refused or differs."""
    done = subprocess.run([BIN + '/again'], input='\n'.join(m.hex() for m in messages) + '\n',
                          stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    lines = done.stdout.splitlines()
    assert len(lines) == len(messages), 'again answered %d of %d lines' % (len(lines), len(messages))
    return lines


MARK = 0x7e000000


def barrier(version, xid):
    return bytes([version, 18 if version == 1 else 20, 0, 8]) + xid.to_bytes(4, 'big')


def ovs_texts(messages, folder):
    """What 'ovs-ofctl ofp-parse' prints of each: a barrier request stands between two, as a mark."""
    path = os.path.join(str(folder), 'stream')
    with open(path, 'wb') as f:
        for i, message in enumerate(messages):
            f.write(message + barrier(message[0], MARK + i))
    done = subprocess.run(['ovs-ofctl', 'ofp-parse', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors='replace', check=True, timeout=300)
    texts = re.split(r'^OFPT_BARRIER_REQUEST.*\(xid=0x7e[0-9a-f]{6}\):\n?', done.stdout, flags=re.M)
    assert len(texts) == len(messages) + 1, 'ovs-ofctl printed %d of %d messages' % (len(texts) - 1, len(messages))
    return texts[:-1]


def leaves(meant, owner=None):
    """(kind that has it, field, value) of all that was meant, however deep."""
    if isinstance(meant, list):
        for each in meant:
            yield from leaves(each, owner)
    elif isinstance(meant, dict):
        name = meant.get('is', meant.get('field'))
        for field, value in meant.items():
            if isinstance(value, (dict, list)):
                yield from leaves(value, name)
            elif field not in ('is', 'field'):
                yield name, field, value


def refused(refusals, rows, problem_of):
    """Holds what an oracle refuses against the list of what it is known to refuse.  Returns what is wrong."""
    wrong, used = [], set()
    for i, row in enumerate(rows):
        problem = problem_of(i)
        known = next((r for r in refusals if re.search(r.name, row.name) and problem and r.says in problem), None)
        if known:
            used.add(known)
        elif problem:
            wrong.append('%s: %s' % (row.name, problem))
    wrong += ['no longer refused: %s (%s)' % (r.name, r.says) for r in refusals if r not in used]
    return wrong


PORT = 6653


def pcap(messages):
    """A pcap of a TCP connection from port 6653 that carries the messages, one a segment."""
    out = [struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1)]
    seq = 1
    for i, message in enumerate(messages):
        tcp = struct.pack('>HHIIBBHHH', PORT, 40000, seq, 1, 5 << 4, 0x18, 65535, 0, 0)
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40 + len(message), i & 0xffff, 0, 64, 6, 0,
                         bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        frame = bytes(12) + b'\x08\x00' + ip + tcp + message
        out.append(struct.pack('<IIII', i, 0, len(frame), len(frame)) + frame)
        seq += len(message)
    return b''.join(out)
