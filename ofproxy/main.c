/* ofproxy/main.c - the switches' side of the stack: OpenFlow to records and back.
 *
 *     switch ══OpenFlow══ [ on_PACKET_IN    ] --PKT_IN--> vnsbridge
 *                         [ send_packet_out ] <-PKT_OUT-- */
#include <inttypes.h>

#include "common/control.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/ovsdb_client.h"
#include "ofproxy/status.h"
#include "ofproxy/tls.h"
#include "shm/fault.h"

int main(int argc, char **argv)
{
    static struct ofproxy p;
    static struct tls tls;
    struct ovsdb_client *db;
    struct sandbox box;
    struct config c;
    unsigned needs;

    loop_hold_signals();
    config_load(&c, CONFIG_OFPROXY, argc, argv);
    sandbox_config(&box, &c);
    hello_versions(config_str(&c, CONFIG_OFPROXY_OPENFLOW)); /* a mistake is told before all else */
    of_listen_check(config_str(&c, CONFIG_OFPROXY_LISTEN));
    needs = SANDBOX_SERVE | of_dial_check(&c);
    if (tls_wanted(&c)) {
        tls_config(&tls, &c);
        needs |= SANDBOX_FILES;
    }
    db = ovsdb_open(&c);
    needs |= ovsdb_needs(db);
    fault_open();
    ofproxy_open(&p, &c, config_str(&c, CONFIG_STACK_RUN_DIR));
    p.ovsdb = db;
    if (needs & SANDBOX_FILES) {
        ofproxy_tls(&p, &tls);
    }
    if (loop_catch_signals(&p.loop) != 0) {
        die("cannot catch signals: too many open files? raise ulimit -n");
    }
    of_listen(&p, config_str(&c, CONFIG_OFPROXY_LISTEN));
    of_dial_open(&p, &c);
    status_open(&p);
    sandbox_enter(&box, needs);
    if (p.tls) {
        tls_sandboxed(&tls, box.user);
    }
    control_serve();
    ovsdb_serve(db);
    log_info("listening on=\"%s\"", p.listening);
    while (loop_running(&p.loop)) {
        ofproxy_turn(&p);
    }
    log_info("stopped received=%" PRIu64 " forwarded=%" PRIu64 " answered=%" PRIu64
             " dropped=%" PRIu64,
             counter_get(OFPROXY_RECEIVED), counter_get(OFPROXY_FORWARDED),
             counter_get(OFPROXY_ANSWERED), counter_get(OFPROXY_DROPPED));
    ofproxy_close(&p);
    tls_close(&tls);
    ovsdb_close(db);
    config_free(&c);
    return 0;
}
