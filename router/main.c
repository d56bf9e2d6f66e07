/* router/main.c - the decision: what becomes of each frame.
 *
 *     vnsbridge --VNS_IN--> [ router_turn: forward ] --VNS_OUT--> vnsbridge
 *
 * or, with --server, the same over a TCP connection to any VNS server.  This thread, the packet
 * thread, takes no lock; the keeper's thread owns neighbours, routes and their timers. */
#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "common/config.h"
#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/sandbox.h"
#include "router/commands.h"
#include "router/keeper.h"
#include "router/port_ring.h"
#include "router/router.h"
#include "shm/topo.h"
#include "shm/wait.h"

/* All of it: too big for a stack, and there is one. */
static struct {
    struct config config;
    struct topo topo;
    struct loop loop;
    struct waiter wait;
    struct talk talk;
    struct keeper keeper;
    struct router router;
    struct fib *fib;
    char user[32];
} m;

static void check_names(const struct config *c)
{
    const char *vhost = config_str(c, CONFIG_ROUTER_VHOST);
    const char *user = config_str(c, CONFIG_ROUTER_USER);
    const struct passwd *pw = user[0] ? NULL : getpwuid(geteuid());

    if (!config_is_name(vhost, 31)) {
        die_usage("vhost is '%.60s', expected a name of 1 to 31 ASCII characters without blanks",
                  vhost);
    }
    if (config_str(c, CONFIG_ROUTER_TEMPLATE)[0] != '\0' &&
        config_str(c, CONFIG_ROUTER_SERVER)[0] == '\0') {
        die_usage("--template is for a VNS server: give its address with --server");
    }
    snprintf(m.user, sizeof m.user, "%s", user[0] ? user : (pw ? pw->pw_name : "nobody"));
}

/* The stack's rules of waiting, with RCU told of each sleep. */
static void sleeping(void *context)
{
    (void)context;
    pcap_flush(&m.router.pcap);
    rcu_thread_offline();
}

static void awake(void *context)
{
    (void)context;
    rcu_thread_online();
}

static void start_wait(const struct config *c)
{
    enum wait_policy policy = WAIT_AUTO;

    wait_policy_parse(config_str(c, CONFIG_STACK_WAIT), &policy); /* config_load checked it */
    if (loop_open(&m.loop) != 0 || loop_catch_signals(&m.loop) != 0 ||
        wait_open(&m.wait, &m.loop, policy, (uint64_t)config_int(c, CONFIG_STACK_WAIT_WINDOW),
                  &m.topo.bell[m.topo.me]) != 0) {
        die("cannot make an event loop: too many open files? raise ulimit -n");
    }
    m.wait.before_sleep = sleeping;
    m.wait.after_sleep = awake;
}

/* ---- the two transports ------------------------------------------------------------------- */

static void seen_leaving(void *context, const struct record *r)
{
    if (r->hold != 0) {
        hold_left(context, r->hold);
    }
}

/* A held frame whose sending killed twice: it had its verdict, so it is no drop. */
static void give_up_poison(struct hold *h)
{
    const struct hold_slot *s = hold_poison(h, port_ring_settled(m.router.port));
    char where[40];

    if (!s) {
        return;
    }
    snprintf(where, sizeof where, "held-for=%u.%u.%u.%u", s->next_hop >> 24,
             s->next_hop >> 16 & 255, s->next_hop >> 8 & 255, s->next_hop & 255);
    quarantine_put(&m.router.quarantine, &(struct quarantine_frame){.head = s->frame,
                                                                    .head_len = s->len,
                                                                    .where = where,
                                                                    .deaths = hold_deaths(h, s),
                                                                    .signal = h->note.signal});
    counter_add(ROUTER_QUARANTINED, 1);
    hold_left(h, s->serial);
}

/* Frames that were held and are no more were given up: too old, or their store went with a router
 * on TCP.  (One more than counted: it was given up, but its slot was not freed.) */
static void count_held(void)
{
    uint64_t there = hold_frames(&m.router.hold);
    uint64_t gone = counter_get(ROUTER_HOLDING) - there; /* any number, after a liar */

    if (gone != 0) {
        counter_tally(&m.router.tally, ROUTER_HOLDING, (int64_t)-gone);
        counter_tally(&m.router.tally, ROUTER_HELD_EXPIRED, (int64_t)gone);
        counter_apply(&m.router.tally, 0, 0);
    }
}

static void open_ring(const struct config *c)
{
    struct port_events events = router_events(&m.router);
    struct port_ring_config ring = {.topo = &m.topo,
                                    .wait = &m.wait,
                                    .vhost = config_str(c, CONFIG_ROUTER_VHOST),
                                    .user = m.user,
                                    .topology = (uint32_t)config_int(c, CONFIG_ROUTER_TOPOLOGY)};
    struct hold *h = &m.router.hold;
    unsigned kept, old;

    quarantine_open(&m.router.quarantine, m.topo.run_dir, "router");
    m.router.port = port_ring_open(&ring, &events);
    port_ring_last_batch(m.router.port, seen_leaving, h);
    give_up_poison(h);
    fault_watch(&h->note);
    kept = hold_restore(h, port_ring_settled(m.router.port), loop_now_ns(), &old);
    if (kept + old > 0) {
        log_info("frames held by the predecessor kept=%u given_up=%u", kept, old);
    }
}

/* A row that a router on the ring left says that it is one still; and it may have died before it
 * counted what it had published. */
