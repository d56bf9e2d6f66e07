/* webterm/packets_source.c - turns over the open taps and the mirror. */
#include "webterm/packets_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "webterm/packets_summary.h"

#define ANSWER_MS 200
#define BUSY_US                                                                                    \
    200 /* between two turns while packets come: a long one's memory is soon used again */
#define IDLE_US 2000
#define BUSY_MS 500 /* after the last packet */

static struct tap_frame frames[TOPO_RINGS];
static struct mirror_record message;
static struct packet_summary summary;

static bool is_open(const struct packets_source *s, unsigned where)
{
    return (s->open >> where & 1) != 0;
}

static void set_why(struct packets_source *s, unsigned where, const char *why)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->why[where], sizeof s->why[where], "%s", why);
    pthread_mutex_unlock(&s->lock);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void close_place(struct packets_source *s, unsigned where)
{
    if (!is_open(s, where)) {
        return;
    }
    s->open &= ~(1u << where);
    if (where == PACKET_OPENFLOW) {
        mirror_read_leave(&s->mirror);
    } else {
        tap_close(&s->tap[where]);
    }
}

static void open_place(struct packets_source *s, unsigned where)
{
    char why[400] = "";
    int err;

    if (where == PACKET_OPENFLOW) {
        err = topo_mirror_look(s->run_dir, &s->mirror, TOPO_MIRROR_OPENFLOW, why, sizeof why);
        s->began = false;
    } else {
        err = tap_open(&s->tap[where], s->run_dir, (enum topo_ring)where, why, sizeof why);
        s->waits[where] = false;
        s->told[where] = 0;
    }
    s->open |= err == 0 ? 1u << where : 0;
    set_why(s, where, err == 0 ? "" : why);
}

static bool was_replaced(const struct packets_source *s, unsigned where)
{
    return where == PACKET_OPENFLOW ? mirror_replaced(&s->mirror) : tap_replaced(&s->tap[where]);
}

/* ofproxy records for as long as it is asked to. */
static void ask(struct packets_source *s)
{
    char why[400];
    json_t *answer = control_call(s->run_dir, topo_process_name(TOPO_OFPROXY), "mirror.start", NULL,
                                  ANSWER_MS, why, sizeof why);

    if (!answer || is_open(s, PACKET_OPENFLOW)) {
        set_why(s, PACKET_OPENFLOW, answer ? "" : why);
    }
    json_decref(answer);
}

static void say_open(struct packets_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->watching = s->open;
    pthread_mutex_unlock(&s->lock);
}

/* Opens what is wanted and closes what is not; once a second, and when somebody wants another. */
static void look(struct packets_source *s, unsigned wanted)
{
    for (unsigned w = 0; w < PACKET_WHERES; w++) {
        bool want = (wanted >> w & 1) != 0;

        if (is_open(s, w) && (!want || was_replaced(s, w))) {
            close_place(s, w);
        }
        if (want && !is_open(s, w)) {
            open_place(s, w);
        }
    }
    if (wanted >> PACKET_OPENFLOW & 1) {
        ask(s);
    }
    packets_names_open(&s->names, s->run_dir);
    say_open(s);
    s->look_ms = loop_now_ms() + SOURCE_LOOK_MS;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void keep(struct packets_source *s)
{
    store_add(s->store, &summary.packet,
              summary.packet.key.where == PACKET_OPENFLOW ? message.data
                                                          : frames[summary.packet.key.where].bytes,
              summary.line, summary.json, summary.json_len);
}

static void keep_frame(struct packets_source *s, unsigned ring)
{
    const struct tap_frame *f = &frames[ring];
    bool by_row = ring == TOPO_VNS_IN || ring == TOPO_VNS_OUT;
    uint64_t missed = s->tap[ring].lost - s->told[ring];

    s->told[ring] = s->tap[ring].lost;
    summary_frame(&summary, store_next(s->store), (enum topo_ring)ring, f, missed,
                  packets_name(&s->names, by_row, f->record.dpid, f->record.port));
    keep(s);
}

/* The ring whose next frame comes first, or -1.  A frame that leaves bears the time at which its
 * cause came in, so causes come before effects. */
static int first(struct packets_source *s)
{
    int best = -1;

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (is_open(s, r) && !s->waits[r]) {
            s->waits[r] = tap_next(&s->tap[r], &frames[r]);
        }
        if (is_open(s, r) && s->waits[r] &&
            (best < 0 || frames[r].record.rx_ns < frames[best].record.rx_ns)) {
            best = (int)r;
        }
    }
    return best;
}

