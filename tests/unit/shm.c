/* tests/unit/shm.c - boards, roles and the arena. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/arena.h"
#include "shm/board.h"
#include "shm/file.h"
#include "shm/record.h"
#include "shm/role.h"

static char dir[64];
static char path[80];
static char why[400];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/dev/shm/cw-shm-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/F", dir);
}

static void remove_dir(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert(system(command) == 0);
}

TestSuite(shm, .timeout = 20, .init = make_dir, .fini = remove_dir);

struct row {
    uint32_t a;
    char text[21]; /* an odd size on purpose */
};

Test(shm, a_board_shows_each_version_once_and_keeps_its_rows_across_a_restart)
{
    struct board_writer w;
    struct board_reader r;
    struct row row = {7, "seven"}, got;

    cr_assert(board_read_join(&r, path, sizeof row, 10, why, sizeof why) == 0, "%s", why);
    cr_assert(board_changed(&r) && !(board_changed(&r)));
    cr_assert(board_write_join(&w, path, sizeof row, 10, why, sizeof why) == 0, "%s", why);
    board_put(&w, 3, &row);
    cr_assert(!(board_changed(&r)), "changed before the publish");
    board_publish(&w);
    cr_assert(board_changed(&r) && !(board_changed(&r)));
    cr_assert(board_used(&r) == 4 && board_get(&r, 3, &got));
    cr_assert(got.a == 7 && strcmp(got.text, "seven") == 0);
    cr_assert(board_get(&r, 0, &got) && got.a == 0 && !(board_get(&r, 10, &got)));
    board_write_leave(&w);
    cr_assert(board_write_join(&w, path, sizeof row, 10, why, sizeof why) == 0, "%s", why);
    board_peek(&w, 3, &got);
    cr_assert(got.a == 7);
    board_write_leave(&w);
    board_read_leave(&r);
}

Test(shm, a_board_has_one_writer)
{
    struct board_writer w, second;

    cr_assert(board_write_join(&w, path, 8, 1, why, sizeof why) == 0);
    cr_assert(board_write_join(&second, path, 8, 1, why, sizeof why) == -EBUSY);
    board_write_leave(&w);
}

Test(shm, a_reader_never_sees_half_a_row)
{
    struct board_writer w;
    struct board_reader r;
    uint64_t row[8], got[8];
    int status;
    pid_t child;

    cr_assert(board_write_join(&w, path, sizeof row, 1, why, sizeof why) == 0);
    cr_assert(board_read_join(&r, path, sizeof row, 1, why, sizeof why) == 0);
    child = fork();
    if (child == 0) {
        for (uint64_t n = 1; n < 300000; n++) {
            for (unsigned i = 0; i < 8; i++) {
                row[i] = n;
            }
            board_put(&w, 0, row);
        }
        _exit(0);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (board_get(&r, 0, got)) {
            for (unsigned i = 1; i < 8; i++) {
                cr_assert(got[i] == got[0], "%" PRIu64 " beside %" PRIu64, got[i], got[0]);
            }
        }
    }
    cr_assert(board_get(&r, 0, got) && got[0] == 299999);
    board_write_leave(&w);
    board_read_leave(&r);
}

Test(shm, a_second_holder_of_a_role_is_refused_with_the_firsts_pid)
{
    struct role a, b;
    struct role_row row;
    bool alive;
    char pid[20];

    snprintf(pid, sizeof pid, "PID %d,", (int)getpid());
    cr_assert(!(role_look(dir, "router", &row, &alive)));
    cr_assert(role_take(&a, dir, "router", why, sizeof why) == 0, "%s", why);
    role_state(&a, ROLE_READY, "serving %s", "x");
    cr_assert(role_take(&b, dir, "router", why, sizeof why) == -EBUSY);
    cr_assert(strstr(why, pid) && strstr(why, "another router"), "%s", why);
    cr_assert(role_look(dir, "router", &row, &alive) && alive && row.state == ROLE_READY);
    cr_assert(strcmp(row.text, "serving x") == 0 && row.starts == 1);
    cr_assert(role_wait(dir, "router", 0) == 0);
    role_leave(&a);
    cr_assert(role_look(dir, "router", &row, &alive) && !(alive));
    cr_assert(role_wait(dir, "router", 10) == -ETIMEDOUT);
    cr_assert(role_take(&b, dir, "router", why, sizeof why) == 0 && b.row.starts == 2);
    role_leave(&b);
}

