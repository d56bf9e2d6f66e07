/* tests/fault/step.c - kills router, vnsbridge and ofproxy at every instruction of their work, and
 * adds up.
 *
 *   step --bin DIR [--program router|vnsbridge|ofproxy] [--stride N] [--starts N] [--kills N]
 *
 * Turn: a process in full work gets a batch of frames and is stepped, instruction by instruction,
 * until each frame has its fate: it consumes, publishes, releases, sleeps.  After each instruction
 * that changed a byte of the run directory, the bytes are kept; each of these instants is then
 * handed to a successor, as a SIGKILL there would (tests/fault/image.h), and the account must be
 * exact: each frame settled once, its bytes out once or not at all as it ought to be, the counters
 * telling the same.
 *
 * Start: the same for the start of a successor, from its first touch of the run directory to the
 * end of the predecessor's batch, for --starts instants of the turn (8); so these are killed twice.
 *
 * Kill: --kills times (8) the process is really killed, at instructions spread over the turn: that
 * the bytes are all that is left of it is thereby tested, not believed.
 *
 * --stride N tries each Nth instant only.  One line for each; exit status 0: no account was wrong;
 * 1: one was, and the run directory stays; 2: it could not be done. */
#include "tests/fault/step.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "shm/role.h"
#include "tests/fault/image.h"
#include "tests/fault/janitor.h"
#include "tests/fault/stride.h"
#include "tests/fault/tracee.h"

#define DEADLINE_NS 10000000000ull
#define LONGEST 20000000u /* instructions of a pass: it hangs, then */
#define COMPLAINTS 10

static struct {
    const char *bin, *program;
    unsigned stride, starts, kills;
} option = {.stride = 1, .starts = 8, .kills = 8};

static struct {
    const struct step_world *world;
    char dir[64], log[96], path[512];
    char *argv[12];
    struct image image;
    uint8_t *cold; /* nobody runs, nothing was fed */
    unsigned wrong;
} m;

/* What one kind of kill came to. */
struct sum {
    const char *what;
    uint64_t instructions;
    unsigned instants, tried, wrong;
    uint64_t slowest_ns;
};

static void pause_us(long us)
{
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "step: %s: no %s within %llu s\n", m.world->program, what,
            DEADLINE_NS / 1000000000u);
    exit(2);
}

/* ---- the account -------------------------------------------------------------------------- */

bool step_complete(const struct step_account *a)
{
    for (unsigned i = 1; i < STEP_FRAMES; i++) {
        if (a->verdicts[i] < a->must_settle[i] || a->came_out[i] < a->must_come[i]) {
            return false;
        }
    }
    return true;
}

bool step_exact(const struct step_account *a, char *why, size_t size)
{
    for (unsigned i = 1; i < STEP_FRAMES; i++) {
        if (a->verdicts[i] != a->must_settle[i] || a->came_out[i] != a->must_come[i]) {
            snprintf(why, size,
                     "frame %u was settled %u times, not %u, and came out %u times, not %u", i,
                     a->verdicts[i], a->must_settle[i], a->came_out[i], a->must_come[i]);
            return false;
        }
    }
    if (a->strange > 0) {
        snprintf(why, size, "%u records came out that nothing caused", a->strange);
    }
    return a->strange == 0;
}

/* ---- one instant -------------------------------------------------------------------------- */

/* A successor goes on from what the files hold.  False: the account is wrong. */
static bool succeed(struct sum *sum, char *why, size_t size)
{
    uint64_t begun = loop_now_ns(), took = 0;
    pid_t pid = program_start(m.argv, m.log);
    bool done = false;

    while (!done && took < DEADLINE_NS) {
        pause_us(100);
        done = m.world->pump();
        took = loop_now_ns() - begun;
    }
    /* what was published is counted a moment later, and before it sleeps */
    while (!m.world->check(why, size) && done && took < DEADLINE_NS / 10) {
        pause_us(100);
        took = loop_now_ns() - begun;
    }
    if (done && m.world->rest) {
        program_stop(pid);
    } else {
        program_kill(pid);
        m.world->pump();
    }
    sum->tried++;
    sum->slowest_ns = took > sum->slowest_ns ? took : sum->slowest_ns;
    return m.world->check(why, size) && done && (!m.world->rest || m.world->rest(why, size));
}

