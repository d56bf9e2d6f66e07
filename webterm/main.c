/* webterm/main.c - the lab in a browser, and the stack seen alive.
 *
 *     browsers ==HTTP, WebSocket==> [ http ] -- [ term    ] --pty rings--> ptyhost
 *                                            -- [ api     ] --control sockets--> the others
 *                                            -- [ live    ] \
 *                                            -- [ packets ]  >- boards, counters, mirrors
 *                                            -- [ assets  ] the page itself */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "common/sandbox.h"
#include "shm/fault.h"
#include "shm/topo.h"
#include "webterm/address.h"
#include "webterm/api.h"
#include "webterm/assets.h"
#include "webterm/auth.h"
#include "webterm/buttons.h"
#include "webterm/events.h"
#include "webterm/live.h"
#include "webterm/packets.h"
#include "webterm/secret.h"
#include "webterm/term.h"

#define WHERE 96 /* room for the address of the page, as a role has it */

struct webterm {
    struct config config;
    struct topo topo;
    struct loop loop;
    struct audit audit;
    struct auth *auth;
    struct http *http;
    struct live *live;
    struct packets packets;
    struct api *api;
    struct term *term;
    struct buttons *buttons;
};

/* A mistake in the settings ends with 2, a machine that is not as it must be with 1. */
static _Noreturn void cannot(int err, const char *why)
{
    if (err == -EINVAL) {
        die_usage("%s", why);
    }
    die("%s", why);
}

/* What is read from files of the settings: mistakes there come first. */
static void open_files(struct webterm *w)
{
    const struct config *c = &w->config;
    struct auth_settings set = {
        .run_dir = config_str(c, CONFIG_STACK_RUN_DIR),
        .password_file = config_str(c, CONFIG_WEBTERM_PASSWORD_FILE),
        .viewer_password_file = config_str(c, CONFIG_WEBTERM_VIEWER_PASSWORD_FILE),
        .token_file = config_str(c, CONFIG_WEBTERM_TOKEN_FILE),
        .idle_s = (unsigned)config_int(c, CONFIG_WEBTERM_IDLE_TIMEOUT),
        .audit = &w->audit,
    };
    char why[1000];
    int err = audit_open(&w->audit, config_str(c, CONFIG_WEBTERM_AUDIT), why, sizeof why);

    err = err ? err : auth_open(&w->auth, &set, why, sizeof why);
    if (err) {
        cannot(err, why);
    }
    w->buttons = buttons_open(config_str(c, CONFIG_WEBTERM_BUTTONS), why, sizeof why);
    if (!w->buttons) {
        die_usage("%s: correct it, or name another file with --buttons", why);
    }
}

static void on_change(void *context, const struct http_request *q)
{
    struct webterm *w = context;
    const char *path = http_path(q);

    if (strcmp(path, "/api/v1/login") == 0 || strcmp(path, "/api/v1/logout") == 0) {
        return; /* auth.c has a line for how it went */
    }
    audit_line(&w->audit, http_peer(q), AUDIT_NO_SESSION, "%s %s", http_method(q), path);
}

static struct http_settings settings(struct webterm *w)
{
    const struct config *c = &w->config;

    return (struct http_settings){
        .listen = config_str(c, CONFIG_WEBTERM_LISTEN),
        .run_dir = config_str(c, CONFIG_STACK_RUN_DIR),
        .tls_key = config_str(c, CONFIG_WEBTERM_TLS_KEY),
        .tls_cert = config_str(c, CONFIG_WEBTERM_TLS_CERT),
        .origins = config_str(c, CONFIG_WEBTERM_ORIGINS),
        .max_clients = (unsigned)config_int(c, CONFIG_WEBTERM_MAX_CLIENTS),
        .idle_s = (unsigned)config_int(c, CONFIG_WEBTERM_IDLE_TIMEOUT),
        .who = auth_who,
        .alive = auth_alive,
        .who_context = w->auth,
        .changes = on_change,
        .changes_context = w,
    };
}

static void check_address(const char *address)
{
    bool http = strncmp(address, "http://", 7) == 0 || strncmp(address, "https://", 8) == 0;

    if (address[0] &&
        (!http || strlen(address) >= WHERE || strcspn(address, " #\"") < strlen(address))) {
        die_usage(
            "address is '%.100s', expected at most %d characters of a page's address, such as "
            "http://lab.example.org/",
            address, WHERE - 1);
    }
}

/* Mistakes in the settings are said before anything is made. */
static void check_http(struct webterm *w)
{
    struct http_settings set = settings(w);
    bool is_public;
    char why[400];

    check_address(config_str(&w->config, CONFIG_WEBTERM_ADDRESS));
    if (http_check(&set, &is_public, why, sizeof why) != 0) {
        die_usage("%s", why);
    }
    if (is_public && !auth_asks(w->auth)) {
        die_usage("listen: %s can be reached from elsewhere, and everyone would type as root: name "
                  "a password-file or a token-file, or listen on 127.0.0.1",
                  set.listen);
    }
}

