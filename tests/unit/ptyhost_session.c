/* tests/unit/ptyhost_session.c - terminal sessions with real programs, seen from webterm's end. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/ptyhost/ptyhost.h"

#define LONG_NS 20000000000ull

static char dir[] = "/dev/shm/cw-ptyhost-XXXXXX";
static struct ptyhost h;
static struct pty_web w;
static char seen[1 << 20];
static uint64_t at;

static void open_host(const char *command)
{
    static char *argv[] = {(char *)"ptyhost", NULL};
    char why[300];

    log_set_level(LOG_ERROR);
    h = (struct ptyhost){0};
    setenv("CAUSEWAY_CONFIG", "/dev/null", 1);
    config_load(&h.config, CONFIG_PTYHOST, 1, argv);
    topo_open(&h.topo, dir, TOPO_PTYHOST);
    cr_assert_eq(loop_open(&h.loop), 0);
    topo_board_writer(&h.topo, &h.board, TOPO_TERMINALS);
    cr_assert_eq(role_watch(&h.webterm, dir, "webterm", why, sizeof why), 0);
    spawn_program(&h.program, command, dir);
    commands(&h);
    session_open_all(&h);
}

static void close_host(void)
{
    session_close_all(&h);
    board_read_leave(&h.webterm);
    board_write_leave(&h.board);
    loop_close(&h.loop);
    topo_close(&h.topo);
    config_free(&h.config);
}

static void open_all(void)
{
    char why[300];

    cr_assert(mkdtemp(dir));
    cr_assert_eq(pty_web_open(&w, dir, 0, why, sizeof why), 0);
    pty_release(&w, PTY_NOBODY);
}

static void close_all(void)
{
    char command[100];

    pty_web_close(&w);
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(ptyhost_session, .timeout = 60, .init = open_all, .fini = close_all);

static void turn(void)
{
    loop_poll(&h.loop, 20);
    commands_turn(&h);
    sessions_turn(&h);
}

/* Waits until the session has said so, beginning where the last such wait ended. */
static void await(const char *text)
{
    uint64_t end = loop_now_ns() + LONG_NS;
    size_t len = 0;

    while (loop_now_ns() < end) {
        struct pty_look l;
        ssize_t n = pty_read(&w, at, seen + len, sizeof seen - 1 - len);
        char *found;

        if (n < 0) {
            pty_look(&w, &l);
            at = l.start;
            len = 0;
            continue;
        }
        at += (uint64_t)n;
        len += (size_t)n;
        seen[len] = '\0';
        found = memmem(seen, len, text, strlen(text));
        if (found) {
            at -= len - (size_t)(found - seen) - strlen(text);
            return;
        }
        turn();
    }
    cr_assert_fail("no '%s' in: %.2000s", text, seen);
}

static void type(const char *text)
{
    cr_assert_eq(pty_type(&w, text, strlen(text)), strlen(text));
}

/* A file with a program of the shell's. */
static const char *script(const char *text)
{
    static char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/program", dir);
    f = fopen(path, "w");
    cr_assert(f && fprintf(f, "#!/bin/sh\n%s\n", text) > 0 && fclose(f) == 0);
    chmod(path, 0700);
    return path;
}

Test(ptyhost_session, what_is_typed_comes_back)
{
    open_host("/bin/cat");
    type("hello\r");
    await("hello\r\nhello\r\n");
    close_host();
}

Test(ptyhost_session, a_session_inherits_nothing)
{
    const unsigned long ignore[5] = {(unsigned long)(uintptr_t)SIG_IGN}; /* the kernel's struct */
    sigset_t set;

    cr_assert_eq(syscall(SYS_rt_sigaction, 32, ignore, NULL, 8), 0); /* the C library's own */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    setenv("SECRET", "of the operator", 1);
    cr_assert_eq(dup2(open("/dev/null", O_RDONLY), 77), 77); /* with no close-on-exec */
    open_host(script("env; echo fds $(ls /proc/$$/fd); grep Sig /proc/$$/status; tty; stty size;"
                     "trap 'echo interrupted' INT; echo waits; read x; read x"));
    await("fds 0 1 ");
    cr_expect(!strstr(seen, "77") && !strstr(seen, "SECRET") && strstr(seen, "TERM=xterm-256color"),
              "%s", seen);
    await("SigBlk:\t0000000000000000\r\nSigIgn:\t0000000000000000\r\n");
    await("/dev/pts/");
    await("24 80\r\n");
    await("waits\r\n");
    type("\003");
    await("interrupted");
    close_host();
}

