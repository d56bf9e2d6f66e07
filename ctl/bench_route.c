/* ctl/bench_route.c - which addresses the frames of each switch have, and the routes to them.
 *
 * One switch and one destination are the lab's client and server1, which need nothing.  More
 * destinations are of 198.18.0.0/15, which is for benchmarks (RFC 2544, C.2.2), behind server1.
 * More switches have networks of their own: switch k's frames go from 10.200.k.2 to 10.201.k.2. */
#include <stdio.h>

#include "common/control.h"
#include "ctl/bench.h"

#define RANGE 0xc6120000 /* 198.18.0.0 */
#define RANGE_TEXT "198.18.0.0/15"
#define IN_NET 0x0ac80000  /* 10.200.0.0 */
#define OUT_NET 0x0ac90000 /* 10.201.0.0 */

static bool has_networks(const struct bench_settings *set)
{
    return set->switches > 1 && !set->same;
}

static bool has_range(const struct bench_settings *set)
{
    return set->destinations > 1 && !set->addressed && !set->same;
}

void bench_addresses(const struct bench_settings *set, unsigned number, uint32_t *src,
                     uint32_t *dst)
{
    *src = has_networks(set) ? IN_NET + (number << 8) + 2 : set->src;
    *dst = has_networks(set) ? OUT_NET + (number << 8) + 2 : has_range(set) ? RANGE : set->dst;
}

static void destination(const struct bench *b, unsigned i, char text[24])
{
    uint32_t src, dst;
    char ip[PKT_IP_TEXT];

    bench_addresses(&b->set, i, &src, &dst);
    snprintf(text, 24, "%s", has_range(&b->set) ? RANGE_TEXT : pkt_ip_text(ip, dst));
}

/* The route of switch 'i', in place of one of the same prefix. */
static int add(struct bench *b, unsigned i)
{
    char to[24], interface[16], why[300] = "";
    json_t *params, *answer;

    destination(b, i, to);
    snprintf(interface, sizeof interface, has_range(&b->set) ? "eth1" : "b%uo", i);
    params = json_pack("{s:s s:s}", "destination", to, "interface", interface);
    if (has_range(&b->set)) {
        json_object_set_new(params, "gateway", json_string("192.168.2.2"));
    }
    answer =
        control_call(b->c->run_dir, "router", "route.add", params, CTL_ANSWER_MS, why, sizeof why);
    if (!answer) {
        snprintf(b->why, sizeof b->why,
                 "the route to %s cannot be made: %s; without this router's run directory, make "
                 "routes yourself and name --destination",
                 to, why);
        return -1;
    }
    json_decref(answer);
    return 0;
}

int bench_routes(struct bench *b)
{
    unsigned n = has_networks(&b->set) ? b->set.switches : has_range(&b->set) ? 1 : 0;

    for (; b->routes < n; b->routes++) {
        if (add(b, b->routes) != 0) {
            return -1;
        }
    }
    return 0;
}

void bench_unroute(struct bench *b)
{
    while (b->routes > 0) {
        char to[24], why[300];

        destination(b, --b->routes, to);
        json_decref(control_call(b->c->run_dir, "router", "route.del",
                                 json_pack("{s:s}", "destination", to), CTL_ANSWER_MS, why,
                                 sizeof why));
    }
}

int bench_print_config(const struct bench_settings *set)
{
    printf("# What %u switch%s of causeway bench need: in the stack's configuration file.\n"
           "[vhost vrhost]\n",
           set->switches, set->switches > 1 ? "es" : "");
    for (unsigned i = 0; i < set->switches; i++) {
        printf("interface = b%ui bench%u-eth%d 10.200.%u.1/24\n"
               "interface = b%uo bench%u-eth%d 10.201.%u.1/24\n",
               i, i, BENCH_IN_PORT, i, i, i, BENCH_OUT_PORT, i);
    }
    return 0;
}
