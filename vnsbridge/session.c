/* vnsbridge/session.c - VNS, message by message. */
#include "vnsbridge/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"
#include "vnsbridge/lease.h"

__attribute__((format(printf, 2, 3))) static void banner(struct client *c, const char *format, ...)
{
    uint8_t message[264];
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    client_put(c, message, vns_text_message(message, sizeof message, VNS_BANNER, text));
}

void session_start(struct client *c)
{
    uint8_t message[8 + VNS_SALT_LEN];

    if (getrandom(c->salt, sizeof c->salt, 0) != (ssize_t)sizeof c->salt) {
        client_close(c, false, "no random numbers: %s", strerror(errno));
        return;
    }
    client_put(c, message,
               vns_auth_request_message(message, sizeof message, c->salt, sizeof c->salt));
}

/* ---- authentication ------------------------------------------------------------------------ */

/* Which virtual hosts' keys the hash proves.  Every key is tried, so the time tells nothing. */
static uint64_t proved_keys(const struct client *c, const uint8_t *hash)
{
    const struct vhosts *v = &c->bridge->vhosts;
    uint64_t proved = 0;

    for (unsigned i = 0; i < v->n; i++) {
        uint8_t good[VNS_HASH_LEN];

        if (v->list[i].has_key &&
            vns_auth_hash(good, c->salt, sizeof c->salt, v->list[i].key) == 0) {
            proved |= (uint64_t)vns_auth_equal(good, hash) << i;
        }
    }
    return proved;
}

static bool may_open(const struct client *c, unsigned index)
{
    return !c->bridge->vhosts.list[index].has_key || (c->proved >> index & 1) != 0;
}

static bool may_open_any(const struct client *c)
{
    for (unsigned i = 0; i < c->bridge->vhosts.n; i++) {
        if (may_open(c, i)) {
            return true;
        }
    }
    return false;
}

static void auth_status(struct client *c, bool ok, const char *text)
{
    uint8_t message[128];

    client_put(c, message, vns_auth_status_message(message, sizeof message, ok, text));
}

static void on_auth_reply(struct client *c, struct wire_in *in)
{
    struct vns_auth_reply body;
    const uint8_t *user, *hash;
    char text[80];

    if (c->state != CLIENT_AUTH) {
        client_close(c, true, "VNS_AUTH_REPLY out of turn: expected once, before VNSOPEN");
        return;
    }
    vns_auth_reply_get(in, &body);
    user = wire_bytes(in, body.user_len);
    hash = wire_bytes(in, VNS_HASH_LEN);
    if (in->bad || wire_left(in) > 0) {
        client_close(c, true,
                     "malformed VNS_AUTH_REPLY: expected the user name's length, the name, "
                     "and %d bytes of SHA-1",
                     VNS_HASH_LEN);
        return;
    }
    vns_text_read(c->user, sizeof c->user, user, body.user_len);
    c->proved = proved_keys(c, hash);
    if (!may_open_any(c)) {
        auth_status(c, false, "authentication failed: wrong auth_key");
        client_close(c, true, "authentication failed: the auth_key file differs from the server's");
        return;
    }
    c->state = CLIENT_OPENING;
    snprintf(text, sizeof text, "welcome%s%s", c->user[0] ? ", " : "", c->user);
    auth_status(c, true, text);
}

/* ---- opening ------------------------------------------------------------------------------- */

static void tell_link(struct client *c, const struct interface_row *r)
{
    uint8_t message[VNS_PACKET_HEADER + 4];
    size_t len = r->up ? 2 : 4;

    vns_packet_header(message, r->name, len);
    memcpy(message + VNS_PACKET_HEADER, r->up ? "up" : "down", len);
    client_put(c, message, VNS_PACKET_HEADER + len);
}

static void send_hwinfo(struct client *c)
{
    struct vns_interface list[VNS_HW_INTERFACES];
    uint8_t message[8 + VNS_HW_INTERFACES * VNS_HW_INTERFACE_LEN];
    const struct vhost *h = c->vhost;

    for (unsigned i = 0; i < h->n_interfaces; i++) {
        const struct interface_row *r = &c->bridge->bind.entry[h->interface[i].row].row;

        list[i] = (struct vns_interface){.ip = r->ip, .mask = r->mask, .speed = r->speed};
        list[i].subnet = r->mask == UINT32_MAX ? 0 : r->ip & r->mask; /* as classic servers do */
        memcpy(list[i].name, r->name, sizeof list[i].name);
        memcpy(list[i].mac, r->mac, sizeof list[i].mac);
    }
    client_put(c, message, vns_hwinfo_message(message, sizeof message, list, h->n_interfaces));
}

