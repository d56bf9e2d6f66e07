# lab/allowed.py - what the restricted console runs in a host: each command with the options and words it takes.
#
#     argv, caps = host_command(words, place)     or Refused, with a sentence that says why
#
# All that is not in COMMANDS is refused.  Nothing in it writes a file, reads one of somebody's choice, runs a
# program, claims another's address or leaves the host's network.  console.py starts a command without a shell, so
# a word is never more than a word.  Options are handed on one by one, each value as a word of its own: the
# program cannot read them otherwise than they were read here.
import re
import shutil
from collections import namedtuple

PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
MODE = '[lab] console = restricted'

# Where a command is given: addresses of hosts by name, the host itself, the interfaces that it has.
Place = namedtuple('Place', 'hosts host interfaces')
# A kind of word: how help calls it, and what makes of (text, place) the word to hand on, or None.
Kind = namedtuple('Kind', 'name take')


class Refused(Exception):
    """One sentence: what is refused, why, and what to do instead."""


# ---- kinds of words -------------------------------------------------------------------------------

def matching(name, pattern):
    return Kind(name, lambda text, place: text if re.fullmatch(pattern, text, re.ASCII) else None)


def number(low, high):
    def take(text, _place):
        return text if re.fullmatch('[0-9]{1,9}', text) and low <= int(text) <= high else None
    return Kind('%d..%d' % (low, high), take)


def seconds(low, high):
    def take(text, _place):
        return text if re.fullmatch(r'[0-9]{0,5}\.?[0-9]{1,6}', text) and low <= float(text) <= high else None
    return Kind('%g..%g' % (low, high), take)


def one_of(*words):
    return Kind('|'.join(words), lambda text, _place: text if text in words else None)


def take_address(text, place):
    """A host by its name, as Mininet has it, or an IPv4 address.  No other name: a host has no DNS."""
    if text in place.hosts:
        return place.hosts[text]
    parts = text.split('.')
    good = len(parts) == 4 and all(re.fullmatch('0|[1-9][0-9]{0,2}', p) and int(p) < 256 for p in parts)
    return text if good else None


def take_url(text, place):
    match = re.fullmatch(r'(https?://)?([A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[!-~]*)?', text)
    address = match and take_address(match[2], place)
    return (match[1] or 'http://') + address + (match[3] or '') + (match[4] or '/') if address else None


ADDRESS = Kind('ADDRESS', take_address)
URL = Kind('URL', take_url)
INTERFACE = Kind('INTERFACE', lambda text, place: text if text in place.interfaces else None)
ANY_INTERFACE = Kind('INTERFACE|any', lambda text, place: text if text in (*place.interfaces, 'any') else None)
PORT = number(1, 65535)


# ---- what stands behind the options ---------------------------------------------------------------

def just(*kinds, least=None):
    """Words of these kinds, in this order, at least the first 'least' of them."""
    least = len(kinds) if least is None else least

    def take(command, words, place):
        if not least <= len(words) <= len(kinds):
            raise Refused("%s expects %s, such as: %s %s" % (command.name, take.text or 'no more words', place.host,
                                                            command.example))
        return [value(command, kind, word, place, kind.name) for kind, word in zip(kinds, words)]
    take.text = ' '.join('%s' if i < least else '[%s]' for i in range(len(kinds))) % tuple(k.name for k in kinds)
    return take


def filter_words(command, words, place):
    """A capture filter.  Host names become addresses."""
    words = ' '.join(words).split()
    for word in words:
        if not re.fullmatch(r'[A-Za-z0-9.:/=<>!&|()\[\]+*-]+', word) or word.startswith('-'):
            raise Refused("%s: '%s' cannot stand in a filter, such as: icmp and host %s" % (
                command.name, word, next(iter(place.hosts))))
    return [' '.join(place.hosts.get(word, word) for word in words)] if words else []


def socket_words(command, words, place):
    plain = 'state established listening connected time-wait syn-sent close-wait dst src sport dport = or and'.split()
    kind = Kind('FILTER', lambda text, place: text if text in plain or re.fullmatch(':[0-9]{1,5}', text) else
                take_address(text, place))
    return [value(command, kind, word, place, 'state established or dport = :80') for word in words]


