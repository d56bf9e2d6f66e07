/* ctl/bench.c - `causeway bench`: the command. */
#include "ctl/bench.h"

#include <signal.h>

static int report(const struct ctl *c, const struct bench *b, const struct bench_result *r)
{
    if (c->json) {
        ctl_print_json(c, bench_json(&b->set, r));
    } else {
        bench_say(&b->set, r);
    }
    if (r->good == 0) {
        return ctl_fail("bench: no frame came back");
    }
    return bench_wrong(r) > 0 ? 1 : 0;
}

int cmd_bench(struct ctl *c)
{
    static struct bench b;
    static struct bench_result result;
    int status = bench_options(c, &b.set);

    if (status != 0) {
        return status;
    }
    b.c = c;
    signal(SIGPIPE, SIG_IGN);
    if (bench_connect(&b) != 0 ||
        (b.set.warmup_s > 0 && bench_measure(&b, &result, b.set.warmup_s) != 0) ||
        bench_measure(&b, &result, b.set.duration_s) != 0) {
        status = ctl_fail("bench: %s", b.why);
    } else {
        status = report(c, &b, &result);
    }
    bench_disconnect(&b);
    return status;
}
