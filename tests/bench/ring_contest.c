/* tests/bench/ring_contest.c - one run of one contestant (contest.h): nanoseconds a record.
 *
 *     ring_contest NAME SIZE BATCH MILLISECONDS DEPTH
 *
 * NAME: ours, plain, ck, rte or rte_zc.  SIZE: 64, 136 or 1500.
 * The producer is a process of its own, on the second processor, the consumer on the first; the
 * first records are not counted.  tests/bench/rings calls it in turns. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/loop.h"
#include "tests/bench/contest.h"
#include "tests/bench/pin.h"

static struct contest c;

void *contest_memory(size_t bytes)
{
    void *p =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED) {
        perror("ring_contest: memory for the ring");
        exit(2);
    }
    return p;
}

static void keep_on(unsigned cpu)
{
    if (!pin(cpu)) {
        perror("ring_contest: two processors are needed");
        exit(2);
    }
}

static const struct contestant *by_name(const char *name)
{
    static const struct {
        const char *name;
        const struct contestant *who;
    } all[] = {{"ours", &contest_ours},
               {"plain", &contest_plain},
               {"ck", &contest_ck},
               {"rte", &contest_rte},
               {"rte_zc", &contest_rte_zc}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, all[i].name) == 0) {
            return all[i].who;
        }
    }
    return NULL;
}

#define TURN 20000 /* records between two looks at the clock */

static double run(const struct contestant *who, uint64_t ns)
{
    uint64_t start, now, n = 0;
    pid_t child;

    who->open(&c);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        keep_on(1);
        who->produce(&c, UINT64_MAX / 2); /* until it is killed */
        _exit(0);
    }
    keep_on(0);
    who->consume(&c, 5 * TURN);
    start = loop_now_ns();
    do {
        who->consume(&c, TURN);
        n += TURN;
        now = loop_now_ns();
    } while (now - start < ns);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return (double)(now - start) / (double)n;
}

int main(int argc, char **argv)
{
    const struct contestant *who = argc == 6 ? by_name(argv[1]) : NULL;
    double ns;

    if (!who) {
        fprintf(stderr,
                "usage: ring_contest ours|plain|ck|rte|rte_zc SIZE BATCH MILLISECONDS DEPTH\n");
        return 2;
    }
    c.size = (uint32_t)strtoul(argv[2], NULL, 10);
    c.batch = (unsigned)strtoul(argv[3], NULL, 10);
    c.depth = (uint32_t)strtoul(argv[5], NULL, 10);
    if ((c.size != 64 && c.size != 136 && c.size != 1500) || c.batch < 1 ||
        c.batch > CONTEST_BATCH || c.depth < 128 || (c.depth & (c.depth - 1)) != 0) {
        fprintf(stderr,
                "ring_contest: a size of 64, 136 or 1500, a batch of 1 to %d, a depth that is "
                "a power of two from 128\n",
                CONTEST_BATCH);
        return 2;
    }
    ns = run(who, strtoull(argv[4], NULL, 10) * 1000000u);
    if (c.wrong > 0) {
        fprintf(stderr, "ring_contest: %s: %llu records were not those that were sent\n", who->name,
                (unsigned long long)c.wrong);
        return 1;
    }
    printf("%.3f\n", ns);
    return 0;
}
