/* vnsbridge/main.c - names the switch's ports for the router, in both directions.
 *
 *     ofproxy --PKT_IN--> [ bridge_up   ] --VNS_IN--> router, or a VNS client's socket
 *     ofproxy <--PKT_OUT- [ bridge_down ] <-VNS_OUT-- router
 *                     ^---[ session     ] <---------- VNS clients */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "vnsbridge/bridge.h"

static void configure(struct bridge *b, int argc, char **argv)
{
    char why[1024];

    config_load(&b->config, CONFIG_VNSBRIDGE, argc, argv);
    if (!listen_check(config_str(&b->config, CONFIG_VNSBRIDGE_LISTEN), why, sizeof why)) {
        die_usage("%s", why);
    }
    if (vhosts_load(&b->vhosts, &b->config, why, sizeof why) != 0) {
        die_usage("%s", why);
    }
}

static void open_waiter(struct bridge *b)
{
    enum wait_policy policy = WAIT_AUTO;
    int err;

    wait_policy_parse(config_str(&b->config, CONFIG_STACK_WAIT),
                      &policy); /* config_load checked it */
    err = wait_open(&b->wait, &b->loop, policy,
                    (uint64_t)config_int(&b->config, CONFIG_STACK_WAIT_WINDOW),
                    &b->topo.bell[TOPO_VNSBRIDGE]);
    if (err != 0) {
        die("cannot wait for the doorbell: %s: raise the limit of open files (ulimit -n)",
            strerror(-err));
    }
    wait_ring(&b->wait, &b->pkt_in);
    wait_ring(&b->wait, &b->vns_out);
}

static void open_loop(struct bridge *b)
{
    int err = loop_open(&b->loop);

    err = err ? err : loop_catch_signals(&b->loop);
    if (err != 0) {
        die("cannot open the event loop: %s: raise the limit of open files (ulimit -n)",
            strerror(-err));
    }
}

static void open_all(struct bridge *b)
{
    const char *run_dir = config_str(&b->config, CONFIG_STACK_RUN_DIR);
    char why[400];
    int err;

    fault_open();
    open_loop(b);
    topo_open(&b->topo, run_dir, TOPO_VNSBRIDGE);
    counter_start(run_dir, COUNTER_OF_VNSBRIDGE);
    if (clients_open(b, (unsigned)config_int(&b->config, CONFIG_VNSBRIDGE_MAX_CLIENTS),
                     (int)config_int(&b->config, CONFIG_VNSBRIDGE_CLIENT_TIMEOUT)) != 0) {
        die("no memory for %ld VNS clients: lower max-clients",
            config_int(&b->config, CONFIG_VNSBRIDGE_MAX_CLIENTS));
    }
    if (listen_open(b, config_str(&b->config, CONFIG_VNSBRIDGE_LISTEN), why, sizeof why) != 0) {
        die("%s", why);
    }
    bridge_attach(b);
    open_waiter(b);
    err = status_open(b);
    if (err != 0) {
        die("cannot start the status: %s: raise the limit of open files (ulimit -n), or of memory",
            strerror(-err));
    }
    control_start(run_dir, "vnsbridge", b->status.methods);
}

static void close_all(struct bridge *b)
{
    control_stop();
    status_close(b);
    listen_close(b);
    clients_stop(b, "the VNS server stops");
    bridge_detach(b);
    topo_close(&b->topo);
    loop_close(&b->loop);
    vhosts_free(&b->vhosts);
    config_free(&b->config);
}

int main(int argc, char **argv)
{
    static struct bridge b;
    struct sandbox box;

    loop_hold_signals();
    configure(&b, argc, argv);
    sandbox_config(&box, &b.config);
    open_all(&b);
    sandbox_enter(&box, SANDBOX_SERVE);
    control_serve();
    log_info("started run_dir=%s vhosts=%u listen=%s", b.topo.run_dir, b.vhosts.n,
             config_str(&b.config, CONFIG_VNSBRIDGE_LISTEN));
    while (loop_running(&b.loop)) {
        bridge_turn(&b);
    }
    close_all(&b);
    log_info("stopped");
    return 0;
}
