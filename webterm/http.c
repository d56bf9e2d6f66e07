/* webterm/http.c - opens the library and runs its loop. */
#include "webterm/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/http_conn.h"

static struct http *the_log; /* the library logs without a context */

/* What the library calls an error, a peer can cause at will: it is none of ours. */
static void library_says(int level, const char *line)
{
    size_t len = strcspn(line, "\n");

    if (the_log && level == LLL_ERR) {
        snprintf(the_log->complaint, sizeof the_log->complaint, "%.*s", (int)len, line);
    }
    log_debug("libwebsockets says text=\"%.*s\"", (int)(len > 200 ? 200 : len), line);
}

static int open_wakeup(struct http *h);

/* ---- opening ------------------------------------------------------------------------------ */

/* Slot 0 takes HTTP and descriptors that are watched; the others are WebSockets, named when they
 * are known.  The library keeps the pointers. */
static void name_protocols(struct http *h)
{
    for (unsigned i = 0; i <= HTTP_SOCKETS; i++) {
        struct lws_protocols *p = &h->protocols[i];

        p->callback = http_event;
        p->rx_buffer_size = HTTP_OUT;
        p->id = i;
        p->user = h;
        if (i == 0) {
            p->name = "http";
        } else {
            snprintf(h->sockets[i - 1].protocol, sizeof h->sockets[0].protocol, "-%u", i);
            p->name = h->sockets[i - 1].protocol;
        }
    }
}

/* Pings go out after half a minute of silence; who answers none is gone. */
static const lws_retry_bo_t keep_alive = {
    .secs_since_valid_ping = 30,
    .secs_since_valid_hangup = 75,
};

