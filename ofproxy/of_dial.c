/* ofproxy/of_dial.c */
#include "ofproxy/of_dial.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "ofproxy/of_enter.h"
#include "ofproxy/ofproxy.h"

#define WORDS_ROOM 2048
#define FIRST_MS 100
#define LOCAL_MOST_MS 1000
#define MOST_MS 8000
#define CONNECT_MS 5000

unsigned of_dial_wait_ms(unsigned failures, bool local, unsigned chance)
{
    unsigned most = local ? LOCAL_MOST_MS : MOST_MS, wait = FIRST_MS;

    for (unsigned i = 1; i < failures && wait < most; i++) {
        wait *= 2;
    }
    wait = wait < most ? wait : most;
    return local ? wait : wait / 2 + chance % (wait / 2 + 1);
}

const char *of_dial_state(const struct of_dial *d)
{
    static const char *const names[] = {"waiting", "connecting", "connected"};

    return names[d->state];
}

bool of_dial_news(struct of_dial *d, const char *cause)
{
    if (d && strncmp(d->said, cause, sizeof d->said - 1) == 0) {
        return false;
    }
    if (d) {
        snprintf(d->said, sizeof d->said, "%s", cause);
    }
    return true;
}

/* ---- an attempt --------------------------------------------------------------------------- */

/* The sentence of an errno that connect has given. */
static const char *explain(const struct of_dial *d, int err, char *text, size_t size)
{
    bool local = d->to.kind == ENDPOINT_UNIX;

    switch (err) {
    case ECONNREFUSED:
        snprintf(text, size, "nobody listens there: %s",
                 local ? "is the switch running?"
                       : "start the switch, or let it listen (ovs-vsctl set-controller BRIDGE "
                         "ptcp:PORT)");
        break;
    case ENOENT:
        snprintf(text, size, "there is no such socket: start the switch, or correct the path");
        break;
    case EACCES:
        snprintf(
            text, size,
            "ofproxy's user may not write to it: let it (chgrp and chmod, or setfacl), or stay "
            "root with --run-as root");
        break;
    case ETIMEDOUT:
        snprintf(text, size, "no answer: is that its address, and no firewall between?");
        break;
    case EMFILE:
    case ENFILE:
        snprintf(text, size, "%s: raise the limit of open files (ulimit -n)", strerror(err));
        break;
    default:
        snprintf(text, size, "%s", strerror(err));
    }
    return text;
}

/* Gives up the socket that was being connected. */
static void drop_socket(struct of_dial *d)
{
    loop_remove(&d->proxy->loop, &d->fd);
    close(d->fd.fd);
    d->fd.fd = -1;
}

static void wait_then(struct of_dial *d)
{
    d->failures++;
    d->state = DIAL_WAITING;
    loop_timer_set(&d->proxy->loop, &d->timer,
                   of_dial_wait_ms(d->failures, d->to.local, arc4random()));
}

void of_dial_failed(struct of_dial *d, const char *why)
{
    snprintf(d->cause, sizeof d->cause, "%s", why);
    if (of_dial_news(d, why)) {
        peer_log(d->proxy, LOG_WARN, "switch not reached peer=%s cause=\"%s\" trying_on=\"%s\"",
                 d->peer, why, d->to.local ? "each second" : "each 8 seconds");
    }
    wait_then(d);
}

void of_dial_connected(struct of_dial *d)
{
    d->state = DIAL_CONNECTED;
}

void of_dial_ended(struct of_dial *d, bool ready, const char *why)
{
    if (ready) {
        d->failures = 0;
    }
    /* after an ERROR, what was logged with it says more */
    snprintf(d->cause, sizeof d->cause, "%s", strcmp(why, "refused") == 0 ? d->said : why);
    wait_then(d);
}

