#include "router/vns_session.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "router/rtable.h"

#define GREETING_MS 2000
#define BANNERS_MAX 32 /* lines that a connection may put into our log */

static struct port_vns *of_link(struct vns_link *l)
{
    return (struct port_vns *)((char *)l - offsetof(struct port_vns, link));
}

/* ---- interfaces ----------------------------------------------------------------------------- */

static void set_row(struct port_vns *p, uint32_t row, const struct iface *now)
{
    if (memcmp(&p->row[row], now, sizeof *now) != 0) {
        p->row[row] = *now;
        p->events.iface(p->events.context, row, now);
    }
}

uint32_t vns_session_row(struct port_vns *p, const uint8_t name[16])
{
    for (uint32_t i = 0; i < p->n_rows; i++) {
        uint32_t row = (p->last_row + i) % p->n_rows;

        if (strncmp(p->row[row].name, (const char *)name, 16) == 0) {
            p->last_row = row;
            return row;
        }
    }
    return IFACE_NONE;
}

static void all_down(struct port_vns *p)
{
    for (uint32_t i = 0; i < p->n_rows; i++) {
        struct iface now = p->row[i];

        now.up = 0;
        set_row(p, i, &now);
    }
}

static bool listed(const struct port_vns *p, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(p->hw[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void take_interface(struct port_vns *p, const struct vns_interface *hw)
{
    struct iface now = {.present = 1, .up = 1, .ip = hw->ip, .mask = hw->mask, .speed = hw->speed};
    uint8_t name[16] = {0};
    uint32_t row;

    memcpy(now.name, hw->name, sizeof now.name);
    memcpy(now.mac, hw->mac, sizeof now.mac);
    memcpy(name, hw->name, sizeof name);
    row = vns_session_row(p, name);
    if (row == IFACE_NONE && p->n_rows == IFACES) {
        log_error("interface %s ignored: the router takes %d", hw->name, IFACES);
        return;
    }
    if (row == IFACE_NONE) {
        row = p->n_rows++;
    }
    set_row(p, row, &now);
}

/* ---- what is sent --------------------------------------------------------------------------- */

void vns_session_state(struct port_vns *p, enum role_state s, const char *text)
{
    p->events.state(p->events.context, s, text);
}

static void failed(struct port_vns *p, const char *why)
{
    vns_link_drop(&p->link, why);
}

/* The server did what no server may: says so to both sides, and starts over. */
static void fault(struct port_vns *p, const char *what)
{
    uint8_t *to = vns_link_room(&p->link, 512);

    if (to != NULL) {
        vns_link_put(&p->link, vns_text_message(to, 512, VNS_CLOSE, what));
    }
    failed(p, what);
}

/* False: the connection is over. */
static bool send_open(struct port_vns *p)
{
    uint8_t *to = vns_link_room(&p->link, 512);
    struct wire_out out;

    loop_timer_cancel(p->link.loop, &p->greeting);
    if (p->opened) {
        return true;
    }
    if (to == NULL) {
        failed(p, "it does not read its answers");
        return false;
    }
    out = (struct wire_out){to, to + 512, false};
    if (p->template_name[0] != '\0') {
        struct vns_template t;

        vns_text_fill(t.name, sizeof t.name, p->template_name);
        vns_text_fill(t.vhost, sizeof t.vhost, p->vhost);
        vns_begin(&out, VNS_OPEN_TEMPLATE);
        vns_template_put(&out, &t);
    } else {
        struct vns_open o = {.topology = p->topology};

        vns_text_fill(o.vhost, sizeof o.vhost, p->vhost);
        vns_text_fill(o.user, sizeof o.user, p->user);
        vns_begin(&out, VNS_OPEN);
        vns_open_put(&out, &o);
    }
    vns_link_put(&p->link, vns_end(&out, to));
    vns_link_flush(&p->link);
    p->opened = true;
    p->session = VNS_SESSION_OPENED;
    p->told[0] = '\0';
    vns_session_state(
        p, ROLE_WAITING,
        "waiting for the VNS server's interfaces (HWINFO); it sends them once its switch is "
        "connected");
    return true;
}

static void on_greeting_timeout(struct loop_timer *t)
{
    struct port_vns *p = (struct port_vns *)((char *)t - offsetof(struct port_vns, greeting));

    if (p->link.state == VNS_LINK_UP && p->session == VNS_SESSION_GREETING) {
        log_info("no AUTH_REQUEST from %s in %d ms: opening as clients did before there was one",
                 p->where, GREETING_MS);
        send_open(p);
    }
}

/* ---- what is received: each returns false if the connection is over ------------------------- */

static bool on_auth_request(struct port_vns *p, struct wire_in *in)
{
    uint8_t hash[VNS_HASH_LEN], *to = vns_link_room(&p->link, 512);
    size_t salt_len = wire_left(in);

    loop_timer_cancel(p->link.loop, &p->greeting);
    if (to == NULL || vns_auth_hash(hash, wire_bytes(in, salt_len), salt_len, p->key) != 0) {
        fault(p, "cannot compute the SHA-1 hash for AUTH_REPLY");
        return false;
    }
    vns_link_put(&p->link, vns_auth_reply_message(to, 512, p->user, hash));
    vns_link_flush(&p->link);
    if (p->session == VNS_SESSION_GREETING) {
        p->session = VNS_SESSION_AUTHENTICATING;
    }
    return true;
}

static bool on_auth_status(struct port_vns *p, struct wire_in *in)
{
    struct vns_auth_status status;
    char text[160];
    size_t len;

    vns_auth_status_get(in, &status);
    len = wire_left(in);
    vns_text_read(text, sizeof text, wire_bytes(in, len), len);
    if (!status.ok) {
        die("VNS server %s refuses user %s: \"%s\": give the key that the server has for this user "
            "with --auth-key FILE",
            p->where, p->user, text);
    }
    return send_open(p);
}

static bool on_hwinfo(struct port_vns *p, struct wire_in *in)
{
    int n = vns_hwinfo_read(in, p->hw, VNS_SESSION_HW);

    if (n < 0) {
        fault(p, "malformed HWINFO: expected entries of 36 bytes, each interface's name first");
        return false;
    }
    if (n == 0) {
        log_warn("HWINFO from %s names no interface", p->where);
    }
    for (int i = 0; i < n; i++) {
        take_interface(p, &p->hw[i]);
    }
    for (uint32_t i = 0; i < p->n_rows; i++) {
        if (p->row[i].present && !listed(p, n, p->row[i].name)) {
            struct iface gone = {0};

            memcpy(gone.name, p->row[i].name, sizeof gone.name);
            set_row(p, i, &gone);
        }
    }
    if (p->session != VNS_SESSION_READY) {
        log_info("session open server=%s vhost=%s interfaces=%d", p->where, p->vhost, n);
    }
    loop_timer_cancel(p->link.loop, &p->greeting);
    p->session = VNS_SESSION_READY;
    p->told[0] = '\0';
    vns_link_settled(&p->link);
    vns_session_state(p, ROLE_READY, "");
    return true;
}

static bool on_rtable(struct port_vns *p, struct wire_in *in)
{
    struct vns_rtable r;
    char vhost[33], why[256];
    const char *text;
    size_t len;

    vns_rtable_get(in, &r);
    vns_text_read(vhost, sizeof vhost, r.vhost, sizeof r.vhost);
    len = wire_left(in);
    text = (const char *)wire_bytes(in, len);
    if (strcmp(vhost, p->vhost) != 0) {
        log_warn("RTABLE from %s ignored: it is for virtual host \"%s\", expected \"%s\"", p->where,
                 vhost, p->vhost);
        return true;
    }
    if (p->rtable_fd >= 0 && rtable_save(p->rtable_fd, text, len, why, sizeof why) != 0) {
        log_warn("%s; the router uses the server's table all the same", why);
    }
    p->events.rtable(p->events.context, text, len);
    return true;
}

static bool on_banner(struct port_vns *p, struct wire_in *in)
{
    size_t len = wire_left(in), used;
    const uint8_t *bytes = wire_bytes(in, len);
    char text[257];

    used = strnlen((const char *)bytes, len);
    while (used > 0 && (bytes[used - 1] == '\n' || bytes[used - 1] == '\r')) {
        used--;
    }
    vns_text_read(text, sizeof text, bytes, used);
    if (p->banners++ < BANNERS_MAX) {
        log_info("banner server=%s text=\"%s\"", p->where, text);
    }
    return true;
}

static bool on_close(struct port_vns *p, struct wire_in *in)
{
    size_t len = wire_left(in);
    char reason[200], why[256];

    vns_text_read(reason, sizeof reason, wire_bytes(in, len), len);
    snprintf(why, sizeof why, "the server closed the session: \"%s\"", reason);
    failed(p, why);
    return false;
}

static bool on_message(struct port_vns *p, uint32_t type, struct wire_in *in)
{
    switch (type) {
    case VNS_AUTH_REQUEST:
        return on_auth_request(p, in);
    case VNS_AUTH_STATUS:
        return on_auth_status(p, in);
    case VNS_HWINFO:
        return on_hwinfo(p, in);
    case VNS_RTABLE:
        return on_rtable(p, in);
    case VNS_BANNER:
        return on_banner(p, in);
    case VNS_CLOSE:
        return on_close(p, in);
    case VNS_OPEN:
    case VNS_OPEN_TEMPLATE:
    case VNS_AUTH_REPLY:
        fault(p, "it speaks as a client, expected a VNS server");
        return false;
    default:
        return true; /* a type from after our time */
    }
}

/* "up" and "down" as the whole frame tell an interface's link state. */
static bool on_link_frame(struct port_vns *p, const uint8_t *message, size_t len)
{
    const uint8_t *frame = message + VNS_PACKET_HEADER;
    bool up = len == VNS_PACKET_HEADER + 2 && memcmp(frame, "up", 2) == 0;
    bool down = len == VNS_PACKET_HEADER + 4 && memcmp(frame, "down", 4) == 0;
    uint32_t row = up || down ? vns_session_row(p, message + 8) : IFACE_NONE;

    if (row != IFACE_NONE && p->row[row].present) {
        struct iface now = p->row[row];

        now.up = up;
        set_row(p, row, &now);
    }
    return up || down;
}

size_t vns_session_pump(struct port_vns *p)
{
    while (p->link.state == VNS_LINK_UP) {
        size_t len;
        const uint8_t *bytes = vns_link_peek(&p->link, &len);
        struct wire_in in = {bytes, bytes + len, false};
        long n = vns_message_length(bytes, len, VNS_SERVER_MAX);
        struct vns_header h;

        if (n < 0) {
            fault(p, "a VNS message has an impossible length");
        } else if (n == 0 && p->link.ended) {
            failed(p, p->link.why);
        }
        if (n <= 0) {
            return 0;
        }
        vns_header_get(&in, &h);
        in.end = bytes + n;
        if (h.type != VNS_PACKET) {
            if (!on_message(p, h.type, &in)) {
                return 0;
            }
        } else if (!on_link_frame(p, bytes, (size_t)n)) {
            return (size_t)n;
        }
        vns_link_skip(&p->link, (size_t)n);
    }
    return 0;
}

/* ---- the link's calls ----------------------------------------------------------------------- */

static void on_up(struct vns_link *l)
{
    struct port_vns *p = of_link(l);

    p->session = VNS_SESSION_GREETING;
    p->opened = false;
    p->banners = 0;
    loop_timer_set(l->loop, &p->greeting, GREETING_MS);
}

static void on_readable(struct vns_link *l)
{
    vns_session_pump(of_link(l));
}

static void on_down(struct vns_link *l, const char *why)
{
    struct port_vns *p = of_link(l);
    char text[500];

    loop_timer_cancel(l->loop, &p->greeting);
    p->session = VNS_SESSION_GREETING;
    p->frame_len = 0;
    all_down(p);
    if (strcmp(p->told, why) != 0) { /* not each attempt: each new reason */
        snprintf(p->told, sizeof p->told, "%s", why);
        snprintf(text, sizeof text,
                 "no session with VNS server %s: %s; trying on (start it, or name another with "
                 "--server)",
                 p->where, why);
        vns_session_state(p, ROLE_WAITING, text);
    }
}

void vns_session_init(struct port_vns *p)
{
    p->greeting.fire = on_greeting_timeout;
    p->link.up = on_up;
    p->link.readable = on_readable;
    p->link.down = on_down;
}
