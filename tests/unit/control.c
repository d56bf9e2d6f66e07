/* tests/unit/control.c - JSON-RPC over a real Unix socket. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/control.h"

static char dir[] = "/dev/shm/cw-control-XXXXXX";

static json_t *on_double(void *context, json_t *params, char *why, size_t size)
{
    json_t *n = json_object_get(params, "n");

    (void)context;
    if (!json_is_integer(n)) {
        snprintf(why, size, "parameter n is missing, expected a number");
        return NULL;
    }
    return json_integer(2 * json_integer_value(n));
}

static json_t *on_large(void *context, json_t *params, char *why, size_t size)
{
    static char text[8 << 20];

    (void)context;
    (void)params;
    (void)why;
    (void)size;
    memset(text, 'x', sizeof text - 1);
    return json_string(text);
}

static const struct control_method methods[] = {
    {"double", on_double, NULL}, {"large", on_large, NULL}, {0}};

static int looks; /* the server's thread counts them */

/* Ten looks a hundredth of a second apart, then none until somebody calls. */
static int on_look(void *context)
{
    return __atomic_add_fetch((int *)context, 1, __ATOMIC_SEQ_CST) < 10 ? 10 : -1;
}

static int seen(void)
{
    return __atomic_load_n(&looks, __ATOMIC_SEQ_CST);
}

static void start(void)
{
    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(control_open(dir, "test", methods) == 0);
    control_idle(on_look, &looks);
    control_serve();
}

static void stop(void)
{
    control_stop();
    cr_assert(rmdir(dir) == 0, "control_stop left its socket behind");
}

TestSuite(control, .timeout = 10, .init = start, .fini = stop);

