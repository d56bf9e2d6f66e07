/* vnsbridge/lease.c - the LEASES board and the process's readiness. */
#include "vnsbridge/lease.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"

static uint64_t boot_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *owner_text(const struct vhost *h)
{
    static const char *const names[] = {"nobody", "ring", "client"};

    return names[lease_owner(h)];
}

static struct lease_row row_of(const struct bridge *b, const struct vhost *h)
{
    struct lease_row r = {.owner = lease_owner(h), .state = LEASE_WAITING};
    char missing[96];
    bool complete = bind_complete(&b->bind, h, false, missing, sizeof missing);

    snprintf(r.vhost, sizeof r.vhost, "%s", h->name);
    if (h->client) {
        client_describe(h->client, r.peer, sizeof r.peer);
        complete = h->client->state == CLIENT_READY;
    } else if (h->ring) {
        snprintf(r.peer, sizeof r.peer, "ring");
    }
    if (complete && r.owner != LEASE_NOBODY) {
        r.state = LEASE_READY;
    }
    if (missing[0]) {
        snprintf(r.text, sizeof r.text, "no switch announces %.90s", missing);
    } else if (r.owner == LEASE_NOBODY) {
        snprintf(r.text, sizeof r.text, "%.111s",
                 h->last[0] ? h->last : "no router has asked for it");
    }
    return r;
}

static bool put_row(struct bridge *b, unsigned index)
{
    const struct vhost *h = &b->vhosts.list[index];
    struct lease_row now = row_of(b, h), old;

    board_peek(&b->leases, index, &old);
    now.since_ns = old.since_ns;
    if (memcmp(&now, &old, sizeof now) == 0) {
        return false;
    }
    if (now.owner != old.owner || now.state != old.state || strcmp(now.peer, old.peer) != 0) {
        now.since_ns = boot_ns();
        if (bridge_may_log(b)) {
            log_info("lease vhost=%s owner=%s state=%s%s%s%s%s", h->name, owner_text(h),
                     now.state == LEASE_READY ? "ready" : "waiting", now.peer[0] ? " peer=" : "",
                     now.peer, now.text[0] ? " why=" : "", now.text);
        }
    }
    board_put(&b->leases, index, &now);
    return true;
}

/* "vrhost: eth1 eth2 eth3, served by ring" for each; waiting while any lacks a port. */
static void say_ready(struct bridge *b)
{
    enum role_state state = ROLE_READY;
    char text[116] = "", names[80], missing[80];
    size_t n = 0;

    for (unsigned i = 0; i < b->vhosts.n && n < sizeof text; i++) {
        const struct vhost *h = &b->vhosts.list[i];
        bool complete = bind_complete(&b->bind, h, false, missing, sizeof missing);

        vhost_names(h, names, sizeof names);
        state = complete ? state : ROLE_WAITING;
        if (complete) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s: %s, served by %s",
                                  i ? "; " : "", h->name, names, owner_text(h));
        } else {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s: no switch announces %s",
                                  i ? "; " : "", h->name, missing);
        }
    }
    if (state == ROLE_WAITING && !bind_any_port(&b->bind)) {
        snprintf(text, sizeof text, "waiting for ofproxy's ports");
    }
    if (lane_down(&b->ofproxy) || lane_down(&b->router)) {
        state = ROLE_WAITING;
        snprintf(text, sizeof text, "%s",
                 lane_down(&b->ofproxy) ? b->ofproxy.text : b->router.text);
    }
    if (b->topo.role.row.state != (uint32_t)state || strcmp(b->topo.role.row.text, text) != 0) {
        role_state(&b->topo.role, state, "%s", text);
    }
}

void lease_publish(struct bridge *b)
{
    bool any = false;

    for (unsigned i = 0; i < b->vhosts.n; i++) {
        any |= put_row(b, i);
    }
    if (any) {
        board_publish(&b->leases);
    }
    say_ready(b);
}

/* Who is the router on the ring, and what does it want to be? */
static void read_session(struct bridge *b)
{
    struct session_row s;
    bool found = false;

    if (!board_get(&b->session, 0, &s)) {
        s = (struct session_row){0};
    }
    s.vhost[sizeof s.vhost - 1] = '\0';
    for (unsigned i = 0; i < b->vhosts.n; i++) {
        struct vhost *h = &b->vhosts.list[i];

        h->ring = s.state == SESSION_OPEN && strcmp(h->name, s.vhost) == 0;
        found |= h->ring;
    }
    if (s.state == SESSION_OPEN && !found && bridge_may_log(b)) {
        char names[160] = "";

        for (unsigned i = 0, n = 0; i < b->vhosts.n && n < sizeof names; i++) {
            n += (unsigned)snprintf(names + n, sizeof names - n, " %s", b->vhosts.list[i].name);
        }
        log_warn("the router on the ring asks for virtual host %s, which is not configured: have%s",
                 s.vhost, names);
    }
}

void lease_session(struct bridge *b)
{
    read_session(b);
    lease_publish(b);
}

void lease_open(struct bridge *b)
{
    static const struct lease_row empty;

    for (unsigned i = b->vhosts.n; i < VHOSTS; i++) {
        board_put(&b->leases, i, &empty);
    }
    board_publish(&b->leases);
    read_session(b);
}
