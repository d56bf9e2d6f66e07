/* common/control.c - the server's thread and the client's call.
 *
 * The thread polls its listener and a bounded number of callers.  A request is one line; a caller
 * that sends more than a line can hold, or does not take its answers in time, is closed. */
#include "common/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"

#define CALLERS 16
#define REQUEST_MAX 65536
#define ANSWER_MAX (64u << 20)
#define PATIENCE_MS 2000 /* for a caller to take the answers to what it sent at once */
#define TIRED_MS 100     /* without accepting, after a failure to (no descriptors, say) */

struct caller {
    int fd;
    size_t len;
    char buffer[REQUEST_MAX];
};

static struct {
    pthread_t thread;
    int listener, stop;
    const struct control_method *methods;
    char path[108];
    struct caller *callers; /* CALLERS of them */
    int (*look)(void *context);
    void *look_context;
    int end_by; /* the signal to end by, once its caller has the answer; 0: none */
} server = {.listener = -1, .stop = -1};

static int address(struct sockaddr_un *a, const char *run_dir, const char *process)
{
    int n;

    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    n = snprintf(a->sun_path, sizeof a->sun_path, "%s/%s.sock", run_dir, process);
    return n < (int)sizeof a->sun_path ? 0 : -ENAMETOOLONG;
}

/* ---- server ------------------------------------------------------------------------------- */

static json_t *set_level(json_t *params, char *why, size_t size)
{
    const char *word = json_string_value(json_object_get(params, "level"));
    enum log_level level;

    if (!word || !log_level_parse(word, &level)) {
        snprintf(why, size, "parameter level is %s, expected error, warn, info or debug",
                 word ? word : "missing");
        return NULL;
    }
    log_set_level(level);
    log_info("log level is now %s", word);
    return json_string(word);
}

static json_t *restart(json_t *params, char *why, size_t size)
{
    const json_t *hard = json_object_get(params, "hard");

    if (hard && !json_is_boolean(hard)) {
        snprintf(why, size, "parameter hard is not true or false");
        return NULL;
    }
    if (!notify_supervised()) {
        snprintf(why, size,
                 "nobody would start it again, for no supervisor runs it (PID %d): stop and start "
                 "it by hand, or set CAUSEWAY_SUPERVISED where there is one that does not say so",
                 (int)getpid());
        return NULL;
    }
    server.end_by = json_is_true(hard) ? SIGKILL : SIGTERM;
    return json_pack("{s:i}", "pid", (int)getpid());
}

/* To its own main thread, whose signals they are; the sandbox allows that alone. */
static void end_by(int signal)
{
    log_info("asked to restart hard=%d", signal == SIGKILL);
    syscall(SYS_tgkill, getpid(), getpid(), signal);
}

static json_t *dispatch(const struct control_method *methods, const char *method, json_t *params,
                        int *code, char *why, size_t size)
{
    *code = -32000;
    if (strcmp(method, "ping") == 0) {
        return json_string("pong");
    }
    if (strcmp(method, "log.level") == 0) {
        return set_level(params, why, size);
    }
    if (strcmp(method, "restart") == 0) {
        return restart(params, why, size);
    }
    for (const struct control_method *m = methods; m && m->name; m++) {
        if (strcmp(m->name, method) == 0) {
            return m->call(m->context, params, why, size);
        }
    }
    *code = -32601;
    snprintf(why, size, "no method '%.60s' here", method);
    return NULL;
}

/* A sentence may quote a caller's bytes that are no UTF-8, or end within a character. */
static json_t *error_message(char *why)
{
    json_t *message = json_string(why);

    for (char *c = why; !message && *c; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    return message ? message : json_string(why);
}

static json_t *error_object(int code, char *why)
{
    return json_pack("{s:i,s:o}", "code", code, "message",
                     why[0] ? error_message(why) : json_string("the method gave no answer"));
}

json_t *control_respond(const struct control_method *methods, const char *line, size_t len)
{
    json_error_t parse;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &parse);
    json_t *answer = json_pack("{s:s}", "jsonrpc", "2.0");
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *params = json_incref(json_object_get(request, "params"));
    json_t *id = json_object_get(request, "id"), *result = NULL;
    char why[512] = "";
    int code = -32600;

    if (!params) {
        params = json_object();
    }
    if (!request) {
        code = -32700;
        snprintf(why, sizeof why, "not JSON: %s", parse.text);
    } else if (!method || !json_is_object(params)) {
        snprintf(why, sizeof why,
                 "expected an object with method and, if any, params as an object");
    } else {
        result = dispatch(methods, method, params, &code, why, sizeof why);
    }
    json_object_set_new(answer, result ? "result" : "error",
                        result ? result : error_object(code, why));
    json_object_set(answer, "id", id ? id : json_null());
    json_decref(params);
    json_decref(request);
    return answer;
}

