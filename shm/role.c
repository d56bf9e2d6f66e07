/* shm/role.c - the role's lock and its one-row board. */
#include "shm/role.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/notify.h"
#include "shm/file.h"

static void role_path(char *path, size_t size, const char *run_dir, const char *name)
{
    snprintf(path, size, "%s/%s.role", run_dir, name);
}

static uint64_t boot_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int role_take(struct role *r, const char *run_dir, const char *name, char *why, size_t why_size)
{
    char path[256];
    int err;

    notify_open();
    role_path(path, sizeof path, run_dir, name);
    *r = (struct role){0};
    err = board_write_join(&r->board, path, sizeof(struct role_row), 1, why, why_size);
    if (err == -EBUSY) {
        struct role_row row = {0};
        bool alive;

        role_look(run_dir, name, &row, &alive);
        snprintf(why, why_size,
                 "another %s, PID %" PRIu64 ", runs in %s: stop it, or give another --run-dir",
                 name, row.pid, run_dir);
    }
    if (err != 0) {
        return err;
    }
    board_peek(&r->board, 0, &r->row);
    r->row.starts++;
    r->row.pid = (uint64_t)getpid();
    r->row.start_ns = boot_ns();
    role_state(r, ROLE_STARTING, "%s", "");
    /* only now are the words in the row this process's: until here it may read "ready" */
    err = file_lock(r->board.fd, FILE_SAID);
    if (err != 0) {
        snprintf(why, why_size, "%s: cannot be locked: %s", path, strerror(-err));
        board_write_leave(&r->board);
    }
    return err;
}

void role_state(struct role *r, enum role_state state, const char *format, ...)
{
    struct role_row row = r->row;
    va_list args;

    row.state = state;
    memset(row.text, 0, sizeof row.text);
    va_start(args, format);
    vsnprintf(row.text, sizeof row.text, format, args);
    va_end(args);
    r->row = row;
    board_put(&r->board, 0, &row);
    board_publish(&r->board);
    if (state == ROLE_WAITING || state == ROLE_READY) {
        notify_up(); /* waiting is up: for what it waits is no business of the supervisor's */
    }
}

void role_leave(struct role *r)
{
    role_state(r, ROLE_STOPPING, "%s", "");
    board_write_leave(&r->board);
}

int role_watch(struct board_reader *r, const char *run_dir, const char *name, char *why,
               size_t why_size)
{
    char path[256];

    role_path(path, sizeof path, run_dir, name);
    return board_read_join(r, path, sizeof(struct role_row), 1, why, why_size);
}

bool role_read(const struct board_reader *r, struct role_row *row)
{
    bool ok = board_get(r, 0, row) && row->starts > 0;

    board_text(row->text, sizeof row->text);
    return ok;
}

bool role_look(const char *run_dir, const char *name, struct role_row *row, bool *alive)
{
    struct board_reader reader;
    char path[256], why[256];
    bool ok;

    *alive = false;
    role_path(path, sizeof path, run_dir, name);
    if (access(path, R_OK) != 0 || role_watch(&reader, run_dir, name, why, sizeof why) != 0) {
        return false;
    }
    *alive = file_locked(reader.fd, FILE_SAID);
    ok = role_read(&reader, row);
    board_read_leave(&reader);
    return ok;
}

bool role_alive(const char *run_dir, const char *name, struct role_row *row)
{
    bool alive;

    return role_look(run_dir, name, row, &alive) && alive;
}

bool role_is_back(const struct role_row *before, const struct role_row *now)
{
    return now->starts > before->starts &&
           (now->state == ROLE_READY ||
            (now->state == ROLE_WAITING && before->state != ROLE_READY));
}

int role_wait(const char *run_dir, const char *name, int timeout_ms)
{
    struct timespec pause = {0, 5000000};

    for (int left = timeout_ms;; left -= 5) {
        struct role_row row;

        if (role_alive(run_dir, name, &row) && row.state == ROLE_READY) {
            return 0;
        }
        if (left <= 0) {
            return -ETIMEDOUT;
        }
        nanosleep(&pause, NULL);
    }
}

const char *role_state_name(enum role_state state)
{
    static const char *const names[] = {"starting", "waiting", "ready", "stopping"};

    return (unsigned)state < 4 ? names[state] : "unknown";
}
