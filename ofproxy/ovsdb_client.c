/* ofproxy/ovsdb_client.c - the thread: one connection, and what is made of what it brings. */
#include "ofproxy/ovsdb_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/sandbox.h"
#include "ofproxy/ovsdb_link.h"
#include "ofproxy/ovsdb_session.h"
#include "ofproxy/ovsdb_view.h"

#define PATIENCE_NS 5000000000ull /* of silence before an echo, and without its answer */
#define STEADY_NS                                                                                  \
    5000000000ull   /* a connection that held so long begins with a short pause anew               \
                     */
#define LOOK_MS 500 /* between two looks at the clock */
#define DROPS_EACH_NS 10000000000ull /* one line about packet-ins dropped in this time */

struct ovsdb_client {
    pthread_t thread;
    int stop; /* eventfd */
    bool serving;
    struct ovsdb_link link;
    struct tend_wish wish;
    struct tend_pace pace;
    char doing[300]; /* what the transaction under way does */
    uint64_t loaded_ns, told_drops_ns, told_dropped;
    char said[500]; /* the last cause that was logged; "" after a connection that held */

    pthread_mutex_t lock; /* of what follows; held while it changes, and while it is read */
    struct ovsdb_session session;
    struct view_drops drops;
    uint64_t counted_dropped, counted_queued;
    bool loaded, ever;
    uint64_t lost_ns;
    char cause[500];
};

/* ---- what a change of the rows leads to ----------------------------------------------------- */

static void tell_loaded(struct ovsdb_client *o, uint64_t now)
{
    const struct ovsdb_session *s = &o->session;

    o->loaded = o->ever = true;
    o->loaded_ns = now;
    o->said[0] = '\0';
    log_info("ovsdb connected remote=%s by=%s resumed=%s bridges=%zu rows=%zu",
             ovsdb_link_name(&o->link), ovsdb_session_method(s), s->resumed ? "yes" : "no",
             json_object_size(ovsdb_rows_table(&s->rows, "Bridge")), s->rows.n);
}

static void tell_drops(struct ovsdb_client *o, uint64_t now)
{
    uint64_t more = o->drops.dropped - o->told_dropped;

    if (more == 0 || (o->told_drops_ns && now - o->told_drops_ns < DROPS_EACH_NS)) {
        return;
    }
    o->told_drops_ns = now;
    o->told_dropped = o->drops.dropped;
    log_warn(
        "packet-ins dropped in the switch bridge=%s count=%llu cause=\"more of them than its "
        "controller_rate_limit lets through\" cure=\"raise ovsdb-rate-limit, or find who sends "
        "so much (causeway show ingress)\"",
        o->drops.where, (unsigned long long)more);
}

static void tell_txn(struct ovsdb_client *o)
{
    if (o->session.txn == OVSDB_TXN_DONE) {
        log_info("ovsdb changed what=\"%s\"", o->doing);
    } else {
        log_warn("ovsdb refused what=\"%s\" cause=\"%s\"", o->doing,
                 strcmp(o->session.txn_why, "timed out") == 0 ||
                         strncmp(o->session.txn_why, "timed out:", 10) == 0
                     ? "somebody else was changing the same"
                     : o->session.txn_why);
    }
    o->session.txn = OVSDB_TXN_NONE;
}

/* The next difference is put right, but not in a fight: whoever undoes what we do finds us slower
 * each time. */
static void tend(struct ovsdb_client *o, uint64_t now)
{
    json_t *operations;
    uint64_t pause;

    if (o->session.txn == OVSDB_TXN_SENT || now < o->pace.next_ns) {
        return;
    }
    operations = tend_plan(&o->wish, &o->session.rows, o->doing, sizeof o->doing);
    if (!operations) {
        return;
    }
    pause = tend_paced(&o->pace, now) / 1000000000u;
    if (pause > 2) {
        log_warn("ovsdb changes are undone what=\"%s\" cause=\"another writer of the database "
                 "wants it otherwise\" next_not_before_s=%llu",
                 o->doing, (unsigned long long)pause);
    }
    ovsdb_session_transact(&o->session, operations);
}

