/* ctl/capture.c - frames as they pass, from the rings' memory; no process knows of it.
 *
 * Records wrap the frames, so what is shown is what a ring carried: PKT_IN frames as the switch
 * sent them, PKT_OUT frames as they leave.  A spectator may be too slow; what it missed is counted.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/proto/frame_info.h"
#include "ctl/capture.h"
#include "shm/tap.h"

#define PCAP_NANO 0xa1b23c4d /* of a pcap file whose times are in nanoseconds */
#define PCAP_ETHERNET 1
#define PCAP_SNAP 65535
#define LAST_TURNS 256 /* for what is there when we are told to stop */
#define IDLE_US 50     /* a frame is in flight for a few hundred, see tap.h */

struct capture {
    const struct ctl *c;
    FILE *out; /* a pcap file, or NULL: lines */
    bool which[TOPO_RINGS];
    bool waits[TOPO_RINGS]; /* its next frame is in 'frame' */
    struct tap tap[TOPO_RINGS];
    uint64_t limit, frames, cut; /* limit 0: none */
    struct board_reader interfaces;
    bool have_interfaces;
};

static struct tap_frame frame[TOPO_RINGS];

void capture_begin(void)
{
    ctl_catch_signals(0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
}

int capture_finish(int (*turn)(void *capture), void *capture, int n)
{
    for (unsigned i = 0; i < LAST_TURNS && n >= 0 && (i == 0 || n > 0); i++) {
        n = turn(capture);
    }
    return n < 0 ? capture_unwritten() : 0;
}

int capture_unwritten(void)
{
    return errno == EPIPE ? 0 : ctl_fail("the capture cannot be written: %s", strerror(errno));
}

int capture_limit(const struct ctl *c, const char *value, const char *things, uint64_t *limit)
{
    char *end;

    *limit = strtoull(value, &end, 10);
    if (*end || *limit == 0 || value[0] == '-') {
        return ctl_usage(c, "-c is '%s', expected a number of %s", value, things);
    }
    return 0;
}

FILE *capture_create(const char *file, const char *kind, const char *example)
{
    FILE *out = stdout;

    if (strcmp(file, "-") != 0) {
        out = fopen(file, "we");
    } else if (isatty(STDOUT_FILENO)) {
        ctl_fail("a %s file is not for a terminal: send it on, as in: %s | wireshark -k -i -", kind,
                 example);
        return NULL;
    }
    if (!out) {
        ctl_fail("%s: cannot be written: %s", file, strerror(errno));
    }
    return out;
}

int capture_close(FILE *out, const char *file, int status)
{
    if (out && out != stdout && fclose(out) != 0 && status == 0) {
        return ctl_fail("%s: cannot be written: %s", file, strerror(errno));
    }
    return status;
}

static bool put(struct capture *k, const void *bytes, size_t len)
{
    return fwrite(bytes, len, 1, k->out) == 1;
}

static bool put_file_header(struct capture *k)
{
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, snap, link;
    } h = {PCAP_NANO, 2, 4, 0, 0, PCAP_SNAP, PCAP_ETHERNET};

    return put(k, &h, sizeof h) && fflush(k->out) == 0;
}

static bool put_pcap(struct capture *k, const struct tap_frame *f)
{
    const uint32_t h[4] = {(uint32_t)(f->time_ns / 1000000000), (uint32_t)(f->time_ns % 1000000000),
                           f->len, f->whole_len};

    return put(k, h, sizeof h) && put(k, f->bytes, f->len);
}

/* "vrhost:eth1" of a port or a row; "port 3" when nobody has it. */
static void place(struct capture *k, enum topo_ring ring, const struct record *r, char *text,
                  size_t size)
{
    bool by_row = ring == TOPO_VNS_IN || ring == TOPO_VNS_OUT;
    struct interface_row row;

    snprintf(text, size, "port %u", r->port);
    for (unsigned i = 0; k->have_interfaces && i < board_used(&k->interfaces); i++) {
        if (by_row ? i == r->port
                   : (board_get(&k->interfaces, i, &row) && row.known && row.dpid == r->dpid &&
                      row.port == r->port)) {
            if (board_get(&k->interfaces, i, &row)) {
                snprintf(text, size, "%.15s", row.name);
            }
            return;
        }
    }
}

static void print_frame(struct capture *k, enum topo_ring ring, const struct tap_frame *f)
{
    char line[300], where[40], when[40];
    time_t s = (time_t)(f->time_ns / 1000000000);
    struct tm tm;

    place(k, ring, &f->record, where, sizeof where);
    frame_line(line, sizeof line, f->bytes, f->len);
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&s, &tm));
    if (k->c->json) {
        json_t *o = json_pack("{s:f s:s s:s s:i s:I s:s}", "time", (double)f->time_ns / 1e9, "ring",
                              topo_ring_name(ring), "port", where, "len", (int)f->whole_len, "seq",
                              (json_int_t)f->record.seq, "text", line);

        json_dumpf(o, stdout, JSON_COMPACT);
        json_decref(o);
        printf("\n");
    } else {
        printf("%s.%06u %-7s %-6s %5u  %s\n", when, (unsigned)(f->time_ns % 1000000000 / 1000),
               topo_ring_name(ring), where, f->whole_len, line);
    }
}