static void open_http(struct webterm *w)
{
    struct http_settings set = settings(w);
    char why[400];
    int err = http_open(&w->http, &set, why, sizeof why);

    if (err) {
        cannot(err, why);
    }
}

static void on_signal(void *context)
{
    struct webterm *w = context;

    http_stop(w->http);
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

static void on_typed(void *context, const char *peer, unsigned session, const char *text)
{
    struct webterm *w = context;

    audit_line(&w->audit, peer, (int)session, "typed %s", text);
}

static void open_term(struct webterm *w, const struct sandbox *box)
{
    struct term_settings set = {
        .http = w->http,
        .live = w->live,
        .topo = &w->topo,
        .sessions = (unsigned)config_int(&w->config, CONFIG_PTYHOST_MAX_SESSIONS),
        .recordings = config_str(&w->config, CONFIG_WEBTERM_RECORDINGS),
        .box = box,
        .audit = on_typed,
        .context = w,
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

/* Each module of webterm is opened by one call. */
static void open_modules(struct webterm *w, const struct sandbox *box)
{
    auth_routes(w->auth, w->http);
    assets_open(w->http);
    open_live(w);
    open_api(w);
    open_packets(w);
    open_term(w, box);
    buttons_serve(w->buttons, w->http);
}

/* webterm's loop is the HTTP library's; common/loop.h only catches the signals. */
static void open_signals(struct webterm *w)
{
    int err = loop_open(&w->loop);

    err = err ? err : loop_catch_signals(&w->loop);
    err = err ? err : http_watch(w->http, w->loop.signals.fd, on_signal, w);
    if (err) {
        die("cannot open the event loop: %s: raise the limit of open files (ulimit -n)",
            strerror(-err));
    }
}

static void close_all(struct webterm *w)
{
    role_state(&w->topo.role, ROLE_STOPPING, "%s", "");
    control_stop();
    api_stop(w->api);
    http_hang_up(w->http); /* while those are there who are told of it, and who may wake it */
    api_close(w->api);
    packets_close(&w->packets);
    term_close(w->term);
    buttons_close(w->buttons);
    http_close(w->http);
    auth_close(w->auth);
    audit_close(&w->audit);
    topo_close(&w->topo);
    loop_close(&w->loop);
    config_free(&w->config);
}

/* It would show nothing, and ask nobody. */
static void check_reach(const struct webterm *w, const struct sandbox *box)
{
    if (box->on && access(w->topo.run_dir, R_OK | X_OK) != 0) {
        die("user %s cannot reach the run directory %s: %s: let others pass the folders that it is "
            "in (chmod o+x), or choose one who can with --run-as",
            box->user, w->topo.run_dir, strerror(errno));
    }
}

/* With a password that was made, the address to open has it behind a '#', which a browser keeps to
 * itself; page/src/login.js takes it from there. */
static void say_ready(struct webterm *w)
{
    const char *address = config_str(&w->config, CONFIG_WEBTERM_ADDRESS);
    const char *made = auth_made(w->auth);
    char where[WHERE];

    address_say(where, sizeof where, config_str(&w->config, CONFIG_WEBTERM_LISTEN),
                w->topo.run_dir);
    if (address[0]) {
        snprintf(where, sizeof where, "%s", address);
    }
    role_state(&w->topo.role, ROLE_READY, "%s", where);
    log_info("started run_dir=%s listen=\"%s\" page=%s%s%s", w->topo.run_dir,
             config_str(&w->config, CONFIG_WEBTERM_LISTEN), where, made[0] ? "#login=" : "", made);
}

int main(int argc, char **argv)
{
    static struct webterm w;
    struct sandbox box;

    loop_hold_signals();
    config_load(&w.config, CONFIG_WEBTERM, argc, argv);
    sandbox_config(&box, &w.config);
    fault_open(); /* a file that its owner cuts short is no reason to die (shm/guard.h) */
    open_files(&w);
    check_http(&w);
    topo_open(&w.topo, config_str(&w.config, CONFIG_STACK_RUN_DIR), TOPO_WEBTERM);
    if (!auth_made(w.auth)[0]) {
        secret_forget(w.topo.run_dir); /* of one before us, who had other settings */
    }
    open_http(&w);
    open_modules(&w, &box);
    open_signals(&w);
    control_start(w.topo.run_dir, "webterm", NULL);
    sandbox_keep_group(&box, w.topo.run_dir);
    sandbox_enter(&box, SANDBOX_SERVE | SANDBOX_LOOK | SANDBOX_HTTP);
    check_reach(&w, &box);
    control_serve();
    api_start(w.api);
    packets_start(&w.packets);
    say_ready(&w);
    notify_up();
    http_run(w.http);
    close_all(&w);
    log_info("stopped");
    return 0;
}
