/* The router as a VNS client: an input is what a server says.
 *
 *     1 byte    bits 0-2: where the bytes are cut; bit 3: frames are sent back
 *     then      the bytes
 *
 * What the server hears are messages; a frame that the router is handed lies within its bounds and
 * came by an interface that was announced, or is to be refused; a link that was dropped is idle. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "router/vns_session.h"
#include "tests/fuzz/fuzz.h"

#define PIECES 200 /* of an input; the rest comes at once */

static struct loop loop;
static struct port *port;
static struct port_vns *p;
static uint8_t heard[1 << 20], sum;
static size_t n_heard;

static void on_iface(void *context, uint32_t row, const struct iface *now)
{
    (void)context;
    fuzz_check(row < IFACES && memchr(now->name, '\0', sizeof now->name));
}

static void on_rtable(void *context, const char *text, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++) {
        sum ^= (uint8_t)text[i]; /* all of it can be read */
    }
}

static void on_state(void *context, enum role_state state, const char *text)
{
    (void)context;
    if (state == ROLE_WAITING) {
        fuzz_check_sentence(text, 1024);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct port_vns_config c = {
        .loop = &loop, .server = "127.0.0.1", .vhost = "vrhost", .user = "me", .port = 9};
    struct port_events events = {NULL, on_iface, on_rtable, on_state};
    static uint8_t key[VNS_KEY_LEN];

    (void)argc, (void)argv;
    log_set_level(LOG_ERROR);
    fuzz_check(chdir(fuzz_dir()) == 0); /* rtable.vrhost is written here */
    c.auth_key = fuzz_file("auth_key", key, sizeof key);
    fuzz_check(loop_open(&loop) == 0);
    port = port_vns_open(&c, &events);
    p = (struct port_vns *)port;
    return 0;
}

/* As vns_link.c does once it has connected. */
static int connect_link(void)
{
    int ends[2];

    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    loop_timer_cancel(&loop, &p->link.timer);
    p->link.fd.fd = ends[0];
    fuzz_check(loop_add(&loop, &p->link.fd, EPOLLIN) == 0);
    p->link.state = VNS_LINK_UP;
    p->link.up(&p->link);
    return ends[1];
}

static void one_frame(const struct frame_in *in, bool echo)
{
    struct frame_out out = {.verdict = VERDICT_DROPPED, .iface = in->iface};
    uint8_t *head = port_room(port, PORT_HEAD);

    fuzz_check(head != NULL, "no room though port_next said yes");
    fuzz_check(in->head >= p->link.rx &&
               in->head + in->head_len + in->tail_len <= p->link.rx + p->link.rx_end);
    fuzz_check(in->tail_len == 0 || in->head_len == RECORD_INLINE);
    fuzz_check(in->refuse != DROP_NONE ||
               (in->iface < p->n_rows && p->row[in->iface].present && in->head_len >= 14 &&
                in->head_len + in->tail_len <= PORT_FRAME_MAX));
    if (echo && in->refuse == DROP_NONE) {
        memcpy(head, in->head, in->head_len);
        out.verdict = VERDICT_FORWARDED;
        out.head_len = in->head_len;
        out.tail_len = in->tail_len;
    }
    port_send(port, in, &out);
}

static void listen_to(int fd)
{
    size_t at = 0;
    ssize_t n;
    long len;

    while ((n = recv(fd, heard + n_heard, sizeof heard - n_heard, 0)) > 0) {
        n_heard += (size_t)n;
    }
    while ((len = vns_message_length(heard + at, n_heard - at, VNS_SERVER_MAX)) > 0) {
        at += (size_t)len;
    }
    fuzz_check(len == 0, "the server heard what is no message");
    memmove(heard, heard + at, n_heard - at);
    n_heard -= at;
}

static void turn(bool echo)
{
    struct frame_in in;

    if (fuzz_try()) {
        loop_poll(&loop, 0);
        for (unsigned i = 0; i < 64 && port_next(port, &in); i++) {
            one_frame(&in, echo);
        }
        port_flush(port);
    } else {
        vns_link_drop(&p->link, "the server refused the router's key"); /* it would have ended */
    }
    fuzz_tried();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 7, 8, 9, 100, 1000, 4096};
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);
    int fd = connect_link();
    unsigned pieces = 0;

    n_heard = 0;
    while (f.left > 0 && p->link.state == VNS_LINK_UP) {
        size_t n = sizes[pieces++ < PIECES ? choice & 7 : 0];
        const uint8_t *bytes = fuzz_bytes(&f, &n);

        if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n) {
            break;
        }
        turn(choice & 8);
        listen_to(fd);
    }
    close(fd);
    for (unsigned i = 0; i < 4096 && p->link.state == VNS_LINK_UP; i++) {
        turn(choice & 8);
    }
    fuzz_check(p->link.state == VNS_LINK_IDLE && p->link.queued == 0, "the link is still up");
    memset(p->row, 0, sizeof p->row); /* rows outlive a connection; here they must not */
    p->n_rows = p->last_row = 0;
    return 0;
}
