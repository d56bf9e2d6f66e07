/* vnsbridge/ipconfig.c - IP_CONFIG, line by line. */
#include "vnsbridge/ipconfig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"

static const char blanks[] = " \t\r\n";

bool ipconfig_address(const char *text, uint32_t *ip, uint32_t *mask)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    long bits = 32;
    char dotted[16];
    struct in_addr a;

    if (len >= sizeof dotted) {
        return false;
    }
    memcpy(dotted, text, len);
    dotted[len] = '\0';
    if (slash) {
        char *end;

        errno = 0;
        bits = strtol(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || errno || bits > 32) {
            return false;
        }
    }
    if (inet_pton(AF_INET, dotted, &a) != 1) {
        return false;
    }
    *ip = ntohl(a.s_addr);
    *mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return true;
}

bool ipconfig_port_name(const char *port, char stem[26], char name[16])
{
    const char *dash = strrchr(port, '-');
    const char *from = dash ? dash + 1 : port;
    size_t len = strlen(from), stem_len = dash ? (size_t)(dash - port) : 0;

    if (len == 0 || len > 15 || stem_len > 25) {
        return false;
    }
    memset(stem, 0, 26);
    memset(name, 0, 16);
    memcpy(stem, port, stem_len);
    memcpy(name, from, len);
    return true;
}

static const char *read_line(struct ipconfig *c, char *line, int number)
{
    struct ipconfig_entry *e = &c->entry[c->n];
    char *save, *port, *address;

    line[strcspn(line, "#")] = '\0';
    port = strtok_r(line, blanks, &save);
    if (!port) {
        return NULL;
    }
    address = strtok_r(NULL, blanks, &save);
    if (!address || strtok_r(NULL, blanks, &save)) {
        return "expected two words, a switch port and an address: sw0-eth1 192.168.2.1";
    }
    if (c->n == IPCONFIG_LINES) {
        return "more than 1024 interfaces: remove some";
    }
    *e = (struct ipconfig_entry){.line = number};
    if (strlen(port) >= sizeof e->port || !ipconfig_port_name(port, e->stem, e->name)) {
        return "the switch port's name is too long: expected at most 25 characters, at most 15 of "
               "them after its last '-'";
    }
    if (!config_is_name(port, sizeof e->port)) {
        return "the switch port's name has characters that are not ASCII: expected one like "
               "sw0-eth1";
    }
    snprintf(e->port, sizeof e->port, "%s", port);
    if (!ipconfig_address(address, &e->ip, &e->mask) || e->ip == 0) {
        return "the second word is no IPv4 address: expected one like 192.168.2.1 or 10.0.1.1/24";
    }
    for (unsigned i = 0; i < c->n; i++) {
        if (strcmp(c->entry[i].port, e->port) == 0) {
            return "this switch port already has a line above: keep one of them";
        }
        if (c->entry[i].ip == e->ip) {
            return "this address already has a line above: give each interface its own";
        }
    }
    c->n++;
    return NULL;
}

int ipconfig_load(struct ipconfig *c, const char *file, char *why, size_t why_size)
{
    FILE *f = fopen(file, "re");
    const char *wrong = NULL;
    char line[512];
    int number = 0;

    c->n = 0;
    if (!f) {
        int err = errno;

        snprintf(why, why_size, "cannot read the IP_CONFIG file %s: %s: name another as ip-config",
                 file, strerror(err));
        return -err;
    }
    while (!wrong && fgets(line, sizeof line, f)) {
        number++;
        wrong = read_line(c, line, number);
    }
    fclose(f);
    if (wrong) {
        snprintf(why, why_size, "%s:%d: %s", file, number, wrong);
        return -EINVAL;
    }
    if (c->n == 0) {
        snprintf(why, why_size, "%s holds no interface: expected lines like: sw0-eth1 192.168.2.1",
                 file);
        return -EINVAL;
    }
    return 0;
}
