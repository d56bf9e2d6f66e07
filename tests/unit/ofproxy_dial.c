/* tests/unit/ofproxy_dial.c - connecting to switches that listen. */
#include <sys/un.h>

#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_dial, .timeout = 30);

Test(ofproxy_dial, the_wait_doubles_up_to_its_cap_and_has_chance_in_it_far_away)
{
    static const unsigned near[] = {100, 200, 400, 800, 1000, 1000};
    static const unsigned far[] = {100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000};
    bool differs = false;

    for (unsigned i = 0; i < sizeof near / sizeof near[0]; i++) {
        cr_expect_eq(of_dial_wait_ms(i + 1, true, i * 12345), near[i]);
    }
    for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
        for (unsigned chance = 0; chance < 100000; chance += 331) {
            unsigned wait = of_dial_wait_ms(i + 1, false, chance);

            cr_expect(wait >= far[i] / 2 && wait <= far[i], "%u after %u failures", wait, i + 1);
            differs |= wait != of_dial_wait_ms(i + 1, false, chance + 7);
        }
    }
    cr_expect(differs);
    cr_expect_leq(of_dial_wait_ms(4000000000u, false, 4000000000u), 8000u);
    cr_expect_eq(of_dial_wait_ms(4000000000u, true, 0), 1000u);
}

/* ---- a switch that listens on a Unix socket ----------------------------------------------- */

struct dial_rig {
    struct rig r;
    struct sockaddr_un at;
    int listener;
};

static void listen_there(struct dial_rig *d)
{
    unlink(d->at.sun_path);
    d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(bind(d->listener, (struct sockaddr *)&d->at, sizeof d->at) == 0);
    cr_assert(listen(d->listener, 4) == 0);
}

static void open_dial(struct dial_rig *d)
{
    char word[120];

    rig_open(&d->r);
    d->at.sun_family = AF_UNIX;
    snprintf(d->at.sun_path, sizeof d->at.sun_path, "%s/br0.mgmt", d->r.dir);
    snprintf(word, sizeof word, "unix:%s", d->at.sun_path);
    rig_set(&d->r, CONFIG_OFPROXY_CONNECT, word);
    of_dial_open(d->r.p, &d->r.config);
}

/* Turns until the condition holds; five seconds at most. */
#define UNTIL(d, condition)                                                                        \
    do {                                                                                           \
        uint64_t end_ns = loop_now_ns() + 5000000000ull;                                           \
                                                                                                   \
        while (!(condition)) {                                                                     \
            cr_assert(loop_now_ns() < end_ns, "not in time: " #condition);                         \
            rig_turn(&(d)->r);                                                                     \
        }                                                                                          \
    } while (0)

static int take(struct dial_rig *d)
{
    int fd = -1;

    UNTIL(d, (fd = accept4(d->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
    return fd;
}

Test(ofproxy_dial, a_session_comes_about_and_again_after_its_end)
{
    struct dial_rig d = {0};
    struct of_dial *dial;
    int fd;

    open_dial(&d);
    dial = &d.r.p->dials[0];
    UNTIL(&d, dial->failures >= 2); /* there is no such socket */
    cr_expect_str_eq(of_dial_state(dial), "waiting");
    cr_expect(strstr(dial->cause, "there is no such socket") != NULL, "%s", dial->cause);
    listen_there(&d);
    for (unsigned i = 0; i < 3; i++) {
        fd = take(&d);
        rig_shake(&d.r, fd, 7, 1);
        UNTIL(&d, conn_find(d.r.p, 7) && conn_find(d.r.p, 7)->state == CONN_READY);
        cr_expect_str_eq(of_dial_state(dial), "connected");
        cr_expect_str_eq(conn_find(d.r.p, 7)->peer, dial->peer);
        close(fd);
        UNTIL(&d, !conn_find(d.r.p, 7));
        cr_expect_eq(dial->failures, 1u, "the next attempt comes soon");
    }
    close(d.listener);
    rig_close(&d.r);
}

Test(ofproxy_dial, a_switch_that_is_refused_is_tried_ever_more_slowly_and_logged_once)
{
    struct dial_rig d = {0};
    struct of_dial *dial;
    int fd;

    open_dial(&d);
    dial = &d.r.p->dials[0];
    listen_there(&d);
    for (unsigned i = 1; i <= 3; i++) {
        unsigned before = dial->failures;

        fd = take(&d);
        rig_send(&d.r, fd, OF10_TYPE_ECHO_REQUEST, 1, NULL, 0); /* in place of HELLO */
        cr_expect(rig_closed(&d.r, fd));
        close(fd);
        UNTIL(&d, dial->state == DIAL_WAITING);
        cr_expect_eq(dial->failures, before + 1);
        cr_expect_str_eq(dial->cause, "its first message is not HELLO");
        cr_expect(!of_dial_news(dial, "its first message is not HELLO"));
    }
    cr_expect(of_dial_news(dial, "something else"));
    cr_expect(of_dial_news(NULL, "of no dial"));
    cr_expect(of_dial_news(NULL, "of no dial"));
    close(d.listener);
    rig_close(&d.r);
}
