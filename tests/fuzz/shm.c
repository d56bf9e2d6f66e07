/* What else lies in the run directory: boards, roles, the arena, counters.  An input is which of
 * them, what is changed in its file, and how it is used then.
 *
 *     1 byte    the kind; then a number of changes: 2 bytes where (in words), 1 byte how, and what
 *
 * All reading is bounded and ends; what an owner finds in its predecessor's file adds up. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/log.h"
#include "shm/arena.h"
#include "shm/board.h"
#include "shm/file.h"
#include "shm/role.h"
#include "shm/rows.h"
#include "tests/fuzz/fuzz.h"

#define ROWS 8
#define CHANGES 64
#define GOOD 8192

enum kind {
    BOARD_READER,
    BOARD_WRITER,
    ROLE,
    ARENA_OWNER,
    ARENA_READER,
    COUNTERS_VIEW,
    COUNTERS_OWNER,
    KINDS
};

static struct file {
    char path[256];
    uint8_t *map;
    size_t size;
    struct {
        size_t at;
        uint64_t was;
    } undo[CHANGES];
    unsigned n_undo;
    uint8_t good[GOOD]; /* its beginning, which its owner changes too */
} files[KINDS];

static const char *in_dir(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
    return path;
}

static void keep(enum kind kind, const char *name)
{
    struct file *f = &files[kind];
    struct stat st;
    int fd;

    snprintf(f->path, sizeof f->path, "%s", in_dir(name));
    fd = open(f->path, O_RDWR | O_CLOEXEC);
    fuzz_check(fd >= 0 && fstat(fd, &st) == 0, "%s", name);
    f->size = (size_t)st.st_size;
    f->map = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fuzz_check(f->map != MAP_FAILED);
    memcpy(f->good, f->map, f->size < GOOD ? f->size : GOOD);
    close(fd);
}

static void make_board(void)
{
    struct board_writer w;
    struct port_row row = {.dpid = 1, .name = "sw0-eth1"};
    char why[512];

    fuzz_check(board_write_join(&w, in_dir("board"), sizeof row, ROWS, why, sizeof why) == 0, "%s",
               why);
    for (unsigned i = 0; i < 5; i++) {
        row.port = i;
        board_put(&w, i % 3, &row);
    }
    board_publish(&w);
    board_write_leave(&w);
}

static void make_arena(void)
{
    struct arena_flight f = {.seq = 1, .dpid = 1, .port = 1, .buffer_id = UINT32_MAX};
    struct arena a;
    char why[512];

    fuzz_check(arena_join(&a, in_dir("arena"), why, sizeof why) == 0, "%s", why);
    f.chunk = (uint16_t)arena_chunk(&a);
    for (unsigned i = 0; i < 8; i++, f.seq++) {
        arena_ticket(&a, &f);
    }
    arena_leave(&a);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct role role;
    char why[512];

    (void)argc, (void)argv;
    log_set_level(LOG_ERROR);
    make_board();
    keep(BOARD_READER, "board");
    keep(BOARD_WRITER, "board");
    fuzz_check(role_take(&role, fuzz_dir(), "router", why, sizeof why) == 0, "%s", why);
    role_state(&role, ROLE_READY, "serving");
    keep(ROLE, "router.role");
    role_leave(&role); /* -merge runs a process in a process */
    make_arena();
    keep(ARENA_OWNER, "arena");
    keep(ARENA_READER, "arena");
    fuzz_check(counter_open(fuzz_dir(), COUNTER_OF_ROUTER) == 0);
    keep(COUNTERS_VIEW, "router.counters");
    keep(COUNTERS_OWNER, "router.counters");
    return 0;
}

/* ---- the file ----------------------------------------------------------------------------- */

static void change(struct fuzz *f, struct file *file)
{
    size_t at = fuzz_u16(f) * 8u % (file->size - 8);
    uint8_t how = fuzz_u8(f);
    uint64_t word;

    memcpy(&word, file->map + at, 8);
    file->undo[file->n_undo].at = at;
    file->undo[file->n_undo++].was = word;
    if (how & 1) {
        word += (uint64_t)(int8_t)how / 2;
    } else if (how & 2) {
        word = fuzz_u8(f);
    } else {
        word = fuzz_u64(f);
    }
    memcpy(file->map + at, &word, 8);
}

static void restore(struct file *file)
{
    while (file->n_undo > 0) {
        file->n_undo--;
        memcpy(file->map + file->undo[file->n_undo].at, &file->undo[file->n_undo].was, 8);
    }
    memcpy(file->map, file->good, file->size < GOOD ? file->size : GOOD);
}

/* ---- each kind ---------------------------------------------------------------------------- */

static void refused(const char *why, size_t size)
{
    fuzz_check_sentence(why, size);
    fuzz_check(strncmp(why, fuzz_dir(), strlen(fuzz_dir())) == 0, "%s", why);
}

