# lab/settings.py - where the lab's settings come from, and what they must look like.
import configparser
import os
import pwd
import re
import socket


class LabError(Exception):
    """One sentence for the user: what is wrong, and what to do."""


class NoAddress(LabError):
    """A name that nobody knows: perhaps not yet."""


def settings(args):
    """Flag, then environment, then [lab] of the configuration file, then default."""
    values = config_file(args.config)

    def pick(flag, names, section, key, default):
        for name in names:
            if flag is None and os.environ.get(name):
                flag = os.environ[name]
        return flag if flag is not None else values.get((section, key), default)

    args.run_dir = os.path.abspath(pick(args.run_dir, ('CAUSEWAY_RUN_DIR', 'CAUSEWAY_RUN'), 'stack', 'run-dir',
                                        '/run/causeway'))
    args.switch = pick(args.switch, ('CAUSEWAY_LAB_SWITCH',), 'lab', 'switch', 'sw0')
    args.controller = pick(args.controller, ('CAUSEWAY_LAB_CONTROLLER',), 'lab', 'controller', 'tcp:127.0.0.1:6633')
    for word in ('key', 'cert', 'ca'):
        name = 'tls_' + word
        setattr(args, name, pick(getattr(args, name), ('CAUSEWAY_LAB_TLS_' + word.upper(),), 'lab', 'tls-' + word, ''))
    args.create = pick(args.create, ('CAUSEWAY_LAB_CREATE',), 'lab', 'create', 'lab')
    args.ovsdb = pick(args.ovsdb, ('CAUSEWAY_OFPROXY_OVSDB',), 'ofproxy', 'ovsdb', '')
    args.run_as = pick(None, ('CAUSEWAY_RUN_AS',), 'stack', 'run-as', '')
    if args.create not in ('lab', 'ofproxy'):
        raise LabError("--create '%s': expected lab or ofproxy" % args.create)
    if args.create == 'ofproxy':
        remote(args.ovsdb)
    args.openflow = pick(args.openflow, ('CAUSEWAY_LAB_OPENFLOW',), 'lab', 'openflow', 'both')
    if args.openflow not in ('1.0', '1.3', 'both'):
        raise LabError("--openflow '%s': expected 1.0, 1.3 or both" % args.openflow)
    args.console = pick(getattr(args, 'console', None), ('CAUSEWAY_LAB_CONSOLE',), 'lab', 'console', 'restricted')
    if args.console not in ('restricted', 'full'):
        raise LabError("--console '%s': expected restricted or full" % args.console)
    if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_.]{0,9}', args.switch):
        raise LabError("--switch '%s': expected a letter and at most nine letters, digits, '_' or '.', since the"
                       " kernel takes 15 characters for 'NAME-eth1'" % args.switch)


def config_file(path):
    """{(section, key): value}.  Unknown keys are for 'causeway check-config' to complain about."""
    asked = path or os.environ.get('CAUSEWAY_CONFIG')
    path = asked or '/etc/causeway.conf'
    if not asked and not os.path.exists(path):
        return {}
    reader = configparser.ConfigParser(interpolation=None, delimiters=('=',), inline_comment_prefixes=('#', ';'),
                                       comment_prefixes=('#', ';'), strict=False, allow_no_value=True)
    try:
        with open(path, encoding='utf-8') as f:
            reader.read_file(f)
    except (OSError, configparser.Error, UnicodeDecodeError) as e:
        raise LabError('cannot read the configuration file %s: %s' % (path, ' '.join(str(e).split()))) from e
    return {(s, k): v for s in reader.sections() for k, v in reader.items(s) if v is not None}


def remote(ovsdb):
    """Where the lab's ovsdb-server listens for ofproxy, in ovsdb-server's words: 'ovsdb' says where ofproxy looks."""
    match = re.fullmatch(r'tcp:(127[0-9.]+|\[::1\]):(\d{1,5})', ovsdb)
    if ovsdb.startswith('unix:/'):
        return 'p' + ovsdb
    if not match or not 0 < int(match[2]) < 65536:
        raise LabError("--create ofproxy needs to know where ofproxy looks for the database, and ovsdb is '%s': give"
                       " both the same unix:/PATH (or tcp:127.0.0.1:PORT, which every user of this machine can reach), with"
                       " --ovsdb or in [ofproxy] of the configuration file" % ovsdb)
    return 'ptcp:%s:%s' % (match[2], match[1])


def owner(run_as):
    """User and group that ofproxy becomes, as common/sandbox.c chooses them."""
    for name in [run_as] if run_as else ['causeway', 'nobody']:
        try:
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
        except KeyError:
            pass
    return 0, 0


def target(controller):
    """The controller as Open vSwitch takes it: with an address, since it may know no DNS."""
    match = re.fullmatch(r'(tcp|ssl):(\[[0-9a-fA-F:.]+\]|[^:\[\]]+):(\d{1,5})', controller)
    listens = re.fullmatch(r'p(?:tcp|ssl):(\d{1,5})(?::[0-9.]+|:\[[0-9a-fA-F:.]+\])?', controller)
    if controller == 'none' or controller.startswith(('unix:/', 'punix:/')):
        return controller
    if listens and 0 < int(listens[1]) < 65536:
        return controller
    if not match or not 0 < int(match[3]) < 65536:
        raise LabError("--controller '%s': expected tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH; or, for an ofproxy"
                       ' that connects to the switch, ptcp:PORT, pssl:PORT, punix:/PATH or none' % controller)
    host = match[2].strip('[]')
    try:
        family, _, _, _, address = socket.getaddrinfo(host, int(match[3]), type=socket.SOCK_STREAM)[0]
    except socket.gaierror as e:
        raise NoAddress("--controller '%s': no address found for %s (%s)" % (controller, host, e.strerror)) from e
    brackets = '[%s]' if family == socket.AF_INET6 else '%s'
    return '%s:%s:%s' % (match[1], brackets % address[0], match[3])


def in_reach(args):
    """Open vSwitch connects to no Unix socket outside its own run directory."""
    folder = args.run_dir + '/lab/ovs/'
    if args.controller.startswith('unix:') and os.path.dirname(args.controller[5:]) + '/' != folder:
        raise LabError("--controller '%s': Open vSwitch connects only to sockets in its own run directory: give"
                       ' unix:%sNAME here and to ofproxy (--listen)' % (args.controller, folder))


def tls(args):
    """Key, certificate and CA of the switch, as absolute paths; None where the controller needs none."""
    if not args.controller.startswith(('ssl:', 'pssl:')):
        return None
    files = {'--tls-' + word: getattr(args, 'tls_' + word) for word in ('key', 'cert', 'ca')}
    for flag, path in files.items():
        if not path:
            raise LabError("--controller '%s' needs %s: a file of ovs-pki's (docs/lab.md)" % (args.controller, flag))
        try:
            with open(path, 'rb'):
                pass
        except OSError as e:
            raise LabError('%s %s cannot be read (%s): name another' % (flag, path, e.strerror)) from e
    return [os.path.abspath(path) for path in files.values()]