void session_ports(struct client *c)
{
    const struct vhost *h = c->vhost;
    char missing[96];

    if (c->state != CLIENT_WAITING ||
        !bind_complete(&c->bridge->bind, h, true, missing, sizeof missing)) {
        return;
    }
    c->state = CLIENT_READY;
    send_hwinfo(c);
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        const struct interface_row *r = &c->bridge->bind.entry[h->interface[i].row].row;

        if (!r->up) {
            tell_link(c, r);
        }
    }
}

/* The virtual host that the client may have, or NULL after VNSCLOSE. */
static struct vhost *find_vhost(struct client *c, const char *name)
{
    struct vhosts *v = &c->bridge->vhosts;
    int index = vhosts_find(v, name);

    if (index < 0) {
        char names[160] = "";

        for (unsigned i = 0, n = 0; i < v->n && n < sizeof names; i++) {
            n += (unsigned)snprintf(names + n, sizeof names - n, " %s", v->list[i].name);
        }
        client_close(c, true, "no virtual host '%s' here; there is:%s", name, names);
        return NULL;
    }
    if (!may_open(c, (unsigned)index)) {
        client_close(c, true, "authentication failed: virtual host %s needs its auth_key", name);
        return NULL;
    }
    return &v->list[index];
}

/* The newcomer gets the node, as with VNS's own server. */
static void take_lease(struct client *c, struct vhost *h)
{
    struct client *old = h->client;

    h->client = c;
    c->vhost = h;
    c->state = CLIENT_WAITING;
    loop_timer_cancel(&c->bridge->loop, &c->timer);
    if (old) {
        old->vhost = NULL;
        client_close(old, false, "another client, %s, has opened virtual host %s", c->peer,
                     h->name);
    }
}

static void greet(struct client *c)
{
    const struct vhost *h = c->vhost;
    char names[120], missing[96];

    vhost_names(h, names, sizeof names);
    banner(c, "causeway: you are %s with %s", h->name, names);
    if (!bind_complete(&c->bridge->bind, h, true, missing, sizeof missing)) {
        banner(c, "causeway: waiting for the switch to announce %s", missing);
    }
    session_ports(c);
    lease_publish(c->bridge);
}

static bool opening(struct client *c, const char *what)
{
    if (c->state != CLIENT_AUTH && c->state != CLIENT_OPENING) {
        client_close(c, true, "%s twice: a connection opens one virtual host, once", what);
        return false;
    }
    return true; /* in CLIENT_AUTH: a client from before authentication; may_open decides */
}

static void on_open(struct client *c, struct wire_in *in)
{
    struct vns_open body;
    struct vhost *h;
    char name[33];

    vns_open_get(in, &body);
    if (!opening(c, "VNSOPEN")) {
        return;
    }
    vns_text_read(name, sizeof name, body.vhost, sizeof body.vhost);
    if (!c->user[0]) {
        vns_text_read(c->user, sizeof c->user, body.user, sizeof body.user);
    }
    h = find_vhost(c, name);
    if (h) {
        take_lease(c, h);
        greet(c);
    }
}

static void on_open_template(struct client *c, struct wire_in *in)
{
    uint8_t message[VNS_CLIENT_MAX];
    struct vns_template body;
    struct vhost *h;
    char name[33];

    vns_template_get(in, &body);
    if (!opening(c, "VNS_OPEN_TEMPLATE")) {
        return;
    }
    if (wire_left(in) % 5 != 0) {
        client_close(c, true,
                     "malformed VNS_OPEN_TEMPLATE: its source filters are no multiple of 5 "
                     "bytes");
        return;
    }
    vns_text_read(name, sizeof name, body.vhost, sizeof body.vhost);
    h = find_vhost(c, name);
    if (h) {
        take_lease(c, h);
        client_put(c, message,
                   vns_rtable_message(message, sizeof message, h->name, h->rtable, h->rtable_len));
        greet(c);
    }
}

/* ---- frames -------------------------------------------------------------------------------- */

static const struct vhost_interface *find_interface(struct client *c, const char *name)
{
    const struct vhost *h = c->vhost;

    if (strcmp(h->interface[c->last_interface].name, name) == 0) {
        return &h->interface[c->last_interface];
    }
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        if (strcmp(h->interface[i].name, name) == 0) {
            c->last_interface = i;
            return &h->interface[i];
        }
    }
    return NULL;
}

/* A quarter of PKT_OUT is kept for verdicts: a client that floods does not stop the others. */
static uint8_t *room_for(struct bridge *b, size_t len)
{
    uint64_t want = sizeof(struct record) + len + 8 + b->pkt_out.size / 4;

    return ring_room(&b->pkt_out, want) < want ? NULL : ring_reserve(&b->pkt_out, len);
}

