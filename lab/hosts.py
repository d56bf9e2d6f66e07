# lab/hosts.py - the Mininet classes that build the lab's network or enter it.
#
# Imported only where it is built or entered: Mininet takes its time.  lab/lab says in one sentence
# where it is not installed.
import os
import subprocess
import sys

from mininet.cli import CLI
from mininet.link import Link
from mininet.net import Mininet
from mininet.node import Host, OVSSwitch
from topology import ETH0, LINES, MARK, dpid, host_mac, port_mac, port_name

PROTOCOLS = {'1.0': 'OpenFlow10', '1.3': 'OpenFlow13', 'both': 'OpenFlow10,OpenFlow13'}  # by --openflow

# veth leaves a checksum unfinished for hardware that never comes, and the userspace datapath passes
# the frame on as it is: switch the offloads off.  (SIOCETHTOOL; ethtool itself may not be installed.)
OFFLOADS_OFF = '''
import fcntl, socket, struct, sys, array
s = socket.socket()
for command in (0x17, 0x1f, 0x24, 0x2c):  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO
    value = array.array('B', struct.pack('=II', command, 0))
    request = struct.pack('@16sP', sys.argv[1].encode(), value.buffer_info()[0])
    try:
        fcntl.ioctl(s, 0x8946, request)
    except OSError as e:
        if command == 0x17:
            sys.exit('cannot switch off the checksum offload of %s: %s' % (sys.argv[1], e.strerror))
'''


class LabHost(Host):
    """A network namespace with one /32 address; the router's address is on the link."""

    def __init__(self, name, mark=None, **params):
        self.mark = mark
        Host.__init__(self, name, **params)

    def _popen(self, cmd, **params):
        params.setdefault('env', dict(os.environ, **{MARK: self.mark}))
        return Host._popen(self, cmd, **params)

    def wire(self, line):
        intf = self.name + ETH0
        # Only IPv4 is routed; without IPv6 no host sends router solicitations into the captures.
        for command in ('sysctl -qw net.ipv6.conf.all.disable_ipv6=1',
                        'ip link set lo up',
                        'ip address add %s/32 dev %s' % (line.address, intf),
                        'ip link set %s up' % intf,
                        'ip route add %s/32 dev %s' % (line.router, intf),
                        'ip route add default via %s dev %s' % (line.router, intf)):
            said = self.cmd(command).strip()
            if said:
                raise RuntimeError('host %s: %s: %s' % (self.name, command, said))
        self.defaultIntf().ip, self.defaultIntf().prefixLen = line.address, '32'
        done = subprocess.run(['mnexec', '-a', str(self.pid), sys.executable, '-c', OFFLOADS_OFF, intf],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RuntimeError('host %s: %s' % (self.name, done.stderr.strip()))


class EnteredHost(LabHost):
    """A second shell in the namespace of a host that a running lab has made."""

    def __init__(self, name, pid=None, **params):
        self.home = pid
        LabHost.__init__(self, name, **params)

    def startShell(self, mnopts=None):
        self.inNamespace = False  # -n would make another namespace; -a enters one
        LabHost.startShell(self, '-cda%d' % self.home)
        self.inNamespace = True


class LabSwitch(OVSSwitch):
    """Open vSwitch; ovs-vsctl and ovs-ofctl find the lab's own instance by OVS_RUNDIR."""

    def __init__(self, name, datapath_type='netdev', openflow='both', mark=None, **params):
        self.mark = mark
        self.datapath_type = datapath_type
        OVSSwitch.__init__(self, name, failMode='secure', datapath='user', protocols=PROTOCOLS[openflow],
                           dpid=dpid(name), batch=False, **params)

    def _popen(self, cmd, **params):
        params.setdefault('env', dict(os.environ, **{MARK: self.mark}))
        return OVSSwitch._popen(self, cmd, **params)

    def bridgeOpts(self):
        # 512 is OVS's largest queue of packet-ins; no controller_rate_limit means no limit.
        return OVSSwitch.bridgeOpts(self).replace('datapath_type=netdev', 'datapath_type=%s'
               % self.datapath_type) + ' other-config:controller-queue-size=512'


class EnteredLink(Link):
    """A link that is there already."""

    @classmethod
    def makeIntfPair(cls, *_args, **_kwargs):
        return None


class LabNet(Mininet):
    inited = True  # Mininet's own init would change sysctls of the machine, for nets of thousands

    @classmethod
    def init(cls):
        pass


def deafen(port):
    """The switch's end has the router's MAC, so the machine's own IP stack would take the frames for
    its own as well: answer ARP for its addresses, or forward packets to the real network."""
    for name, value in (('ipv4/conf/%s/rp_filter', 1),   # no route leads here: every source is refused
                        ('ipv4/conf/%s/arp_ignore', 8),  # reply for no address
                        ('ipv4/conf/%s/forwarding', 0), ('ipv6/conf/%s/disable_ipv6', 1)):
        path = '/proc/sys/net/' + name % port
        if os.path.exists(path):
            with open(path, 'w', encoding='ascii') as f:
                f.write('%d\n' % value)


def build(switch, datapath_type, openflow, mark, host_made):
    """Makes hosts and links; host_made(line, host) is told of each at once, for the state file."""
    Mininet.inited = True
    net = LabNet(controller=None, build=False)
    sw = net.addSwitch(switch, cls=LabSwitch, datapath_type=datapath_type, openflow=openflow, mark=mark)
    for line in LINES:
        host = net.addHost(line.host, cls=LabHost, mark=mark, ip=None)
        host_made(line, host)
        net.addLink(sw, host, port1=line.port, port2=0, addr1=port_mac(line.port), addr2=host_mac(line.port))
        deafen(port_name(switch, line.port))
        host.wire(line)
    net.built = True
    return net


def enter(switch, mark, pids):
    """The same net, for Mininet's prompt, around hosts that run already."""
    Mininet.inited = True
    net = LabNet(controller=None, build=False)
    sw = net.addSwitch(switch, cls=LabSwitch, mark=mark)
    for line in LINES:
        host = net.addHost(line.host, cls=EnteredHost, pid=pids[line.host], mark=mark, ip=None)
        link = net.addLink(sw, host, cls=EnteredLink, port1=line.port, port2=0,
                           addr1=port_mac(line.port), addr2=host_mac(line.port))
        link.intf2.ip, link.intf2.prefixLen = line.address, '32'
    net.built = True
    return net


__all__ = ['CLI', 'build', 'enter']
