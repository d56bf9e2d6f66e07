# lab/console.py - the lab's command line as it is given to browsers: known commands and no shell.
#
#     mininet> client ping server1
#
# A line is cut into words (words.py), checked against the list (allowed.py) and started without a shell, in the
# host's namespaces, as a user that nobody else is, with CAP_NET_RAW at most.  The console outlives labs: without one
# it waits, and a new one it finds.  It imports no Mininet, so that it is there at once.
import contextlib
import os
import readline
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time

from allowed import COMMANDS, MODE, PATH, Place, Refused, host_command, usage
from leavings import Leavings, start_time
from settings import LabError
from topology import MARK
from words import LONGEST, cut, no_command

PROMPT = 'mininet> '
USER = 65533  # nobody's own; 'nobody' is what ofproxy or the router may be
LOOK = 0.2    # seconds between two looks for a lab ...
SELDOM = 1    # ... and when there was none for twice that
HISTORY = 1000
MEMORY = 512 << 20  # a line is as long as somebody types it
HELP = """HOST COMMAND ...           a command in a host: %s
pingall                    everyone pings everyone
link HOST up|down|silent   the host's link to the switch; silent: it answers no ARP
nodes net links            what there is, and how it hangs together
dump ports intfs           addresses, ports of the switch, interfaces of the hosts
help [COMMAND]             this, or what a command takes
exit                       ends this console
Hosts: %s.  A host's name stands for its address.  Tab completes, the arrows recall, ^C ends a command."""


