/* webterm/packets_source.h - the thread that looks at rings and at the OpenFlow connections, while
 * somebody watches, and keeps what passes in the store.
 *
 *     source_open(&s, run_dir, &store)      the thread is started by source_start, in the sandbox
 *     source_want(&s, mask)                 bits by packet_where; 0: it sleeps, all is closed
 *
 * It reads memory that is there anyway (tap.h, mirror.h), so nobody waits for it.  It takes at most
 * SOURCE_BURST packets in SOURCE_BURST_MS, for the core's sake; what passes beyond that is stepped
 * over and counted.  Files that are not there yet, or were replaced, are looked for once a second.
 */
#ifndef WEBTERM_PACKETS_SOURCE_H
#define WEBTERM_PACKETS_SOURCE_H

#include "shm/mirror.h"
#include "shm/tap.h"
#include "webterm/packets_store.h"

#define SOURCE_BURST 200
#define SOURCE_BURST_MS 10
#define SOURCE_LOOK_MS 1000 /* between two looks for files, and two requests to record */

struct packets_source {
    struct packets_store *store;
    char run_dir[96];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under the lock */
    unsigned wanted;
    bool stop, started;
    unsigned watching; /* bits by place: those that are open */
    char why[PACKET_WHERES]
            [400]; /* why there is nothing to be seen at a place; "": nothing is wrong */
    /* the thread's */
    struct packets_names names;
    struct tap tap[TOPO_RINGS];
    struct mirror_reader mirror;
    bool began;    /* a message came since the mirror was opened */
    unsigned open; /* bits by place */
    bool waits[TOPO_RINGS];
    uint64_t told[TOPO_RINGS];  /* of what a tap has lost */
    uint64_t look_ms, burst_ms; /* look_ms 0: at once */
    unsigned burst;
};

void source_open(struct packets_source *s, const char *run_dir, struct packets_store *store);
/* Returns 0 or -errno. */
int source_start(struct packets_source *s);
void source_stop(struct packets_source *s);
void source_want(struct packets_source *s, unsigned mask);
/* The places that are looked at now; of those of 'mask' that are not, a sentence says why ("" while
 * all is well, or is being opened). */
unsigned source_watching(struct packets_source *s, unsigned mask, char *why, size_t size);

#endif
