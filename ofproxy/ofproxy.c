/* ofproxy/ofproxy.c - opening, turning, closing. */
#include "ofproxy/ofproxy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/of_mirror.h"
#include "ofproxy/ovsdb_client.h"
#include "ofproxy/packet_in.h"
#include "ofproxy/status.h"
#include "ofproxy/tls.h"

#define TICK_MS 200
#define LOG_BURST 50    /* lines about peers at once */
#define LOG_EACH_MS 100 /* and then one in this time */

void peer_log(struct ofproxy *p, int level, const char *format, ...)
{
    struct peer_budget *b = &p->budget;
    uint64_t now = loop_now_ns(), gained = (now - b->at_ns) / (LOG_EACH_MS * 1000000ull);
    char text[600];
    va_list args;

    if (gained > 0) {
        b->lines = gained >= b->lines ? 0 : b->lines - (unsigned)gained;
        b->at_ns = now;
    }
    if (b->lines >= LOG_BURST) {
        b->left_out++;
        return;
    }
    b->lines++;
    if (b->left_out > 0) {
        log_warn("lines about switches left out count=%u", b->left_out);
        b->left_out = 0;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_line((enum log_level)level, "%s", text);
}

static void say_ready(struct ofproxy *p)
{
    if (lane_down(&p->vnsbridge)) {
        role_state(&p->topo.role, ROLE_WAITING, "%s", p->vnsbridge.text);
    } else if (p->listening) {
        bool none = strcmp(p->listening, "none") == 0;

        role_state(&p->topo.role, ROLE_READY, "%s %.60s, %u switch%s",
                   none ? "connecting to" : "listening on",
                   none && p->connecting ? p->connecting : p->listening, p->n_switches,
                   p->n_switches == 1 ? "" : "es");
    }
}

static void on_tick(struct loop_timer *t)
{
    struct ofproxy *p = (struct ofproxy *)((char *)t - offsetof(struct ofproxy, tick));
    uint64_t now = loop_now_ns();
    unsigned left = p->n_conns;

    for (unsigned i = 0; i < p->max_conns && left > 0; i++) {
        if (p->conns[i].state != CONN_FREE) {
            left--;
            session_tick(&p->conns[i], now);
        }
    }
    if (p->changed) {
        p->changed = false;
        say_ready(p);
    }
    of_listen_tick(p);
    of_enter_tick(p, now);
    if (p->tls) {
        tls_tick(p->tls, now);
    }
    of_mirror_tick(p);
    packet_out_expire(p, now);
    ingress_publish(&p->ingress);
    ovsdb_count(p->ovsdb);
    status_refresh(p);
    loop_timer_set(&p->loop, &p->tick, TICK_MS);
}

/* The counters say how many frames are in flight, and so does the arena.  They agree after a kill,
 * but in the middle of packet_out_expire; and somebody may throw away a file of the run directory,
 * or a predecessor that was out of its mind may have left any number there. */
static void reconcile(struct ofproxy *p)
{
    int64_t counted = (int64_t)counter_get(OFPROXY_IN_FLIGHT);
    int64_t there = arena_in_flight(&p->arena), more;

    if (counted == there) {
        return;
    }
    log_warn("frames in flight counted=%" PRId64 " found=%" PRId64
             ": killed while it gave up late frames, or a file of the run directory was replaced",
             counted, there);
    if (counted > there) {
        packet_in_given_up(p, DROP_RESTART, (uint64_t)(counted - there));
    } else {
        more = (int64_t)((uint64_t)there - (uint64_t)counted); /* which may be the lowest number */
        counter_tally(&p->tally, OFPROXY_IN_FLIGHT, more);
        counter_tally(&p->tally, OFPROXY_RECEIVED, more);
        counter_tally(&p->tally, OFPROXY_ADMITTED, more);
    }
    counter_apply(&p->tally, MARK_GIVEN_UP, counter_mark(MARK_GIVEN_UP));
}

/* Each switch takes a descriptor; many systems start a process with 1024. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void open_tables(struct ofproxy *p, unsigned max_conns)
{
    raise_limit();
    p->max_conns = max_conns;
    p->conns = calloc(max_conns, sizeof *p->conns);
    p->out_memory = mmap(NULL, (size_t)max_conns * OUT_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!p->conns || p->out_memory == MAP_FAILED) {
        die("no memory for %u connections: lower max-switches", max_conns);
    }
    for (unsigned i = max_conns; i-- > 0;) {
        p->conns[i].next_free = p->free;
        p->free = &p->conns[i];
    }
}

static void open_wait(struct ofproxy *p, const struct config *c)
{
    enum wait_policy policy = WAIT_AUTO;
    int err;

    wait_policy_parse(config_str(c, CONFIG_STACK_WAIT), &policy); /* config_load checked it */
    err = wait_open(&p->waiter, &p->loop, policy, (uint64_t)config_int(c, CONFIG_STACK_WAIT_WINDOW),
                    &p->topo.bell[TOPO_OFPROXY]);
    if (err != 0) {
        die("cannot wait for the doorbell: %s: raise the limit of open files (ulimit -n)",
            strerror(-err));
    }
    p->waiter.edge = true;
    wait_ring(&p->waiter, &p->pkt_out);
}