OBJECTS = {'address': 'address addr a', 'link': 'link l', 'route': 'route ro r', 'neigh': 'neigh neighbour n'}
READING = {'show': 'show sh s list ls l', 'get': 'get g'}


def spelt(table, word):
    return next((whole for whole, spellings in table.items() if word in spellings.split()), None)


def ip_words(command, words, place):
    """ip shows; whatever changes something is not a word of READING."""
    what = spelt(OBJECTS, words[0]) if words else None
    if not what:
        raise Refused("ip%s: expected address, link, route or neigh, to show them; %s" % (
            " '%s'" % words[0] if words else '', asked_for(command)))
    verb = spelt(READING, words[1]) if words[1:] else 'show'
    if not verb or verb == 'get' and what != 'route':
        raise Refused("'ip %s %s' is refused: ip only shows here (show; route get ADDRESS), it changes nothing; %s" % (
            what, words[1], asked_for(command)))
    if verb == 'get' and not words[2:]:
        raise Refused("'ip route get' expects an ADDRESS, such as: ip route get %s" % next(iter(place.hosts)))
    kind = Kind('WORD', lambda text, place: text if text in ('dev', 'from', 'to', 'table', 'main', 'local', 'all', 'up')
                or text in place.interfaces else take_address(text, place))
    return [what, verb] + [value(command, kind, word, place, 'dev INTERFACE or an ADDRESS') for word in words[2:]]


filter_words.text, socket_words.text = '[FILTER]', '[FILTER]'
ip_words.text = 'address|link|route|neigh [show [dev INTERFACE]] | route get ADDRESS'

# ---- the list -------------------------------------------------------------------------------------

WRITES, READS, RUNS = 'it would write a file', 'it would read a file', 'it would run a program'
CLAIMS, LEAVES = "it would claim another's address", "it would leave the host's network"
# Options that people try, and why they are not here; of the rest we say that they are not on the list.
WHY = {
    'ping -f': "a flood is not for a lab that others share; the fastest is -i 0.01",
    'arping -s': CLAIMS, 'arping -S': CLAIMS, 'arping -U': CLAIMS, 'arping -A': CLAIMS, 'traceroute -s': CLAIMS,
    'wget -O': 'it would write a file; here the page always goes to the terminal (-O -)', 'wget -P': WRITES,
    'wget -o': WRITES, 'wget -a': WRITES, 'wget -i': READS, 'wget -e': RUNS, 'wget --post-file': READS,
    'wget --body-file': READS, 'wget --use-askpass': RUNS, 'wget --output-document': WRITES, 'wget -r': WRITES,
    'wget --config': READS, 'wget -x': WRITES, 'wget --save-cookies': WRITES, 'wget --load-cookies': READS,
    'curl -o': WRITES, 'curl -O': WRITES, 'curl --output': WRITES, 'curl -K': READS, 'curl --config': READS,
    'curl -T': READS, 'curl -F': READS, 'curl -c': WRITES, 'curl -b': READS, 'curl -D': WRITES, 'curl --trace': WRITES,
    'curl -x': LEAVES, 'curl --unix-socket': LEAVES, 'curl --interface': LEAVES, 'curl -w': READS, 'curl -n': READS,
    'tcpdump -w': WRITES, 'tcpdump -r': READS, 'tcpdump -z': RUNS, 'tcpdump -F': READS, 'tcpdump -Z': RUNS,
    'tcpdump -C': WRITES, 'tcpdump -G': WRITES, 'tcpdump -V': READS, 'ip -n': LEAVES, 'ip -netns': LEAVES,
    'ip -b': READS, 'ip -batch': READS, 'ip -force': READS, 'ss -D': WRITES, 'ss -F': READS, 'ss -N': LEAVES,
    'ss -K': 'it would close connections', 'arp -s': 'it would change the table', 'arp -d': 'it would change the table',
    'arp -f': READS, 'iperf -o': WRITES, 'iperf -F': READS, 'iperf -D': 'it would stay behind; iperf -s ends with ^C',
}

