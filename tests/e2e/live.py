# tests/e2e/live.py - a client of /ws/live.
import json
import socket
import time

from websocket import WebSocket


class Live(WebSocket):
    """A WebSocket of webterm's; its messages are JSON objects."""

    def __init__(self, port, *topics, path='/ws/live', protocol='causeway.live', receive=None, **settings):
        super().__init__(port, path, protocol, receive=receive)
        if topics:
            self.say(subscribe=list(topics), **settings)

    def next(self, seconds=30):
        """The next message, or None when none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                opcode, payload = self.frame(deadline)
            except socket.timeout:
                return None
            if opcode not in (8, 9):
                return json.loads(payload)

    def until(self, wanted, seconds=30, what='message'):
        """The first message that 'wanted' takes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.next(deadline - time.monotonic())
            if message is not None and wanted(message):
                return message
        raise AssertionError('after %g s still no %s' % (seconds, what))