static void judge(struct sum *sum, const struct tracee *t, uint64_t step, uint64_t rip)
{
    char why[256] = "";

    if (m.world->died) {
        m.world->died();
    }
    if (!succeed(sum, why, sizeof why)) {
        sum->wrong++;
        if (m.wrong++ < COMPLAINTS) {
            fprintf(stderr, "step: %s, %s: killed after instruction %" PRIu64 ", before %s: %s\n",
                    m.world->program, sum->what, step, tracee_where(t, rip), why);
        }
    }
}

static void back_to_image(void)
{
    image_restore(&m.image);
    if (m.world->freshen) {
        m.world->freshen(&m.image);
    }
}

/* Every stride'th instant of the log, from the image that it was made on. */
static void judge_log(struct sum *sum, const struct tracee *t, struct image_log *log,
                      const uint8_t *base)
{
    struct image_word at;

    image_rewind(&m.image, base);
    log->at = 0;
    while (image_replay(&m.image, log, &at)) {
        sum->instants++;
        if (sum->instants % option.stride == 0) {
            back_to_image();
            judge(sum, t, at.step, at.rip);
        }
    }
}

/* ---- passes ------------------------------------------------------------------------------- */

/* From where it stands until each frame has its fate; its neighbours take and answer between turns.
 */
static uint64_t step_through(struct tracee *t, struct image_log *log)
{
    uint64_t turn = tracee_address(t, m.world->turn), n = 0;
    struct stride s;

    stride_open(&s, t);
    while (n < LONGEST && stride_on(&s, t)) {
        bool at_turn = t->rip == turn, done;

        if (s.called && m.world->look) {
            m.world->look();
        }
        done = at_turn && m.world->pump();
        if (image_changed(&m.image, at_turn || s.called, log, ++n, t->rip) && s.quiet && !at_turn) {
            fprintf(stderr, "step: %s changed the run directory in a calm function, before %s\n",
                    m.world->program, tracee_where(t, t->rip));
            exit(2);
        }
        if (done) {
            return n;
        }
    }
    fprintf(stderr, "step: %s %s after %" PRIu64 " instructions\n", m.world->program,
            t->pid > 0 ? "was not done" : "ended by itself", n);
    exit(2);
}

/* A process in full work, at the beginning of a turn, with the batch before it. */
static void begin_turn(struct tracee *t)
{
    uint64_t end = loop_now_ns() + DEADLINE_NS;

    image_rewind(&m.image, m.cold);
    image_restore(&m.image);
    tracee_start(t, m.argv, m.log);
    tracee_run(t);
    while (!m.world->warm()) {
        if (loop_now_ns() > end) {
            give_up("full work");
        }
        tracee_tend(t);
        pause_us(500);
    }
    tracee_stop(t);
    m.world->wake();
    if (!tracee_run_to(t, m.world->turn)) {
        give_up("turn");
    }
    m.world->feed();
}

static void report(const struct sum *sum)
{
    printf("%-9s %-5s instructions=%" PRIu64 " instants=%u tried=%u wrong=%u slowest_ms=%.1f\n",
           m.world->program, sum->what, sum->instructions, sum->instants, sum->tried, sum->wrong,
           (double)sum->slowest_ns / 1e6);
    fflush(stdout);
}

/* The log of a whole turn, and the image that it begins with. */
static uint64_t record_turn(struct tracee *t, struct image_log *log, uint8_t **base)
{
    uint64_t n;

    begin_turn(t);
    image_written_by(&m.image, t->pid);
    image_keep(&m.image);
    *base = image_copy(&m.image);
    n = step_through(t, log);
    tracee_kill(t);
    return n;
}

/* The log of a whole start; returns a copy of the image that it begins with. */
static uint8_t *record_start(struct tracee *t, struct image_log *log, struct sum *sum)
{
    uint8_t *base;

    back_to_image();
    if (m.world->died) {
        m.world->died();
    }
    image_keep(&m.image);
    base = image_copy(&m.image);
    tracee_start(t, m.argv, m.log);
    if (!tracee_run_to(t, "topo_open")) {
        give_up("call of topo_open");
    }
    sum->instructions += step_through(t, log);
    tracee_kill(t);
    return base;
}