/* Sends all before 'end_ns', or fails: a timeout of the socket's own starts anew with every byte
 * that a slow reader takes. */
static bool send_all(int fd, const char *bytes, size_t len, uint64_t end_ns)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        uint64_t now = loop_now_ns();

        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (len > 0 && now >= end_ns) {
            return false;
        }
        if (len > 0) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1,
                 (int)((end_ns - now) / 1000000) + 1);
        }
    }
    return true;
}

static uint64_t in_ms(int ms)
{
    return loop_now_ns() + (uint64_t)ms * 1000000;
}

/* Sends an object as one line, in one piece; takes it over. */
static bool send_line(int fd, json_t *object, uint64_t end_ns)
{
    char *text = json_dumps(object, JSON_COMPACT), *end;
    bool ok = false;

    if (text) {
        end = text + strlen(text);
        *end = '\n'; /* where the terminator was: nothing reads it as a string from here */
        ok = send_all(fd, text, (size_t)(end - text) + 1, end_ns);
    }
    free(text);
    json_decref(object);
    return ok;
}

static void caller_close(struct caller *c)
{
    close(c->fd);
    c->fd = -1;
}

/* False: the caller did not take the answer. */
static bool answer(struct caller *c, const char *line, size_t len, uint64_t end_ns)
{
    bool sent = send_line(c->fd, control_respond(server.methods, line, len), end_ns);

    if (server.end_by) {
        end_by(server.end_by);
        server.end_by = 0;
    }
    return sent;
}

static void caller_read(struct caller *c)
{
    ssize_t n = recv(c->fd, c->buffer + c->len, sizeof c->buffer - c->len, MSG_DONTWAIT);
    uint64_t end_ns = in_ms(PATIENCE_MS);
    char *end;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            caller_close(c);
        }
        return;
    }
    c->len += (size_t)n;
    while ((end = memchr(c->buffer, '\n', c->len))) {
        size_t used = (size_t)(end - c->buffer) + 1;

        if (!answer(c, c->buffer, used - 1, end_ns)) {
            caller_close(c);
            return;
        }
        memmove(c->buffer, c->buffer + used, c->len - used);
        c->len -= used;
    }
    if (c->len == sizeof c->buffer) {
        log_warn("control: request over %d bytes refused", REQUEST_MAX);
        caller_close(c);
    }
}

/* False: the next one would fare no better. */
static bool accept_caller(void)
{
    int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return errno == EAGAIN || errno == ECONNABORTED;
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        if (server.callers[i].fd < 0) {
            server.callers[i].fd = fd;
            server.callers[i].len = 0;
            return true;
        }
    }
    log_warn("control: more than %d callers, one refused", CALLERS);
    close(fd);
    return true;
}

/* How long to wait for callers. */
static int patience(bool tired)
{
    int ms = server.look ? server.look(server.look_context) : -1;

    return tired && (ms < 0 || ms > TIRED_MS) ? TIRED_MS : ms;
}

static void *serve(void *unused)
{
    struct pollfd polled[CALLERS + 2];
    bool tired = false;

    (void)unused;
    for (;;) {
        polled[0] = (struct pollfd){.fd = server.stop, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = tired ? -1 : server.listener, .events = POLLIN};
        for (unsigned i = 0; i < CALLERS; i++) {
            polled[i + 2] = (struct pollfd){.fd = server.callers[i].fd, .events = POLLIN};
        }
        if (poll(polled, CALLERS + 2, patience(tired)) < 0 && errno != EINTR) {
            return NULL;
        }
        if (polled[0].revents) {
            return NULL;
        }
        for (unsigned i = 0; i < CALLERS; i++) {
            if (polled[i + 2].fd >= 0 && polled[i + 2].revents) {
                caller_read(&server.callers[i]);
            }
        }
        tired = polled[1].revents && !accept_caller();
    }
}

/* A process that ends by die() leaves no socket on which nobody answers. */
static void remove_socket(void)
{
    if (server.listener >= 0) {
        unlink(server.path);
    }
}

int control_open(const char *run_dir, const char *process, const struct control_method *methods)
{
    struct sockaddr_un a;
    int err = address(&a, run_dir, process);

    if (err != 0) {
        return err;
    }
    json_object_seed(0); /* reads /dev/urandom; in a sandbox the seed would be the time of day */
    server.methods = methods;
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    server.stop = eventfd(0, EFD_CLOEXEC);
    server.callers = calloc(CALLERS, sizeof *server.callers);
    if (server.listener < 0 || server.stop < 0 || !server.callers) {
        return -errno;
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        server.callers[i].fd = -1;
    }
    memcpy(server.path, a.sun_path, sizeof server.path);
    unlink(a.sun_path); /* a predecessor's; the role lock says that it is dead */
    if (bind(server.listener, (struct sockaddr *)&a, sizeof a) != 0 ||
        chmod(a.sun_path, 0660) != 0 || /* for the group of the run directory: webterm */
        listen(server.listener, CALLERS) != 0) {
        return -errno;
    }
    atexit(remove_socket);
    return 0;
}

