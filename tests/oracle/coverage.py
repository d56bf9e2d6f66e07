#!/usr/bin/python3
# tests/oracle/coverage.py - writes docs/openflow-coverage.md from the zoo and what the oracles say of it.
#
#     coverage.py            prints the page; 'make coverage' puts it in its place
#
# What is read, and what is written, is tried here; ovs-ofctl and tshark are asked; what was seen live is
# live.txt; what os-ken sends is held against us in tests/e2e/test_decode.py.
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from oracles import PORT, again, ovs_texts, pcap, zoo  # noqa: E402

HEAD = """# What is covered of OpenFlow

This page is made by `make coverage` from the tables of `common/proto` and from what the oracles say
(`tests/oracle`); a test fails when it is not what they say now.

- **fields**: what the kind has of its own, lengths and padding left out.
- **written**: messages with it in the zoo (`tests/oracle/zoo.c`).
- **read**: those of them that are read as they were meant, and written again byte for byte.
- **oracles**: who else says the same. *ovs-ofctl*: Open vSwitch 3.1 prints what was meant
  (`test_ovs.py`, which also lists what it refuses, and why). *tshark*: 4.0 dissects it to the end, or says
  that it knows no more (`(outline)`), and calls nothing malformed. *live*: a running ovs-vswitchd or
  ovs-ofctl sent it, and our bytes are theirs.
"""
PARTS = (('Messages', None), ('Instructions', 'instructions'), ('Actions', 'actions'), ('Meter bands', 'bands'),
         ('Properties', 'properties'), ('Fields of a match', 'match'))
LENGTHS = ('is', 'len', 'length', 'actions_len', 'match_len', 'type', 'vendor', 'subtype', 'experimenter', 'exp_type')


def tshark_complaints(rows, folder):
    path = os.path.join(folder, 'zoo.pcap')
    with open(path, 'wb') as f:
        f.write(pcap([r.bytes for r in rows]))
    done = subprocess.run(['tshark', '-r', path, '-d', 'tcp.port==%d,openflow' % PORT, '-T', 'fields',
                           '-e', '_ws.expert.message'],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=300)
    return done.stdout.split('\n')[:len(rows)]


def group_of(row):
    """The section and the kind that a row of the zoo shows."""
    version, message, *way = row.name.split(' ')
    if not way:
        return version, None, message
    part, _, kind = way[-1].partition('=')
    kind = kind.replace('/mask', '')
    if re.match('(NXM|OXM|NXOXM|ONFOXM|ERICOXM)_', kind):
        return version, 'match', kind
    if part in ('body', 'data', 'queues', 'flows', 'tables', 'groups', 'meters', 'buckets', 'match', 'monitors', 'updates',
                'elements'):
        # after the body, what the reply is a list of
        return version, None, ' '.join([message] + [w.partition('=')[2] for w in way])
    return version, part, kind


def own_fields(node):
    return [k for k, v in node.items() if k not in LENGTHS and not isinstance(v, (dict, list))]


def fields_of(meant, kind):
    """Own fields of the structure that 'kind' names, wherever it first stands."""
    found = []

    def walk(node):
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            if node.get('is') == kind and not found:
                found.append(own_fields(node))
            for value in node.values():
                walk(value)
    walk(meant)
    return found[0] if found else []


def live_kinds():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'live.txt'), encoding='ascii') as f:
        return {tuple(line.split()[1:]) for line in f if not line.startswith('#')}


def is_live(live, version, section, kind, meant):
    last = re.split('[ /]', kind)[-1]
    if section == 'match':
        names = {n['field'] for n in find_fields(meant)}
        return any((version, p + '/' + n) in live for p in ('match', 'fields', 'field') for n in names)
    if section:
        return (version, section + '/' + last) in live
    if ' ' not in kind:
        return (version, 'message/%d' % meant['type']) in live
    return any(v == version and k.split('/')[-1] == last for v, k in live)


def find_fields(node):
    if isinstance(node, list):
        for each in node:
            yield from find_fields(each)
    elif isinstance(node, dict):
        if 'field' in node and not isinstance(node['field'], dict):
            yield node
        for value in node.values():
            yield from find_fields(value)


def page():
    rows = zoo()
    with tempfile.TemporaryDirectory() as folder:
        texts = ovs_texts([r.bytes for r in rows], folder)
        experts = tshark_complaints(rows, folder)
    read = [line.startswith('{') for line in again([r.bytes for r in rows])]
    groups, live = collections.OrderedDict(), live_kinds()
    for row, text, expert, good in zip(rows, texts, experts, read):
        g = groups.setdefault(group_of(row), dict(n=0, read=0, ovs=0, tshark=0, outline=0, row=row))
        g['n'] += 1
        g['read'] += good
        g['ovs'] += '***' not in text
        g['tshark'] += 'Malformed' not in expert
        g['outline'] += bool(expert)
    out = [HEAD]
    for version in ('1.0', '1.3'):
        out.append('## OpenFlow %s\n' % version)
        for title, section in PARTS:
            lines = [line(live, key, g) for key, g in groups.items() if key[:2] == (version, section)]
            if lines:
                out.append('### %s\n\n| kind | fields | written | read | oracles |\n| --- | --- | --- | --- | --- |\n%s\n'
                           % (title, '\n'.join(lines)))
    return '\n'.join(out)


def line(live, key, g):
    version, section, kind = key
    last = re.split('[ /]', kind)[-1]
    fields = fields_of(g['row'].meant, last)
    if not section and len(kind.split(' ')) > 1 and not fields:
        fields = fields_of(g['row'].meant, kind.split(' ')[-1])
    body = g['row'].meant.get('body')
    if not section and not fields and isinstance(body, dict):
        fields = own_fields(body)  # its structure has another name: features_reply's is switch_features
    if section == 'match':
        fields = ['value', 'mask'] if g['row'].name.endswith('/mask') or any(
            'mask' in f for f in find_fields(g['row'].meant)) else ['value']
    oracles = [name for name, is_one in (
        ('ovs-ofctl', g['ovs'] > 0), ('tshark' + (' (outline)' if g['outline'] == g['n'] else ''), g['tshark'] > 0),
        ('live', is_live(live, version, section, kind, g['row'].meant))) if is_one]
    return '| %s | %s | %d | %d | %s |' % (kind, ', '.join(fields) or '-', g['n'], g['read'], ', '.join(oracles))


if __name__ == '__main__':
    print(page(), end='')