Test(shm, a_killed_holder_frees_its_role)
{
    struct role_row row;
    struct role mine;
    bool alive;
    pid_t child = fork();

    if (child == 0) {
        struct role r;

        _exit(role_take(&r, dir, "ofproxy", why, sizeof why) == 0 ? (pause(), 0) : 1);
    }
    while (!(role_look(dir, "ofproxy", &row, &alive) && alive)) {
        cr_assert(waitpid(child, NULL, WNOHANG) == 0);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert(role_take(&mine, dir, "ofproxy", why, sizeof why) == 0, "%s", why);
    cr_assert(mine.row.starts == 2);
    role_leave(&mine);
}

Test(shm, a_chunk_comes_back_when_its_last_frame_is_settled_in_any_order)
{
    struct arena a;
    struct arena_flight f = {.seq = 1, .buffer_id = UINT32_MAX};
    uint32_t tickets[3];
    int chunk, taken = 0;

    cr_assert(arena_join(&a, path, why, sizeof why) == 0, "%s", why);
    chunk = arena_chunk(&a);
    f.chunk = (uint16_t)chunk;
    for (unsigned i = 0; i < 3; i++, f.seq++) {
        tickets[i] = arena_ticket(&a, &f);
        cr_assert(tickets[i] != RECORD_NO_TICKET);
    }
    while (arena_chunk(&a) >= 0) {
        taken++;
    }
    cr_assert(taken == ARENA_CHUNKS - 1);
    arena_chunk_done(&a, (unsigned)chunk);
    cr_assert(arena_settle(&a, tickets[1], 2) && arena_settle(&a, tickets[2], 3));
    cr_assert(arena_chunk(&a) == -ENOBUFS);
    cr_assert(!(arena_settle(&a, tickets[1], 2)), "settled twice");
    cr_assert(!(arena_settle(&a, tickets[0], 9)), "settled by a wrong number");
    cr_assert(!(arena_settle(&a, 1u << 31, 1)));
    cr_assert(arena_in_flight(&a) == 1 && arena_settle(&a, tickets[0], 1));
    cr_assert(arena_chunk(&a) == chunk);
    arena_leave(&a);
}

Test(shm, a_restarted_owner_knows_which_chunks_are_in_flight)
{
    struct arena a;
    struct arena_flight f = {.seq = 42, .buffer_id = UINT32_MAX};
    uint32_t ticket;
    int chunk;

    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    arena_chunk(&a);
    chunk = arena_chunk(&a);
    f.chunk = (uint16_t)chunk;
    ticket = arena_ticket(&a, &f);
    arena_leave(&a);
    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    cr_assert(arena_in_flight(&a) == 1 && arena_flight(&a, ticket, 42) != NULL);
    for (unsigned i = 0; i < ARENA_CHUNKS - 1; i++) {
        int c = arena_chunk(&a);

        cr_assert(c >= 0 && c != chunk);
    }
    cr_assert(arena_chunk(&a) == -ENOBUFS);
    cr_assert(arena_settle(&a, ticket, 42) && arena_chunk(&a) == chunk);
    arena_leave(&a);
}

Test(shm, a_frame_that_is_all_head_keeps_no_chunk)
{
    struct arena a;
    struct arena_flight f = {.seq = 7, .buffer_id = UINT32_MAX, .chunk = ARENA_NO_CHUNK};
    uint32_t ticket;

    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    ticket = arena_ticket(&a, &f);
    cr_assert(a.n_free_chunk == ARENA_CHUNKS && arena_in_flight(&a) == 1);
    arena_leave(&a);
    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    cr_assert(arena_in_flight(&a) == 1 && a.n_free_chunk == ARENA_CHUNKS, "nor after a restart");
    cr_assert(arena_settle(&a, ticket, 7) && arena_in_flight(&a) == 0);
    cr_assert(a.n_free_chunk == ARENA_CHUNKS);
    arena_leave(&a);
}

static uint32_t give_up_one(struct arena *a, uint64_t seq, uint16_t chunk)
{
    struct arena_flight f = {.seq = seq, .buffer_id = UINT32_MAX, .chunk = chunk};
    uint32_t ticket = arena_ticket(a, &f);

    arena_give_up(a, ticket);
    return ticket;
}

Test(shm, a_frame_that_was_given_up_is_known_once_by_its_late_verdict)
{
    struct arena a;
    struct arena_flight f = {.seq = 10000, .chunk = ARENA_NO_CHUNK};
    uint32_t ticket[1000];
    int chunk;

    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    chunk = arena_chunk(&a);
    for (unsigned i = 0; i < 1000; i++) {
        ticket[i] = give_up_one(&a, i + 1, i % 2 ? (uint16_t)chunk : ARENA_NO_CHUNK);
    }
    arena_chunk_done(&a, (unsigned)chunk);
    cr_assert(a.n_free_chunk == ARENA_CHUNKS && arena_in_flight(&a) == 0);
    for (unsigned i = 0; i < 1000; i++) { /* traffic goes on, and leaves those tickets alone */
        cr_assert(arena_settle(&a, arena_ticket(&a, &f), f.seq));
    }
    cr_expect(!arena_was_given_up(&a, ticket[5], 7), "another frame's number");
    cr_expect(!arena_was_given_up(&a, 40000, 0), "a ticket that is free");
    cr_expect(!arena_was_given_up(&a, UINT32_MAX - 1, 6));
    cr_expect(arena_flight(&a, ticket[5], 6) == NULL && arena_at(&a, ticket[5]) == NULL);
    for (unsigned i = 0; i < 500; i++) {
        cr_expect(arena_was_given_up(&a, ticket[i], i + 1), "frame %u", i);
        cr_expect(!arena_was_given_up(&a, ticket[i], i + 1), "frame %u, a second time", i);
    }
    arena_leave(&a);
    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    cr_assert(arena_in_flight(&a) == 0);
    for (unsigned i = 0; i < 4000; i++, f.seq++) {
        arena_ticket(&a, &f);
    }
    for (unsigned i = 500; i < 1000; i++) {
        cr_expect(arena_was_given_up(&a, ticket[i], i + 1), "frame %u, after a restart", i);
    }
    arena_leave(&a);
}

Test(shm, every_ticket_is_used_again_however_many_were_given_up)
{
    static uint8_t seen[ARENA_TICKETS];
    struct arena_flight f = {.seq = 1, .chunk = ARENA_NO_CHUNK};
    struct arena a;

    cr_assert(arena_join(&a, path, why, sizeof why) == 0);
    for (unsigned i = 0; i < 3 * ARENA_TICKETS; i++) {
        give_up_one(&a, i + 1, ARENA_NO_CHUNK);
    }
    for (unsigned i = 0; i < ARENA_TICKETS; i++) {
        uint32_t t = arena_ticket(&a, &f);

        cr_assert(t < ARENA_TICKETS && !seen[t]);
        seen[t] = 1;
    }
    cr_assert(arena_ticket(&a, &f) == RECORD_NO_TICKET);
    arena_leave(&a);
}

Test(shm, a_span_must_lie_within_one_chunk)
{
    struct arena a;

    cr_assert(arena_map(&a, path, why, sizeof why) == 0);
    cr_expect(arena_span(&a, 0, ARENA_CHUNK) == a.data);
    cr_expect(arena_span(&a, 1, ARENA_CHUNK) == NULL);
    cr_expect(arena_span(&a, ARENA_CHUNK - 10, 11) == NULL);
    cr_expect(arena_span(&a, (uint64_t)ARENA_CHUNK * ARENA_CHUNKS, 1) == NULL);
    cr_expect(arena_span(&a, UINT64_MAX - 5, 10) == NULL);
    cr_expect(arena_span(&a, 5, UINT32_MAX) == NULL);
    arena_leave(&a);
}

/* What a reader sees at some instant is what a kill at that instant would leave for good. */
Test(shm, at_no_instant_is_there_a_row_past_the_rows_that_readers_look_at)
{
    enum { ROWS = 100000 };
    struct board_writer w;
    struct board_reader r;
    uint64_t row = 1;
    pid_t child;

    for (unsigned round = 0; round < 100; round++) {
        cr_assert(board_write_join(&w, path, sizeof row, ROWS, why, sizeof why) == 0, "%s", why);
        cr_assert(board_read_join(&r, path, sizeof row, ROWS, why, sizeof why) == 0, "%s", why);
        child = fork();
        if (child == 0) {
            for (unsigned i = 0; i < ROWS; i++) {
                board_put(&w, i, &row);
            }
            _exit(0);
        }
        for (unsigned used = 0; used < ROWS; used = board_used(&r)) {
            uint64_t got = 0;

            cr_assert(!board_get(&r, used, &got) || got == 0 || board_used(&r) > used,
                      "row %u is there, used says %u", used, used);
        }
        waitpid(child, NULL, 0);
        board_write_leave(&w);
        board_read_leave(&r);
        unlink(path);
    }
}

Test(shm, a_successor_is_not_ready_because_its_predecessor_was)
{
    struct role a, b;
    struct board_writer starting;
    struct role_row row;
    bool alive;

    cr_assert(role_take(&a, dir, "router", why, sizeof why) == 0, "%s", why);
    role_state(&a, ROLE_READY, "%s", "");
    cr_assert(role_wait(dir, "router", 0) == 0);
    board_write_leave(&a.board); /* killed: its row still says "ready" */
    snprintf(path, sizeof path, "%s/router.role", dir);
    cr_assert(board_write_join(&starting, path, sizeof row, 1, why, sizeof why) == 0, "%s", why);
    cr_expect(role_wait(dir, "router", 0) == -ETIMEDOUT, "the predecessor's word was taken");
    board_write_leave(&starting);
    cr_assert(role_take(&b, dir, "router", why, sizeof why) == 0, "%s", why);
    cr_assert(role_look(dir, "router", &row, &alive) && alive && row.state == ROLE_STARTING);
    role_leave(&b);
}

static pthread_barrier_t both;

/* Two makers with one PID: threads here, the first processes of two containers in life. */
static void *make(void *result)
{
    char sentence[400];

    pthread_barrier_wait(&both);
    *(int *)result = file_open(path, FILE_BOARD, 4 * FILE_PAGE, 1, 1, false, true, NULL, sentence,
                               sizeof sentence);
    return NULL;
}

Test(shm, two_makers_of_one_file_get_the_same_file_even_with_the_same_pid)
{
    pthread_barrier_init(&both, NULL, 2);
    for (unsigned round = 0; round < 2000; round++) {
        pthread_t other;
        int a, b;

        pthread_create(&other, NULL, make, &a);
        make(&b);
        pthread_join(other, NULL);
        cr_assert(a >= 0 && b >= 0, "round %u: %d and %d", round, a, b);
        close(a);
        close(b);
        unlink(path);
    }
}

Test(shm, a_full_file_system_is_said_when_the_file_is_made)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0) {
        cr_skip_test("no right to mount");
    }
    cr_expect(file_open(path, FILE_ARENA, 2 << 20, 1, 1, true, true, NULL, why, sizeof why) ==
              -ENOSPC);
    cr_expect(strstr(why, path) && strstr(why, "free memory"), "%s", why);
    cr_expect(access(path, F_OK) != 0);
    umount(dir);
}

Test(shm, a_supervisor_is_told_once_when_the_process_is_up)
{
    char text[8], number[12];
    struct role r;
    int ends[2];

    cr_assert(pipe(ends) == 0);
    snprintf(number, sizeof number, "%d", ends[1]);
    setenv("CAUSEWAY_NOTIFY_FD", number, 1);
    cr_assert(role_take(&r, dir, "router", why, sizeof why) == 0, "%s", why);
    role_state(&r, ROLE_WAITING, "for something");
    role_state(&r, ROLE_READY, "now");
    cr_assert(read(ends[0], text, sizeof text) == 1 && text[0] == '\n');
    cr_assert(read(ends[0], text, sizeof text) == 0, "the descriptor is open still");
    role_leave(&r);
}