void control_start(const char *run_dir, const char *process, const struct control_method *methods)
{
    int err = control_open(run_dir, process, methods);

    if (err != 0) {
        die("cannot open the control socket %s/%s.sock: %s: remove it and start again", run_dir,
            process, strerror(-err));
    }
}

void control_idle(int (*look)(void *context), void *context)
{
    server.look = look;
    server.look_context = context;
}

void control_serve(void)
{
    sigset_t all, old;
    int err;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&server.thread, NULL, serve, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        die("cannot start a thread: %s: raise the limit of processes (ulimit -u)", strerror(err));
    }
}

void control_stop(void)
{
    if (server.listener < 0) {
        return;
    }
    eventfd_write(server.stop, 1);
    pthread_join(server.thread, NULL);
    unlink(server.path);
    for (unsigned i = 0; i < CALLERS; i++) {
        if (server.callers[i].fd >= 0) {
            caller_close(&server.callers[i]);
        }
    }
    close(server.listener);
    close(server.stop);
    free(server.callers);
    server.look = NULL;
    server.listener = -1;
}

/* ---- client ------------------------------------------------------------------------------- */

static int connect_to(const char *run_dir, const char *process, int timeout_ms, char *why,
                      size_t size)
{
    struct timeval patience = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct sockaddr_un a;
    int fd;

    if (address(&a, run_dir, process) != 0) {
        snprintf(why, size, "%s: name too long for a control socket", run_dir);
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        return fd;
    }
    if (errno == ENOENT || errno == ECONNREFUSED) {
        snprintf(why, size, "%s is not running in %s (start it with 'causeway up')", process,
                 run_dir);
    } else {
        snprintf(why, size, "%s: %s%s", a.sun_path, strerror(errno),
                 errno == EACCES ? ": run as root or as the stack's user" : "");
    }
    close(fd);
    return -1;
}

/* Reads up to a newline; the caller frees.  NULL with errno on time-out (EAGAIN) or end. */
static char *read_line(int fd)
{
    size_t len = 0, room = 65536;
    char *text = malloc(room);

    while (text) {
        ssize_t n = recv(fd, text + len, room - len, 0);

        if (n <= 0 || room > ANSWER_MAX) {
            errno = n < 0 ? errno : ECONNRESET;
            break;
        }
        len += (size_t)n;
        if (text[len - 1] == '\n') {
            text[len - 1] = '\0';
            return text;
        }
        if (len == room) {
            char *more = realloc(text, room * 2);

            if (!more) {
                break;
            }
            text = more;
            room *= 2;
        }
    }
    free(text);
    return NULL;
}

static json_t *unpack(const char *text, const char *process, char *why, size_t size)
{
    json_t *answer = json_loads(text, 0, NULL);
    json_t *result = json_incref(json_object_get(answer, "result"));

    if (!result) {
        const char *message =
            json_string_value(json_object_get(json_object_get(answer, "error"), "message"));

        snprintf(why, size, "%s", message ? message : "the answer was not understood");
        if (!message) {
            log_debug("%s answered: %.200s", process, text);
        }
    }
    json_decref(answer);
    return result;
}

json_t *control_call(const char *run_dir, const char *process, const char *method, json_t *params,
                     int timeout_ms, char *why, size_t why_size)
{
    json_t *request = json_pack("{s:s,s:s,s:i}", "jsonrpc", "2.0", "method", method, "id", 1);
    json_t *result = NULL;
    char *line = NULL;
    int fd = connect_to(run_dir, process, timeout_ms, why, why_size);

    json_object_set_new(request, "params", params ? params : json_object());
    if (fd < 0) {
        json_decref(request);
        return NULL;
    }
    if (send_line(fd, request, in_ms(timeout_ms))) {
        line = read_line(fd);
    }
    if (line) {
        result = unpack(line, process, why, why_size);
    } else if (errno == EAGAIN) {
        snprintf(why, why_size, "%s did not answer within %d ms", process, timeout_ms);
    } else {
        snprintf(why, why_size,
                 "%s closed the connection: it stops, or serves %d callers already: try again",
                 process, CALLERS);
    }
    close(fd);
    free(line);
    return result;
}
