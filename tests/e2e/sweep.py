# tests/e2e/sweep.py - what a run of the tests that was killed has left behind, and how it is removed.
#
# Such a run's lab goes on: its switch, its hosts' shells and its interfaces, and the next run cannot make its own.  A
# folder of the tests is named for the PID of its run, and so is every process that was given one; interfaces and
# namespaces are named for the slot, which nobody else has (harness.take_slot).  An interface must also be the lab's by
# the rules of lab/leavings.py: a tap that nobody holds, or an Ethernet address of the lab's.
import glob
import os
import re
import shutil
import sys

from harness import LAB, REPO, SLOT, run

sys.path.append(os.path.join(REPO, 'lab'))
from leavings import Leavings, delete_tap, end, start_time  # noqa: E402

FOLDER = re.compile(rb'/dev/shm/causeway-test-(\d+)-')
LAB_MAC = '02:ca:57:'


def sweep(names='ct%d[a-z]*' % SLOT):
    """To be called at the start, before anything of that name is made."""
    left = [folder for folder in glob.glob('/dev/shm/causeway-test-*') if of_the_dead(os.fsencode(folder))]
    for folder in left:
        for state in glob.glob(folder + '/lab/state.json') + glob.glob(folder + '/*/lab/state.json'):
            run(LAB, 'down', '--run-dir', os.path.dirname(os.path.dirname(state)), check=False, timeout=60)
    end(processes(), 5.0)
    for path in glob.glob('/sys/class/net/' + names):
        if os.path.exists(path + '/tun_flags'):
            delete_tap(os.path.basename(path))
        else:
            Leavings.delete(os.path.basename(path), LAB_MAC)
    for path in glob.glob('/run/netns/' + names):
        run('ip', 'netns', 'delete', os.path.basename(path), check=False)
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)


def of_the_dead(text):
    """Is a folder named in it whose run has ended?"""
    return any(not start_time(int(pid)) for pid in FOLDER.findall(text))


def processes():
    """PIDs of those that a folder of a dead run was given to, by an argument or the environment."""
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open('/proc/%s/environ' % name, 'rb') as environ, open('/proc/%s/cmdline' % name, 'rb') as cmdline:
                    if of_the_dead(environ.read() + cmdline.read()):
                        found.append(int(name))
            except OSError:
                pass  # it has ended
    return found
