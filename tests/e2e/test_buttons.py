# The page's buttons: what webterm serves is the file, and each of the lab's own does what its hint promises.
import configparser
import json
import os
import re
import shutil

import pytest
from harness import HOSTS, LAB, REPO, WebStack, tmpfs_dir, wait_for
from terminal import Terminal

FILE = REPO + '/lab/buttons.ini'


def own_buttons():
    """{name: [command lines]}, {name: hint}, without webterm's reader."""
    commands, hints, name = {}, {}, None
    with open(FILE, encoding='utf-8') as f:
        for line in f:
            section, pair = re.match(r'\[(.+)\]', line), re.match(r'(\w+) = (.*)', line)
            name = section[1] if section else name
            if pair and pair[1] == 'command':
                commands.setdefault(name, []).append(pair[2])
            elif pair and pair[1] == 'hint':
                hints[name] = pair[2]
    return commands, hints


COMMANDS, HINTS = own_buttons()


@pytest.fixture(scope='module')
def stack(lab, make_stack):
    made = make_stack(WebStack)
    made.start()
    made.ready('webterm')
    wait_for(lab.flows, 30, 'reply to a ping through the router')
    return made


@pytest.fixture(scope='module')
def console(lab, stack):
    made = Terminal([LAB, 'console', '--run-dir', lab.run_dir])
    made.until('mininet> $')
    yield made
    made.close()


def served(stack):
    status, headers, body = stack.http('GET', '/api/v1/buttons')
    assert status == 200 and headers['content-type'] == 'application/json', (status, headers)
    return json.loads(body)


def test_the_labs_own_are_served_without_being_asked_for(stack):
    buttons = served(stack)
    assert {b['id']: b['command'].split('\n') for b in buttons} == COMMANDS
    assert all(b['label'] and b['group'] and b['hint'] for b in buttons)
    assert {'ping', 'traceroute', 'arping', 'wget'} <= {c.split()[1] for lines in COMMANDS.values() for c in lines if ' ' in c}


@pytest.mark.parametrize('name', [n for n in COMMANDS if n != 'tcpdump-server1'])
def test_a_button_does_what_its_hint_says(console, name):
    """Typed all at once, as the page does; but pings need not take a second each."""
    promised = re.findall('"([^"]+)"', HINTS[name])
    assert promised, 'the hint of [%s] promises nothing in quotes' % name
    lines = [line.replace('ping -c 3', 'ping -c 3 -i 0.2') for line in COMMANDS[name]]
    console.send('\x05\x15' + ''.join(line + '\r' for line in lines))
    said = ''.join(console.until(re.escape(line) + '.*?(?=mininet> )') for line in lines)
    console.until('mininet> $')
    assert [text for text in promised if text not in said] == [], said
    assert 'refused' not in said.replace('Connection refused', ''), said


def test_the_one_that_watches(console, lab):
    line, = COMMANDS['tcpdump-server1']
    console.send(line + '\r')
    console.until('listening on')
    lab.ping('client', HOSTS['server1'], count=8)
    assert len(re.findall('ICMP echo', console.until('mininet> $'))) >= 5


def test_a_file_is_read_again_when_it_changes(stack):
    folder = tmpfs_dir('buttons')
    os.chmod(folder, 0o755)
    path = folder + '/mine.ini'

    def write(text):
        with open(path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path + '.new', 0o644)
        os.rename(path + '.new', path)
    try:
        write('[one]\nlabel = One\ncommand = nodes\n')
        stack.end('webterm')
        stack.flags['webterm'] = ('--buttons', path)
        stack.start('webterm').ready('webterm')
        assert served(stack) == [{'id': 'one', 'label': 'One', 'command': 'nodes', 'group': '', 'hint': ''}]
        write('[two]\nlabel = Two\ncommand = nodes\ncommand = net\ngroup = g\nhint = h\n')
        assert served(stack) == [{'id': 'two', 'label': 'Two', 'command': 'nodes\nnet', 'group': 'g', 'hint': 'h'}]
        write('[three]\nlabel = Three\n')
        assert [b['id'] for b in served(stack)] == ['two']
        assert '%s:2: the button [three] before this line has no command' % path in stack.children['webterm'].text()
    finally:
        shutil.rmtree(folder)
