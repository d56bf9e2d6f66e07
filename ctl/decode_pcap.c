/* ctl/decode_pcap.c - pcap and pcapng files, down to the TCP segments in them.
 *
 * Either byte order, micro- and nanoseconds, several interfaces.  What is no TCP is left out in
 * silence; fragments of IP are, too.  Everything is checked against the end of the file. */
#include <inttypes.h>
#include <string.h>

#include "common/proto/pkt.h"
#include "common/proto/wire.h"
#include "ctl/decode_of.h"

#define PCAP_HEADER 24
#define PCAP_RECORD 16
#define PCAP_MICRO 0xa1b2c3d4
#define PCAP_NANO 0xa1b23c4d
#define NG_SECTION 0x0a0d0d0a
#define NG_INTERFACE 1
#define NG_SIMPLE 3
#define NG_ENHANCED 6
#define NG_ORDER 0x1a2b3c4d
#define NG_INTERFACES 4096
#define NG_TSRESOL 9

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276
};

#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define IPV6_LEN 40
#define TCP_PROTO 6

struct file {
    struct decode *d;
    struct decode_tcp *tcp;
    const uint8_t *p, *end;
    bool swapped; /* numbers are little-endian */
    bool nano;    /* pcap */
    uint32_t link;
    struct interface {
        uint16_t link;
        uint64_t per_s; /* ticks of its clock a second */
    } interface[NG_INTERFACES];
    uint32_t interfaces;
};

