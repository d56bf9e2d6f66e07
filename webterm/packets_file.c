/* webterm/packets_file.c - packets as a pcapng file: what is kept, and then what comes.
 *
 * Blocks are made when the client has room, from the store: one that is slow finds there what is
 * still kept, and the count of what is not stands in the file with the next packet. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "shm/of_pcap.h"
#include "webterm/packets.h"

#define FILES 16
#define FOLLOW_MOST 86400 /* seconds */
#define TICK_MS 20
#define ROOM (64u << 10) /* blocks are made until there are so many bytes of them */
#define MOST (ROOM + 3 * PCAPNG_PACKET + 4096) /* with the last packet's */
#define LOOKED_AT 1024

struct packets_file {
    struct packets_viewer viewer; /* among the viewers while it follows */
    struct packets_file *before, *after;
    struct http_stream *stream;
    uint64_t until_ms; /* 0: it ends with what is kept */
    uint64_t missed;   /* not told in the file yet */
    uint32_t interface[TOPO_RINGS];
    bool has_interface[TOPO_RINGS], full;
    struct of_pcap pcap;
    size_t len, at; /* of 'out' */
    uint8_t out[MOST];
};

static bool put_block(void *context, const void *block, size_t len)
{
    struct packets_file *f = context;

    if (len > sizeof f->out - f->len) {
        f->full = true;
        return false;
    }
    memcpy(f->out + f->len, block, len);
    f->len += len;
    return true;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void put_frame(struct packets_file *f, const struct packet *p)
{
    unsigned ring = p->key.where;
    char text[120];
    struct pcapng_packet out = {.time_ns = p->time_ns,
                                .way = ring == TOPO_PKT_IN || ring == TOPO_VNS_IN ? PCAPNG_IN
                                                                                  : PCAPNG_OUT,
                                .dropped = f->missed,
                                .comment = text,
                                .bytes = p->bytes,
                                .len = p->len < PCAPNG_PACKET ? p->len : PCAPNG_PACKET,
                                .whole_len = p->key.len};

    if (!f->has_interface[ring]) {
        snprintf(text, sizeof text, "frames from %s to %s",
                 topo_process_name(topo_ring_writer((enum topo_ring)ring)),
                 topo_process_name(topo_ring_reader((enum topo_ring)ring)));
        f->interface[ring] = pcapng_interface(&f->pcap.file, packet_where_name(ring), text);
        f->has_interface[ring] = true;
    }
    snprintf(text, sizeof text, "%s %s, frame %" PRIu64, p->place.port, p->place.iface,
             p->record.seq);
    pcapng_packet(&f->pcap.file, f->interface[ring], &out);
}

static void put_packet(struct packets_file *f, const struct packet *p)
{
    if (p->key.where == PACKET_OPENFLOW) {
        of_pcap_message(
            &f->pcap, &(struct of_pcap_message){&p->meta, p->time_ns, f->missed, p->bytes, p->len});
    } else {
        put_frame(f, p);
    }
    f->missed = 0;
}

/* Makes blocks of what there is, until there are enough. */
static void make_blocks(struct packets_file *f)
{
    struct packets_store *s = &f->viewer.packets->store;
    unsigned most = LOOKED_AT;
    const struct packet *p;

    store_lock(s);
    while (f->len < ROOM && (p = packets_next(&f->viewer, &most, &f->missed))) {
        put_packet(f, p);
    }
    store_unlock(s);
}

static bool has_more(const struct packets_file *f)
{
    struct packets_store *s = &f->viewer.packets->store;
    bool more;

    store_lock(s);
    more = f->viewer.next < (f->viewer.end ? f->viewer.end : store_next(s));
    store_unlock(s);
    return more;
}

/* ---- the stream ----------------------------------------------------------------------------- */

/* Its time is up: what came until now is the last. */
static bool is_up(const struct packets_file *f)
{
    return f->until_ms == 0 || loop_now_ms() >= f->until_ms;
}

static void end_here(struct packets_file *f)
{
    struct packets_store *s = &f->viewer.packets->store;

    store_lock(s);
    f->viewer.end = store_next(s);
    store_unlock(s);
}

static int pull(void *context, uint8_t *to, size_t size)
{
    struct packets_file *f = context;
    size_t n;

    while (f->at == f->len) {
        f->at = f->len = 0;
        if (f->viewer.end == 0 && is_up(f)) {
            end_here(f);
        }
        make_blocks(f);
        if (f->len == 0 && (f->full || !has_more(f))) {
            return f->full || f->viewer.end ? -1 : 0;
        }
    }
    n = f->len - f->at < size ? f->len - f->at : size;
    memcpy(to, f->out + f->at, n);
    f->at += n;
    return (int)n;
}

static void file_closed(void *context)
{
    struct packets_file *f = context;
    struct packets *p = f->viewer.packets;

    if (f->before) {
        f->before->after = f->after;
    } else {
        p->files = f->after;
    }
    if (f->after) {
        f->after->before = f->before;
    }
    if (f->until_ms != 0) {
        packets_leave(&f->viewer);
    }
    of_pcap_close(&f->pcap);
    free(f);
}

static const struct http_stream_ops ops = {pull, file_closed};

static void on_tick(struct http_timer *t)
{
    struct packets *p = (struct packets *)(void *)((char *)t - offsetof(struct packets, tick));

    for (struct packets_file *f = p->files; f; f = f->after) {
        if (has_more(f) || is_up(f)) {
            http_stream_wake(f->stream);
        }
    }
    p->ticking = p->files != NULL;
    if (p->ticking) {
        http_timer_set(p->http, &p->tick, TICK_MS * 1000);
    }
}

static void begin(struct packets *p, struct packets_file *f)
{
    f->after = p->files;
    if (f->after) {
        f->after->before = f;
    }
    p->files = f;
    if (f->until_ms != 0) {
        packets_join(p, &f->viewer);
    }
    store_lock(&p->store);
    f->viewer.next = p->store.first; /* what is kept first */
    store_unlock(&p->store);
    of_pcap_open(&f->pcap, put_block, f);
    if (!p->ticking) {
        p->ticking = true;
        p->tick.fire = on_tick;
        http_timer_set(p->http, &p->tick, TICK_MS * 1000);
    }
}

static unsigned count_files(const struct packets *p)
{
    unsigned n = 0;

    for (const struct packets_file *f = p->files; f; f = f->after) {
        n++;
    }
    return n;
}

void packets_serve_file(void *context, struct http_request *q)
{
    struct packets *p = context;
    struct packets_file *f;
    char why[512], text[16];
    unsigned long follow;
    char *end;

    snprintf(text, sizeof text, "0");
    http_query(q, "follow", text, sizeof text);
    follow = strtoul(text, &end, 10);
    if (*end || end == text || text[0] == '-' || follow > FOLLOW_MOST) {
        http_problem(q, 400, "follow is '%.15s', expected seconds, up to %d", text, FOLLOW_MOST);
        return;
    }
    f = count_files(p) < FILES ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        http_problem(q, 503, "%d captures are going on already: end one, or try again later",
                     FILES);
        return;
    }
    f->viewer.packets = p;
    if (packets_query(&f->viewer.filter, &f->viewer.where, q, why, sizeof why) != 0) {
        http_problem(q, 400, "%s", why);
        free(f);
        return;
    }
    f->until_ms = follow ? loop_now_ms() + follow * 1000 : 0;
    begin(p, f);
    f->stream = http_stream(q, "application/x-pcapng",
                            "content-disposition: attachment; filename=\"causeway.pcapng\"\r\n"
                            "cache-control: no-store\r\n",
                            &ops, f);
}
