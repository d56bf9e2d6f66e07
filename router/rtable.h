/* router/rtable.h - routing table files, in the format of the classic sr.
 *
 *     # destination  gateway     mask             interface
 *     10.0.1.0       0.0.0.0     255.255.255.0    eth3        gateway 0.0.0.0: directly connected
 *     0.0.0.0        10.0.1.100  0.0.0.0          eth3
 *
 * Fields stand apart by blanks or tabs; empty lines and what follows a '#' are ignored.  Bits of
 * the destination beyond the mask are ignored, as the classic does.  A line that says the same as
 * an earlier one is taken once.
 *
 * What comes out has 'iface' ROUTE_NO_IFACE; the FIB binds the names.  The caller frees 'routes'.
 */
#ifndef ROUTER_RTABLE_H
#define ROUTER_RTABLE_H

#include <stddef.h>

#include "router/route.h"

struct rtable {
    struct route *routes;
    size_t n;
};

/* Reads a file.  Returns 0, or -errno with the cause in 'why': one sentence, or for -EINVAL every
 * mistake as a line "FILE:LINE: sentence, expected ..." (cut at a whole line where 'why' ends).  On
 * an error *t is empty. */
int rtable_read(struct rtable *t, const char *file, char *why, size_t why_size);
/* The same for text in memory (of a VNS server); 'name' stands for the file in 'why'. */
int rtable_parse(struct rtable *t, const char *name, const char *text, size_t len, char *why,
                 size_t why_size);
/* The lab's routes: its three hosts. */
int rtable_lab(struct rtable *t);
void rtable_free(struct rtable *t);

/* Opens the file rtable.<vhost> of the working directory for rtable_save: at start, for the sandbox
 * opens no file.  Returns a descriptor, or -errno with a sentence in 'why'. */
int rtable_file(const char *vhost, char *why, size_t why_size);
/* Makes the text of a VNS server the content of that file.  Where an older text was longer, the
 * rest becomes empty lines: in the sandbox a file cannot be cut.  Returns 0 or -errno with a
 * sentence. */
int rtable_save(int fd, const char *text, size_t len, char *why, size_t why_size);

#endif
