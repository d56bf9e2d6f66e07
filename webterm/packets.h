/* webterm/packets.h - the packet view: the topic "packets", and GET /api/v1/packets, packets/N and
 * packets.pcapng.  docs/packet-view.md is its manual.
 *
 *     packets_open(&p, http, live, run_dir, why, sizeof why)      before the sandbox
 *     packets_start(&p)                                           in it: the thread
 *     packets_close(&p)
 *
 *     packets_source   a thread reads rings and the mirror, while somebody watches
 *     packets_summary  what a list shows of each
 *     packets_store    the last ones, with their bytes
 *     packets_filter   which of them a viewer wants
 *     packets_show     all layers of one
 *     packets_file     as a pcapng file, also one that goes on
 *
 * All but the thread is the loop's. */
#ifndef WEBTERM_PACKETS_H
#define WEBTERM_PACKETS_H

#include "webterm/live.h"
#include "webterm/packets_source.h"

/* One who watches: a subscription, or a file that goes on. */
struct packets_viewer {
    struct packets *packets;
    struct packets_viewer *before, *after;
    struct packets_filter filter;
    unsigned where; /* bits by place */
    uint64_t next;  /* number of the packet to look at next */
    uint64_t end;   /* and of the first that it does not want any more; 0: none */
    unsigned told;  /* places that it was told are looked at */
    bool told_once;
    char why[400]; /* as it was told */
};

struct packets {
    struct packets_store store;
    struct packets_source source;
    struct packets_viewer *viewers;
    struct http *http;
    struct http_timer tick; /* of files that go on */
    struct packets_file *files;
    bool ticking;
};

int packets_open(struct packets *p, struct http *h, struct live *l, const char *run_dir, char *why,
                 size_t why_size);
int packets_start(struct packets *p);
void packets_close(struct packets *p);

/* ---- for the files of this family ----------------------------------------------------------- */

/* What a request wants: the filter, and the places.  0, or -EINVAL and a sentence. */
int packets_query(struct packets_filter *f, unsigned *where, const struct http_request *q,
                  char *why, size_t why_size);
/* While it is among the viewers, the thread looks at its places. */
void packets_join(struct packets *p, struct packets_viewer *v);
void packets_leave(struct packets_viewer *v);
/* The next packet that it wants, under the lock; adds what it missed to 'missed'.  At most 'most'
 * are looked at.  NULL: none, for now. */
const struct packet *packets_next(struct packets_viewer *v, unsigned *most, uint64_t *missed);

/* packets_file.c */
void packets_serve_file(void *context, struct http_request *q);
/* packets_show.c: one packet with all its layers, as JSON.  Returns its length, 0: no memory; the
 * caller frees *json. */
size_t packets_show(const struct packet *p, char **json);

#endif
