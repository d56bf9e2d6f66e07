/* vnsbridge/rtable.c - reading and checking a routing table; its text is passed on as it is. */
#include "vnsbridge/rtable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnsbridge/ipconfig.h"

static bool has_interface(const struct vhost *h, const char *name)
{
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        if (strcmp(h->interface[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_address(const char *text)
{
    uint32_t ip, mask;

    return !strchr(text, '/') && ipconfig_address(text, &ip, &mask);
}

/* What is wrong with a line, in words, or NULL. */
static const char *check_line(const struct vhost *h, const char *line, char *text, size_t size)
{
    char word[4][64], more[2], names[128];
    int n = sscanf(line, "%63s %63s %63s %63s %1s", word[0], word[1], word[2], word[3], more);

    if (n <= 0 || word[0][0] == '#') {
        return NULL;
    }
    if (n != 4 || !is_address(word[0]) || !is_address(word[1]) || !is_address(word[2])) {
        return "expected destination, gateway, mask and interface: "
               "192.168.2.2 192.168.2.2 255.255.255.255 eth1";
    }
    if (!has_interface(h, word[3])) {
        vhost_names(h, names, sizeof names);
        snprintf(text, size, "virtual host %s has no interface %s: expected one of %s", h->name,
                 word[3], names);
        return text;
    }
    return NULL;
}

static int check_text(const struct vhost *h, const char *file, char *why, size_t why_size)
{
    const char *at = h->rtable;

    for (int number = 1; *at; number++) {
        size_t len = strcspn(at, "\n");
        char line[512], text[320];
        const char *wrong;

        snprintf(line, sizeof line, "%.*s", (int)(len < 511 ? len : 511), at);
        wrong = check_line(h, line, text, sizeof text);
        if (wrong) {
            snprintf(why, why_size, "%s:%d: %s", file, number, wrong);
            return -EINVAL;
        }
        at += len + (at[len] == '\n');
    }
    return 0;
}

int rtable_load(struct vhost *h, const char *file, char *why, size_t why_size)
{
    FILE *f = fopen(file, "re");
    int err = 0;

    if (!f) {
        err = errno;
        snprintf(why, why_size, "cannot read the routing table %s: %s: name another as rtable",
                 file, strerror(err));
        return -err;
    }
    h->rtable = calloc(1, VHOST_RTABLE_MAX + 2);
    if (!h->rtable) {
        fclose(f);
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    h->rtable_len = fread(h->rtable, 1, VHOST_RTABLE_MAX + 1, f);
    if (ferror(f) || h->rtable_len > VHOST_RTABLE_MAX) {
        snprintf(why, why_size,
                 "the routing table %s cannot be read, or is over %d bytes, the most that a VNS "
                 "client takes: shorten it",
                 file, VHOST_RTABLE_MAX);
        err = -EINVAL;
    }
    fclose(f);
    h->rtable[h->rtable_len] = '\0';
    return err ? err : check_text(h, file, why, why_size);
}

int rtable_lab(struct vhost *h)
{
    static const char *const lines[][2] = {
        {"eth1", "192.168.2.2 192.168.2.2 255.255.255.255 eth1\n"},
        {"eth2", "172.64.3.10 172.64.3.10 255.255.255.255 eth2\n"},
        {"eth3", "10.0.1.100 10.0.1.100 255.255.255.255 eth3\n"},
    };

    h->rtable = calloc(1, 256);
    if (!h->rtable) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (has_interface(h, lines[i][0])) {
            strcat(h->rtable, lines[i][1]);
        }
    }
    h->rtable_len = strlen(h->rtable);
    return 0;
}