static void read_board(void)
{
    struct board_reader r;
    struct port_row row;
    char why[512];

    if (board_read_join(&r, files[BOARD_READER].path, sizeof row, ROWS, why, sizeof why) != 0) {
        refused(why, sizeof why);
        return;
    }
    fuzz_check(board_used(&r) <= ROWS && board_changed(&r) && !board_changed(&r));
    for (unsigned i = 0; i < ROWS + 2; i++) {
        fuzz_check(board_get(&r, i, &row) == (i < ROWS));
    }
    board_read_leave(&r);
}

/* A successor can write what its predecessor left in any state. */
static void write_board(struct fuzz *f)
{
    struct port_row row = {.dpid = fuzz_u64(f), .port = 7}, back;
    unsigned index = fuzz_u8(f) % ROWS;
    struct board_writer w;
    struct board_reader r;
    char why[512];

    if (board_write_join(&w, files[BOARD_WRITER].path, sizeof row, ROWS, why, sizeof why) != 0) {
        refused(why, sizeof why);
        return;
    }
    for (unsigned i = 0; i < ROWS; i++) {
        board_peek(&w, i, &back);
    }
    fuzz_check(board_read_join(&r, files[BOARD_READER].path, sizeof row, ROWS, why, sizeof why) ==
               0);
    board_changed(&r);
    board_put(&w, index, &row);
    board_publish(&w);
    fuzz_check(board_changed(&r) && board_used(&r) > index);
    fuzz_check(board_get(&r, index, &back) && memcmp(&row, &back, sizeof row) == 0);
    board_read_leave(&r);
    board_write_leave(&w);
}

static void look_at_role(void)
{
    struct role_row row;
    bool alive;

    if (role_look(fuzz_dir(), "router", &row, &alive)) {
        fuzz_check(memchr(row.text, '\0', sizeof row.text), "its text does not end");
        fuzz_check(strlen(role_state_name((enum role_state)row.state)) > 0);
    }
}

static void settle(void *context, uint32_t ticket, const struct arena_flight *f)
{
    fuzz_check(arena_settle(context, ticket, f->seq) && !arena_settle(context, ticket, f->seq));
}

static void own_arena(void)
{
    struct arena a;
    char why[512];

    if (arena_join(&a, files[ARENA_OWNER].path, why, sizeof why) != 0) {
        refused(why, sizeof why);
        return;
    }
    fuzz_check(arena_in_flight(&a) <= ARENA_TICKETS && a.n_free_chunk <= ARENA_CHUNKS);
    arena_each(&a, settle, &a);
    fuzz_check(arena_in_flight(&a) == 0 && a.n_free_chunk == ARENA_CHUNKS,
               "%u in flight, %u chunks", arena_in_flight(&a), a.n_free_chunk);
    arena_leave(&a);
}

static void read_arena(struct fuzz *f)
{
    struct arena a;
    char why[512];

    if (arena_map(&a, files[ARENA_READER].path, why, sizeof why) != 0) {
        refused(why, sizeof why);
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        uint64_t off = i % 2 ? fuzz_u32(f) : fuzz_u64(f);
        uint32_t len = fuzz_u32(f);
        const uint8_t *at = arena_span(&a, off, len);

        fuzz_check(!at ||
                   (at >= a.data && at + len <= a.data + (size_t)ARENA_CHUNKS * ARENA_CHUNK &&
                    (size_t)(at - a.data) / ARENA_CHUNK ==
                        ((size_t)(at - a.data) + len - (len > 0)) / ARENA_CHUNK));
        arena_flight(&a, (uint32_t)off, len);
    }
    arena_leave(&a);
}

static void view_counters(void)
{
    struct counter_view v;

    if (counter_view_open(&v, fuzz_dir(), "router") != 0) {
        return;
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        counter_view_get(&v, (enum counter)i);
    }
    counter_view_close(&v);
}

static void own_counters(struct fuzz *f)
{
    counter_recover(fuzz_u8(f) % 4, fuzz_u64(f));
    counter_add(ROUTER_RECEIVED, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    enum kind kind = fuzz_u8(&f) % KINDS;
    unsigned n = fuzz_u8(&f) % CHANGES;

    while (n-- > 0 && f.left > 0) {
        change(&f, &files[kind]);
    }
    switch (kind) {
    case BOARD_READER:
        read_board();
        break;
    case BOARD_WRITER:
        write_board(&f);
        break;
    case ROLE:
        look_at_role();
        break;
    case ARENA_OWNER:
        own_arena();
        break;
    case ARENA_READER:
        read_arena(&f);
        break;
    case COUNTERS_VIEW:
        view_counters();
        break;
    default:
        own_counters(&f);
        break;
    }
    restore(&files[kind]);
    return 0;
}
