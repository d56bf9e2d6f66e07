# tests/e2e/steady.py - drives tests/fault/steady.c: numbered frames without a pause, each accounted for.
import mmap
import os
import struct

from harness import BIN, Child, wait_for

FAULT = os.path.join(os.path.dirname(BIN), 'fault')
SENT, BACK, MARK, MARK_NS, FLOWING, CONNECTS, HIGHEST, TRIGGER, TRIGGERED, WORDS = range(10)


class Steady:
    """The pretend switch, and the words that it shares with us."""

    def __init__(self, stack, *flags, rate=2000, window=48):
        assert os.path.exists(FAULT + '/steady'), FAULT + '/steady is not built: make fakes'
        board = stack.dir + '/steady'
        with open(board, 'wb') as f:
            f.write(bytes(8 * WORDS))
        with open(board, 'r+b') as f:
            self.words = mmap.mmap(f.fileno(), 8 * WORDS)
        self.child = Child('steady', [FAULT + '/steady', '--connect', '127.0.0.1:%d' % stack.of_port, '--board', board,
                                      '--rate', str(rate), '--window', str(window), *flags], stack.dir + '/steady.log')
        getattr(stack, 'beside', []).append(self.child)  # not each that is taken for a stack cleans up

    def get(self, word):
        return struct.unpack_from('<Q', self.words, 8 * word)[0]

    def set(self, word, value):
        struct.pack_into('<Q', self.words, 8 * word, value)

    def mark(self):
        """From now on MARK_NS waits for the return of a frame that is not sent yet."""
        self.set(MARK, 2**64 - 1)
        self.set(MARK_NS, 0)
        self.set(MARK, self.get(SENT))

    def stop(self):
        """Waits for the frames that are still out.  Returns the numbers of its last line."""
        self.child.end(seconds=20)
        last = self.child.text().splitlines()[-1]
        return {name: int(value) for name, value in (pair.split('=') for pair in last.split())}

    def flows(self, frames=100, seconds=5):
        """Waits until that many more frames have come back."""
        seen = self.get(BACK)
        wait_for(lambda: self.get(BACK) >= seen + frames, seconds, '%d more frames' % frames)


def dropped(of):
    return {name: value for name, value in of.items() if name.startswith('dropped_') and value}


def settled(of):
    return of['forwarded'] + of['answered'] + of['held'] + of['dropped']