static uint32_t u32(const struct file *f, const uint8_t *p)
{
    uint32_t v = wire_load_uint32(p);

    return f->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t u16(const struct file *f, const uint8_t *p)
{
    uint16_t v = wire_load_uint16(p);

    return f->swapped ? __builtin_bswap16(v) : v;
}

/* ---- headers -------------------------------------------------------------------------------- */

static bool take_tcp(struct file *f, struct wire_in *in, struct decode_segment *s)
{
    const uint8_t *h = wire_left(in) >= 20 ? in->p : NULL;
    size_t len = h ? (size_t)(h[12] >> 4) * 4 : 0;

    if (!h || len < 20 || !wire_bytes(in, len)) {
        return true;
    }
    s->from_port = wire_load_uint16(h);
    s->to_port = wire_load_uint16(h + 2);
    s->seq = wire_load_uint32(h + 4);
    s->syn = (h[13] & 2) != 0;
    s->fin = (h[13] & 5) != 0; /* or reset */
    s->bytes = in->p;
    s->len = (uint32_t)wire_left(in);
    return decode_tcp_segment(f->tcp, s);
}

static bool take_ipv4(struct file *f, struct wire_in *in, struct decode_segment *s)
{
    const uint8_t *h = wire_left(in) >= PKT_IP_LEN ? in->p : NULL;
    size_t len = h ? (size_t)(h[0] & 15) * 4 : 0, total = h ? wire_load_uint16(h + 2) : 0;

    if (!h || h[0] >> 4 != 4 || len < PKT_IP_LEN || h[9] != TCP_PROTO ||
        (wire_load_uint16(h + 6) & 0x3fff) != 0) {
        return true;
    }
    if (total >= len && total < wire_left(in)) { /* the rest fills an Ethernet frame; 0: offload */
        in->end = in->p + total;
    }
    if (!wire_bytes(in, len)) {
        return true;
    }
    memcpy(s->from, h + 12, 4);
    memcpy(s->to, h + 16, 4);
    return take_tcp(f, in, s);
}

static bool take_ipv6(struct file *f, struct wire_in *in, struct decode_segment *s)
{
    const uint8_t *h = wire_left(in) >= IPV6_LEN ? in->p : NULL;
    size_t payload = h ? wire_load_uint16(h + 4) : 0;
    uint8_t next = h ? h[6] : 0;

    if (!h || h[0] >> 4 != 6) {
        return true;
    }
    wire_bytes(in, IPV6_LEN);
    if (payload > 0 && payload < wire_left(in)) {
        in->end = in->p + payload;
    }
    while ((next == 0 || next == 43 || next == 60) && wire_left(in) >= 8) {
        next = in->p[0];
        if (!wire_bytes(in, (size_t)(in->p[1] + 1) * 8)) {
            return true;
        }
    }
    if (next != TCP_PROTO) {
        return true;
    }
    s->v6 = true;
    memcpy(s->from, h + 8, 16);
    memcpy(s->to, h + 24, 16);
    return take_tcp(f, in, s);
}

static bool take_ip(struct file *f, struct wire_in *in, struct decode_segment *s)
{
    if (wire_left(in) == 0) {
        return true;
    }
    return in->p[0] >> 4 == 6 ? take_ipv6(f, in, s) : take_ipv4(f, in, s);
}

static bool take_type(struct file *f, struct wire_in *in, unsigned type, struct decode_segment *s)
{
    while ((type == TYPE_VLAN || type == TYPE_QINQ) && wire_left(in) >= 4) {
        type = wire_load_uint16(in->p + 2);
        wire_bytes(in, 4);
    }
    return type == PKT_TYPE_IP || type == TYPE_IPV6 ? take_ip(f, in, s) : true;
}

/* A packet of a link.  False: no memory. */
static bool take_packet(struct file *f, uint32_t link, uint64_t time_ns, const uint8_t *p,
                        size_t len)
{
    struct wire_in in = {p, p + len, false};
    struct decode_segment s = {.time_ns = time_ns};
    size_t skip = link == LINK_ETHERNET ? 14 : link == LINK_SLL ? 16 : link == LINK_SLL2 ? 20 : 4;

    if (link == LINK_RAW || link == LINK_IPV4 || link == LINK_IPV6) {
        return take_ip(f, &in, &s);
    }
    if (!wire_bytes(&in, skip)) {
        return true;
    }
    if (link == LINK_NULL || link == LINK_LOOP) {
        return take_ip(f, &in, &s);
    }
    return take_type(f, &in, wire_load_uint16(link == LINK_SLL2 ? p : p + skip - 2), &s);
}

static bool is_known(uint32_t link)
{
    return link == LINK_NULL || link == LINK_ETHERNET || link == LINK_RAW || link == LINK_LOOP ||
           link == LINK_SLL || link == LINK_IPV4 || link == LINK_IPV6 || link == LINK_SLL2;
}

static int bad_link(uint32_t link)
{
    return ctl_fail("the capture is of link type %" PRIu32
                    ", expected Ethernet, Linux cooked, loopback or raw IP: capture again with "
                    "tcpdump -i any",
                    link);
}

static int cut_file(const struct file *f, const uint8_t *start)
{
    return ctl_fail("the capture is cut or damaged at byte %zu: what stands before it was decoded",
                    (size_t)(f->p - start));
}

/* ---- pcap ----------------------------------------------------------------------------------- */

static int read_pcap(struct file *f, const uint8_t *start)
{
    uint32_t magic = wire_load_uint32(f->p);

    f->swapped = magic != PCAP_MICRO && magic != PCAP_NANO;
    f->nano = u32(f, f->p) == PCAP_NANO;
    f->link = u32(f, f->p + 20) & 0xffff;
    if (!is_known(f->link)) {
        return bad_link(f->link);
    }
    for (f->p += PCAP_HEADER; f->p < f->end;) {
        uint32_t len;
        uint64_t ns;

        if (f->end - f->p < PCAP_RECORD) {
            return cut_file(f, start);
        }
        len = u32(f, f->p + 8);
        ns =
            (uint64_t)u32(f, f->p) * 1000000000 + (uint64_t)u32(f, f->p + 4) * (f->nano ? 1 : 1000);
        if (len > (size_t)(f->end - f->p) - PCAP_RECORD) {
            return cut_file(f, start);
        }
        if (!take_packet(f, f->link, ns, f->p + PCAP_RECORD, len)) {
            return ctl_fail("out of memory");
        }
        f->p += PCAP_RECORD + len;
    }
    return 0;
}

/* ---- pcapng --------------------------------------------------------------------------------- */

/* The resolution of an interface's clock is an option: a power of ten, or, with the top bit, of
 * two.
 */
static uint64_t resolution(const struct file *f, const uint8_t *p, const uint8_t *end)
{
    uint64_t per_s = 1000000;

    while (end - p >= 4) {
        uint16_t code = u16(f, p), len = u16(f, p + 2);

        if (code == 0 || (size_t)(end - p) - 4 < len) {
            break;
        }
        if (code == NG_TSRESOL && len >= 1 && (p[4] & 0x7f) < 20) {
            per_s = 1;
            for (unsigned i = 0; i < (p[4] & 0x7fu); i++) {
                per_s *= p[4] & 0x80 ? 2 : 10;
            }
        }
        p += 4 + ((len + 3u) & ~3u);
        if (p > end) {
            break;
        }
    }
    return per_s;
}

static void take_interface(struct file *f, const uint8_t *p, const uint8_t *end)
{
    if (f->interfaces < NG_INTERFACES && end - p >= 8) {
        f->interface[f->interfaces++] = (struct interface){u16(f, p), resolution(f, p + 8, end)};
    }
}

static uint64_t to_ns(uint64_t ticks, uint64_t per_s)
{
    return ticks / per_s * 1000000000 +
           (uint64_t)((__uint128_t)(ticks % per_s) * 1000000000 / per_s);
}

static bool take_enhanced(struct file *f, const uint8_t *p, const uint8_t *end)
{
    uint32_t on, len;
    uint64_t ticks;

    if (end - p < 20) {
        return true;
    }
    on = u32(f, p);
    ticks = (uint64_t)u32(f, p + 4) << 32 | u32(f, p + 8);
    len = u32(f, p + 12);
    if (on >= f->interfaces || len > (size_t)(end - p) - 20 || !is_known(f->interface[on].link)) {
        return true;
    }
    return take_packet(f, f->interface[on].link, to_ns(ticks, f->interface[on].per_s), p + 20, len);
}

static bool take_simple(struct file *f, const uint8_t *p, const uint8_t *end)
{
    size_t len;

    if (end - p < 4 || f->interfaces == 0 || !is_known(f->interface[0].link)) {
        return true;
    }
    len = u32(f, p);
    len = len < (size_t)(end - p) - 4 ? len : (size_t)(end - p) - 4;
    return take_packet(f, f->interface[0].link, 0, p + 4, len);
}

static int read_pcapng(struct file *f, const uint8_t *start)
{
    while (f->p < f->end) {
        uint32_t type, len;
        const uint8_t *body = f->p + 8, *end;
        bool good = true;

        if (f->end - f->p < 12) {
            return cut_file(f, start);
        }
        if (wire_load_uint32(f->p) == NG_SECTION) { /* tells the byte order of all that follows */
            f->swapped = wire_load_uint32(body) != NG_ORDER;
            f->interfaces = 0;
        }
        type = u32(f, f->p);
        len = u32(f, f->p + 4);
        if (len < 12 || len % 4 != 0 || len > (size_t)(f->end - f->p)) {
            return cut_file(f, start);
        }
        end = f->p + len - 4;
        if (type == NG_INTERFACE) {
            take_interface(f, body, end);
        } else if (type == NG_ENHANCED) {
            good = take_enhanced(f, body, end);
        } else if (type == NG_SIMPLE) {
            good = take_simple(f, body, end);
        }
        if (!good) {
            return ctl_fail("out of memory");
        }
        f->p += len;
    }
    return 0;
}

/* ---- both ----------------------------------------------------------------------------------- */

bool decode_is_pcap(const uint8_t *bytes, size_t len)
{
    uint32_t magic = len >= PCAP_HEADER ? wire_load_uint32(bytes) : 0;
    uint32_t swapped = __builtin_bswap32(magic);

    return magic == PCAP_MICRO || magic == PCAP_NANO || swapped == PCAP_MICRO ||
           swapped == PCAP_NANO || magic == NG_SECTION;
}

int decode_pcap(struct decode *d, const uint8_t *bytes, size_t len)
{
    static struct file f;
    int status;

    memset(&f, 0, sizeof f);
    f.d = d;
    f.p = bytes;
    f.end = bytes + len;
    f.tcp = decode_tcp_open(d);
    if (!f.tcp) {
        return ctl_fail("out of memory");
    }
    status = wire_load_uint32(bytes) == NG_SECTION ? read_pcapng(&f, bytes) : read_pcap(&f, bytes);
    decode_tcp_close(f.tcp);
    return status;
}
