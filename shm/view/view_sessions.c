/* shm/view/view_sessions.c - terminal sessions, as ptyhost published them: read from its board,
 * whoever is alive. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "shm/pty.h"
#include "shm/view/topics.h"

static json_t *session_json(unsigned n, const struct terminal_row *r, double now)
{
    double started = (double)r->start_ns / 1e9;
    char epoch[24], size[16];

    snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
    snprintf(size, sizeof size, "%ux%u", r->cols, r->rows);
    return json_pack("{s:i s:s s:s s:s s:I s:i s:i s:i s:s s:f s:f s:s}", "session", (int)n, "name",
                     r->name, "epoch", epoch, "state", pty_state_name(r->state), "pid",
                     (json_int_t)r->pid, "status", (int)r->status, "cols", (int)r->cols, "rows",
                     (int)r->rows, "size", size, "started", started, "age_s",
                     now > started ? now - started : 0.0, "command", r->command);
}

json_t *view_sessions(const char *run_dir, const json_t *params, char *why, size_t size)
{
    struct terminal_row row;
    struct board_reader r;
    struct timespec now;
    json_t *list;

    (void)params;
    if (topo_board_look(run_dir, &r, TOPO_TERMINALS) != 0) {
        view_never_ran(run_dir, "ptyhost", why, size);
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    list = json_array();
    for (unsigned i = 0; i < board_used(&r); i++) {
        if (board_get(&r, i, &row) && row.state != PTY_FREE) {
            board_text(row.name, sizeof row.name);
            board_text(row.command, sizeof row.command);
            json_array_append_new(list, session_json(i, &row, (double)now.tv_sec));
        }
    }
    board_read_leave(&r);
    return list;
}
