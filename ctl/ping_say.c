/* ctl/ping_say.c - the trips of `causeway ping`, and what they have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ping.h"

#define BAR 30
#define BLIND_NS 20000 /* a pause of the one who looks that is worth a word */

static const char *ring_of(enum ping_point p)
{
    return p >= PING_RING && p < PING_BACK ? topo_ring_name((enum topo_ring)(p - PING_RING)) : "";
}

void ping_say_trip(const struct ping_trip *t, unsigned number)
{
    char verdict[120];
    uint64_t ns;

    printf("%4u  ", number);
    if (ping_ns(t, PING_SENT, PING_BACK, &ns)) {
        printf("%8.1f us", (double)ns / 1e3);
    } else {
        printf("did not come back");
    }
    if (t->ns[PING_BACK] == 0 || t->wrong) {
        ping_verdict(t, verdict, sizeof verdict);
        printf(", %s", verdict);
    }
    for (unsigned h = 0; h < PING_HOPS; h++) {
        if (ping_ns(t, ping_hop[h].from, ping_hop[h].to, &ns)) {
            printf("%s%s %.1f", h ? " | " : ": ", ping_hop[h].name, (double)ns / 1e3);
        }
    }
    if (t->blind_ns > BLIND_NS) {
        printf("  (nobody looked for %.0f us)", (double)t->blind_ns / 1e3);
    }
    printf("\n");
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Least, middle and most of a hop, or of the whole way.  Of a hop, trips count that were seen as
 * they were: all, if there is none.  Returns of how many trips. */
static unsigned sum_up(const struct ping_trip *trips, unsigned n, enum ping_point from,
                       enum ping_point to, double us[3])
{
    uint64_t *ns = calloc(n + 1, sizeof *ns);
    bool all = true;
    unsigned m = 0;

    for (unsigned i = 0; i < n && to - from != PING_BACK; i++) {
        all &= trips[i].blind_ns > BLIND_NS;
    }
    for (unsigned i = 0; ns && i < n; i++) {
        if (all || trips[i].blind_ns <= BLIND_NS) {
            m += ping_ns(&trips[i], from, to, &ns[m]);
        }
    }
    if (m > 0) {
        qsort(ns, m, sizeof *ns, by_size);
        us[0] = (double)ns[0] / 1e3;
        us[1] = (double)ns[m / 2] / 1e3;
        us[2] = (double)ns[m - 1] / 1e3;
    }
    free(ns);
    return m;
}

static void say_row(const char *what, const char *ring, const double us[3], double all)
{
    int width = all > 0 ? (int)(us[1] / all * BAR + 0.5) : 0;

    printf("  %-14s  %-7s  %8.1f  %8.1f  %8.1f  %.*s\n", what, ring, us[0], us[1], us[2],
           width < BAR ? width : BAR, "##############################");
}

void ping_say(const struct ping_trip *trips, unsigned n)
{
    double all[3] = {0}, us[3];
    unsigned back = sum_up(trips, n, PING_SENT, PING_BACK, all);

    printf("\n%u sent, %u came back\n", n, back);
    if (back == 0) {
        printf("Nothing came back: " BENCH_WHY_NOT "\n");
        return;
    }
    printf("  %-14s  %-7s  %8s  %8s  %8s  us\n", "in", "to ring", "least", "middle", "most");
    for (unsigned h = 0; h < PING_HOPS; h++) {
        if (sum_up(trips, n, ping_hop[h].from, ping_hop[h].to, us) > 0) {
            say_row(ping_hop[h].name, ring_of(ping_hop[h].to), us, all[1]);
        }
    }
    say_row("all", "", all, 0);
}

static json_t *trip_json(const struct ping_trip *t)
{
    json_t *o = json_object(), *hops = json_object();
    char verdict[120];
    uint64_t ns;

    ping_verdict(t, verdict, sizeof verdict);
    json_object_set_new(o, "came_back", json_boolean(t->ns[PING_BACK] != 0));
    json_object_set_new(o, "right", json_boolean(t->ns[PING_BACK] != 0 && !t->wrong));
    json_object_set_new(o, "verdict", json_string(verdict));
    for (unsigned h = 0; h < PING_HOPS; h++) {
        if (ping_ns(t, ping_hop[h].from, ping_hop[h].to, &ns)) {
            json_object_set_new(hops, ping_hop[h].key, json_real((double)ns / 1e3));
        }
    }
    if (ping_ns(t, PING_SENT, PING_BACK, &ns)) {
        json_object_set_new(o, "us", json_real((double)ns / 1e3));
    }
    json_object_set_new(o, "blind_us", json_real((double)t->blind_ns / 1e3));
    json_object_set_new(o, "hops_us", hops);
    return o;
}

json_t *ping_json(const struct bench_settings *set, const struct ping_trip *trips, unsigned n)
{
    json_t *list = json_array(), *hops = json_array(), *o;
    double us[3];

    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(list, trip_json(&trips[i]));
    }
    for (unsigned h = 0; h < PING_HOPS; h++) {
        if (sum_up(trips, n, ping_hop[h].from, ping_hop[h].to, us) > 0) {
            json_array_append_new(hops,
                                  json_pack("{s:s s:s s:s s:f s:f s:f}", "hop", ping_hop[h].key,
                                            "in", ping_hop[h].name, "ring", ring_of(ping_hop[h].to),
                                            "min_us", us[0], "p50_us", us[1], "max_us", us[2]));
        }
    }
    o = json_pack("{s:s s:s s:i s:i s:o s:o}", "connect", set->connect, "openflow",
                  set->of13 ? "1.3" : "1.0", "size", (int)set->size, "sent", (int)n, "hops", hops,
                  "trips", list);
    if (sum_up(trips, n, PING_SENT, PING_BACK, us) > 0) {
        json_object_set_new(
            o, "all",
            json_pack("{s:f s:f s:f}", "min_us", us[0], "p50_us", us[1], "max_us", us[2]));
    }
    return o;
}
