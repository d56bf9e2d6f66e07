/* ofproxy/ovsdb_tend.h - the bridges and controllers that the settings ask for, put into the
 * database.
 *
 *     operations = tend_plan(&wish, &rows, what, size);      NULL: all is as it should be
 *
 * Only what differs is changed, and each change first makes sure (wait, RFC 7047 5.2.6) that what
 * it was made from is still so: a writer who was quicker is not overwritten, the transaction fails,
 * and the next plan knows what he wrote.
 *   - A bridge that is missing is made, with its datapath type, fail mode secure and both OpenFlow
 *     versions; of one that is there, fail mode and versions are put right, and its type is left.
 *   - Our controller's row carries external_ids:causeway; its target and limits are put right.  A
 * row that somebody else made is never changed, also when it has our target: then none is added. */
#ifndef OFPROXY_OVSDB_TEND_H
#define OFPROXY_OVSDB_TEND_H

#include <stdint.h>

#include "common/config.h"
#include "common/proto/ovsdb_rows.h"

#define TEND_BRIDGES 16
#define TEND_NAME 16 /* a network interface of that name is made */

struct tend_wish {
    unsigned n;
    char bridge[TEND_BRIDGES][TEND_NAME];
    const char *datapath_type, *controller; /* "": Open vSwitch's default; none */
    long rate, burst, queue, max_backoff_ms,
        probe_ms; /* rate, burst, queue 0: Open vSwitch's own */
};

/* When the next change may be made: the first at once, then ever later while somebody undoes them.
 */
struct tend_pace {
    uint64_t next_ns, last_ns, pause_ns;
};

/* Takes the settings; a mistake ends the process (exit 2). */
void tend_config(struct tend_wish *w, const struct config *c);
/* Returns a new array of operations for one transaction, and says in 'what' what they do. */
json_t *tend_plan(const struct tend_wish *w, const struct ovsdb_rows *rows, char *what,
                  size_t size);
/* Did we make this row of the table Controller? */
bool tend_is_ours(const json_t *controller);
/* A change is made now.  Returns how long the next one has to wait at least. */
uint64_t tend_paced(struct tend_pace *p, uint64_t now);

#endif