/* After bytes came, or time went by. */
static void look(struct ovsdb_client *o, uint64_t now)
{
    struct ovsdb_session *s = &o->session;

    if (s->step != OVSDB_LOADED) {
        return;
    }
    if (!o->loaded) {
        tell_loaded(o, now);
    }
    if (s->txn == OVSDB_TXN_DONE || s->txn == OVSDB_TXN_FAILED) {
        tell_txn(o);
    }
    if (s->touched) {
        s->touched = false;
        view_drops_count(&o->drops, &o->wish, &s->rows);
    }
    tell_drops(o, now);
    tend(o, now);
}

/* ---- the connection ------------------------------------------------------------------------- */

/* Each new cause is said once, until a connection held. */
static void lost(struct ovsdb_client *o, const char *cause, uint64_t now)
{
    bool steady = o->loaded && now - o->loaded_ns > STEADY_NS;

    pthread_mutex_lock(&o->lock);
    snprintf(o->cause, sizeof o->cause, "%s", cause);
    o->lost_ns = o->loaded || !o->lost_ns ? now : o->lost_ns;
    o->loaded = false;
    pthread_mutex_unlock(&o->lock);
    if (strcmp(o->said, cause) != 0) {
        log_warn("ovsdb not connected remote=%s cause=\"%s\"", ovsdb_link_name(&o->link), cause);
        snprintf(o->said, sizeof o->said, "%s", cause);
    }
    ovsdb_link_shut(&o->link, steady, now);
}

/* False: it is lost. */
static bool read_some(struct ovsdb_client *o, uint64_t now)
{
    static char bytes[OVSDB_PIECE]; /* there is one thread */
    ssize_t n = ovsdb_link_read(&o->link, bytes, sizeof bytes);
    bool ok = true;

    if (n == -EAGAIN || n == -EINTR) {
        return true;
    }
    if (n <= 0) {
        lost(o, n == 0 ? "it closed the connection" : strerror((int)-n), now);
        return false;
    }
    pthread_mutex_lock(&o->lock);
    ok = ovsdb_session_take(&o->session, bytes, (size_t)n, now);
    if (ok) {
        look(o, now);
    }
    pthread_mutex_unlock(&o->lock);
    if (!ok) {
        lost(o, o->session.why, now);
    }
    return ok;
}

static void write_some(struct ovsdb_client *o, uint64_t now)
{
    struct ovsdb_out *out = &o->session.out;
    ssize_t n = out->len > out->at
                    ? ovsdb_link_write(&o->link, out->bytes + out->at, out->len - out->at)
                    : 0;

    if (n > 0) {
        ovsdb_session_sent(&o->session, (size_t)n);
    } else if (n < 0 && n != -EAGAIN && n != -EINTR) {
        lost(o, strerror((int)-n), now);
    }
}

static void connect_it(struct ovsdb_client *o, uint64_t now)
{
    char why[500];

    if (!ovsdb_link_connect(&o->link, now, why, sizeof why)) {
        lost(o, why, now);
    } else if (o->link.state == LINK_UP) {
        pthread_mutex_lock(&o->lock);
        o->session.want_leader = ovsdb_link_want_leader(&o->link);
        ovsdb_session_start(&o->session, now);
        pthread_mutex_unlock(&o->lock);
    }
}

static void tick(struct ovsdb_client *o, uint64_t now)
{
    bool ok;

    pthread_mutex_lock(&o->lock);
    ok = ovsdb_session_tick(&o->session, now);
    if (ok) {
        look(o, now);
    }
    pthread_mutex_unlock(&o->lock);
    if (!ok) {
        lost(o, o->session.why, now);
    }
}

static void turn(struct ovsdb_client *o, short events)
{
    uint64_t now = loop_now_ns();

    if (o->link.state != LINK_UP) {
        if (o->link.state == LINK_CONNECTING ? events != 0 || ovsdb_link_late(&o->link, now)
                                             : ovsdb_link_due(&o->link, now)) {
            connect_it(o, now);
        }
    } else if (!(events & (POLLIN | POLLHUP | POLLERR)) || read_some(o, now)) {
        tick(o, now);
    }
    if (o->link.state == LINK_UP) {
        write_some(o, now);
    }
}

static void *serve(void *context)
{
    struct ovsdb_client *o = context;

    for (;;) {
        bool unsent = o->session.out.len > o->session.out.at;
        struct pollfd f[2] = {{.fd = o->stop, .events = POLLIN},
                              {.fd = o->link.fd,
                               .events = o->link.state == LINK_CONNECTING ? POLLOUT
                                         : unsent                         ? POLLIN | POLLOUT
                                                                          : POLLIN}};

        if (poll(f, 2, ovsdb_link_pause_ms(&o->link, LOOK_MS)) < 0 && errno != EINTR) {
            log_error("ovsdb ends cause=\"poll: %s\"", strerror(errno));
            return NULL;
        }
        if (f[0].revents) {
            return NULL;
        }
        turn(o, f[1].revents);
    }
}

