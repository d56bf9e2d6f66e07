/* tests/fault/step_ofproxy_must.c - what must be, whatever instant ofproxy was killed at. */
#include <stdio.h>

#include "shm/account.h"
#include "tests/fault/step_ofproxy.h"

static unsigned in_flight(const struct of_state *s, int klass, unsigned port)
{
    unsigned n = 0;

    for (unsigned i = 1; i < NUMBERS; i++) {
        n += s->published[i] && !s->answered[i] && (klass < 0 || (int)class_of(i) == klass) &&
             (port == 0 || port_of(i) == port);
    }
    return n;
}

static unsigned tickets(const struct of_state *s)
{
    unsigned n = 0;

    for (unsigned t = 0; t < FLIGHTS; t++) {
        n += s->flights[t].seq != 0;
    }
    return n;
}

bool shares_hold(const struct of_state *s, char *why, size_t size)
{
    struct traffic_row t;
    struct class_row c;

    if (tickets(s) != in_flight(s, -1, 0)) {
        snprintf(why, size, "%u tickets for %u frames in flight", tickets(s), in_flight(s, -1, 0));
        return false;
    }
    for (int k = 0; k < CLASSES; k++) {
        if (!board_get(&s->classes, (unsigned)k, &c) || c.in_flight != in_flight(s, k, 0)) {
            snprintf(why, size, "class %d has %u frames in flight, not %u", k, c.in_flight,
                     in_flight(s, k, 0));
            return false;
        }
        for (unsigned p = 1; p <= SWITCH_PORTS; p++) {
            if (!board_get(&s->traffic, p - 1, &t) || t.in_flight[k] != in_flight(s, k, p)) {
                snprintf(why, size, "port %u has %u frames of class %d in flight, not %u", p,
                         t.in_flight[k], k, in_flight(s, k, p));
                return false;
            }
        }
    }
    return true;
}

/* The batch of frames that one recv brought went up as a whole, or not at all. */
static bool batches_hold(const struct of_state *s, unsigned *n_up, unsigned *n_unknown, char *why,
                         size_t size)
{
    *n_up = *n_unknown = 0;
    for (unsigned b = 0; b < s->batches; b++) {
        unsigned up = 0, unknown = 0;

        for (unsigned n = b * BATCH + 1; n <= (b + 1) * BATCH; n++) {
            unknown += port_of(n) == UNKNOWN;
            up += s->up[n] == 1;
            if (s->up[n] > 1) {
                snprintf(why, size, "frame %u came up %u times", n, s->up[n]);
                return false;
            }
        }
        if (up != 0 && up + unknown != BATCH) {
            snprintf(why, size, "%u of %u frames of a batch came up", up, BATCH - unknown);
            return false;
        }
        *n_up += up;
        *n_unknown += up ? unknown : 0;
    }
    return true;
}

/* Each record with bytes came out once, or was begun by one that died, or found no switch. */
static bool outs_hold(const struct of_state *s, uint64_t gone, char *why, size_t size)
{
    uint64_t missing = 0;

    for (unsigned i = 0; i < s->n_outs; i++) {
        unsigned n = s->outs[i].number;

        if (n != 0 && (s->sent[n] > 1 || (s->sent[n] == 1 && s->lost[n]))) {
            snprintf(why, size, "frame %u came out %u times%s", n, s->sent[n],
                     s->lost[n] ? ", and was given up" : "");
            return false;
        }
        missing += n != 0 && s->sent[n] == 0 && !s->lost[n];
    }
    if (missing != gone) {
        snprintf(why, size, "%lu frames did not come out, and %lu found no switch", missing, gone);
    }
    return missing == gone;
}

static bool accounts_hold(const struct counter_snapshot *c, char *why, size_t size)
{
    for (size_t i = 0; i < n_accounts; i++) {
        if (accounts[i].owner == COUNTER_OF_OFPROXY && account_sum(c, &accounts[i]) != 0) {
            snprintf(why, size, "account %s: %ld are missing", accounts[i].name,
                     account_sum(c, &accounts[i]));
            return false;
        }
    }
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        if (account_reasons(c, COUNTER_OF_OFPROXY, (enum counter_kind)k) != 0) {
            snprintf(why, size, "the reasons of %s do not add up",
                     counter_kind_name((enum counter_kind)k));
            return false;
        }
    }
    return true;
}

bool counters_hold(const struct of_state *s, char *why, size_t size)
{
    unsigned n_up, n_unknown, n_settled = 0, n_given_up = 0;
    struct counter_snapshot c;

    if (!batches_hold(s, &n_up, &n_unknown, why, size)) {
        return false;
    }
    for (unsigned i = 0; i < s->n_outs; i++) {
        n_settled += s->outs[i].settles;
    }
    for (unsigned i = 0; i < sizeof s->given_up; i++) {
        n_given_up += s->given_up[i];
    }
    if (account_read(s->dir, COUNTER_OF_OFPROXY, &c) != 0 || !accounts_hold(&c, why, size)) {
        return false;
    }
    const struct {
        const char *name;
        uint64_t is, must;
    } row[] = {
        {"received", counter_snapshot_get(&c, OFPROXY_RECEIVED), n_up + n_unknown + n_given_up},
        {"admitted", counter_snapshot_get(&c, OFPROXY_ADMITTED), n_up},
        {"settled", counter_snapshot_get(&c, OFPROXY_SETTLED), n_settled},
        {"returned", counter_snapshot_get(&c, OFPROXY_RETURNED), s->n_outs},
        {"given up", counter_snapshot_get(&c, OFPROXY_GIVEN_UP), 0},
        {"dropped[restart]", counter_snapshot_drop(&c, COUNTER_DROPPED, DROP_RESTART), n_given_up},
        {"dropped[unknown_port]", counter_snapshot_drop(&c, COUNTER_DROPPED, DROP_UNKNOWN_PORT),
         n_unknown},
        {"bad verdicts", counter_snapshot_get(&c, OFPROXY_BAD_VERDICTS), 0},
    };
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (row[i].is != row[i].must) {
            snprintf(why, size, "%s is %lu, not %lu", row[i].name, row[i].is, row[i].must);
            return false;
        }
    }
    return outs_hold(s,
                     counter_snapshot_drop(&c, COUNTER_DROPPED, DROP_SWITCH_GONE) +
                         counter_snapshot_drop(&c, COUNTER_UNSENT, DROP_SWITCH_GONE),
                     why, size);
}
