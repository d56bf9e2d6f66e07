/* common/endpoint.h - words that say where to listen, or what to connect to.
 *
 *     to listen      tcp:PORT[:ADDRESS]   ssl:PORT[:ADDRESS]   unix:PATH
 *     to connect     tcp:ADDRESS:PORT     ssl:ADDRESS:PORT     unix:PATH
 *
 * An IPv6 address stands in brackets.  Without an address a listener takes all of IPv4 and IPv6.  A
 * PATH that does not begin with '/' is one in the run directory. */
#ifndef COMMON_ENDPOINT_H
#define COMMON_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum endpoint_kind { ENDPOINT_TCP, ENDPOINT_SSL, ENDPOINT_UNIX };

#define ENDPOINT_TEXT 128 /* room for what endpoint_say writes */
#define ENDPOINT_LISTEN_WORDS                                                                      \
    "tcp:PORT, tcp:PORT:ADDRESS, ssl:PORT, ssl:PORT:ADDRESS or unix:PATH, as in tcp:6653 or "      \
    "ssl:6653:[::1], with a port from 1 to 65535"
#define ENDPOINT_CONNECT_WORDS                                                                     \
    "tcp:ADDRESS:PORT, ssl:ADDRESS:PORT or unix:PATH, as in tcp:192.168.0.7:6653 or "              \
    "unix:/run/openvswitch/br0.mgmt, with a port from 1 to 65535"

struct endpoint {
    enum endpoint_kind kind;
    bool any;   /* every address: IPv6 and IPv4 by one socket */
    bool local; /* on this machine: a Unix socket, or an address of the loopback */
    unsigned port;
    struct sockaddr_storage addr;
    socklen_t len;
};

/* False: the word is none of these, its address is no number, or its path is too long for a socket
 * (or the word for an endpoint's text). */
bool endpoint_listen(struct endpoint *e, const char *word, const char *run_dir);
bool endpoint_connect(struct endpoint *e, const char *word, const char *run_dir);
/* Every address of a family, for a kernel that has no other. */
void endpoint_any(struct endpoint *e, int family);
/* The path of a Unix socket. */
const char *endpoint_path(const struct endpoint *e);
/* "tcp:1.2.3.4:5", "ssl:[::1]:5" or "unix:/path": of the endpoint, or of a peer of that kind. */
void endpoint_say(char text[ENDPOINT_TEXT], enum endpoint_kind kind,
                  const struct sockaddr_storage *addr);
/* The address and port of such a text: what follows "tcp:" or "ssl:"; else all of it. */
const char *endpoint_address(const char *text);

#endif