Test(control, a_method_answers_and_its_error_is_a_sentence)
{
    char why[300] = "";
    json_t *r = control_call(dir, "test", "double", json_pack("{s:i}", "n", 21), 1000, why, 300);

    cr_assert(json_integer_value(r) == 42, "%s", why);
    json_decref(r);
    cr_assert(control_call(dir, "test", "double", NULL, 1000, why, 300) == NULL);
    cr_assert_str_eq(why, "parameter n is missing, expected a number");
    cr_assert(control_call(dir, "test", "treble", NULL, 1000, why, 300) == NULL);
    cr_assert(strstr(why, "no method 'treble'"), "%s", why);
    cr_assert(control_call(dir, "absent", "ping", NULL, 1000, why, 300) == NULL);
    cr_assert(strstr(why, "absent is not running") && strstr(why, "causeway up"), "%s", why);
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s/test.sock", dir);
    cr_assert(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

static void ask(int fd, const char *text, const char *expected)
{
    char answer[1000];
    ssize_t n;

    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    n = read(fd, answer, sizeof answer - 1);
    cr_assert(n > 0);
    answer[n] = '\0';
    cr_expect(strstr(answer, expected), "%s -> %s", text, answer);
}

Test(control, bad_requests_are_answered_by_the_code_of_json_rpc)
{
    int fd = dial();

    ask(fd, "nonsense\n", "-32700");
    ask(fd, "{\"id\":7}\n", "-32600");
    ask(fd, "{\"method\":\"ping\",\"params\":[1],\"id\":7}\n", "-32600");
    ask(fd, "{\"method\":\"nothing\",\"id\":7}\n", "-32601");
    ask(fd, "{\"method\":\"ping\",\"id\":\"x\"}\n", "\"id\":\"x\"");
    ask(fd, "{\"m\":\"\xe9t\xe9\"}\n", "not JSON: unable to decode byte 0xe9");
    close(fd);
}

Test(control, a_request_that_never_ends_closes_only_its_caller)
{
    int fd = dial(), other = dial();
    char junk[4096];
    size_t sent = 0;

    memset(junk, 'x', sizeof junk);
    while (sent < 200000) {
        ssize_t n = send(fd, junk, sizeof junk, MSG_NOSIGNAL);

        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
    while (send(fd, junk, 1, MSG_NOSIGNAL) > 0) {
    }
    ask(other, "{\"method\":\"ping\",\"id\":1}\n", "pong");
    close(fd);
    close(other);
}

Test(control, an_error_cut_within_a_character_is_still_a_sentence)
{
    char why[300] = "", method[70], said[90];

    memset(method, 'a', 59);
    strcpy(method + 59, "\xc3\xa9");
    cr_assert(control_call(dir, "test", method, NULL, 1000, why, 300) == NULL);
    method[59] = '\0';
    snprintf(said, sizeof said, "no method '%s?' here", method);
    cr_expect_str_eq(why, said);
}

/* It takes a little again and again, so no single send ever times out. */
Test(control, a_caller_that_takes_its_answer_by_drops_does_not_keep_the_others)
{
    static const char request[] = "{\"method\":\"large\",\"id\":1}\n";
    static const char ping[] = "{\"method\":\"ping\",\"id\":1}\n";
    int slow = dial(), other = dial(), polls = 0;
    struct pollfd p = {.fd = other, .events = POLLIN};
    static char drop[100000];

    cr_assert(write(slow, request, sizeof request - 1) == (ssize_t)sizeof request - 1);
    cr_assert(recv(slow, drop, 1, MSG_WAITALL) == 1);
    cr_assert(write(other, ping, sizeof ping - 1) == (ssize_t)sizeof ping - 1);
    while (poll(&p, 1, 250) == 0) {
        cr_assert(++polls < 20, "the other waits for the slow one");
        recv(slow, drop, sizeof drop, MSG_DONTWAIT);
    }
    close(slow);
    close(other);
}

Test(control, without_descriptors_it_waits_and_does_not_spin)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), last = fd, more;
    struct rlimit few;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timespec pause = {0, 300000000}, used;
    double before;

    snprintf(a.sun_path, sizeof a.sun_path, "%s/test.sock", dir);
    getrlimit(RLIMIT_NOFILE, &few);
    few.rlim_cur = 64;
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while ((more = dup(fd)) >= 0) {
        last = more;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    before = (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    cr_assert(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    cr_expect((double)used.tv_sec + (double)used.tv_nsec / 1e9 - before < 0.1);
    close(last);
    ask(fd, "{\"method\":\"ping\",\"id\":1}\n", "pong");
    close(fd);
}

Test(control, one_caller_too_many_is_told_why_it_was_closed)
{
    char why[300] = "";
    int fd[16];

    for (unsigned i = 0; i < 16; i++) {
        fd[i] = dial();
        ask(fd[i], "{\"method\":\"ping\",\"id\":1}\n", "pong");
    }
    cr_assert(control_call(dir, "test", "ping", NULL, 1000, why, 300) == NULL);
    cr_expect(strstr(why, "test closed the connection") && strstr(why, "16 callers"), "%s", why);
    for (unsigned i = 0; i < 16; i++) {
        close(fd[i]);
    }
}

Test(control, the_thread_looks_after_what_is_left_as_often_as_it_is_told)
{
    char why[200];

    for (unsigned ms = 0; seen() < 10 && ms < 8000; ms++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    cr_expect_eq(seen(), 10);
    nanosleep(&(struct timespec){0, 100000000}, NULL); /* what it must not do takes time */
    cr_expect_eq(seen(), 10, "it looks although it said not to");
    json_decref(control_call(dir, "test", "ping", NULL, 2000, why, sizeof why));
    for (unsigned ms = 0; seen() < 11 && ms < 8000; ms++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    cr_expect_gt(seen(), 10, "a call is followed by a look");
}

static void unsupervised(void)
{
    unsetenv("CAUSEWAY_NOTIFY_FD"), unsetenv("NOTIFY_SOCKET"), unsetenv("CAUSEWAY_SUPERVISED");
}

Test(control, restart_ends_the_process_in_order_once_the_caller_has_the_answer)
{
    const struct timespec patience = {5, 0};
    char why[300] = "";
    sigset_t terminate;
    json_t *r;

    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, NULL);
    unsupervised();
    setenv("CAUSEWAY_SUPERVISED", "yes", 1);
    r = control_call(dir, "test", "restart", NULL, 1000, why, sizeof why);
    cr_assert_eq(json_integer_value(json_object_get(r, "pid")), getpid(), "%s", why);
    cr_expect_eq(sigtimedwait(&terminate, NULL, &patience), SIGTERM);
    json_decref(r);
}

Test(control, nobody_is_ended_whom_nobody_starts_again)
{
    char why[300] = "";

    unsupervised();
    cr_assert(control_call(dir, "test", "restart", NULL, 1000, why, sizeof why) == NULL);
    cr_expect(strstr(why, "no supervisor runs it"), "%s", why);
    setenv("CAUSEWAY_SUPERVISED", "yes", 1);
    cr_assert(control_call(dir, "test", "restart", json_pack("{s:i}", "hard", 1), 1000, why,
                           sizeof why) == NULL);
    cr_expect(strstr(why, "hard is not true or false"), "%s", why);
}