/* Of words, config_load has checked those that are one of a few. */
static void set_dialect(struct ofproxy *p, const struct config *c)
{
    const char *format = config_str(c, CONFIG_OFPROXY_PACKET_IN_FORMAT);

    p->versions = hello_versions(config_str(c, CONFIG_OFPROXY_OPENFLOW));
    p->role = (enum of_role)of_role_parse(config_str(c, CONFIG_OFPROXY_ROLE));
    p->packet_in_format = strcmp(format, "nxt_packet_in") == 0    ? 1
                          : strcmp(format, "nxt_packet_in2") == 0 ? 2
                                                                  : 0;
    p->controller_id = (uint16_t)config_int(c, CONFIG_OFPROXY_CONTROLLER_ID);
}

void ofproxy_open(struct ofproxy *p, const struct config *c, const char *run_dir)
{
    int err;

    memset(p, 0, sizeof *p);
    p->spare_fd = -1;
    p->send = sendmsg;
    p->echo_ns = (uint64_t)config_int(c, CONFIG_OFPROXY_ECHO_INTERVAL) * 1000000000u;
    p->handshake_ns = (uint64_t)config_int(c, CONFIG_OFPROXY_HANDSHAKE_TIMEOUT) * 1000000000u;
    set_dialect(p, c);
    err = loop_open(&p->loop);
    if (err != 0) {
        die("cannot open the event loop: %s: raise the limit of open files (ulimit -n)",
            strerror(-err));
    }
    topo_open(&p->topo, run_dir, TOPO_OFPROXY);
    counter_start(run_dir, COUNTER_OF_OFPROXY);
    open_tables(p, (unsigned)config_int(c, CONFIG_OFPROXY_MAX_SWITCHES));
    topo_arena(&p->topo, &p->arena);
    topo_tx(&p->topo, &p->pkt_in, TOPO_PKT_IN);
    topo_rx(&p->topo, &p->pkt_out, TOPO_PKT_OUT);
    lane_open(&p->vnsbridge, &p->topo, &p->pkt_out, TOPO_PKT_OUT, &p->pkt_in, TOPO_PKT_IN,
              OFPROXY_DETACHED);
    of_mirror_open(p);
    topo_measure(&p->topo, &p->latency, TOPO_MEASURE_LATENCY);
    ports_open(&p->ports, &p->topo);
    p->sessions = ports_last_session(&p->ports);
    ingress_open(&p->ingress, &p->topo, c, &p->tally);
    intake_open(&p->intake, &p->arena);
    counter_recover(TOPO_PKT_IN, p->pkt_in.tail);
    packet_in_resume(p);
    packet_out_resume(p);
    reconcile(p);
    flows_open(p, (unsigned)config_int(c, CONFIG_OFPROXY_SWITCH_METER));
    open_wait(p, c);
    p->tick.fire = on_tick;
    loop_timer_set(&p->loop, &p->tick, 0); /* the first at once: it says that we are ready */
    p->changed = true;
    topo_ring_all(&p->topo);
}

void ofproxy_tls(struct ofproxy *p, struct tls *tls)
{
    p->tls = tls;
    of_enter_open(p);
}

void ofproxy_turn(struct ofproxy *p)
{
    unsigned work = send_packet_out(p) + p->work;

    p->work = 0;
    ingress_look(&p->ingress);
    of_mirror_turn(p);
    wait_turn(&p->waiter, work);
}

void ofproxy_close(struct ofproxy *p)
{
    role_state(&p->topo.role, ROLE_STOPPING, "stopping");
    of_listen_close(p);
    of_out_flush(p);
    for (unsigned i = 0; i < p->max_conns; i++) {
        if (p->conns[i].state != CONN_FREE) {
            conn_close(&p->conns[i], "ofproxy stops");
        }
    }
    of_enter_close(p);
    of_dial_close(p);
    status_close(p);
    loop_timer_cancel(&p->loop, &p->tick);
    ports_close(&p->ports);
    ingress_close(&p->ingress);
    intake_close(&p->intake);
    ring_rx_leave(&p->pkt_out);
    ring_tx_leave(&p->pkt_in);
    arena_leave(&p->arena);
    mirror_write_leave(&p->mirror);
    measure_write_leave(&p->latency);
    free(p->conns);
    munmap(p->out_memory, (size_t)p->max_conns * OUT_SIZE);
    loop_close(&p->loop);
    topo_close(&p->topo);
}
