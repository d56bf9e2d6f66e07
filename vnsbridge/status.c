/* vnsbridge/status.c - copies of the state, and JSON of the copies. */
#include "vnsbridge/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vnsbridge/bridge.h"

#define ANSWER_MS 1000

/* ---- the packet thread --------------------------------------------------------------------- */

static void copy_client(struct status_client *to, const struct client *c)
{
    *to = (struct status_client){.state = c->state,
                                 .frames_in = c->frames_in,
                                 .frames_out = c->frames_out,
                                 .frames_slow = c->frames_slow,
                                 .since_ns = c->since_ns,
                                 .queue_len = c->queue_len};
    memcpy(to->peer, c->peer, sizeof c->peer);
    memcpy(to->user, c->user, sizeof to->user);
    if (c->vhost) {
        memcpy(to->vhost, c->vhost->name, sizeof to->vhost);
    }
}

static void on_wake(struct loop_fd *self, uint32_t events)
{
    struct status *s = (struct status *)(void *)self;
    struct bridge *b = s->bridge;
    uint64_t asked;

    (void)events;
    if (read(self->fd, &asked, sizeof asked) < 0) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->n_leases = b->vhosts.n;
    for (unsigned i = 0; i < b->vhosts.n; i++) {
        board_peek(&b->leases, i, &s->lease[i]);
    }
    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        s->interface[row] = b->bind.entry[row].row;
        if (!b->bind.entry[row].spec) {
            s->interface[row].vhost[0] = '\0';
        }
    }
    s->n_clients = 0;
    for (unsigned i = 0; i < b->clients.max; i++) {
        if (b->clients.list[i].state != CLIENT_FREE) {
            copy_client(&s->client[s->n_clients++], &b->clients.list[i]);
        }
    }
    s->now_ns = loop_now_ns();
    s->fresh = true;
    pthread_cond_broadcast(&s->filled);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the control thread -------------------------------------------------------------------- */

/* Returns with the lock held, and a copy no older than the call; false: no answer, no lock. */
static bool ask(struct status *s, char *why, size_t why_size)
{
    const uint64_t one = 1;
    struct timespec end;
    int err = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ANSWER_MS / 1000;
    pthread_mutex_lock(&s->lock);
    s->fresh = false;
    if (write(s->wake.fd, &one, sizeof one) != (ssize_t)sizeof one) {
        err = errno;
    }
    while (!s->fresh && err == 0) {
        err = pthread_cond_timedwait(&s->filled, &s->lock, &end);
    }
    if (!s->fresh) {
        pthread_mutex_unlock(&s->lock);
        snprintf(why, why_size, "vnsbridge is too busy to answer: %s", strerror(err));
        return false;
    }
    return true;
}

static json_t *address(uint32_t ip)
{
    struct in_addr a = {htonl(ip)};
    char text[INET_ADDRSTRLEN];

    return json_string(inet_ntop(AF_INET, &a, text, sizeof text));
}

static json_t *interface_json(const struct interface_row *r, uint32_t row)
{
    char mac[18], dpid[17];

    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", r->mac[0], r->mac[1], r->mac[2],
             r->mac[3], r->mac[4], r->mac[5]);
    snprintf(dpid, sizeof dpid, "%016" PRIx64, r->dpid);
    return json_pack("{s:i s:s s:s s:o s:o s:b s:b s:s* s:s* s:i s:i}", "row", (int)row, "vhost",
                     r->vhost, "name", r->name, "ip", address(r->ip), "mask", address(r->mask),
                     "known", (int)r->known, "up", (int)r->up, "mac", r->known ? mac : NULL, "dpid",
                     r->known ? dpid : NULL, "port", (int)r->port, "speed", (int)r->speed);
}

static json_t *interfaces_json(const struct status *s, const char *vhost)
{
    json_t *list = json_array();

    for (uint32_t row = 0; row < VHOST_ROWS; row++) {
        const struct interface_row *r = &s->interface[row];

        if (r->vhost[0] && (!vhost || strcmp(r->vhost, vhost) == 0)) {
            json_array_append_new(list, interface_json(r, row));
        }
    }
    return list;
}

static json_t *clients_json(const struct status *s)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < s->n_clients; i++) {
        const struct status_client *c = &s->client[i];

        json_array_append_new(
            list, json_pack("{s:s s:s s:s s:s s:I s:I s:I s:I s:f}", "peer", c->peer, "user",
                            c->user, "vhost", c->vhost, "state", client_state_name(c->state),
                            "frames_in", (json_int_t)c->frames_in, "frames_out",
                            (json_int_t)c->frames_out, "frames_slow", (json_int_t)c->frames_slow,
                            "queue_bytes", (json_int_t)c->queue_len, "seconds",
                            (double)(s->now_ns - c->since_ns) / 1e9));
    }
    return list;
}

static json_t *vhosts_json(const struct status *s)
{
    static const char *const owners[] = {"nobody", "ring", "client"};
    static const char *const states[] = {"empty", "waiting", "ready"};
    json_t *list = json_array();

    for (unsigned i = 0; i < s->n_leases; i++) {
        const struct lease_row *r = &s->lease[i];

        json_array_append_new(list, json_pack("{s:s s:s s:s s:s s:s s:o}", "vhost", r->vhost,
                                              "owner", owners[r->owner % 3], "state",
                                              states[r->state % 3], "peer", r->peer, "text",
                                              r->text, "interfaces", interfaces_json(s, r->vhost)));
    }
    return list;
}

static json_t *on_status(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    json_t *answer;

    (void)params;
    if (!ask(s, why, why_size)) {
        return NULL;
    }
    answer = json_pack("{s:o s:o}", "vhosts", vhosts_json(s), "clients", clients_json(s));
    pthread_mutex_unlock(&s->lock);
    return answer;
}

static json_t *on_interfaces(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    const char *vhost = json_string_value(json_object_get(params, "vhost"));
    json_t *answer;

    if (!ask(s, why, why_size)) {
        return NULL;
    }
    answer = interfaces_json(s, vhost);
    pthread_mutex_unlock(&s->lock);
    return answer;
}

static json_t *on_clients(void *context, json_t *params, char *why, size_t why_size)
{
    struct status *s = context;
    json_t *answer;

    (void)params;
    if (!ask(s, why, why_size)) {
        return NULL;
    }
    answer = clients_json(s);
    pthread_mutex_unlock(&s->lock);
    return answer;
}

int status_open(struct bridge *b)
{
    struct status *s = &b->status;
    pthread_condattr_t attributes;

    *s = (struct status){.wake = {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .ready = on_wake},
                         .bridge = b,
                         .methods = {{"status", on_status, s},
                                     {"interfaces", on_interfaces, s},
                                     {"clients", on_clients, s}}};
    s->client = calloc(b->clients.max, sizeof *s->client);
    if (s->wake.fd < 0 || !s->client) {
        return s->wake.fd < 0 ? -errno : -ENOMEM;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return loop_add(&b->loop, &s->wake, EPOLLIN);
}

void status_close(struct bridge *b)
{
    loop_remove(&b->loop, &b->status.wake);
    close(b->status.wake.fd);
    pthread_cond_destroy(&b->status.filled);
    pthread_mutex_destroy(&b->status.lock);
    free(b->status.client);
}
