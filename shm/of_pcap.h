/* shm/of_pcap.h - OpenFlow messages as a pcapng file that Wireshark takes apart.
 *
 *     of_pcap_open(&f, pcapng_to_file, out);
 *     of_pcap_message(&f, &message);       each; f.file.failed: it cannot be written
 *     of_pcap_close(&f);                   'out' stays the caller's
 *
 * What ofproxy tells is messages, not segments, so the headers around them are made up: Ethernet,
 * IPv4 or IPv6, and TCP, from which a dissector sees that it is OpenFlow.  The switch has its own
 * address and port where it has one.  The controller is 127.0.0.N or 100::N, N being the number of
 * the connection, so that two connections from one port are never taken for one; its port is 6653.
 * Sequence numbers are those of an unbroken stream, also over what was missed: messages are whole,
 * so each can be taken apart; what was missed is said as a comment and as the count of drops.
 *
 * An interface is a connection, by the name of its switch's datapath-id once that is known.  The
 * table of connections grows; of_pcap_close frees it. */
#ifndef SHM_OF_PCAP_H
#define SHM_OF_PCAP_H

#include "common/pcapng.h"
#include "shm/rows.h"

struct of_pcap_link;

struct of_pcap {
    struct pcapng file;
    struct of_pcap_link *links; /* of each connection */
    size_t n, room;
    uint8_t packet[PCAPNG_PACKET];
};

struct of_pcap_message {
    const struct openflow_meta *meta; /* its peer is a text, ended */
    uint64_t time_ns;
    uint64_t missed; /* messages lost since the one before */
    const uint8_t *bytes;
    size_t len; /* at most 65535 */
};

void of_pcap_open(struct of_pcap *f, pcapng_write *write, void *context);
/* False: no memory for one more connection. */
bool of_pcap_message(struct of_pcap *f, const struct of_pcap_message *m);
void of_pcap_close(struct of_pcap *f);

#endif
