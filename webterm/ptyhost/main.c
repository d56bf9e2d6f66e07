/* webterm/ptyhost/main.c - owns the terminal sessions, so that they outlive webterm.
 *
 *     webterm --pty.N.web--> [ session: terminal, program ] --pty.N.host--> webterm
 *
 * It stays root where it was started by root, for the lab's command line needs that; so it does
 * little, and speaks with few (docs/decisions/ptyhost.md). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "shm/fault.h"
#include "webterm/ptyhost/ptyhost.h"

static struct ptyhost m;

/* Looked at after each wait, whatever ended it. */
static void on_bell(struct loop_fd *self, uint32_t events)
{
    (void)self, (void)events;
    bell_drain(&m.topo.bell[TOPO_PTYHOST]);
}

/* The lab's console in a session goes by the file that we go by. */
static void hand_on_config(void)
{
    char path[PATH_MAX];

    if (m.config.file && realpath(m.config.file, path)) {
        setenv("CAUSEWAY_CONFIG", path, 1);
    }
}

static void open_all(void)
{
    char why[400];

    fault_open();
    topo_open(&m.topo, config_str(&m.config, CONFIG_STACK_RUN_DIR), TOPO_PTYHOST);
    m.bell = (struct loop_fd){.fd = m.topo.bell[TOPO_PTYHOST].fd, .ready = on_bell};
    if (loop_open(&m.loop) != 0 || loop_catch_signals(&m.loop) != 0 ||
        loop_add(&m.loop, &m.bell, EPOLLIN) != 0) {
        die("cannot make an event loop: too many open files? raise ulimit -n");
    }
    topo_board_writer(&m.topo, &m.board, TOPO_TERMINALS);
    if (role_watch(&m.webterm, m.topo.run_dir, "webterm", why, sizeof why) != 0) {
        die("%s", why);
    }
    spawn_program(&m.program, config_str(&m.config, CONFIG_PTYHOST_COMMAND), m.topo.run_dir);
}

static void close_all(void)
{
    role_state(&m.topo.role, ROLE_STOPPING, "%s", "");
    commands_stop(&m);
    control_stop();
    session_close_all(&m);
    board_read_leave(&m.webterm);
    board_write_leave(&m.board);
    loop_close(&m.loop);
    topo_close(&m.topo);
    config_free(&m.config);
}

int main(int argc, char **argv)
{
    struct sandbox box;

    loop_hold_signals();
    config_load(&m.config, CONFIG_PTYHOST, argc, argv);
    hand_on_config();
    sandbox_config(&box, &m.config);
    open_all();
    control_start(m.topo.run_dir, "ptyhost", commands(&m));
    rights_bound(&box);
    session_open_all(&m);
    rights_give_up(&box); /* in a container those files may be another user's */
    control_serve();
    role_state(&m.topo.role, ROLE_READY, "%s", "");
    topo_ring_all(&m.topo); /* a webterm that was there before looks again */

    while (loop_running(&m.loop)) {
        loop_poll(&m.loop, NET_MS);
        commands_turn(&m);
        sessions_turn(&m);
    }
    log_info("stopped");
    close_all();
    return 0;
}
