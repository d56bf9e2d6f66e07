# tests/e2e/terminal.py - a program on a pseudo-terminal, as somebody at the keyboard sees it.
import contextlib
import os
import pty
import re
import select
import signal
import time

ANSI = re.compile(r'\x1b\[[?0-9;]*[A-Za-z]|\r|\x07')


class Terminal:
    """send() types; until() waits for a pattern in what came since the last until()."""

    def __init__(self, argv, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], argv, dict(os.environ, TERM='xterm', **(env or {})))
            finally:
                os._exit(127)
        os.set_blocking(self.fd, False)
        self.text = ''
        self.status = None

    def send(self, text):
        """Reads meanwhile: a program that waits for its output to be taken reads nothing."""
        data = text.encode()
        while data:
            ready = select.select([self.fd], [self.fd], [])
            if ready[0]:
                self.take(0)
            if ready[1]:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self.fd, data[:256]):]

    def until(self, pattern, seconds=30):
        """What came up to the end of the pattern, without colours."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text, re.DOTALL)
            if match:
                said, self.text = self.text[:match.end()], self.text[match.end():]
                return said
            left = deadline - time.monotonic()
            assert left > 0, 'after %g s no %r in %r' % (seconds, pattern, self.text[-2000:])
            self.take(left)

    def take(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the other end is closed
                data = b''
            assert data, 'the terminal has ended after %r' % self.text[-2000:]
            self.text += ANSI.sub('', data.decode('utf-8', 'replace'))

    def ended(self):
        """Exit status, or None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def close(self):
        if self.ended() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