static struct lws_context_creation_info common_info(struct http *h)
{
    return (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = h->protocols,
        .user = h,
        .uid = -1,
        .gid = -1,
        .max_http_header_data = HTTP_LIBRARY_HEAD,
        .pt_serv_buf_size = LWS_PRE + HTTP_OUT,
        .keepalive_timeout = 60,
        .timeout_secs = 20,
        .retry_and_idle_policy = &keep_alive,
        .alpn = "http/1.1",
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   (strstr(h->set.listen, "ssl:") ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
    };
}

/* The library's tables are as large as the limit of open files. */
static void limit_files(const struct http *h)
{
    struct rlimit r;
    rlim_t need = h->set.max_clients + 256;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != need) {
        r.rlim_cur = r.rlim_max < need ? r.rlim_max : need;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static int open_library(struct http *h, char *why, size_t why_size)
{
    struct lws_context_creation_info info = common_info(h);

    limit_files(h);
    h->lws = lws_create_context(&info);
    if (h->lws) {
        info.vhost_name = "plain";
        h->plain = lws_create_vhost(h->lws, &info);
    }
    if (h->plain && strstr(h->set.listen, "ssl:")) {
        info.vhost_name = "tls";
        info.ssl_cert_filepath = h->set.tls_cert;
        info.ssl_private_key_filepath = h->set.tls_key;
        info.ssl_cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20";
        h->tls = lws_create_vhost(h->lws, &info);
    }
    if (!h->lws || !h->plain || (info.ssl_cert_filepath && !h->tls)) {
        snprintf(why, why_size, "cannot start libwebsockets: %s: give the process more memory",
                 h->complaint);
        return -ENOMEM;
    }
    return 0;
}

int http_open(struct http **out, const struct http_settings *settings, char *why, size_t why_size)
{
    struct http *h = calloc(1, sizeof *h);
    int err;

    if (!h) {
        snprintf(why, why_size, "no memory for the HTTP server: give the process more");
        return -ENOMEM;
    }
    h->set = *settings;
    the_log = h;
    lws_set_log_level(LLL_ERR | LLL_WARN, library_says);
    name_protocols(h);
    h->blocked = h->wakeup = -1;
    err = open_library(h, why, why_size);
    if (!err && (blocked_open(h) != 0 || open_wakeup(h) != 0)) {
        snprintf(why, why_size,
                 "no descriptors for the HTTP server: raise the limit of open files "
                 "(ulimit -n)");
        err = -EMFILE;
    }
    err = err ? err : listen_open(h, why, why_size);
    if (err) {
        http_close(h);
        return err;
    }
    h->sweep.fire = http_sweep;
    http_sweep(&h->sweep);
    *out = h;
    return 0;
}

void http_hang_up(struct http *h)
{
    if (h->lws) {
        lws_context_destroy(h->lws);
        h->lws = NULL;
    }
}

void http_close(struct http *h)
{
    http_hang_up(h);
    listen_close(h);
    if (h->blocked >= 0) {
        close(h->blocked);
    }
    if (h->wakeup >= 0) {
        close(h->wakeup);
    }
    the_log = NULL;
    free(h);
}

/* ---- routes ------------------------------------------------------------------------------- */

void http_route(struct http *h, const char *method, const char *path, enum http_role role,
                http_handler *handler, void *context)
{
    size_t len = strlen(path);
    bool starred = path[len - 1] == '*';

    if (h->n_routes == HTTP_ROUTES) {
        die("no room for the route %s %s: raise HTTP_ROUTES in webterm/http_conn.h", method, path);
    }
    h->routes[h->n_routes++] = (struct http_route){
        method, path, len - starred, starred, role, handler, context,
    };
}

void http_socket(struct http *h, const char *path, const char *protocol, enum http_role role,
                 const struct ws_ops *ops, void *context)
{
    struct http_socket_route *s = &h->sockets[h->n_sockets];

    if (h->n_sockets == HTTP_SOCKETS) {
        die("no room for the WebSocket %s: raise HTTP_SOCKETS in webterm/http_conn.h", path);
    }
    h->n_sockets++;
    s->h = h;
    s->path = path;
    s->role = role;
    s->ops = *ops;
    s->context = context;
    snprintf(s->protocol, sizeof s->protocol, "%s", protocol);
}

/* ---- the loop ----------------------------------------------------------------------------- */

int http_watch(struct http *h, int fd, void (*ready)(void *context), void *context)
{
    struct http_watch *w = &h->watches[h->n_watches];
    lws_adopt_desc_t d = {
        .vh = h->plain,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .vh_prot_name = "http",
        .opaque = w,
    };

    if (h->n_watches == HTTP_WATCHES) {
        return -ENOSPC;
    }
    *w = (struct http_watch){KIND_WATCH, ready, context};
    d.fd.filefd = dup(fd); /* the library closes its own */
    if (d.fd.filefd < 0) {
        return -errno;
    }
    h->n_watches++;
    return lws_adopt_descriptor_vhost_via_info(&d) ? 0 : -ENOMEM;
}

struct timer_in_library {
    lws_sorted_usec_list_t list;
    struct http_timer *timer;
};

static void timer_fires(lws_sorted_usec_list_t *list)
{
    struct http_timer *t = lws_container_of(list, struct timer_in_library, list)->timer;

    t->fire(t);
}

void http_timer_set(struct http *h, struct http_timer *t, uint64_t us)
{
    struct timer_in_library *in = (struct timer_in_library *)t->library;

    _Static_assert(sizeof *in <= sizeof t->library, "room for the library's timer");
    in->timer = t;
    lws_sul_schedule(h->lws, 0, &in->list, timer_fires, us ? (lws_usec_t)us : 1);
}

void http_on_wake(struct http *h, void (*woken)(void *context), void *context)
{
    if (h->n_wakers == HTTP_WAKERS) {
        die("no room for one more to wake: raise HTTP_WAKERS in webterm/http_conn.h");
    }
    h->wakers[h->n_wakers].woken = woken;
    h->wakers[h->n_wakers++].context = context;
}

static void on_wakeup(void *context)
{
    struct http *h = context;
    uint64_t count;

    if (read(h->wakeup, &count, sizeof count) < 0) {
        return;
    }
    for (unsigned i = 0; i < h->n_wakers; i++) {
        h->wakers[i].woken(h->wakers[i].context);
    }
}

static int open_wakeup(struct http *h)
{
    h->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return h->wakeup < 0 ? -errno : http_watch(h, h->wakeup, on_wakeup, h);
}

void http_wake(struct http *h)
{
    static const uint64_t one = 1;

    if (write(h->wakeup, &one, sizeof one) < 0) {
        return; /* it is full of wakes already */
    }
}

int http_run(struct http *h)
{
    while (!h->stop) {
        if (lws_service(h->lws, 0) < 0) {
            return -EIO;
        }
    }
    return 0;
}

void http_stop(struct http *h)
{
    h->stop = true;
    http_wake(h);
}

void http_count(const struct http *h, struct http_counts *n)
{
    *n = (struct http_counts){
        .connections = h->n_conns, .requests = h->requests, .sent_bytes = h->sent_bytes};
    for (const struct conn *c = h->conns; c; c = c->next) {
        n->websockets += c->state == CONN_WS;
    }
}