/* A shell unblocks signals by itself. */
Test(ptyhost_session, a_session_that_is_no_shell_has_no_signal_blocked_either)
{
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    open_host("/bin/cat /proc/self/status");
    await("SigBlk:\t0000000000000000\r\nSigIgn:\t0000000000000000\r\n");
    close_host();
}

Test(ptyhost_session, an_ended_session_begins_anew_at_enter_and_only_then)
{
    struct pty_look before, after;

    open_host(script("echo begins; read x; exit $x"));
    await("begins");
    type("3\r");
    await("[the session ended with status 3: press Enter to start it anew]\r\n");
    cr_expect(h.session[0].row.state == PTY_ENDED && h.session[0].row.status == 3);
    pty_look(&w, &before);
    type("abc");
    for (unsigned i = 0; i < 5; i++) {
        turn();
    }
    cr_expect_eq(h.session[0].row.state, PTY_ENDED);
    type("\r");
    await("begins");
    pty_look(&w, &after);
    cr_expect(after.epoch != before.epoch && after.start >= before.end);
    kill(h.session[0].pid, SIGTERM);
    await("[the session was ended by signal 15 (Terminated): press Enter to start it anew]");
    cr_expect_eq(h.session[0].row.status, -SIGTERM);
    close_host();
}

Test(ptyhost_session, a_program_that_is_not_there_says_so_on_its_terminal)
{
    open_host("/no/such/program with words");
    await("cannot start /no/such/program: No such file or directory: see [ptyhost] command");
    await("[the session ended with status 127");
    close_host();
}

Test(ptyhost_session, output_waits_for_webterm_and_not_for_one_that_is_gone)
{
    struct topo webterm;
    struct pty_look l;
    uint64_t until;

    topo_open(&webterm, dir, TOPO_WEBTERM);
    pty_release(&w, 0);
    open_host("/usr/bin/yes");
    while (!h.session[0].deaf) {
        turn();
    }
    for (unsigned i = 0; i < 20; i++) {
        turn();
    }
    pty_look(&w, &l);
    cr_expect(l.end >= PTY_WINDOW && l.end < PTY_WINDOW + PTY_ROOM, "%lu", l.end);
    cr_expect(pty_release(&w, 100000));
    do {
        turn();
    } while (!h.session[0].deaf);
    pty_look(&w, &l);
    cr_expect(l.end >= PTY_WINDOW + 100000 && l.end < PTY_WINDOW + 100000 + PTY_ROOM);
    topo_close(&webterm);
    until = loop_now_ns() + (AWAY_MS / 2) * 1000000ull;
    while (loop_now_ns() < until) {
        turn();
    }
    pty_look(&w, &l);
    cr_expect_lt(l.end, PTY_WINDOW + 100000 + PTY_ROOM, "it did not wait for a successor");
    for (until += LONG_NS; l.end < 2 * PTY_OUTPUT && loop_now_ns() < until;) {
        turn();
        pty_look(&w, &l);
    }
    cr_expect_geq(l.end, 2 * PTY_OUTPUT, "it waits for ever");
    topo_open(&webterm, dir, TOPO_WEBTERM);
    pty_release(&w, l.end);
    while (!h.session[0].deaf) {
        turn();
    }
    topo_close(&webterm);
    close_host();
}

Test(ptyhost_session, the_size_arrives)
{
    open_host(script("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"));
    await("ready");
    pty_want(&w, 132, 43);
    await("43 132\r\n");
    cr_expect(h.session[0].row.cols == 132 && h.session[0].row.rows == 43);
    close_host();
}

Test(ptyhost_session, input_that_a_program_does_not_read_is_kept)
{
    static char bytes[PTY_INPUT];

    open_host(script("stty raw -echo; echo ready; sleep 0.5; head -c 60000 | wc -c"));
    await("ready");
    memset(bytes, 'x', sizeof bytes);
    cr_assert_eq(pty_type(&w, bytes, 60000), 60000);
    await("60000");
    close_host();
}

Test(ptyhost_session, one_that_ignores_the_hangup_is_ended_by_force)
{
    pid_t pid;

    open_host(script("trap '' HUP TERM; echo stubborn; while :; do sleep 0.05; done"));
    await("stubborn");
    pid = h.session[0].pid;
    session_close(&h.session[0]);
    while (h.session[0].pid > 0) {
        turn();
    }
    cr_expect_neq(kill(pid, 0), 0);
    cr_expect_eq(h.session[0].row.state, PTY_FREE);
    close_host();
}

