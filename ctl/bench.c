/* ctl/bench.c - `causeway bench`: the command. */
#include "ctl/bench.h"

#include <string.h>

static int write_files(const struct bench *b, const struct bench_result *r)
{
    int status = 0;

    for (unsigned i = 0; i < b->set.files; i++) {
        int err = bench_file_write(b->set.file[i], &b->set, r);

        if (err != 0) {
            status = ctl_fail("%s: cannot be written: %s", b->set.file[i], strerror(-err));
        }
    }
    return status;
}

static int report(const struct ctl *c, const struct bench *b, const struct bench_result *r)
{
    int status;

    bench_progress_end(b);
    if (c->json) {
        ctl_print_json(c, bench_json(&b->set, r));
    } else {
        bench_say(&b->set, r);
    }
    status = write_files(b, r);
    if (r->good == 0) {
        return ctl_fail("bench: no frame came back");
    }
    return bench_wrong(r) > 0 ? 1 : status;
}

/* Returns 0, or -1 with a sentence in b->why. */
static int measure(struct bench *b, struct bench_result *r)
{
    if (bench_routes(b) != 0 || bench_connect(b) != 0) {
        return -1;
    }
    if (b->set.mode == BENCH_RAMP) {
        return bench_ramp(b, r);
    }
    if (b->set.warmup_s > 0 && bench_measure(b, r, b->set.warmup_s) != 0) {
        return -1;
    }
    if (ctl_stopped()) {
        return 0; /* what the warm-up brought is all there is */
    }
    return bench_measure(b, r, b->set.duration_s);
}

int cmd_bench(struct ctl *c)
{
    static struct bench b;
    static struct bench_result result;
    int status = bench_options(c, &b.set);

    if (status != 0) {
        return status;
    }
    if (b.set.config) {
        return bench_print_config(&b.set);
    }
    b.c = c;
    bench_catch_signals();
    status = measure(&b, &result) == 0 ? report(c, &b, &result) : ctl_fail("bench: %s", b.why);
    bench_disconnect(&b);
    bench_unroute(&b);
    return status;
}
