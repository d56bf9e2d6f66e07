/* router/port_vns.c - the port of port.h over a VNS session: frames in place, batches out. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proto/vns.h"
#include "router/port.h"
#include "router/rtable.h"
#include "router/vns_session.h"

static struct port_vns *of_port(struct port *port)
{
    return (struct port_vns *)port;
}

/* ---- the port ------------------------------------------------------------------------------- */

static enum drop refuse(const struct port_vns *p, const struct frame_in *in, size_t len)
{
    if (in->iface == IFACE_NONE || !p->row[in->iface].present) {
        return DROP_UNKNOWN_INTERFACE;
    }
    if (len < VNS_FRAME_MIN) {
        return DROP_FRAME_TOO_SHORT;
    }
    return len > PORT_FRAME_MAX ? DROP_FRAME_TOO_LONG : DROP_NONE;
}

static bool port_vns_next(struct port *port, struct frame_in *in)
{
    struct port_vns *p = of_port(port);
    size_t n = vns_session_pump(p), len = n - VNS_PACKET_HEADER, left;
    const uint8_t *bytes = vns_link_peek(&p->link, &left);

    if (n == 0 || (vns_session_can_send(p) && vns_link_free(&p->link) < VNS_SESSION_ROOM)) {
        return false; /* EPOLLOUT will wake us */
    }
    p->frame_len = n;
    *in = (struct frame_in){.head = bytes + VNS_PACKET_HEADER,
                            .head_len = (uint32_t)(len < RECORD_INLINE ? len : RECORD_INLINE),
                            .iface = vns_session_row(p, bytes + 8),
                            .rx_ns = p->link.rx_ns,
                            .record = {.ticket = RECORD_NO_TICKET}};
    in->tail_len = (uint32_t)len - in->head_len;
    in->tail = in->tail_len > 0 ? in->head + in->head_len : NULL;
    in->refuse = refuse(p, in, len);
    return true;
}

/* While there is no session, frames go nowhere, as on a cable that is not plugged in. */
static uint8_t *port_vns_room(struct port *port, size_t size)
{
    struct port_vns *p = of_port(port);
    uint8_t *to;

    if (!vns_session_can_send(p) || p->session != VNS_SESSION_READY) {
        return size <= sizeof p->nowhere ? p->nowhere : NULL;
    }
    to = vns_link_room(&p->link, VNS_PACKET_HEADER + size);
    return to != NULL ? to + VNS_PACKET_HEADER : NULL;
}

static void send_frame(struct port_vns *p, const struct frame_in *in, const struct frame_out *out)
{
    size_t len = (size_t)out->head_len + out->tail_len;

    if (!vns_session_can_send(p) || p->session != VNS_SESSION_READY || out->iface >= p->n_rows ||
        !p->row[out->iface].present || len > PORT_FRAME_MAX ||
        VNS_PACKET_HEADER + len > vns_link_free(&p->link)) {
        return;
    }
    vns_packet_header(p->link.tx + p->link.tx_used, p->row[out->iface].name, len);
    vns_link_put(&p->link, VNS_PACKET_HEADER + out->head_len);
    if (out->tail_len > 0) {
        vns_link_put_ref(&p->link, in->tail, out->tail_len);
    }
}

static void port_vns_send(struct port *port, const struct frame_in *in, const struct frame_out *out)
{
    struct port_vns *p = of_port(port);

    if (out->head_len > 0) {
        send_frame(p, in, out);
    }
    if (in != NULL && out->verdict != VERDICT_ORIGINATED) {
        vns_link_skip(&p->link, p->frame_len);
        p->frame_len = 0;
    }
}

static void port_vns_flush(struct port *port)
{
    vns_link_flush(&of_port(port)->link);
}

static void port_vns_close(struct port *port)
{
    struct port_vns *p = of_port(port);
    uint8_t *to = vns_session_can_send(p) ? vns_link_room(&p->link, 512) : NULL;

    if (to != NULL) {
        vns_link_put(&p->link, vns_text_message(to, 512, VNS_CLOSE, "the router stopped"));
    }
    loop_timer_cancel(p->link.loop, &p->greeting);
    vns_link_close(&p->link);
    if (p->rtable_fd >= 0) {
        close(p->rtable_fd);
    }
    free(p);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void read_key(struct port_vns *p, const char *file)
{
    char why[256];
    int err = vns_auth_key(p->key, file, why, sizeof why);

    if (err == -ENOENT) {
        log_warn("%s; a VNS server that checks keys will refuse this router, others do not mind: "
                 "put the server's 64-character key there, or name it with --auth-key FILE",
                 why);
    } else if (err != 0) {
        die("%s: put the VNS server's 64-character key there, or name another with --auth-key FILE",
            why);
    }
}

static void open_rtable(struct port_vns *p)
{
    char why[256];

    p->rtable_fd = p->template_name[0] ? rtable_file(p->vhost, why, sizeof why) : -1;
    if (p->template_name[0] && p->rtable_fd < 0) {
        log_warn("%s; the router uses the server's table all the same", why);
    }
}

static void choose_user(struct port_vns *p, const char *user)
{
    const struct passwd *who = NULL;

    if (user == NULL || user[0] == '\0') {
        who = getpwuid(geteuid());
        user = who != NULL ? who->pw_name : "router";
    }
    snprintf(p->user, sizeof p->user, "%s", user);
}

struct port *port_vns_open(const struct port_vns_config *c, const struct port_events *events)
{
    static const struct port_ops ops = {port_vns_next,  port_vns_room,  port_vns_send,
                                        port_vns_flush, port_vns_close, NULL};
    struct port_vns *p = calloc(1, sizeof *p);
    char text[340];
    bool v6 = strchr(c->server, ':') != NULL;

    if (p == NULL) {
        die("cannot open the VNS client: out of memory");
    }
    p->port.ops = &ops;
    p->events = *events;
    p->topology = c->topology;
    vns_session_init(p);
    snprintf(p->vhost, sizeof p->vhost, "%s", c->vhost);
    snprintf(p->template_name, sizeof p->template_name, "%s",
             c->template_name != NULL ? c->template_name : "");
    snprintf(p->where, sizeof p->where, v6 ? "[%s]:%u" : "%s:%u", c->server, c->port);
    choose_user(p, c->user);
    read_key(p, c->auth_key);
    open_rtable(p);
    if (vns_link_open(&p->link, c->loop, c->server, c->port) != 0) {
        die("cannot open the VNS client: out of memory");
    }
    snprintf(text, sizeof text, "connecting to VNS server %s", p->where);
    vns_session_state(p, ROLE_WAITING, text);
    return &p->port;
}
