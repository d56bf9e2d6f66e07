/* shm/rows.h - the rows of the boards that topo.def lists. */
#ifndef SHM_ROWS_H
#define SHM_ROWS_H

#include <stdint.h>

enum port_state { PORT_EMPTY, PORT_UP, PORT_DOWN, PORT_GONE };

/* PORTS, ofproxy: a port of a connected switch; GONE when the port was deleted or the switch left.
 * A row stays its port's while the switch is connected; GONE rows may be used again. */
struct port_row {
    uint64_t dpid;
    uint32_t port;
    uint32_t state; /* enum port_state */
    uint32_t flaps; /* changes of state since the row was made */
    uint32_t speed; /* Mbit/s, 0 unknown */
    uint8_t mac[6];
    char name[26];    /* the switch's name for it, NUL-terminated: "sw0-eth1" */
    uint64_t session; /* number of the connection that announced it */
};

/* INTERFACES, vnsbridge: an interface of a virtual host.  A row keeps its (vhost, name) for the
 * life of the run directory; a VNS_IN or VNS_OUT record names it by row number. */
struct interface_row {
    char vhost[32];
    char name[16];
    uint64_t dpid; /* where it is bound */
    uint32_t port;
    uint32_t ip, mask; /* host byte order */
    uint8_t mac[6];
    uint8_t known;  /* 1: the port has been announced, mac is valid */
    uint8_t up;     /* 1: its link is up */
    uint32_t speed; /* Mbit/s, 0 unknown */
};

enum session_state { SESSION_NONE, SESSION_OPEN };

/* SESSION, router: what the router on the ring wants to be (VNSOPEN). */
struct session_row {
    char vhost[32];
    char user[32];
    uint32_t state; /* enum session_state */
    uint32_t topology;
    uint64_t start; /* role_row.starts of the router: tells a new session from an old one */
};

enum lease_owner { LEASE_NOBODY, LEASE_RING, LEASE_CLIENT };
enum lease_state { LEASE_EMPTY, LEASE_WAITING, LEASE_READY };

/* LEASES, vnsbridge: who serves each virtual host.  The router on the ring works only while
 * its vhost's lease says LEASE_RING and LEASE_READY (HWINFO complete). */
struct lease_row {
    char vhost[32];
    uint32_t owner;    /* enum lease_owner */
    uint32_t state;    /* enum lease_state */
    uint64_t since_ns; /* CLOCK_BOOTTIME */
    char peer[64];     /* "ring", or a client's address and user */
    char text[112];    /* why it waits, or why the last one was closed */
};

#endif