static bool show_frame(struct capture *k, enum topo_ring ring, const struct tap_frame *f)
{
    k->frames++;
    k->cut += f->len < f->whole_len;
    if (k->out) {
        return put_pcap(k, f);
    }
    print_frame(k, ring, f);
    return !ferror(stdout);
}

/* The ring whose next frame comes first, or -1: none has one.  A frame that leaves bears the time
 * at which its cause came in, so causes come before effects. */
static int first(struct capture *k)
{
    int best = -1;

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (k->which[r] && !k->waits[r]) {
            k->waits[r] = tap_next(&k->tap[r], &frame[r]);
        }
        if (k->waits[r] && (best < 0 || frame[r].record.rx_ns < frame[best].record.rx_ns)) {
            best = (int)r;
        }
    }
    return best;
}

static bool enough(const struct capture *k)
{
    return k->limit > 0 && k->frames >= k->limit;
}

/* Takes what is new in every ring, up to CAPTURE_TURN.  Returns the frames shown, or -1 when
 * writing failed. */
static int turn(void *capture)
{
    struct capture *k = capture;
    int n = 0, r;

    while (n < CAPTURE_TURN && !enough(k) && (r = first(k)) >= 0) {
        k->waits[r] = false;
        if (!show_frame(k, (enum topo_ring)r, &frame[r])) {
            return -1;
        }
        n++;
    }
    return n > 0 && fflush(k->out ? k->out : stdout) != 0 ? -1 : n;
}

static int run(struct capture *k)
{
    const struct timespec idle = {0, IDLE_US * 1000};
    int n = 0;

    while (!ctl_stopped() && !enough(k) && n >= 0) {
        n = turn(k);
        if (n == 0) {
            nanosleep(&idle, NULL);
        }
    }
    return capture_finish(turn, k, n);
}

static int open_taps(struct capture *k)
{
    char why[512];

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (k->which[r] &&
            tap_open(&k->tap[r], k->c->run_dir, (enum topo_ring)r, why, sizeof why) != 0) {
            return ctl_fail("%s", why);
        }
    }
    k->have_interfaces = topo_board_look(k->c->run_dir, &k->interfaces, TOPO_INTERFACES) == 0;
    return 0;
}

static void say_end(struct capture *k)
{
    uint64_t missed = 0;

    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (k->which[r]) {
            missed += tap_missed(&k->tap[r]);
            tap_close(&k->tap[r]);
        }
    }
    fprintf(stderr, "causeway: %llu frames captured, %llu records missed",
            (unsigned long long)k->frames, (unsigned long long)missed);
    if (k->cut > 0) {
        fprintf(stderr, ", %llu long frames cut off (their memory was in use again)",
                (unsigned long long)k->cut);
    }
    fprintf(stderr, "\n");
}

static bool find_ring(struct capture *k, const char *name)
{
    for (unsigned r = 0; r < TOPO_RINGS; r++) {
        if (strcasecmp(name, topo_ring_name((enum topo_ring)r)) == 0) {
            k->which[r] = true;
            return true;
        }
    }
    return false;
}

/* Reads the words; returns 0 or an exit status.  *file is what -w names. */
static int read_words(struct ctl *c, struct capture *k, const char **file)
{
    bool any = false;

    for (int i = 1; i < c->argc; i += 2) {
        const char *value = i + 1 < c->argc ? c->argv[i + 1] : NULL;

        if (!value) {
            return ctl_usage(c, "capture: '%s' is unknown or lacks its value", c->argv[i]);
        }
        if (strcmp(c->argv[i], "-w") == 0) {
            *file = value;
        } else if (strcmp(c->argv[i], "-c") == 0) {
            int status = capture_limit(c, value, "frames", &k->limit);

            if (status != 0) {
                return status;
            }
        } else if (strcmp(c->argv[i], "--ring") == 0) {
            if (!find_ring(k, value)) {
                return ctl_usage(c,
                                 "there is no ring '%s', expected PKT_IN, VNS_IN, VNS_OUT or "
                                 "PKT_OUT",
                                 value);
            }
            any = true;
        } else {
            return ctl_usage(c, "capture: unknown word '%s'", c->argv[i]);
        }
    }
    k->which[TOPO_PKT_IN] |= !any;
    k->which[TOPO_PKT_OUT] |= !any;
    return 0;
}

static int open_file(struct capture *k, const char *file)
{
    k->out = capture_create(file, "pcap", "causeway capture -w -");
    if (!k->out) {
        return 1;
    }
    if (!put_file_header(k)) {
        return ctl_fail("%s: cannot be written: %s", file, strerror(errno));
    }
    return 0;
}

int cmd_capture(struct ctl *c)
{
    struct capture k = {.c = c};
    const char *file = NULL;
    int status;

    if (c->argc > 1 && strcmp(c->argv[1], "openflow") == 0) {
        return capture_openflow(c);
    }
    status = read_words(c, &k, &file);
    status = status ? status : open_taps(&k);
    if (status == 0 && file) {
        status = open_file(&k, file);
    }
    if (status != 0) {
        return status;
    }
    capture_begin();
    fprintf(stderr, "causeway: capturing in %s, end with Ctrl-C\n", c->run_dir);
    status = run(&k);
    say_end(&k);
    return capture_close(k.out, file, status);
}