static bool take_message(struct packets_source *s)
{
    struct openflow_meta m;

    if (!is_open(s, PACKET_OPENFLOW) || !mirror_next(&s->mirror, &message)) {
        return false;
    }
    if (message.meta_len == sizeof m) {
        memcpy(&m, message.meta, sizeof m);
        message.missed = s->began ? message.missed : 0; /* before anybody watched */
        s->began = true;
        board_text(m.peer, sizeof m.peer);
        summary_openflow(&summary, store_next(s->store), &message, &m);
        keep(s);
    }
    return true;
}

static bool take_frame(struct packets_source *s)
{
    int ring = first(s);

    if (ring < 0) {
        return false;
    }
    keep_frame(s, (unsigned)ring);
    s->waits[ring] = false;
    return true;
}

/* Steps over all that waits. */
static void skip(struct packets_source *s)
{
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (is_open(s, r)) {
            tap_skip(&s->tap[r]);
        }
    }
    if (is_open(s, PACKET_OPENFLOW)) {
        mirror_skip(&s->mirror);
    }
}

static void pause_us(unsigned us)
{
    const struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

/* Takes what is new, up to the burst's end; then sleeps until the next may begin.  Returns how many
 * it took. */
static unsigned turn(struct packets_source *s)
{
    uint64_t now = loop_now_ms();
    unsigned n = 0;
    bool took;

    if (now - s->burst_ms >= SOURCE_BURST_MS) {
        s->burst_ms = now;
        s->burst = 0;
    }
    packets_names_look(&s->names);
    do {
        took = take_message(s);
        took = take_frame(s) || took;
        s->burst += took;
        n += took;
    } while (took && s->burst < SOURCE_BURST);
    if (s->burst >= SOURCE_BURST) {
        now = loop_now_ms() - s->burst_ms;
        pause_us(now < SOURCE_BURST_MS ? (unsigned)(SOURCE_BURST_MS - now) * 1000 : 0);
        skip(s);
    }
    return n;
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* Waits while nobody watches.  False: the end. */
static bool get_wanted(struct packets_source *s, unsigned *wanted)
{
    bool stop;

    pthread_mutex_lock(&s->lock);
    if (s->wanted == 0 && !s->stop) {
        pthread_mutex_unlock(&s->lock);
        for (unsigned w = 0; w < PACKET_WHERES; w++) {
            close_place(s, w);
        }
        packets_names_close(&s->names);
        s->look_ms = 0;
        pthread_mutex_lock(&s->lock);
        s->watching = 0;
    }
    while (s->wanted == 0 && !s->stop) {
        pthread_cond_wait(&s->wake, &s->lock);
    }
    *wanted = s->wanted;
    stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

static void *run(void *context)
{
    struct packets_source *s = context;
    unsigned wanted, had = 0;
    uint64_t busy_ms = 0;

    while (get_wanted(s, &wanted)) {
        if (wanted != had || loop_now_ms() >= s->look_ms) {
            look(s, wanted);
            had = wanted;
        }
        if (turn(s) > 0) {
            busy_ms = loop_now_ms();
        }
        pause_us(loop_now_ms() - busy_ms < BUSY_MS ? BUSY_US : IDLE_US);
    }
    for (unsigned w = 0; w < PACKET_WHERES; w++) {
        close_place(s, w);
    }
    packets_names_close(&s->names);
    return NULL;
}

void source_open(struct packets_source *s, const char *run_dir, struct packets_store *store)
{
    *s = (struct packets_source){.store = store};
    snprintf(s->run_dir, sizeof s->run_dir, "%s", run_dir);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
}

int source_start(struct packets_source *s)
{
    int err = pthread_create(&s->thread, NULL, run, s);

    s->started = err == 0;
    return -err;
}

void source_stop(struct packets_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->started) {
        pthread_join(s->thread, NULL);
    }
}

void source_want(struct packets_source *s, unsigned mask)
{
    pthread_mutex_lock(&s->lock);
    s->wanted = mask;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

unsigned source_watching(struct packets_source *s, unsigned mask, char *why, size_t size)
{
    unsigned watching;

    why[0] = '\0';
    pthread_mutex_lock(&s->lock);
    watching = s->watching;
    for (unsigned w = 0; w < PACKET_WHERES && !why[0]; w++) {
        if (mask >> w & 1) {
            snprintf(why, size, "%s", s->why[w]);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return watching;
}