/* As after a kill: the row says that the session runs. */
Test(ptyhost_session, a_successor_keeps_what_the_others_said_and_begins_the_first_anew)
{
    struct terminal_row row = {.epoch = 5, .state = PTY_RUNNING, .cols = 100, .rows = 30};
    struct pty_host dead;
    char why[300];

    open_host("/bin/cat");
    close_host();
    cr_assert_eq(pty_host_open(&dead, dir, 1, why, sizeof why), 0);
    pty_begin(&dead, 5);
    pty_put(&dead, "old words\r\n", 11);
    pty_host_close(&dead);
    topo_open(&h.topo, dir, TOPO_PTYHOST);
    topo_board_writer(&h.topo, &h.board, TOPO_TERMINALS);
    snprintf(row.name, sizeof row.name, "second");
    board_put(&h.board, 0, &row);
    board_put(&h.board, 1, &row);
    board_write_leave(&h.board);
    topo_close(&h.topo);
    type("for the dead one\r");
    open_host("/bin/cat");
    await("[ptyhost was started anew, and this session with it]\r\n");
    type("new\r");
    await("new\r\nnew\r\n");
    cr_expect(!strstr(seen, "dead one"), "%s", seen);
    cr_expect(h.session[0].row.cols == 100 && h.session[0].row.epoch > 5);
    pty_web_close(&w);
    cr_assert_eq(pty_web_open(&w, dir, 1, why, sizeof why), 0);
    at = 0;
    await("old words\r\n");
    await("this session ended with it: press Enter to start it anew]");
    cr_expect(h.session[1].row.state == PTY_ENDED && h.session[1].row.epoch == 5);
    type("\r");
    type("again\r");
    await("again\r\n");
    cr_expect_str_eq(h.session[1].row.name, "second");
    close_host();
}

static json_t *answer;
static char why_not[200];

static void *call(void *arg)
{
    const char *request = arg;

    answer = control_respond(commands(&h), request, strlen(request));
    return NULL;
}

/* As the control socket's thread does. */
static json_t *ask(const char *request)
{
    static char text[200];
    pthread_t thread;

    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", request);
    answer = NULL;
    pthread_create(&thread, NULL, call, text);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        turn();
    }
    snprintf(why_not, sizeof why_not, "%s",
             json_string_value(json_object_get(json_object_get(answer, "error"), "message")) ?: "");
    return json_object_get(answer, "result");
}

Test(ptyhost_session, sessions_are_opened_listed_and_closed_by_the_control_socket)
{
    json_t *one;

    open_host("/bin/cat");
    cr_expect_eq(json_array_size(ask("\"method\":\"session.list\"")), 1);
    one = ask("\"method\":\"session.open\",\"params\":{\"name\":\"two\",\"cols\":90}");
    cr_expect_eq(json_integer_value(json_object_get(one, "session")), 1, "%s", why_not);
    cr_expect_str_eq(json_string_value(json_object_get(one, "name")), "two");
    cr_expect(h.session[1].row.cols == 90 && h.session[1].pid > 0);
    cr_expect(ask("\"method\":\"session.open\"") && ask("\"method\":\"session.open\""));
    cr_expect_null(ask("\"method\":\"session.open\""));
    cr_expect(strstr(why_not, "there are 4 sessions already"), "%s", why_not);
    cr_expect_eq(json_array_size(ask("\"method\":\"session.list\"")), 4);
    cr_expect(ask("\"method\":\"session.close\",\"params\":{\"session\":1}"));
    while (h.session[1].pid > 0) {
        turn();
    }
    cr_expect_eq(json_array_size(ask("\"method\":\"session.list\"")), 3);
    cr_expect_null(ask("\"method\":\"session.close\",\"params\":{\"session\":1}"));
    cr_expect_null(ask("\"method\":\"session.close\",\"params\":{\"session\":\"0\"}"));
    cr_expect_null(ask("\"method\":\"session.open\",\"params\":{\"name\":\"a b\"}"));
    cr_expect(strstr(why_not, "without blanks"), "%s", why_not);
    cr_expect_null(ask("\"method\":\"session.open\",\"params\":{\"cols\":0}"));
    commands_stop(&h);
    cr_expect_null(ask("\"method\":\"session.list\""));
    cr_expect(strstr(why_not, "about to stop"), "%s", why_not);
    close_host();
}
