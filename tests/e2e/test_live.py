# tests/e2e/test_live.py - /ws/live and /api/v1/events on real processes: what is told when one of them dies and comes back.
import http.client
import json
import signal

import pytest
from harness import WebStack
from live import Live


@pytest.fixture(scope='module')
def stack(make_stack):
    return make_stack(WebStack).start('ptyhost', 'webterm').ready()


def event(process, to):
    return lambda m: m['topic'] == 'events' and m['value']['process'] == process and m['value']['to'] == to


def comes_back(stack, message):
    """ptyhost dies and comes back while 'message(wanted)' waits for events."""
    stack.end('ptyhost', sig=signal.SIGKILL)
    down = message(event('ptyhost', 'down'))
    assert down['value']['from'] == 'ready' and down['key'] == 'value' and 'outage_ms' not in down['value']
    stack.start('ptyhost')
    back = message(event('ptyhost', 'ready'))
    assert back['value']['pid'] == stack.children['ptyhost'].pid
    return down, back


def test_a_process_that_dies_and_comes_back_is_told_of_with_its_outage(stack):
    with Live(stack.web_port, 'events') as live:
        # an answer: the subscription is there
        live.say(subscribe=['nothing'])
        refused = live.until(lambda m: m['key'] == 'refused')
        assert refused['value'] == "there is no topic 'nothing'"
        down, back = comes_back(stack, live.until)
    seen = (back['t'] - down['t']) * 1000
    assert seen - 50 <= back['value']['outage_ms'] <= seen + 100, (down, back)


def test_server_sent_events_carry_the_same(stack):
    link = http.client.HTTPConnection('127.0.0.1', stack.web_port, timeout=30)
    link.request('GET', '/api/v1/events?topics=nothing,events')
    answer = link.getresponse()
    assert answer.status == 200 and answer.headers['content-type'] == 'text/event-stream'

    def message(wanted):
        while True:
            kind, data, end = (answer.fp_line() for _ in range(3))
            assert kind.startswith(b'event: ') and data.startswith(b'data: ') and end == b'\n', (kind, data, end)
            value = json.loads(data[6:])
            if wanted(value):
                return value
    answer.fp_line = answer.readline
    assert message(lambda m: m['key'] == 'refused')
    comes_back(stack, message)
    link.close()
    status, _, body = stack.http('GET', '/api/v1/events')
    assert status == 400 and b'topics' in body


def test_what_is_no_request_closes(stack):
    with Live(stack.web_port) as live:
        live.say(nonsense=[])
        with pytest.raises(ConnectionError):
            live.next()
        assert live.closed[0] == 1008 and 'subscribe' in live.closed[1]
