/* tests/fault/step_ofproxy.h - what the tester of an ofproxy knows of its frames, and what follows.
 */
#ifndef TESTS_FAULT_STEP_OFPROXY_H
#define TESTS_FAULT_STEP_OFPROXY_H

#include "ofproxy/ofproxy.h"
#include "shm/file.h"
#include "tests/fault/image.h"
#include "tests/fault/step.h"
#include "tests/fault/step_switch.h"

#define BATCH 22    /* frames of one send of the switch */
#define NUMBERS 128 /* of frames from the switch; from here: frames that settle nothing */
#define RECORDS 240
#define UNKNOWN 9 /* a port that there is not */
#define FLIGHTS ((IMAGE_WINDOW - FILE_PAGE) / sizeof(struct arena_flight)) /* that are watched */

struct out { /* a record that was written to PKT_OUT */
    uint64_t end;
    uint8_t number; /* of its frame, if there are bytes to send; else 0 */
    uint8_t settles;
};

struct of_state {
    struct topo bridge;
    struct ring_rx pkt_in;
    struct ring_tx pkt_out;
    struct board_reader ports, classes, traffic;
    struct board_writer interfaces;
    struct out outs[RECORDS];
    unsigned n_outs, batches;
    struct {
        struct record record;
        unsigned number;
    } waiting[BATCH]; /* feed() gives their verdicts */
    unsigned n_waiting;
    bool waits;
    bool started, proved; /* this process: its first boards were checked; it has passed frames on */
    uint64_t last_seq;    /* published */
    uint8_t up[STEP_FRAMES];                               /* by number: came by PKT_IN, so often */
    uint8_t sent[STEP_FRAMES];                             /* came to the switch */
    uint8_t published[STEP_FRAMES], answered[STEP_FRAMES]; /* one verdict at most */
    uint8_t lost[STEP_FRAMES]; /* begun to be sent, and not sent, by one that died */
    uint8_t given_up[4096];    /* by ofproxy's number: it had a ticket, and was not published */
    unsigned strange;
    char complaint[160];
    char dir[96];
    const struct arena_flight *flights; /* FLIGHTS of them, in the arena's file */
};

/* By a frame's number: the port that it comes by, what it is, and its length. */
static inline unsigned port_of(unsigned number)
{
    return number % 11 == 5 ? UNKNOWN : 1 + number % SWITCH_PORTS;
}

static inline enum ingress_class class_of(unsigned number)
{
    return (enum ingress_class)(number % CLASSES);
}

static inline size_t len_of(unsigned number)
{
    return number % 4 == 1 ? 700 : 64; /* a tail in the arena, or none */
}

/* A few have no verdict in all the time. */
static inline bool is_kept(unsigned number)
{
    return number % 7 == 6;
}

/* False, and why: counters, sums and what came out are not as they must be. */
bool counters_hold(const struct of_state *s, char *why, size_t size);
/* The same for tickets, and for shares as the boards tell them, when nothing is on its way. */
bool shares_hold(const struct of_state *s, char *why, size_t size);

#endif
