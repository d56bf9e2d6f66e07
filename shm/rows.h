/* shm/rows.h - the rows of the boards that topo.def lists, and what its mirrors say of a record. */
#ifndef SHM_ROWS_H
#define SHM_ROWS_H

#include <stdint.h>

#include "shm/record.h"

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

/* TRAFFIC, ofproxy: what became of the frames of the port that has the same row of PORTS, since
 * that port took the row.  Renewed a few times a second. */
struct traffic_row {
    uint64_t dpid;
    uint32_t port;
    uint32_t in_flight[CLASSES]; /* admitted, and no verdict yet */
    struct {
        uint64_t admitted;
        uint64_t metered; /* dropped: over a rate */
        uint64_t crowded; /* dropped: the share, or the memory, was taken */
    } by[CLASSES];
};

/* CLASSES, ofproxy: an ingress class, by enum ingress_class.  Its totals are counters. */
struct class_row {
    uint64_t rate;      /* frames a second of all ports; 0: not metered */
    uint64_t port_rate; /* and of one */
    uint32_t share;     /* most frames in flight */
    uint32_t in_flight;
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

/* TERMINALS, ptyhost: a terminal session, by its number; its bytes are in shm/pty.h's files. */
struct terminal_row {
    uint64_t epoch;    /* differs for each session ever; 0: there was none yet in this place */
    uint64_t pid;      /* in ptyhost's PID namespace */
    uint64_t start_ns; /* CLOCK_REALTIME */
    uint32_t state;    /* enum pty_state */
    int32_t status;    /* of an ended one: exit status, or minus the signal */
    uint16_t cols, rows;
    char name[32];
    char command[80];
};

/* OPENFLOW, ofproxy: a record is one whole OpenFlow message, as it is on the wire (with TLS: as it
 * is within). */
struct openflow_meta {
    uint64_t dpid;
    uint64_t session; /* number of the connection */
    uint8_t known;    /* 1: dpid is valid; the switch has told it */
    uint8_t down;     /* 1: to the switch */
    uint8_t unused[6];
    char peer[64]; /* "tcp:1.2.3.4:5", "ssl:[::1]:5", "unix:/path", cut */
};

#endif