class Console:
    def __init__(self, run_dir):
        self.run_dir = run_dir
        self.state = None  # of the lab that was there last
        self.tty = os.isatty(0)
        self.child = None
        self.waiting = self.interrupted = False
        self.commands = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith('do_')}

    # ---- the lab ----

    def look(self):
        """Is there a lab, and is it another one?"""
        state = Leavings(self.run_dir).ready()
        if not state:
            return False
        if self.state is None or state['mark'] != self.state['mark']:
            say('the lab is there: %s; switch %s' % (', '.join('%s %s' % (name, h['address']) for name, h in
                                                            state['hosts'].items()), state['switch']))
        self.state = state
        return True

    def await_lab(self):
        """False: it had to wait, and ^C was pressed meanwhile."""
        self.waiting, dropped = True, False
        if not self.look():
            self.interrupted = False
            say(self.no_lab())
            looks = 0
            while not self.look():
                looks += 1
                time.sleep(LOOK if looks * LOOK < 2 * SELDOM else SELDOM)
                if self.interrupted:
                    self.interrupted, dropped = False, True
                    say('\n' + self.no_lab())
        self.waiting = False
        return not dropped

    def no_lab(self):
        return 'no lab runs in %s: waiting for lab up' % self.run_dir

    @property
    def hosts(self):
        return list(self.state['hosts'])

    def place(self, host):
        return Place({name: h['address'] for name, h in self.state['hosts'].items()}, host,
                     (self.state['hosts'][host]['interface'], 'lo'))

    # ---- running ----

    def start(self, host, argv, caps, quiet=False):
        """The command in the host's namespaces, in a process group of its own; its PID."""
        known = self.state['hosts'][host]
        if start_time(known['pid']) != known['start']:
            raise Refused('the shell of %s died: the lab must be made anew (lab down, lab up)' % host)
        keep = '-all' + (',+' + caps if caps else '')
        argv = ['mnexec', '-a', str(known['pid']), 'setpriv', '--reuid', str(USER), '--regid', str(USER),
                '--clear-groups', '--inh-caps=' + keep, '--ambient-caps=' + keep, '--bounding-set=' + keep,
                '--no-new-privs', '--pdeathsig', 'KILL', *argv]
        env = {'PATH': PATH, 'HOME': '/nonexistent', 'LC_ALL': 'C.UTF-8', 'TERM': os.environ.get('TERM', 'dumb'),
               MARK: self.state['mark']}
        sys.stdout.flush()
        self.interrupted = False
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        pid = os.fork()
        if pid == 0:
            try:
                become_command(argv, env, self.tty and not quiet, quiet)
            finally:
                os._exit(127)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does the same: whoever comes first
        self.child = pid
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        return pid

    def wait(self, pid):
        """Its wait status.  Nothing stays stopped: there is no 'fg' here."""
        try:
            while True:
                _, status = os.waitpid(pid, os.WUNTRACED)
                if not os.WIFSTOPPED(status):
                    return status
                os.killpg(pid, signal.SIGCONT)
        finally:
            self.child = None

    def foreground(self, host, argv, caps):
        mode = termios.tcgetattr(0) if self.tty else None
        try:
            self.wait(self.start(host, argv, caps))
        finally:
            if self.tty:
                os.tcsetpgrp(0, os.getpgrp())
                termios.tcsetattr(0, termios.TCSADRAIN, mode)

    def interrupt(self, _signal, _frame):
        """^C: the command's, should it come before the command has the terminal, or while it needs none."""
        if not self.child and not self.waiting:
            raise KeyboardInterrupt
        self.interrupted = True
        if self.child:
            self.tell_child(signal.SIGINT)

    def tell_child(self, sig):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child, sig)

    def leave(self, _signal, _frame):
        if self.child:
            self.tell_child(signal.SIGKILL)
        os._exit(0)

    # ---- commands ----

    def do_help(self, words):
        name = words[0] if words else None
        if name in COMMANDS:
            say(usage(name))
        else:
            say(HELP % (' '.join(COMMANDS), ', '.join(self.hosts)))

    def do_nodes(self, _words):
        say('available nodes are:\n' + ' '.join(sorted(self.hosts) + [self.state['switch']]))

    def do_net(self, _words):
        for name, host in self.state['hosts'].items():
            say('%s %s:%s' % (name, host['interface'], host['port']))
        say('%s lo:  %s' % (self.state['switch'], ' '.join('%s:%s' % (h['port'], h['interface'])
                                                           for h in self.state['hosts'].values())))

    def do_links(self, _words):
        for host in self.state['hosts'].values():
            say('%s<->%s (%s)' % (host['port'], host['interface'], 'OK' if is_up(host['port']) else 'down'))

    def do_dump(self, _words):
        for name, host in self.state['hosts'].items():
            say('<Host %s: %s:%s mac=%s router=%s pid=%d>' % (name, host['interface'], host['address'], host['mac'],
                                                            host['router'], host['pid']))
        say('<Switch %s: datapath=%d controller=%s>' % (self.state['switch'], int(self.state['dpid'], 16),
                                                       self.state['controller']))

    def do_ports(self, _words):
        say('%s %s' % (self.state['switch'], ' '.join('%s:%s' % (h['port'], h['port'].rpartition('eth')[2])
                                                      for h in self.state['hosts'].values())))

    def do_intfs(self, _words):
        for name, host in self.state['hosts'].items():
            say('%s: lo,%s' % (name, host['interface']))
        say('%s: lo,%s' % (self.state['switch'], ','.join(h['port'] for h in self.state['hosts'].values())))

    def do_pingall(self, _words):
        """Each pings each, one after the other; ^C ends them all."""
        say('*** Ping: testing ping reachability')
        sent = lost = 0
        for a in self.hosts:
            say('%s ->' % a, end='')
            for b in (b for b in self.hosts if b != a):
                argv, caps = host_command(['ping', '-c', '1', '-W', '1', b], self.place(a))
                failed = self.wait(self.start(a, argv, caps, quiet=True)) != 0
                if self.interrupted:
                    raise KeyboardInterrupt
                sent, lost = sent + 1, lost + failed
                say(' X' if failed else ' ' + b, end='')
            say('')
        say('*** Results: %d%% dropped (%d/%d received)' % (100 * lost // sent, sent - lost, sent))

    def do_link(self, words):
        """Of the link, the switch's end alone goes down: the host keeps its routes."""
        words = [word for word in words if word != self.state['switch']]
        if len(words) != 2 or words[0] not in self.hosts or words[1] not in ('up', 'down', 'silent'):
            raise Refused('link expects a host (%s), and up, down or silent, such as: link server1 down'
                          % ', '.join(self.hosts))
        host = self.state['hosts'][words[0]]
        arp = ['mnexec', '-a', str(host['pid']), 'ip', 'link', 'set', host['interface'], 'arp']
        self.as_root(['ip', 'link', 'set', host['port'], 'up' if words[1] == 'up' else 'down'])
        self.as_root(arp + ['off' if words[1] == 'silent' else 'on'])
        if words[1] == 'silent':  # down it was, so that the router forgot its MAC
            self.as_root(['ip', 'link', 'set', host['port'], 'up'])

    @staticmethod
    def as_root(argv):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode:
            raise Refused("'%s' failed: %s" % (' '.join(argv), ' '.join(done.stdout.split())))

    def do_exit(self, _words):
        raise EOFError

    do_quit = do_exit

    def line(self, text):
        words = cut(text)
        if not words or words[0].startswith('#'):
            return
        if not self.await_lab():
            return  # it is not what is wanted any more
        name = words[0]
        if name in self.state['hosts']:
            argv, caps = host_command(words[1:], self.place(name))
            self.foreground(name, argv, caps)
        elif name in self.commands:
            self.commands[name](words[1:])
        elif name in COMMANDS:
            raise Refused("'%s' runs in a host: say which, such as: %s %s" % (name, self.hosts[-1], COMMANDS[name].example))
        else:
            raise no_command(name, self.hosts)

    # ---- the prompt ----

    def complete(self, text, nth):
        """Readline's completer: what may stand where the cursor is."""
        try:
            before = readline.get_line_buffer()[:readline.get_begidx()].split()
            hosts = self.hosts if self.state else []
            if not before:
                found = [*self.commands, *hosts]
            elif before[0] in hosts and len(before) == 1:
                found = list(COMMANDS)
            elif before[0] in hosts and text.startswith('-') and before[1] in COMMANDS:
                found = [*COMMANDS[before[1]].flags, *COMMANDS[before[1]].values]
            else:
                found = list(COMMANDS) if before[0] == 'help' else hosts
            matches = sorted(word + ' ' for word in found if word.startswith(text))
            return matches[nth] if nth < len(matches) else None
        except Exception:  # an error here would be shown in the middle of the line
            return None

    def prompt_once(self):
        """False: it was the last line."""
        try:
            text = input(PROMPT)
        except EOFError:
            if self.tty:
                say("\n^D does not end this console: 'exit' does")
            return self.tty
        except UnicodeDecodeError:
            say('refused: a line that is not UTF-8: type it again')
            return True
        self.trim_history(text)
        for line in text.splitlines():  # a paste may hold several
            try:
                self.line(line)
            except Refused as e:
                say(str(e))
        return True

    @staticmethod
    def trim_history(text):
        if len(text) > LONGEST and readline.get_current_history_length() > 0:
            readline.remove_history_item(readline.get_current_history_length() - 1)
        while readline.get_current_history_length() > HISTORY:
            readline.remove_history_item(0)

    def run(self):
        say("The lab's console: help lists the commands, Tab completes, ^C ends a command (%s)." % MODE)
        self.await_lab()
        while True:
            try:
                if not self.prompt_once():
                    return
            except KeyboardInterrupt:
                say('')
            except EOFError:
                return


def become_command(argv, env, foreground, quiet):
    """In the child, until exec."""
    os.setpgid(0, 0)
    if foreground:
        os.tcsetpgrp(0, os.getpgrp())
    for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGTTIN,
                signal.SIGTTOU):
        signal.signal(sig, signal.SIG_DFL)  # SIGTSTP stays ignored: what it stopped could not be continued
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # what is typed meanwhile is for the prompt
    if quiet:
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    os.chdir('/')
    for limit, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 256)):
        resource.setrlimit(limit, (most, most))
    os.closerange(3, 256)
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as e:
        os.write(2, ("cannot start '%s': %s\n" % (argv[0], e.strerror)).encode())


