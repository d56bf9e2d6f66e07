/* vnsbridge/vhost.h - the virtual hosts and their interfaces, as configured.
 *
 *     [vhost NAME]
 *     switch    = sw0                              its ports sw0-ethN are interfaces ethN
 *     ip-config = FILE                             with these addresses
 *     interface = eth4 sw1-eth4 10.9.0.1/24        one by one; again for more
 *     interface = eth5 0000000000000002:5 10.8.0.1 by datapath-id and port number
 *     auth-key  = FILE                             clients must prove to hold this key
 *     rtable    = FILE                             sent to clients that open a template
 *
 * Without any such section there is one virtual host, vrhost.  A virtual host that names neither
 * switch nor interfaces (it must be the only one) takes the ports of the lab's switch, or of the
 * first switch that has ports called X-ethN. */
#ifndef VNSBRIDGE_VHOST_H
#define VNSBRIDGE_VHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/proto/vns.h"

#define VHOSTS 64       /* rows of the leases board */
#define VHOST_ROWS 1024 /* rows of the interfaces board */
#define VHOST_NAME_MAX 31
#define VHOST_RTABLE_MAX (VNS_CLIENT_MAX - 40)

enum vhost_match {
    VHOST_BY_NAME,   /* the switch's port name is 'port_name' */
    VHOST_BY_NUMBER, /* (dpid, port) */
    VHOST_BY_SUFFIX  /* port name ends in "-" and the interface's name, on the adopted switch */
};

struct vhost_interface {
    char name[16];
    enum vhost_match match;
    char port_name[26];
    uint64_t dpid;
    uint32_t port;
    uint32_t ip, mask; /* host byte order */
    unsigned row;      /* of the interfaces board; bind.c fills it in */
};

struct client;

struct vhost {
    char name[VHOST_NAME_MAX + 1];
    struct vhost_interface interface[VNS_HW_INTERFACES];
    unsigned n_interfaces;
    char switch_name[26]; /* VHOST_BY_SUFFIX: preferred over other switches */
    bool has_key;
    uint8_t key[VNS_KEY_LEN];
    char *rtable; /* malloc'd */
    size_t rtable_len;

    /* while running */
    struct client *client; /* the TCP client that has the lease, or NULL */
    bool ring;             /* the router on the ring asks for it */
    char last[112];        /* why the last client was closed; for people */
};

struct vhosts {
    struct vhost *list;
    unsigned n;
};

/* Reads them from the configuration and the files that it names.  Returns 0, or -errno with one
 * sentence, with file and line, in 'why'. */
int vhosts_load(struct vhosts *v, const struct config *c, char *why, size_t why_size);
void vhosts_free(struct vhosts *v);
/* The index of the virtual host of that name, or -1. */
int vhosts_find(const struct vhosts *v, const char *name);
/* "eth1 eth2 eth3" */
void vhost_names(const struct vhost *h, char *text, size_t size);

#endif