static void clear_session(void)
{
    struct session_row none = {0};
    struct board_writer session;
    struct ring_stats out;

    if (topo_ring_stats(m.topo.run_dir, TOPO_VNS_OUT, &out) == 0) {
        counter_recover(TOPO_VNS_OUT, out.tail);
    }
    topo_board_writer(&m.topo, &session, TOPO_SESSION);
    board_put(&session, 0, &none);
    board_publish(&session);
    board_write_leave(&session);
}

static void open_tcp(const struct config *c)
{
    struct port_events events = router_events(&m.router);
    struct port_vns_config vns = {.loop = &m.loop,
                                  .server = config_str(c, CONFIG_ROUTER_SERVER),
                                  .vhost = config_str(c, CONFIG_ROUTER_VHOST),
                                  .user = m.user,
                                  .port = (uint16_t)config_int(c, CONFIG_ROUTER_PORT),
                                  .topology = (uint16_t)config_int(c, CONFIG_ROUTER_TOPOLOGY),
                                  .template_name = config_str(c, CONFIG_ROUTER_TEMPLATE),
                                  .auth_key = config_str(c, CONFIG_ROUTER_AUTH_KEY)};

    clear_session();
    m.router.port = port_vns_open(&vns, &events);
}

/* ---- start and stop ----------------------------------------------------------------------- */

static void open_keeper(const struct config *c, bool ring)
{
    char why[400];

    if (fib_open(&m.fib) != 0 || talk_open(&m.talk, &m.topo.bell[m.topo.me]) != 0 ||
        keeper_open(&m.keeper, m.fib, &m.talk) != 0) {
        die("no memory for the routing and neighbour tables");
    }
    m.keeper.vhost = config_str(c, CONFIG_ROUTER_VHOST);
    if (role_watch(&m.keeper.role, m.topo.run_dir, "router", why, sizeof why) != 0) {
        die("%s", why);
    }
    m.keeper.hold = &m.router.hold;
    if (ring) {
        snprintf(m.keeper.transport, sizeof m.keeper.transport, "ring");
    } else {
        snprintf(m.keeper.transport, sizeof m.keeper.transport, "tcp:%.40s:%ld",
                 config_str(c, CONFIG_ROUTER_SERVER), config_int(c, CONFIG_ROUTER_PORT));
    }
    keeper_routes(&m.keeper, config_str(c, CONFIG_ROUTER_RTABLE), m.keeper.vhost);
    wait_ring(&m.wait, &m.talk.down_rx);
}

static void open_all(const struct config *c)
{
    bool ring = config_str(c, CONFIG_ROUTER_SERVER)[0] == '\0';
    const char *pcap = config_str(c, CONFIG_ROUTER_PCAP);
    char held[160], why[256];

    fault_open();
    topo_open(&m.topo, config_str(c, CONFIG_STACK_RUN_DIR), TOPO_ROUTER);
    counter_start(m.topo.run_dir, COUNTER_OF_ROUTER);
    start_wait(c);
    open_keeper(c, ring);
    snprintf(held, sizeof held, "%s/router.held", m.topo.run_dir);
    router_open(&m.router, m.fib, &m.talk, &m.keeper.neigh, ring ? held : NULL);
    m.router.role = &m.topo.role;
    if (pcap[0] != '\0' && pcap_open(&m.router.pcap, pcap, why, sizeof why) != 0) {
        die("%s", why);
    }
    if (ring) {
        open_ring(c);
    } else {
        open_tcp(c);
    }
    count_held();
}

/* What the sandbox must leave: on the ring, nothing; else a connection, and names for it. */
static unsigned needs(const struct config *c)
{
    const char *server = config_str(c, CONFIG_ROUTER_SERVER);
    struct in6_addr numeric;

    if (server[0] == '\0') {
        return SANDBOX_RINGS;
    }
    return inet_pton(AF_INET, server, &numeric) == 1 || inet_pton(AF_INET6, server, &numeric) == 1
               ? SANDBOX_DIAL
               : SANDBOX_DIAL | SANDBOX_NAMES;
}

static void start_threads(void)
{
    int err = keeper_start(&m.keeper);

    if (err != 0) {
        die("cannot start a thread: %s: raise the limit of processes (ulimit -u)", strerror(-err));
    }
    control_serve();
}

static void close_all(void)
{
    role_state(&m.topo.role, ROLE_STOPPING, "%s", "");
    control_stop();
    keeper_stop(&m.keeper);
    m.router.port->ops->close(m.router.port);
    pcap_close(&m.router.pcap);
    router_close(&m.router);
    keeper_close(&m.keeper);
    fib_close(m.fib);
    talk_close(&m.talk);
    loop_close(&m.loop);
    topo_close(&m.topo);
    config_free(&m.config);
}

int main(int argc, char **argv)
{
    struct sandbox box;

    loop_hold_signals();
    config_load(&m.config, CONFIG_ROUTER, argc, argv);
    check_names(&m.config);
    sandbox_config(&box, &m.config);
    open_all(&m.config);
    control_start(m.topo.run_dir, "router", commands(&m.keeper));
    sandbox_enter(&box, needs(&m.config));
    start_threads();
    topo_ring_all(&m.topo); /* whoever waited for a router looks again */

    rcu_register_thread();
    while (loop_running(&m.loop)) {
        unsigned work = router_turn(&m.router, loop_now_ns());

        rcu_quiescent_state();
        wait_turn(&m.wait, work);
    }
    rcu_unregister_thread();
    log_info("stopped received=%llu", (unsigned long long)counter_get(ROUTER_RECEIVED));
    close_all();
    return 0;
}