def say(text, end='\n'):
    print(text, end=end, flush=True)


def is_up(interface):
    try:
        with open('/sys/class/net/%s/operstate' % interface, encoding='ascii') as f:
            return f.read().strip() == 'up'
    except OSError:
        return False


def need_tools():
    for tool, package in (('mnexec', 'mininet'), ('setpriv', 'util-linux')):
        if not shutil.which(tool, path=PATH):
            raise LabError("'%s' is not installed: apt-get install %s" % (tool, package))


def prepare_terminal(console):
    """Signals of the keyboard are the commands'; the console goes on."""
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, console.leave)
    for sig in (signal.SIGTSTP, signal.SIGQUIT, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(sig, signal.SIG_IGN)
    signal.signal(signal.SIGINT, console.interrupt)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    readline.set_completer(console.complete)
    readline.set_completer_delims(' \t')
    readline.parse_and_bind('tab: complete')
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def restricted(run_dir):
    need_tools()
    console = Console(run_dir)
    prepare_terminal(console)
    console.run()
    return 0


def full(args):
    """Mininet's own command line, of the lab that runs; anew for each lab."""
    console = Console(args.run_dir)
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)  # it is the prompt's, and at rest nobody's
    while True:
        console.await_lab()
        cli = subprocess.Popen([sys.executable, '-E', '-s', os.path.realpath(sys.argv[0]), 'cli', '--run-dir', args.run_dir])
        while True:
            try:
                if cli.wait(LOOK) is not None and console.look():
                    return cli.returncode
                break
            except subprocess.TimeoutExpired:
                if not console.look():
                    cli.kill()
