/* Routing tables: an input is the text of one; its first byte says how much room the sentence has.
 *
 * A table that is taken, written out again from what was read, reads as the same. */
#include "router/rtable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/pkt.h"
#include "tests/fuzz/fuzz.h"

static void check_route(const struct route *r)
{
    uint32_t mask = r->mask_len ? UINT32_MAX << (32 - r->mask_len) : 0;

    fuzz_check(r->mask_len <= 32 && (r->dest & ~mask) == 0 && r->iface == ROUTE_NO_IFACE);
    fuzz_check(memchr(r->name, '\0', sizeof r->name) && r->name[0]);
}

static void check_again(const struct rtable *t)
{
    size_t room = t->n * 80 + 1, used = 0;
    char *text = malloc(room), why[256], dest[PKT_IP_TEXT], gateway[PKT_IP_TEXT], mask[PKT_IP_TEXT];
    struct rtable again;

    fuzz_check(text != NULL);
    for (size_t i = 0; i < t->n; i++) {
        const struct route *r = &t->routes[i];

        check_route(r);
        used += (size_t)snprintf(
            text + used, room - used, "%s %s %s %s\n", pkt_ip_text(dest, r->dest),
            pkt_ip_text(gateway, r->gateway),
            pkt_ip_text(mask, r->mask_len ? UINT32_MAX << (32 - r->mask_len) : 0), r->name);
    }
    fuzz_check(rtable_parse(&again, "again", text, used, why, sizeof why) == 0, "%s", why);
    fuzz_check(again.n == t->n &&
               (t->n == 0 || memcmp(again.routes, t->routes, t->n * sizeof *t->routes) == 0));
    rtable_free(&again);
    free(text);
}

/* Each line of the refusal names the table and the line. */
static void check_refusal(const char *why, size_t size, unsigned room)
{
    char *copy = strdup(why), *save, *line = strtok_r(copy, "\n", &save);

    fuzz_check(strlen(why) < size);
    for (; room == 255 && line; line = strtok_r(NULL, "\n", &save)) {
        unsigned number;

        fuzz_check(sscanf(line, "table:%u: ", &number) == 1 && strlen(line) > 20, "\"%s\"", line);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    unsigned room = fuzz_u8(&f);
    size_t why_size = room == 255 ? 4096 : room + 1u;
    char *text = (char *)fuzz_copy(f.p, f.left), *why = malloc(why_size);
    struct rtable t;
    int err;

    fuzz_check(why != NULL);
    err = rtable_parse(&t, "table", text, f.left, why, why_size);
    if (err == 0) {
        check_again(&t);
    } else {
        fuzz_check(err == -EINVAL && t.n == 0 && t.routes == NULL);
        check_refusal(why, why_size, room);
    }
    rtable_free(&t);
    free(why);
    free(text);
    return 0;
}
