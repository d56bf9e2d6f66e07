/* tests/unit/counter.c - a snapshot of counters at any moment, of a process that may die at any. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/counter_file.h"
#include "tests/unit/accounts.h"

TestSuite(counter, .timeout = 60);

struct scene {
    char dir[40];
    _Atomic uint64_t *tail; /* what a ring would have published: 8 for each frame */
};

static void scene_open(struct scene *s)
{
    snprintf(s->dir, sizeof s->dir, "/dev/shm/cw-counter-XXXXXX");
    cr_assert(mkdtemp(s->dir) != NULL);
    s->tail =
        mmap(NULL, sizeof *s->tail, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(s->tail != MAP_FAILED);
    cr_assert(counter_open(s->dir, COUNTER_OF_ROUTER) == 0);
}

static void scene_close(struct scene *s)
{
    char path[80];

    snprintf(path, sizeof path, "%s/router.counters", s->dir);
    unlink(path);
    rmdir(s->dir);
}

/* A batch of frames, visible with the tail; then one that has no ring, with a mark. */
static void batch(struct counter_tally *t, _Atomic uint64_t *tail, unsigned n)
{
    uint64_t next = *tail + 8 * (n + 2);

    counter_tally(t, ROUTER_RECEIVED, n + 2);
    counter_tally(t, ROUTER_FORWARDED, n);
    counter_tally_drop(t, COUNTER_DROPPED, DROP_NO_ROUTE);
    counter_tally_drop(t, COUNTER_DROPPED, (enum drop)(1 + n % (DROPS - 1)));
    counter_prepare(t, TOPO_VNS_OUT, next);
    atomic_store_explicit(tail, next, memory_order_release);
    counter_commit();
    counter_tally(t, ROUTER_RECEIVED, n);
    counter_tally(t, ROUTER_ANSWERED, n);
    counter_tally(t, ROUTER_ARP_REPLIES, n);
    counter_tally(t, ROUTER_ICMP_ERRORS, n);
    counter_apply(t, 0, counter_get(ROUTER_ARP_REPLIES) + n);
}

/* The owner, until it is killed.  Exit status 2: its predecessor's counts are not whole. */
static pid_t spawn_owner(const struct scene *s)
{
    pid_t child = fork();

    if (child == 0) {
        struct counter_tally t = {0};

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        if (counter_open(s->dir, COUNTER_OF_ROUTER) != 0) {
            _exit(1);
        }
        counter_recover(TOPO_VNS_OUT, *s->tail);
        if (counter_mark(0) != counter_get(ROUTER_ARP_REPLIES) ||
            8 * (counter_get(ROUTER_RECEIVED) - counter_get(ROUTER_ANSWERED)) != *s->tail) {
            _exit(2);
        }
        for (unsigned n = 1;; n++) {
            batch(&t, s->tail, n % 61);
        }
    }
    return child;
}

/* One look: every account holds, and what is published is counted, no more and no less. */
static void look(const struct scene *s, const struct counter_view *v)
{
    uint64_t before = atomic_load(s->tail), after, counted;
    struct counter_snapshot now;

    cr_assert(counter_view_snapshot(v, &now));
    after = atomic_load(s->tail);
    counter_snapshot_settle(&now, TOPO_VNS_OUT, after);
    cr_assert(accounts_hold_in(&now, COUNTER_OF_ROUTER));
    counted = 8 * (counter_snapshot_get(&now, ROUTER_RECEIVED) -
                   counter_snapshot_get(&now, ROUTER_ANSWERED));
    cr_assert(counted >= before && counted <= after, "%llu not in %llu to %llu",
              (unsigned long long)counted, (unsigned long long)before, (unsigned long long)after);
    cr_assert(counter_snapshot_get(&now, ROUTER_ARP_REPLIES) ==
              counter_snapshot_get(&now, ROUTER_ICMP_ERRORS));
}

Test(counter, every_look_adds_up_while_the_owner_runs_and_after_each_of_800_kills)
{
    unsigned seed = 7, looks = 0;
    struct counter_view v;
    struct scene s;

    scene_open(&s);
    cr_assert(counter_view_open(&v, s.dir, "router") == 0);
    for (unsigned kills = 0; kills < 800; kills++) {
        pid_t owner = spawn_owner(&s);
        uint64_t began = atomic_load(s.tail);
        int status;

        for (unsigned left = 1 + (unsigned)rand_r(&seed) % 300; left > 0; left--) {
            look(&s, &v);
            looks++;
        }
        while (atomic_load(s.tail) == began && waitpid(owner, &status, WNOHANG) == 0) {
        }
        kill(owner, SIGKILL);
        cr_assert(waitpid(owner, &status, 0) == owner);
        cr_assert(WIFSIGNALED(status), "the owner ended with %d after %u kills",
                  WEXITSTATUS(status), kills);
        look(&s, &v);
    }
    cr_expect(looks > 100000);
    counter_view_close(&v);
    scene_close(&s);
}

Test(counter, what_is_published_is_counted_before_its_owner_commits_it)
{
    struct counter_tally t = {0};
    struct counter_snapshot now;
    struct counter_view v;
    struct scene s;

    scene_open(&s);
    cr_assert(counter_view_open(&v, s.dir, "router") == 0);
    counter_tally(&t, ROUTER_RECEIVED, 5);
    counter_tally(&t, ROUTER_FORWARDED, 5);
    counter_prepare(&t, TOPO_VNS_OUT, 800);
    cr_assert(counter_view_snapshot(&v, &now));
    counter_snapshot_settle(&now, TOPO_VNS_OUT, 792);
    cr_expect(counter_snapshot_get(&now, ROUTER_RECEIVED) == 0, "not published");
    counter_snapshot_settle(&now, TOPO_PKT_OUT, 800);
    cr_expect(counter_snapshot_get(&now, ROUTER_RECEIVED) == 0, "another ring");
    counter_snapshot_settle(&now, TOPO_VNS_OUT, 800);
    cr_expect(counter_snapshot_get(&now, ROUTER_FORWARDED) == 5, "published, not yet committed");
    counter_view_close(&v);
    scene_close(&s);
}

/* A note, a count of words and a sequence that no honest owner writes: no wild store, no endless
 * look. */
Test(counter, garbage_in_a_file_is_read_without_harm)
{
    struct counter_snapshot now;
    struct counter_view v;
    struct scene s;
    char path[80];
    unsigned seed = 3;
    FILE *f;

    scene_open(&s);
    snprintf(path, sizeof path, "%s/router.counters", s.dir);
    for (unsigned round = 0; round < 500; round++) {
        f = fopen(path, "r+");
        cr_assert(f != NULL && fseek(f, 8, SEEK_SET) == 0);
        for (unsigned i = 0; i < FILE_WORDS; i++) {
            uint64_t word = (uint64_t)rand_r(&seed) << (unsigned)rand_r(&seed) % 40;

            word = rand_r(&seed) % 2 ? word % (2 * COUNTER_WORDS) : word;
            cr_assert(fwrite(&word, sizeof word, 1, f) == 1);
        }
        fclose(f);
        cr_assert(counter_view_open(&v, s.dir, "router") == 0);
        cr_assert(counter_view_snapshot(&v, &now));
        counter_snapshot_settle(&now, (unsigned)now.output, UINT64_MAX);
        counter_view_close(&v);
        cr_assert(counter_open(s.dir, COUNTER_OF_ROUTER) == 0);
        counter_recover(TOPO_VNS_OUT, UINT64_MAX);
    }
    scene_close(&s);
}
