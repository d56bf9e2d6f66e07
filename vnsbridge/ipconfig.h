/* vnsbridge/ipconfig.h - the IP_CONFIG file of the older stack, read as it is.
 *
 * A line gives a switch port and the address of the router's interface on it, "sw0-eth1
 * 192.168.2.1"; the address may have a prefix length ("/24"), else it is /32, as in that stack.
 * Blank lines and '#' to the end of a line say nothing. */
#ifndef VNSBRIDGE_IPCONFIG_H
#define VNSBRIDGE_IPCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPCONFIG_LINES 1024

struct ipconfig_entry {
    char port[26]; /* "sw0-eth1" */
    char name[16]; /* what follows its last '-': "eth1" */
    char stem[26]; /* what precedes it: "sw0"; "" when there is no '-' */
    uint32_t ip, mask;
    int line;
};
struct ipconfig {
    struct ipconfig_entry entry[IPCONFIG_LINES];
    unsigned n;
};

/* Returns 0, or -errno with "file:line: what was found, what was expected" in 'why'. */
int ipconfig_load(struct ipconfig *c, const char *file, char *why, size_t why_size);

/* "192.168.2.1" or "192.168.2.0/24".  False: neither. */
bool ipconfig_address(const char *text, uint32_t *ip, uint32_t *mask);
/* Splits "sw0-eth1" at its last '-'.  False: the name is empty or over 15 characters. */
bool ipconfig_port_name(const char *port, char stem[26], char name[16]);

#endif
