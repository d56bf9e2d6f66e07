/* vnsbridge/rtable.h - the routing table text that a client gets for VNS_OPEN_TEMPLATE.
 *
 * A classic client refuses a table that names an interface which VNSHWINFO does not, so the lines
 * are checked here, at start. */
#ifndef VNSBRIDGE_RTABLE_H
#define VNSBRIDGE_RTABLE_H

#include "vnsbridge/vhost.h"

/* Reads a file of lines "destination gateway mask interface" into h->rtable.  Returns 0, or -errno
 * with a sentence, "file:line: ...", in 'why'. */
int rtable_load(struct vhost *h, const char *file, char *why, size_t why_size);
/* The lab's hosts, as far as 'h' has their interfaces.  Returns 0 or -ENOMEM. */
int rtable_lab(struct vhost *h);

#endif