/* ---- for the other threads ------------------------------------------------------------------- */

void ovsdb_count(struct ovsdb_client *o)
{
    if (!o || pthread_mutex_trylock(&o->lock) != 0) {
        return;
    }
    counter_add(OFPROXY_SWITCH_DROPPED, o->drops.dropped - o->counted_dropped);
    counter_add(OFPROXY_SWITCH_QUEUED, o->drops.queued - o->counted_queued);
    o->counted_dropped = o->drops.dropped;
    o->counted_queued = o->drops.queued;
    pthread_mutex_unlock(&o->lock);
}

static json_t *bridges(struct ovsdb_client *o)
{
    json_t *list = view_bridges(&o->wish, &o->session.rows), *one;
    char state[80] = "connected";
    size_t i;

    if (!o->loaded) {
        snprintf(state, sizeof state, "lost %llu s ago",
                 (unsigned long long)((loop_now_ns() - o->lost_ns) / 1000000000u));
    }
    json_array_foreach(list, i, one)
    {
        json_object_set_new(one, "ovsdb", json_string(state));
    }
    return list;
}

json_t *ovsdb_bridges(struct ovsdb_client *o, char *why, size_t size)
{
    json_t *list = NULL;

    if (!o) {
        snprintf(why, size,
                 "ofproxy was given no database of Open vSwitch: start it with --ovsdb "
                 "unix:/run/openvswitch/db.sock, or set ovsdb in [ofproxy]");
        return NULL;
    }
    pthread_mutex_lock(&o->lock);
    if (o->ever) {
        list = bridges(o);
    } else {
        snprintf(why, size, "ofproxy has not reached the database of Open vSwitch yet: %s",
                 o->cause[0] ? o->cause : "it is connecting: try again");
    }
    pthread_mutex_unlock(&o->lock);
    return list;
}

unsigned ovsdb_needs(const struct ovsdb_client *o)
{
    return o ? ovsdb_link_needs(&o->link) : 0;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

struct ovsdb_client *ovsdb_open(const struct config *c)
{
    const char *remotes = config_str(c, CONFIG_OFPROXY_OVSDB);
    struct ovsdb_client *o;
    struct tend_wish wish;

    tend_config(&wish, c);
    if (!remotes[0] && wish.n > 0) {
        die_usage("ovsdb-bridge is given, but no ovsdb to make it in: give --ovsdb "
                  "unix:/run/openvswitch/db.sock too");
    }
    if (wish.n == 0 && wish.controller[0]) {
        die_usage("ovsdb-controller is given, but no bridge to set it on: give --ovsdb-bridge too");
    }
    if (!remotes[0]) {
        return NULL;
    }
    o = calloc(1, sizeof *o);
    if (!o) {
        die("no memory for the client of ovsdb-server: free some");
    }
    o->wish = wish;
    ovsdb_link_open(&o->link, remotes);
    o->stop = eventfd(0, EFD_CLOEXEC);
    if (o->stop < 0) {
        die("cannot open the client of ovsdb-server: %s: raise the limit of open files (ulimit -n)",
            strerror(errno));
    }
    pthread_mutex_init(&o->lock, NULL);
    ovsdb_session_open(&o->session, PATIENCE_NS);
    view_drops_open(&o->drops);
    return o;
}

void ovsdb_serve(struct ovsdb_client *o)
{
    sigset_t all, old;
    int err;

    if (!o) {
        return;
    }
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&o->thread, NULL, serve, o);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        die("cannot start a thread: %s: raise the limit of processes (ulimit -u)", strerror(err));
    }
    o->serving = true;
}

void ovsdb_close(struct ovsdb_client *o)
{
    if (!o) {
        return;
    }
    if (o->serving) {
        eventfd_write(o->stop, 1);
        pthread_join(o->thread, NULL);
    }
    ovsdb_link_close(&o->link);
    ovsdb_session_close(&o->session);
    view_drops_close(&o->drops);
    pthread_mutex_destroy(&o->lock);
    close(o->stop);
    free(o);
}