/* The socket is connected, or will not be. */
static void on_socket(struct loop_fd *self, uint32_t events)
{
    struct of_dial *d = (struct of_dial *)self; /* fd is its first member */
    socklen_t len = sizeof(int);
    int err = 0, fd = d->fd.fd;
    char why[200];

    (void)events;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err != 0) {
        drop_socket(d);
        loop_timer_cancel(&d->proxy->loop, &d->timer);
        of_dial_failed(d, explain(d, err, why, sizeof why));
        return;
    }
    loop_remove(&d->proxy->loop, &d->fd);
    loop_timer_cancel(&d->proxy->loop, &d->timer);
    d->fd.fd = -1;
    of_enter(d->proxy, fd, d->to.kind, d->peer, d);
}

static void attempt(struct of_dial *d)
{
    int fd = socket(d->to.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
    char why[200];

    if (fd < 0) {
        of_dial_failed(d, explain(d, errno, why, sizeof why));
        return;
    }
    d->state = DIAL_CONNECTING;
    d->fd = (struct loop_fd){.fd = fd, .ready = on_socket};
    if (connect(fd, (struct sockaddr *)&d->to.addr, d->to.len) != 0 && errno != EINPROGRESS) {
        err = errno;
    } else if (loop_add(&d->proxy->loop, &d->fd, EPOLLOUT) != 0) {
        err = errno;
    }
    if (err != 0) {
        close(fd);
        d->fd.fd = -1;
        of_dial_failed(d, explain(d, err, why, sizeof why));
        return;
    }
    loop_timer_set(&d->proxy->loop, &d->timer, CONNECT_MS);
}

/* Time for the next attempt, or the end of one that hangs. */
static void on_timer(struct loop_timer *t)
{
    struct of_dial *d = (struct of_dial *)((char *)t - offsetof(struct of_dial, timer));
    char why[200];

    if (d->state == DIAL_WAITING) {
        attempt(d);
    } else if (d->state == DIAL_CONNECTING && d->fd.fd >= 0) {
        drop_socket(d);
        of_dial_failed(d, explain(d, ETIMEDOUT, why, sizeof why));
    }
}

/* ---- the setting -------------------------------------------------------------------------- */

static unsigned each_word(struct ofproxy *p, const struct config *c)
{
    const char *words = config_str(c, CONFIG_OFPROXY_CONNECT);
    char copy[WORDS_ROOM], *save = NULL;
    unsigned n = 0, needs = 0;

    if (strlen(words) >= sizeof copy) {
        die_usage("connect: longer than %zu characters: leave some switches out", sizeof copy - 1);
    }
    strcpy(copy, words);
    for (char *w = strtok_r(copy, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save), n++) {
        struct endpoint e;

        if (!endpoint_connect(&e, w, config_str(c, CONFIG_STACK_RUN_DIR))) {
            die_usage("connect: '%s' is no switch to connect to: expected " ENDPOINT_CONNECT_WORDS,
                      w);
        }
        if (n == OF_DIALS) {
            die_usage("connect: more than %u switches: let the others connect to ofproxy",
                      OF_DIALS);
        }
        needs |= e.kind == ENDPOINT_UNIX ? SANDBOX_LOCAL : SANDBOX_DIAL;
        if (p) {
            struct of_dial *d = &p->dials[p->n_dials++];

            *d = (struct of_dial){.fd = {.fd = -1}, .proxy = p, .to = e, .timer.fire = on_timer};
            endpoint_say(d->peer, e.kind, &e.addr);
            loop_timer_set(&p->loop, &d->timer, 0);
        }
    }
    return needs;
}

unsigned of_dial_check(const struct config *c)
{
    return each_word(NULL, c);
}

void of_dial_open(struct ofproxy *p, const struct config *c)
{
    each_word(p, c);
    p->connecting = config_str(c, CONFIG_OFPROXY_CONNECT);
    if (p->n_dials > 0) {
        log_info("connecting to=\"%s\"", p->connecting);
    }
}

void of_dial_close(struct ofproxy *p)
{
    for (unsigned i = 0; i < p->n_dials; i++) {
        loop_timer_cancel(&p->loop, &p->dials[i].timer);
        if (p->dials[i].fd.fd >= 0) {
            drop_socket(&p->dials[i]);
        }
    }
    p->n_dials = 0;
}
