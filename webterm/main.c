/* webterm/main.c - the lab in a browser, and the stack seen alive.
 *
 *     browsers ==HTTP, WebSocket==> [ http ] -- [ term    ] --pty rings--> ptyhost
 *                                            -- [ api     ] --control sockets--> the others
 *                                            -- [ live    ] \
 *                                            -- [ packets ]  >- boards, counters, mirrors
 *                                            -- [ assets  ] the page itself */
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/config.h"
#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "shm/fault.h"
#include "shm/topo.h"
#include "webterm/address.h"
#include "webterm/api.h"
#include "webterm/buttons.h"
#include "webterm/events.h"
#include "webterm/http.h"
#include "webterm/live.h"
#include "webterm/packets.h"
#include "webterm/term.h"

struct webterm {
    struct config config;
    struct topo topo;
    struct loop loop;
    struct http *http;
    struct live *live;
    struct packets packets;
    struct api *api;
    struct buttons *buttons;
    struct term *term;
};

static void configure(struct webterm *w, int argc, char **argv)
{
    char why[400];

    config_load(&w->config, CONFIG_WEBTERM, argc, argv);
    w->buttons = buttons_open(config_str(&w->config, CONFIG_WEBTERM_BUTTONS), why, sizeof why);
    if (!w->buttons) {
        die_usage("%s: correct it, or name another file with --buttons", why);
    }
}

static void open_http(struct webterm *w)
{
    const struct config *c = &w->config;
    struct http_settings set = {
        .listen = config_str(c, CONFIG_WEBTERM_LISTEN),
        .run_dir = config_str(c, CONFIG_STACK_RUN_DIR),
        .tls_key = config_str(c, CONFIG_WEBTERM_TLS_KEY),
        .tls_cert = config_str(c, CONFIG_WEBTERM_TLS_CERT),
        .origins = config_str(c, CONFIG_WEBTERM_ORIGINS),
        .max_clients = (unsigned)config_int(c, CONFIG_WEBTERM_MAX_CLIENTS),
        .idle_s = (unsigned)config_int(c, CONFIG_WEBTERM_IDLE_TIMEOUT),
    };
    char why[400];

    if (http_open(&w->http, &set, why, sizeof why) != 0) {
        die("%s", why);
    }
}

/* SIGTERM, SIGINT */
static void on_signal(void *context)
{
    struct webterm *w = context;

    http_stop(w->http);
}

static void hello(void *context, struct http_request *q)
{
    static const char page[] = "<!doctype html><title>Causeway</title><p>Causeway runs.\n";

    (void)context;
    http_answer_static(q, 200, "text/html; charset=utf-8", NULL, page, sizeof page - 1);
}

/* First: the others have topics. */
static void open_live(struct webterm *w)
{
    char why[400];

    w->live = live_open(w->http, why, sizeof why);
    if (!w->live || events_open(w->live, w->http, w->topo.run_dir, why, sizeof why) != 0) {
        die("%s", why);
    }
}

static void open_api(struct webterm *w)
{
    char why[200];

    w->api = api_open(w->http, w->live, w->topo.run_dir, why, sizeof why);
    if (!w->api) {
        die("%s", why);
    }
}

static void open_term(struct webterm *w)
{
    struct term_settings set = {
        .http = w->http,
        .live = w->live,
        .topo = &w->topo,
        .sessions = (unsigned)config_int(&w->config, CONFIG_PTYHOST_MAX_SESSIONS),
        .recordings = config_str(&w->config, CONFIG_WEBTERM_RECORDINGS),
    };
    char why[400];

    w->term = term_open(&set, why, sizeof why);
    if (!w->term) {
        die("%s", why);
    }
}

static void open_packets(struct webterm *w)
{
    char why[400];

    if (packets_open(&w->packets, w->http, w->live, w->topo.run_dir, why, sizeof why) != 0) {
        die("%s", why);
    }
}

/* Each module of webterm is opened here by one call. */
static void open_modules(struct webterm *w)
{
    open_live(w);
    open_api(w);
    open_packets(w);
    buttons_serve(w->buttons, w->http);
    open_term(w);
    http_route(w->http, "GET", "/", HTTP_ANYONE, hello, NULL);
}

static void say_ready(struct webterm *w)
{
    char where[96];

    address_say(where, sizeof where, config_str(&w->config, CONFIG_WEBTERM_LISTEN),
                w->topo.run_dir);
    role_state(&w->topo.role, ROLE_READY, "%s", where);
}

int main(int argc, char **argv)
{
    static struct webterm w;

    loop_hold_signals();
    configure(&w, argc, argv);
    topo_open(&w.topo, config_str(&w.config, CONFIG_STACK_RUN_DIR), TOPO_WEBTERM);
    loop_open(&w.loop);
    loop_catch_signals(&w.loop);
    open_http(&w);
    open_modules(&w);
    fault_open(); /* a file that its owner cuts short is no reason to die (shm/guard.h) */
    control_open(w.topo.run_dir, topo_process_name(TOPO_WEBTERM), NULL);
    control_serve();
    api_start(w.api);
    packets_start(&w.packets);
    http_watch(w.http, w.loop.signals.fd, on_signal, &w);
    say_ready(&w);
    log_info("started run_dir=%s listen=%s", w.topo.run_dir,
             config_str(&w.config, CONFIG_WEBTERM_LISTEN));
    notify_up();
    http_run(w.http);
    role_state(&w.topo.role, ROLE_STOPPING, "%s", "");
    control_stop();
    api_close(w.api);
    http_close(w.http);
    packets_close(&w.packets);
    buttons_close(w.buttons);
    term_close(w.term);
    topo_close(&w.topo);
    config_free(&w.config);
    log_info("stopped");
    return 0;
}
