# tests/oracle/test_tshark.py - tshark 4.0 dissects all of it, and calls nothing malformed.
import re
import subprocess

from oracles import PORT, Refusal, pcap, refused, zoo

# What it says where it knows no more; anything else is a complaint.
UNDISSECTED = re.compile(
    r'^(Message data not dissected yet|Action not dissected yet|Undecoded Data|Unknown OXM body\.|'
    r'Experimenter( (error|action|instruction|table property|queue property|multipart reply|meter band))? body\.)$')
REFUSALS = [
    Refusal(r'1\.3 multipart_reply body=experimenter/', 'Malformed',
            'its own fault: it reads the body of an experimenter\'s multipart twice, and so beyond the message'),
    Refusal(r'bands=experimenter', 'Malformed', 'its own fault: it reads 4 bytes beyond an experimenter\'s band'),
]


def test_every_message_is_dissected_and_none_is_malformed(tmp_path):
    rows = zoo()
    (tmp_path / 'zoo.pcap').write_bytes(pcap([r.bytes for r in rows]))
    done = subprocess.run(['tshark', '-r', str(tmp_path / 'zoo.pcap'), '-d', 'tcp.port==%d,openflow' % PORT,
                           '-T', 'fields', '-e', '_ws.col.Protocol', '-e', '_ws.col.Info',
                           '-e', '_ws.expert.message', '-E', 'aggregator=|'],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=300)
    lines = [line.split('\t') for line in done.stdout.splitlines()]
    assert len(lines) == len(rows)

    def problem_of(i):
        protocol, info, expert = lines[i]
        if protocol != 'OpenFlow' or 'Type: OFPT_' not in info:
            return 'taken for %s: %s' % (protocol, info)
        return '|'.join(e for e in expert.split('|') if e and not UNDISSECTED.match(e)) or None
    wrong = refused(REFUSALS, rows, problem_of)
    assert not wrong, '%d: %s' % (len(wrong), '\n'.join(wrong[:20]))
