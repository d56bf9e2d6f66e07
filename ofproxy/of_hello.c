/* ofproxy/of_hello.c - which version is spoken (1.3.5, 6.3.1).
 *
 * Our HELLO has the highest version that the configuration allows in its header, and all of them in
 * a bitmap.  With a bitmap of the peer's the highest version in both counts, else the smaller one
 * of the two headers, which must be one that we speak. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define BITMAP 1 /* the element's type */

static const struct of_dialect *const dialects[] = {&of_dialect13, &of_dialect10}; /* best first */
#define DIALECTS (sizeof dialects / sizeof dialects[0])

unsigned hello_versions(const char *words)
{
    char copy[64], *save = NULL;
    unsigned versions = 0;

    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok_r(copy, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
        if (strcmp(w, "1.0") == 0) {
            versions |= 1u << OF10_VERSION;
        } else if (strcmp(w, "1.3") == 0) {
            versions |= 1u << OF13_VERSION;
        } else {
            die_usage("openflow: '%s' is not a version: expected 1.0, 1.3 or both, as in 1.0,1.3",
                      w);
        }
    }
    if (versions == 0) {
        die_usage("openflow: names no version: expected 1.0, 1.3 or both, as in 1.0,1.3");
    }
    return versions;
}

void hello_send(struct of_conn *c)
{
    uint8_t body[8];
    struct wire_out out = {body, body + sizeof body, false};
    bool bitmap = c->dialect->version->version > OF10_VERSION; /* 1.0 knows no elements */

    of_hello_element_put(&out, &(struct of_hello_element){BITMAP, sizeof body});
    wire_store_uint32(out.p, c->proxy->versions);
    conn_send(c, OF10_TYPE_HELLO, conn_xid(c), body, bitmap ? sizeof body : 0);
}

/* "OpenFlow 1.0 and OpenFlow 1.3", of the versions that are offered. */
static void say_versions(char *text, size_t size, unsigned versions, const char *between,
                         const char *each)
{
    size_t n = 0;

    text[0] = '\0';
    for (unsigned i = DIALECTS; i-- > 0;) {
        unsigned version = dialects[i]->version->version;

        if (versions >> version & 1 && n < size) {
            n += (size_t)snprintf(text + n, size - n, "%s%s%s", n > 0 ? between : "", each,
                                  version == OF10_VERSION ? "1.0" : "1.3");
        }
    }
}

/* ovs-vsctl writes "OpenFlow10". */
static void say_cure(char *why, size_t size, unsigned versions, unsigned theirs, bool bitmap)
{
    char spoken[64];

    say_versions(spoken, sizeof spoken, versions, " and ", "OpenFlow ");
    snprintf(
        why, size,
        "no version in common: its HELLO %s %u, and %s %s spoken here; allow one in the switch "
        "(ovs-vsctl set bridge NAME protocols=OpenFlow%s)",
        bitmap ? "lists others, up to" : "says", theirs, spoken,
        strstr(spoken, "and") ? "are" : "is",
        versions >> OF13_VERSION & 1 ? (versions >> OF10_VERSION & 1 ? "10,OpenFlow13" : "13")
                                     : "10");
}

/* Has the HELLO a bitmap?  'bad' as of_hello_allows says. */
static bool has_bitmap(const struct of_msg *m, bool *bad)
{
    /* Version 0 is in no bitmap, and every header's version is at least 0. */
    return !of_hello_allows(m->bytes, m->h.length, 0, bad) && !*bad;
}

const struct of_dialect *hello_agree(const struct of_conn *c, const struct of_msg *m, char *why,
                                     size_t size)
{
    unsigned ours = c->dialect->version->version, theirs = m->h.version;
    unsigned smaller = theirs < ours ? theirs : ours;
    bool bad, bitmap = has_bitmap(m, &bad);

    for (unsigned i = 0; i < DIALECTS && !bad && theirs != 0; i++) {
        uint8_t version = dialects[i]->version->version;
        bool both =
            bitmap ? of_hello_allows(m->bytes, m->h.length, version, &bad) : version == smaller;

        if (both && c->proxy->versions >> version & 1) {
            return dialects[i];
        }
    }
    if (bad) {
        snprintf(why, size,
                 "its HELLO has an element that is cut; expected elements of 4 bytes or more");
    } else {
        say_cure(why, size, c->proxy->versions, theirs, bitmap);
    }
    return NULL;
}
