# lab/topology.py - the lab's network: the facts.  lab/hosts.py builds it.
#
#     server1 192.168.2.2 ---- sw0-eth1 192.168.2.1 \
#     server2 172.64.3.10 ---- sw0-eth2 172.64.3.1   > the router, behind the switch
#     client  10.0.1.100  ---- sw0-eth3 10.0.1.1    /
import re
import zlib
from collections import namedtuple

ETH0 = '-eth0'
MARK = 'CAUSEWAY_LAB'  # environment variable that every process of a lab carries

Line = namedtuple('Line', 'port host address router web')
LINES = (
    Line(1, 'server1', '192.168.2.2', '192.168.2.1', True),
    Line(2, 'server2', '172.64.3.10', '172.64.3.1', True),
    Line(3, 'client', '10.0.1.100', '10.0.1.1', False),
)


def port_name(switch, port):
    return '%s-eth%d' % (switch, port)


def port_mac(port):
    """Of the switch's end, which is the router interface's address, since ofproxy reads it there."""
    return '02:ca:57:00:01:%02x' % port


def host_mac(port):
    return '02:ca:57:00:00:%02x' % port


def interfaces(switch):
    """What the lab adds to the root network namespace besides the datapath: name -> MAC."""
    return {port_name(switch, line.port): port_mac(line.port) for line in LINES}


def dpid(switch):
    """sw0 is 1, sw1 is 2, ...; another name gets a number of its own."""
    number = re.fullmatch(r'sw(\d{1,4})', switch)
    value = int(number[1]) + 1 if number else 0x10000 + zlib.crc32(switch.encode())
    return '%016x' % value
