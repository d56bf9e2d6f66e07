/* router/keeper.c - the control thread. */
#include "router/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proto/pkt.h"
#include "router/rtable.h"

#define AGAIN_NS 10000000ull

/* ---- routes ------------------------------------------------------------------------------- */

static uint32_t row_in_use(void *context, const char *name)
{
    const struct keeper *k = context;
    uint32_t row = iface_of_name(&k->ifaces, name);

    return row != IFACE_NONE && k->ifaces.row[row].up ? row : ROUTE_NO_IFACE;
}

const char *keeper_route_state(const struct keeper *k, const struct route *r)
{
    uint32_t row = iface_of_name(&k->ifaces, r->name);

    if (row == IFACE_NONE) {
        return "no such interface";
    }
    return k->ifaces.row[row].up ? "ok" : "interface down";
}

/* Replaces the FIB's routes by these, and frees them. */
static int take(struct keeper *k, struct rtable *t)
{
    int err;

    for (size_t i = 0; i < t->n; i++) {
        t->routes[i].iface = row_in_use(k, t->routes[i].name);
    }
    err = fib_replace_all(k->fib, t->routes, t->n);
    rtable_free(t);
    return err;
}

void keeper_routes(struct keeper *k, const char *file, const char *vhost)
{
    struct rtable t = {0};
    char why[1024];
    int err;

    if (file[0] == '\0' && strcmp(vhost, "vrhost") != 0) {
        k->connected = true; /* as the classic sr does with -v */
        return;
    }
    if (file[0] == '\0' && access("rtable", F_OK) == 0) {
        file = "rtable";
    }
    if (file[0] == '\0') {
        err = rtable_lab(&t);
        snprintf(why, sizeof why, "no memory for the lab's routes");
    } else {
        err = rtable_read(&t, file, why, sizeof why);
    }
    if (err != 0) {
        die_usage("%s", why);
    }
    log_info("routing table loaded from=%s routes=%zu", file[0] ? file : "built-in lab", t.n);
    if (take(k, &t) != 0) {
        die_usage("%s: too many routes, at most %u fit: leave some out", file[0] ? file : "routes",
                  FIB_ROUTES);
    }
}

static void hear_rtable(struct keeper *k, const char *text, size_t len)
{
    struct rtable t = {0};
    char why[512];
    int err = rtable_parse(&t, "routing table of the VNS server", text, len, why, sizeof why);
    size_t n = t.n;

    if (err == 0) {
        err = take(k, &t);
        snprintf(why, sizeof why, "routing table of the VNS server: %s", strerror(-err));
    }
    if (err != 0) {
        log_warn("%s; the routes stay as they are", why);
    } else {
        log_info("routing table loaded from=\"VNS server\" routes=%zu", n);
    }
}

/* ---- interfaces --------------------------------------------------------------------------- */

static void add_connected(struct keeper *k, uint32_t row)
{
    const struct iface *i = &k->ifaces.row[row];
    struct route r = {.dest = i->ip & i->mask, .iface = row_in_use(k, i->name)};

    for (uint32_t m = i->mask; m != 0; m <<= 1) {
        r.mask_len++;
    }
    memcpy(r.name, i->name, sizeof r.name);
    if (i->mask != 0 && fib_add(k->fib, &r) != 0) {
        log_warn("no room for the route of interface %.16s's own subnet", i->name);
    }
}

static void hear_iface(struct keeper *k, uint32_t row, const struct iface *iface, uint64_t now)
{
    struct iface was = row < IFACES ? k->ifaces.row[row] : (struct iface){0};

    if (!iface_put(&k->ifaces, row, iface)) {
        return;
    }
    if (!iface->present || !iface->up) {
        neigh_flush(&k->neigh, row);
    } else if (iface_moved(&was, iface)) {
        neigh_moved(&k->neigh, row, now);
    }
    if (k->connected && iface->present) {
        add_connected(k, row);
    }
    k->rebind = true;
}

#define SAID 8 /* names that are said; a table of a million wrong ones need not fill the log */

/* One line for each interface that routes name and nobody has. */
static void say_inactive(struct keeper *k)
{
    size_t n = fib_count(k->fib);
    struct route *all = calloc(n ? n : 1, sizeof *all);
    char said[SAID][16];
    unsigned n_said = 0;

    n = all ? fib_list(k->fib, all, n) : 0;
    for (size_t i = 0; i < n && n_said < SAID; i++) {
        bool known = iface_of_name(&k->ifaces, all[i].name) != IFACE_NONE;
        char ip[PKT_IP_TEXT];

        for (unsigned s = 0; s < n_said; s++) {
            known |= memcmp(said[s], all[i].name, sizeof said[s]) == 0;
        }
        if (!known) {
            memcpy(said[n_said++], all[i].name, sizeof said[0]);
            log_warn("route %s/%u and all others by %.16s wait: there is no such interface",
                     pkt_ip_text(ip, all[i].dest), all[i].mask_len, all[i].name);
        }
    }
    free(all);
}