# flags: options alone; values: options with a value of that kind; words: what follows; always: what we add in front;
# caps: capabilities, besides none; package: where Debian has it.
Command = namedtuple('Command', 'name does example flags values words always caps package')


def command(name, does, example, words, flags='', values=None, always='', caps='', package='iproute2'):
    return Command(name, does, example, set(flags.split()), values or {}, words, always.split(), caps, package)


COMMANDS = {c.name: c for c in (
    command('ping', 'does an address answer?', 'ping -c 3 server1', just(ADDRESS),
            '-4 -b -D -O -q -R -v -B',
            {'-c': number(1, 100000), '-i': seconds(0.01, 3600), '-s': number(0, 65507), '-t': number(1, 255),
             '-W': seconds(0.01, 3600), '-w': number(1, 3600), '-Q': number(0, 255),
             '-M': one_of('do', 'want', 'dont'), '-p': matching('HEX', '[0-9a-fA-F]{1,32}')},
            always='-n', caps='net_raw', package='iputils-ping'),
    command('traceroute', 'by which routers does it go?', 'traceroute server2', just(ADDRESS, number(28, 65000), least=1),
            '-4 -e -F -I -T -U -n',
            {'-f': number(1, 255), '-m': number(1, 255), '-N': number(1, 64), '-p': PORT, '-q': number(1, 10),
             '-t': number(0, 255), '-w': seconds(0.1, 60), '-z': seconds(0, 10)},
            always='-n', caps='net_raw', package='traceroute'),
    command('arping', 'who has an address, on this line?', 'arping -c 3 10.0.1.1', just(ADDRESS), '-b -D -f -q',
            {'-c': number(1, 10000), '-i': seconds(0.1, 3600), '-I': INTERFACE, '-w': number(1, 3600)},
            caps='net_raw', package='iputils-arping'),
    command('wget', 'fetches a page', 'wget -q server1', just(URL), '-4 -nv -q -S -v --spider --no-verbose',
            {'-O': one_of('-'), '-T': number(1, 600), '-t': number(1, 20), '-w': number(1, 60),
             '--timeout': number(1, 600), '--tries': number(1, 20), '-U': matching('TEXT', '[ -~]+')},
            always='--no-config --no-hsts --progress=dot -O -', package='wget'),
    command('curl', 'fetches a page, and shows more of HTTP', 'curl -i server1', just(URL),
            '-0 -4 -f -i -I -k -L -s -S -v --http1.1',
            {'-A': matching('TEXT', '[ -~]+'), '-d': matching('TEXT', '[^@].*'), '-H': matching('NAME:VALUE', '[A-Za-z0-9-]+:[ -~]*'),
             '-m': number(1, 600), '-X': one_of('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
             '--connect-timeout': number(1, 600), '--max-time': number(1, 600)},
            always='-q --globoff --proto =http,https --proto-redir =http,https', package='curl'),
    command('tcpdump', 'frames as they pass', 'tcpdump -c 10 icmp', filter_words,
            '-A -e -l -n -nn -p -q -S -t -tt -ttt -tttt -v -vv -vvv -x -xx -X -XX -#',
            {'-c': number(1, 10000), '-i': ANY_INTERFACE, '-s': number(0, 262144)},
            always='-l -n -c 1000', caps='net_raw', package='tcpdump'),
    command('iperf', 'how fast? (-s in one host, -c from another)', 'iperf -c server1 -t 5', just(), '-d -e -r -s -u',
            {'-b': matching('RATE', '[0-9]{1,6}[kKmMgG]?'), '-c': ADDRESS, '-i': number(1, 60), '-l': number(16, 65000),
             '-n': matching('BYTES', '[0-9]{1,6}[kKmM]?'), '-p': number(1024, 65535), '-P': number(1, 8),
             '-t': number(1, 600)}, package='iperf'),
    command('ip', 'addresses, links, routes, neighbours', 'ip route', ip_words, '-4 -br -d -o -s'),
    command('ss', 'sockets', 'ss -t', socket_words, '-4 -a -e -i -l -m -n -o -s -t -u -w', always='-n'),
    command('arp', 'which MAC has an address?', 'arp', just(ADDRESS, least=0), '-a -e -n -v', {'-i': INTERFACE},
            always='-n', package='net-tools'),
    command('ifconfig', 'interfaces and their counters', 'ifconfig', just(INTERFACE, least=0), '-a -s -v',
            package='net-tools'),
    command('netstat', 'routes (-r), sockets (-t), counters (-i, -s)', 'netstat -r', just(),
            '-a -e -i -l -n -o -r -s -t -u -w', always='-n', package='net-tools'),
)}


# ---- the check ------------------------------------------------------------------------------------

def asked_for(command):
    return "'help %s' lists what it takes (%s)" % (command.name, MODE)


def value(command, kind, text, place, expected):
    taken = kind.take(text, place)
    if taken is not None:
        return taken
    if kind in (ADDRESS, URL):
        expected = 'a host (%s) or an IPv4 address%s; there is no DNS here' % (
            ', '.join(place.hosts), ', and a path' if kind is URL else '')
    raise Refused("%s: '%s' is not what it takes there: expected %s; %s" % (
        command.name, text, expected, asked_for(command)))


def no_option(command, option):
    why = WHY.get('%s %s' % (command.name, option)) or WHY.get('%s %s' % (command.name, option[:2]))
    return Refused("'%s %s' is refused: %s; %s" % (command.name, option, why or 'it is not on the list of this console',
                                                  asked_for(command)))


def option_value(command, option, given, words, place):
    if given is None and not words:
        raise Refused('%s %s needs a value: %s; %s' % (command.name, option, command.values[option].name,
                                                      asked_for(command)))
    text = words.pop(0) if given is None else given
    taken = command.values[option].take(text, place)
    if taken is None and '%s %s' % (command.name, option) in WHY:
        raise no_option(command, option)
    return [option, value(command, command.values[option], text, place,
                          '%s %s' % (option, command.values[option].name))]


def cluster(command, word, words, place):
    """-qc3 is -q -c 3."""
    argv, letters = [], word[1:]
    while letters:
        option, letters = '-' + letters[0], letters[1:]
        if option in command.flags:
            argv.append(option)
        elif option in command.values:
            return argv + option_value(command, option, letters or None, words, place)
        else:
            raise no_option(command, word if not argv else option)
    return argv


def host_command(words, place):
    """The argument vector to start in the host, and the capabilities that it needs."""
    if not words:
        raise Refused('%s expects a command, such as: %s ping %s; a host has: %s (%s)' % (
            place.host, place.host, next(h for h in place.hosts if h != place.host), ' '.join(COMMANDS), MODE))
    name, words = words[0], list(words[1:])
    if name not in COMMANDS:
        raise Refused("'%s' is refused: it is not among the commands of this console, which has no shell and runs in a"
                      " host: %s (%s)" % (name, ' '.join(COMMANDS), MODE))
    command = COMMANDS[name]
    argv, rest = [name] + command.always, []
    while words:
        word = words.pop(0)
        if not word.startswith('-') or word == '-':
            rest.append(word)
        elif word in command.flags:
            argv.append(word)
        elif word.startswith('--'):
            option, equals, given = word.partition('=')
            if option not in command.values:
                raise no_option(command, option)
            argv += option_value(command, option, given if equals else None, words, place)
        else:
            argv += cluster(command, word, words, place)
    argv += command.words(command, rest, place)
    if not shutil.which(name, path=PATH):
        raise Refused("'%s' is not installed on this machine: apt-get install %s" % (name, command.package))
    return argv, command.caps


def usage(name):
    """What 'help ping' prints."""
    command = COMMANDS[name]
    options = sorted(command.flags, key=str.lower) + ['%s %s' % (o, k.name) for o, k in sorted(command.values.items())]
    return '%s: %s\n  HOST %s [%s] %s\nsuch as: client %s' % (name, command.does, name, '] ['.join(options),
                                                              command.words.text, command.example)