static void kill_starts(const struct image_log *turn, const uint8_t *turn_base)
{
    struct sum sum = {.what = "start"};
    unsigned all = 0, at = 0;

    for (size_t i = 0; i < turn->n; i++) {
        all += turn->word[i].last;
    }
    for (unsigned i = 0; i < option.starts; i++) {
        unsigned want = all * (2 * i + 1) / (2 * option.starts);
        struct image_log first = *turn, second = {0};
        struct image_word instant;
        struct tracee t;
        uint8_t *base;

        image_rewind(&m.image, turn_base);
        first.at = 0;
        for (at = 0; at <= want && image_replay(&m.image, &first, &instant); at++) {
        }
        base = record_start(&t, &second, &sum);
        judge_log(&sum, &t, &second, base);
        free(base);
        free(second.word);
    }
    report(&sum);
}

static void kill_turn(uint64_t instructions)
{
    struct sum sum = {.what = "kill", .instructions = instructions};

    for (unsigned i = 0; i < option.kills; i++) {
        uint64_t want = instructions * (2 * i + 1) / (2 * option.kills), n = 0;
        struct stride s;
        struct tracee t;

        begin_turn(&t);
        stride_open(&s, &t);
        while (n < want && stride_on(&s, &t)) {
            n++;
        }
        tracee_kill(&t);
        sum.instants++;
        judge(&sum, &t, n, t.rip);
    }
    report(&sum);
}

/* ---- a program ---------------------------------------------------------------------------- */

static void open_all(const struct step_world *w, const char *dir)
{
    unsigned n = 0;
    pid_t pid;

    memset(&m, 0, sizeof m);
    m.world = w;
    snprintf(m.dir, sizeof m.dir, "%s", dir);
    snprintf(m.log, sizeof m.log, "%s/%s.log", m.dir, w->program);
    snprintf(m.path, sizeof m.path, "%s/%s", option.bin, w->program);
    m.argv[n++] = m.path;
    m.argv[n++] = (char *)(uintptr_t) "--run-dir";
    m.argv[n++] = m.dir;
    m.argv[n++] = (char *)(uintptr_t) "--wait";
    m.argv[n++] = (char *)(uintptr_t) "sleep";
    for (unsigned i = 0; w->flag[i]; i++) {
        m.argv[n++] = (char *)(uintptr_t)w->flag[i];
    }
    w->open(m.dir);
    pid = program_start(m.argv, m.log); /* makes what it owns */
    if (role_wait(m.dir, w->program, 10000) != 0) {
        give_up("readiness");
    }
    program_kill(pid);
    image_open(&m.image, m.dir);
    image_add(&m.image, "the tester's state", w->state, w->state_size);
    if (w->outlive) {
        w->outlive(&m.image);
    }
    image_keep(&m.image);
    m.cold = image_copy(&m.image);
}

static int run_world(const char *dir, const void *world)
{
    struct sum sum = {.what = "turn"};
    struct image_log log = {0};
    struct tracee t;
    uint8_t *base;

    open_all(world, dir);
    sum.instructions = record_turn(&t, &log, &base);
    judge_log(&sum, &t, &log, base);
    report(&sum);
    kill_starts(&log, base);
    kill_turn(sum.instructions);
    free(log.word);
    free(base);
    free(m.cold);
    image_close(&m.image);
    return m.wrong > 0;
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"bin", 1, 0, 'b'},    {"program", 1, 0, 'p'}, {"stride", 1, 0, 's'},
        {"starts", 1, 0, 'r'}, {"kills", 1, 0, 'k'},   {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'b':
            option.bin = optarg;
            break;
        case 'p':
            option.program = optarg;
            break;
        case 's':
            option.stride = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            option.starts = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            option.kills = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (!option.bin || option.stride == 0) {
        fprintf(stderr, "step: --bin DIR is needed, and a --stride over 0\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct step_world *const worlds[] = {&step_router, &step_bridge, &step_ofproxy};
    int status = 0;
    unsigned n = 0;

    read_options(argc, argv);
    log_open("step", LOG_TEXT);
    log_set_level(LOG_ERROR);
    for (unsigned i = 0; i < sizeof worlds / sizeof worlds[0] && status < 2; i++) {
        if (!option.program || strcmp(option.program, worlds[i]->program) == 0) {
            int its = janitor_run(worlds[i]->program, run_world, worlds[i]);

            status = its > status ? its : status;
            n++;
        }
    }
    if (n == 0) {
        fprintf(stderr, "step: --program takes router, vnsbridge or ofproxy\n");
        return 2;
    }
    return status;
}