static void count_unsent(struct bridge *b, enum drop reason)
{
    counter_tally(&b->tally, VNSBRIDGE_FROM_CLIENTS, 1);
    counter_tally(&b->tally, VNSBRIDGE_CLIENTS_UNSENT, 1);
    counter_tally_drop(&b->tally, COUNTER_UNSENT, reason);
}

static bool send_frame(struct client *c, const struct vhost_interface *f, const uint8_t *frame,
                       size_t len)
{
    struct bridge *b = c->bridge;
    const struct bind_entry *e = bind_at(&b->bind, f->row);
    struct record r = {.verdict = VERDICT_ORIGINATED,
                       .rx_ns = b->loop.now_ns,
                       .ticket = RECORD_NO_TICKET,
                       .head_len = (uint32_t)len};
    uint8_t *head;

    if (!e) {
        count_unsent(b, DROP_INTERFACE_DOWN);
        return true;
    }
    head = room_for(b, len);
    if (!head) {
        return false;
    }
    memcpy(head, frame, len);
    r.dpid = e->row.dpid;
    r.port = e->row.port;
    ring_commit(&b->pkt_out, &r);
    c->frames_in++;
    counter_tally(&b->tally, VNSBRIDGE_FROM_CLIENTS, 1);
    counter_tally(&b->tally, VNSBRIDGE_CLIENTS_FRAMES, 1);
    return true;
}

static bool on_packet(struct client *c, struct wire_in *in)
{
    const struct vhost_interface *f;
    struct vns_packet body;
    size_t len;
    char name[17], names[120];

    vns_packet_get(in, &body);
    if (c->state != CLIENT_READY) {
        client_close(c, true, "VNSPACKET before VNSHWINFO: no interface is known yet");
        return true;
    }
    vns_text_read(name, sizeof name, body.interface, sizeof body.interface);
    f = find_interface(c, name);
    if (!f) {
        vhost_names(c->vhost, names, sizeof names);
        client_close(c, true, "no interface '%s' on %s: it has %s", name, c->vhost->name, names);
        return true;
    }
    len = wire_left(in);
    if (len < VNS_FRAME_MIN || len > VNS_FRAME_MAX) {
        count_unsent(c->bridge, len < VNS_FRAME_MIN ? DROP_FRAME_TOO_SHORT : DROP_FRAME_TOO_LONG);
        return true;
    }
    return send_frame(c, f, in->p, len);
}

void session_interface(struct client *c, const struct interface_row *old,
                       const struct interface_row *now)
{
    if (c->state != CLIENT_READY) {
        return;
    }
    if (!now->known || memcmp(old->mac, now->mac, sizeof old->mac) != 0) {
        client_close(c, false,
                     "the switch port of interface %s has changed its address: connect again to "
                     "learn it",
                     now->name);
    } else if (old->up != now->up) {
        tell_link(c, now);
    }
}

/* ---- dispatch ------------------------------------------------------------------------------ */

static void on_close(struct client *c, struct wire_in *in)
{
    char text[256];

    vns_text_read(text, sizeof text, in->p, wire_left(in));
    if (bridge_may_log(c->bridge)) {
        log_info("client says good-bye peer=%s user=%s why=%s", c->peer, c->user, text);
    }
    c->broken = true; /* receive()'s caller removes it */
    c->bridge->clients.some_broken = true;
}

static void on_other(struct client *c, uint32_t type)
{
    const char *name = vns_type_name(type);

    if (!c->said_unknown && bridge_may_log(c->bridge)) {
        c->said_unknown = true;
        log_warn("message ignored peer=%s type=%u%s%s: no client has cause to send it", c->peer,
                 type, name ? " name=" : "", name ? name : "");
    }
}

bool session_message(struct client *c, const uint8_t *message, size_t len)
{
    struct wire_in in = {message, message + len, false};
    struct vns_header h;

    vns_header_get(&in, &h);
    switch (h.type) {
    case VNS_PACKET:
        return on_packet(c, &in);
    case VNS_AUTH_REPLY:
        on_auth_reply(c, &in);
        break;
    case VNS_OPEN:
        on_open(c, &in);
        break;
    case VNS_OPEN_TEMPLATE:
        on_open_template(c, &in);
        break;
    case VNS_CLOSE:
        on_close(c, &in);
        break;
    default:
        on_other(c, h.type);
        break;
    }
    return true;
}

void session_malformed(struct client *c, const uint8_t *message)
{
    struct wire_in in = {message, message + 8, false};
    struct vns_header h;
    const char *name;

    vns_header_get(&in, &h);
    name = vns_type_name(h.type);
    client_close(c, true, "malformed message: type %u%s%s%s says it is %u bytes long", h.type,
                 name ? " (" : "", name ? name : "", name ? ")" : "", h.length);
}
