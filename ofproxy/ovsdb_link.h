/* ofproxy/ovsdb_link.h - the socket to an ovsdb-server: where it is, when to try, what failed.
 *
 *     DOWN > CONNECTING > UP > DOWN, a pause, the next remote
 *
 * Pauses double from 0.1 s to 1 s on this machine; elsewhere to 8 s, each of a random length, so
 * that many clients do not come back at once. */
#ifndef OFPROXY_OVSDB_LINK_H
#define OFPROXY_OVSDB_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define LINK_REMOTES 4

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct ovsdb_remote {
    char name[128]; /* as in the settings */
    struct sockaddr_storage addr;
    socklen_t len;
    bool local;
};

struct ovsdb_link {
    struct ovsdb_remote remotes[LINK_REMOTES];
    unsigned n, current, failures; /* failures: since a connection held */
    int fd;
    enum link_state state;
    uint64_t since_ns, next_ns, pause_ns;
};

/* Takes the words of the setting; a mistake ends the process (exit 2). */
void ovsdb_link_open(struct ovsdb_link *l, const char *remotes);
void ovsdb_link_close(struct ovsdb_link *l);
unsigned ovsdb_link_needs(const struct ovsdb_link *l);
const char *ovsdb_link_name(const struct ovsdb_link *l);

/* Begins to connect, or asks what became of it.  False, with cause and cure in 'why': shut it. */
bool ovsdb_link_connect(struct ovsdb_link *l, uint64_t now, char *why, size_t size);
/* Closes it; the next remote is tried after a pause, a short one when this one was 'steady'. */
void ovsdb_link_shut(struct ovsdb_link *l, bool steady, uint64_t now);
bool ovsdb_link_due(const struct ovsdb_link *l, uint64_t now);
bool ovsdb_link_late(const struct ovsdb_link *l, uint64_t now);
/* How long to sleep at most. */
int ovsdb_link_pause_ms(const struct ovsdb_link *l, int most_ms);
/* Of several servers the leader is wanted, until each was tried. */
bool ovsdb_link_want_leader(const struct ovsdb_link *l);

/* Bytes, or -errno; 0 from read: the server closed it. */
ssize_t ovsdb_link_read(struct ovsdb_link *l, void *bytes, size_t size);
ssize_t ovsdb_link_write(struct ovsdb_link *l, const void *bytes, size_t len);

#endif