/* ---- the thread --------------------------------------------------------------------------- */

static void hear(struct keeper *k, const struct talk_message *m, const void *extra, size_t len,
                 uint64_t now)
{
    struct iface iface;

    switch (m->type) {
    case TALK_IFACE:
        memcpy(&iface, extra, sizeof iface);
        hear_iface(k, m->iface, &iface, now);
        break;
    case TALK_RTABLE:
        hear_rtable(k, extra, len);
        break;
    case TALK_READY:
        if (m->create) {
            say_inactive(k);
        }
        k->ready = m->ip;
        break;
    default:
        neigh_hear(&k->neigh, m, now);
    }
}

uint64_t keeper_pass(struct keeper *k, uint64_t now)
{
    struct talk_message m;
    const void *extra;
    uint64_t next;
    size_t len;

    while (talk_up_next(k->talk, &m, &extra, &len)) {
        hear(k, &m, extra, len, now);
    }
    if (k->rebind) {
        k->rebind = fib_rebind(k->fib, row_in_use, k) != 0;
    }
    if (!k->rebind && k->ready != 0) {
        struct talk_message bound = {.type = TALK_BOUND, .ip = k->ready};

        k->ready = talk_down(k->talk, &bound) ? 0 : k->ready;
    }
    next = neigh_pass(&k->neigh, now);
    return (k->rebind || k->ready != 0) && next > now + AGAIN_NS ? now + AGAIN_NS : next;
}

static void run(struct keeper *k)
{
    uint64_t now = loop_now_ns(), next;

    pthread_mutex_lock(&k->lock);
    next = keeper_pass(k, now);
    if (k->stop) {
        loop_stop(&k->loop);
    }
    pthread_mutex_unlock(&k->lock);
    if (next == UINT64_MAX) {
        loop_timer_cancel(&k->loop, &k->tick);
    } else {
        loop_timer_set(&k->loop, &k->tick, next > now ? (next - now) / 1000000 + 1 : 0);
    }
}

static struct keeper *of_wake(struct loop_fd *f)
{
    return (struct keeper *)(void *)((uint8_t *)f - offsetof(struct keeper, wake));
}

static void on_wake(struct loop_fd *self, uint32_t events)
{
    uint64_t n;

    (void)events;
    if (read(self->fd, &n, sizeof n) == (ssize_t)sizeof n) {
        run(of_wake(self));
    }
}

static void on_tick(struct loop_timer *self)
{
    run((struct keeper *)(void *)((uint8_t *)self - offsetof(struct keeper, tick)));
}

static void *thread_main(void *context)
{
    struct keeper *k = context;

    while (loop_running(&k->loop)) {
        loop_poll(&k->loop, -1);
    }
    return NULL;
}

int keeper_open(struct keeper *k, struct fib *fib, struct talk *talk)
{
    int err;

    memset(k, 0, sizeof *k);
    pthread_mutex_init(&k->lock, NULL);
    k->fib = fib;
    k->talk = talk;
    neigh_open(&k->neigh, talk);
    err = loop_open(&k->loop);
    if (err != 0) {
        return err;
    }
    k->tick.fire = on_tick;
    k->wake = (struct loop_fd){.fd = talk->wake, .ready = on_wake};
    return loop_add(&k->loop, &k->wake, EPOLLIN);
}

int keeper_start(struct keeper *k)
{
    int err = pthread_create(&k->thread, NULL, thread_main, k);

    if (err == 0) {
        fib_start(); /* liburcu aborts where there can be no thread: ours is the one that says so */
    }
    return -err;
}

void keeper_stop(struct keeper *k)
{
    uint64_t one = 1;

    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_mutex_unlock(&k->lock);
    if (write(k->talk->wake, &one, sizeof one) < 0) {
        log_error("cannot wake the control thread: %s", strerror(errno));
    }
    pthread_join(k->thread, NULL);
}

void keeper_close(struct keeper *k)
{
    board_read_leave(&k->role);
    loop_close(&k->loop);
    neigh_close(&k->neigh);
    pthread_mutex_destroy(&k->lock);
}
