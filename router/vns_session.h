/* router/vns_session.h - the router as a client of a VNS server, ours or a classic one: the
 * messages.
 *
 *     connect; AUTH_REQUEST -> AUTH_REPLY; AUTH_STATUS -> OPEN or OPEN_TEMPLATE; RTABLE; HWINFO;
 *     then PACKET both ways.  BANNER is logged at any time; CLOSE or the end: connect again.
 *
 * Servers from before VNS had authentication expect OPEN and say nothing: where no AUTH_REQUEST has
 * come after two seconds, OPEN is sent unasked.
 *
 * Unlike the classic sr it takes messages in any order, ignores types it does not know, checks
 * every length, drops a frame on an interface that was not announced, and takes a second HWINFO as
 * the new table.
 *
 * Inside port_vns.c; vns_link.c has the connection. */
#ifndef ROUTER_VNS_SESSION_H
#define ROUTER_VNS_SESSION_H

#include "common/loop.h"
#include "common/proto/vns.h"
#include "router/port.h"
#include "router/vns_link.h"

#define VNS_SESSION_HW 512 /* interfaces in one HWINFO */
/* Room that one input frame may need: what it causes, with headers, and its own tail. */
#define VNS_SESSION_ROOM (2 * PORT_ROOM + PORT_FRAME_MAX)

enum vns_session_state {
    VNS_SESSION_GREETING,
    VNS_SESSION_AUTHENTICATING,
    VNS_SESSION_OPENED,
    VNS_SESSION_READY
};

struct port_vns {
    struct port port; /* first */
    struct vns_link link;
    struct port_events events;
    struct loop_timer greeting;
    enum vns_session_state session;
    bool opened; /* OPEN was sent on this connection */
    unsigned banners;
    uint16_t topology;
    char vhost[32], user[32], template_name[30], where[300];
    char told[256]; /* the last failure that was logged */
    uint8_t key[VNS_KEY_LEN];
    int rtable_fd; /* rtable.VHOST, for the server's table; -1: none is asked for */
    struct iface row[IFACES];
    uint32_t n_rows, last_row; /* last_row: of the last frame, looked at first */
    size_t frame_len;          /* whole PACKET message in the router's hands; 0: none */
    struct vns_interface hw[VNS_SESSION_HW];
    uint8_t nowhere[VNS_SESSION_ROOM]; /* room while nothing can be sent */
};

/* Sets the link's calls and the timer of a zeroed port whose events and names are filled in. */
void vns_session_init(struct port_vns *p);
/* Handles messages up to the next frame for the router.  Returns its whole length, or 0: none. */
size_t vns_session_pump(struct port_vns *p);
/* The row of the NUL-padded name of a message, or IFACE_NONE. */
uint32_t vns_session_row(struct port_vns *p, const uint8_t name[16]);
void vns_session_state(struct port_vns *p, enum role_state state, const char *text);
static inline bool vns_session_can_send(const struct port_vns *p)
{
    return p->link.state == VNS_LINK_UP && !p->link.broken;
}

#endif
