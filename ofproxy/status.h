/* ofproxy/status.h - what the control socket tells: "switches", "status" and "bridges"; and
 * "mirror.start", which asks for the mirror of the OpenFlow messages (of_mirror.h); and
 * the methods of view.h, which ask a switch.
 *
 * The packet thread copies its tables a few times a second, and never waits for the control thread:
 * when that is reading, the copy is made the next time. */
#ifndef OFPROXY_STATUS_H
#define OFPROXY_STATUS_H

struct ofproxy;

/* Opens the control socket, for control_serve.  A failure is one at start. */
void status_open(struct ofproxy *p);
void status_refresh(struct ofproxy *p);
void status_close(struct ofproxy *p);

#endif
