/* ctl/capture_openflow.c - the OpenFlow messages of every switch, or of one, both ways.
 *
 * ofproxy copies them into a mirror (shm/mirror.h) for as long as somebody asks it to, again and
 * again: a capture that is killed, or stopped, leaves nothing on.  ofproxy never waits for us; what
 * it overwrote before it was read is missed, and counted.  One that is started again goes on
 * recording by itself, and we go on reading. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/control.h"
#include "common/endpoint.h"
#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/of_text.h"
#include "ctl/capture.h"
#include "shm/of_pcap.h"

#define ASK_MS 1000      /* between two requests; ofproxy gives up after three times that */
#define ASK_AGAIN_MS 100 /* after one that failed */
#define ANSWER_MS 200    /* to such a request */
#define BEGIN_MS 1000    /* for the first message to be recorded, after the first answer */
#define EXAMPLE "causeway capture openflow -w -"

struct capture {
    const struct ctl *c;
    FILE *out; /* a pcapng file, or NULL: lines */
    bool by_dpid, away;
    uint64_t dpid;
    const char *peer;         /* of the only switch that is wanted, or NULL */
    uint64_t limit, messages; /* limit 0: none */
    uint64_t skipped_missed;  /* not told with a message yet */
    uint64_t missed_before;   /* of mirrors that were replaced */
    uint64_t ask_ms;          /* when to ask again */
    struct mirror_reader mirror;
};

static struct mirror_record record;
static struct of_pcap pcap;

/* ---- a message ---------------------------------------------------------------------------- */

/* A message in one line: the one place that prints them. */
static void print_message(char *text, size_t size, const uint8_t *bytes, size_t len)
{
    static const struct of_version *const versions[] = {&of10, &of13};
    struct of_header h;
    struct text line;
    unsigned v = 0;

    if (len < OF_HEADER) {
        snprintf(text, size, "cut off");
        return;
    }
    h = of_header_at(bytes);
    while (v < 2 && versions[v]->version != h.version) {
        v++;
    }
    if (v < 2) {
        text_open(&line, text, size);
        of_text_bytes(&line, versions[v], bytes, len);
    } else {
        snprintf(text, size, "version=%u type=%u xid=0x%08x length=%u", h.version, h.type, h.xid,
                 h.length);
    }
}

static void name_of(const struct openflow_meta *m, char *text, size_t size)
{
    if (m->known) {
        snprintf(text, size, "0x%016" PRIx64, m->dpid);
    } else {
        snprintf(text, size, "%s", m->peer);
    }
}

static void print_json(const struct openflow_meta *m, uint64_t missed, const char *who,
                       const char *text)
{
    json_t *o = json_pack("{s:f s:s s:s s:I s:s s:i s:I s:s}", "time", (double)record.time_ns / 1e9,
                          "switch", m->known ? who : "", "peer", m->peer, "connection",
                          (json_int_t)m->session, "direction", m->down ? "to" : "from", "len",
                          (int)record.len, "missed", (json_int_t)missed, "text", text);

    json_dumpf(o, stdout, JSON_COMPACT);
    json_decref(o);
    printf("\n");
}

static void print_line(const struct capture *k, const struct openflow_meta *m, uint64_t missed)
{
    char text[1000], who[80], when[40];
    time_t s = (time_t)(record.time_ns / 1000000000);
    struct tm tm;

    print_message(text, sizeof text, record.data, record.len);
    name_of(m, who, sizeof who);
    if (k->c->json) {
        print_json(m, missed, who, text);
        return;
    }
    if (missed > 0) {
        printf("(%" PRIu64 " messages missed)\n", missed);
    }
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&s, &tm));
    printf("%s.%06u %-4s %-18s  %s\n", when, (unsigned)(record.time_ns % 1000000000 / 1000),
           m->down ? "to" : "from", who, text);
}

/* An address may be given with its port or without, in brackets or not. */
static bool begins(const char *peer, const char *wanted)
{
    size_t len = strlen(wanted);

    peer += peer[0] == '[' && wanted[0] != '[';
    return strncmp(peer, wanted, len) == 0 &&
           (peer[len] == '\0' || peer[len] == ':' || peer[len] == ']');
}

static bool is_wanted(const struct capture *k, const struct openflow_meta *m)
{
    if (k->by_dpid) {
        return m->known && m->dpid == k->dpid;
    }
    return !k->peer || begins(m->peer, k->peer) || begins(endpoint_address(m->peer), k->peer);
}

/* Shows the message in 'record'.  False: it could not be written. */
static bool show(struct capture *k)
{
    struct openflow_meta m;
    uint64_t missed;

    k->skipped_missed += record.missed;
    if (record.meta_len != sizeof m) {
        return true; /* no message of ofproxy's */
    }
    memcpy(&m, record.meta, sizeof m);
    board_text(m.peer, sizeof m.peer);
    m.known = m.known != 0;
    if (!is_wanted(k, &m)) {
        return true;
    }
    missed = k->skipped_missed;
    k->skipped_missed = 0;
    k->messages++;
    if (!k->out) {
        print_line(k, &m, missed);
        return !ferror(stdout);
    }
    if (!of_pcap_message(&pcap, &(struct of_pcap_message){&m, record.time_ns, missed, record.data,
                                                          record.len})) {
        errno = ENOMEM;
        return false;
    }
    return !pcap.file.failed;
}

/* ---- asking for them ---------------------------------------------------------------------- */

static bool ask(struct capture *k, char *why, size_t size)
{
    json_t *answer = control_call(k->c->run_dir, topo_process_name(TOPO_OFPROXY), "mirror.start",
                                  NULL, ANSWER_MS, why, size);

    k->ask_ms = ctl_now_ms() + (answer ? ASK_MS : ASK_AGAIN_MS);
    json_decref(answer);
    return answer != NULL;
}

/* Somebody threw the run directory's files away, and ofproxy made new ones. */
static void follow_file(struct capture *k)
{
    struct mirror_reader fresh;
    char why[512];

    if (mirror_replaced(&k->mirror) &&
        topo_mirror_look(k->c->run_dir, &fresh, TOPO_MIRROR_OPENFLOW, why, sizeof why) == 0) {
        k->missed_before += mirror_missed(&k->mirror);
        mirror_read_leave(&k->mirror);
        k->mirror = fresh;
    }
}

static void keep_asking(struct capture *k)
{
    char why[512];
    bool away;

    if (ctl_now_ms() < k->ask_ms) {
        return;
    }
    away = !ask(k, why, sizeof why);
    if (away != k->away) {
        fprintf(stderr, "causeway: %s\n", away ? why : "ofproxy is back, the capture goes on");
        k->away = away;
    }
    follow_file(k);
}

static int start(struct capture *k)
{
    uint64_t end = ctl_now_ms() + BEGIN_MS;
    char why[512];

    if (!ask(k, why, sizeof why) ||
        topo_mirror_look(k->c->run_dir, &k->mirror, TOPO_MIRROR_OPENFLOW, why, sizeof why) != 0) {
        return ctl_fail("%s", why);
    }
    while (!mirror_on(&k->mirror)) {
        if (ctl_now_ms() > end) {
            mirror_read_leave(&k->mirror);
            return ctl_fail("ofproxy does not begin to record: it hangs: causeway restart --kill "
                            "ofproxy");
        }
        ctl_pause_ms(1);
    }
    mirror_start(&k->mirror);
    return 0;
}

/* ---- the capture -------------------------------------------------------------------------- */

static bool enough(const struct capture *k)
{
    return k->limit > 0 && k->messages >= k->limit;
}

/* Takes what is new, up to CAPTURE_TURN.  Returns the messages read, or -1 when writing failed. */
static int turn(void *capture)
{
    struct capture *k = capture;
    int n = 0;

    while (n < CAPTURE_TURN && !enough(k) && mirror_next(&k->mirror, &record)) {
        if (!show(k)) {
            return -1;
        }
        n++;
    }
    return n > 0 && fflush(k->out ? k->out : stdout) != 0 ? -1 : n;
}

static int run(struct capture *k)
{
    int n = 0;

    while (!ctl_stopped() && !enough(k) && n >= 0) {
        keep_asking(k);
        n = turn(k);
        if (n == 0) {
            ctl_pause_ms(1);
        }
    }
    return capture_finish(turn, k, n);
}

/* ---- words -------------------------------------------------------------------------------- */

/* "sw0" of a switch whose ports are called sw0-eth1 and so on. */
static bool find_name(struct capture *k, const char *word)
{
    struct board_reader ports;
    struct port_row row = {0};
    size_t len = strlen(word);
    bool found = false;

    if (topo_board_look(k->c->run_dir, &ports, TOPO_PORTS) != 0) {
        return false;
    }
    for (unsigned i = 0; i < board_used(&ports) && !found; i++) {
        found = board_get(&ports, i, &row) && (row.state == PORT_UP || row.state == PORT_DOWN) &&
                len < sizeof row.name && strncmp(row.name, word, len) == 0 && row.name[len] == '-';
    }
    board_read_leave(&ports);
    k->dpid = row.dpid;
    return found;
}

/* A switch by name, datapath-id or address.  Returns 0 or an exit status. */
static int find_switch(struct capture *k, const char *word)
{
    char *end;

    if (strpbrk(word, ".:")) {
        k->peer = word;
        return 0;
    }
    k->by_dpid = true;
    if (find_name(k, word)) {
        return 0;
    }
    k->dpid = strtoull(word, &end, 16);
    if (*end || end == word || word[0] == '-') {
        return ctl_fail("there is no switch '%s': expected a datapath-id such as "
                        "0x0000000000000001, the name of one that is connected, such as sw0, or an "
                        "address; causeway show switches lists them",
                        word);
    }
    return 0;
}

/* Reads the words after "openflow"; returns 0 or an exit status.  *file is what -w names. */
static int read_words(struct ctl *c, struct capture *k, const char **file, const char **name)
{
    for (int i = 2; i < c->argc; i++) {
        const char *word = c->argv[i], *value = i + 1 < c->argc ? c->argv[i + 1] : NULL;
        int status;

        if (word[0] != '-' && i == 2) {
            *name = word;
            continue;
        }
        if ((strcmp(word, "-w") != 0 && strcmp(word, "-c") != 0) || !value) {
            return ctl_usage(c, "capture: '%s' is unknown or lacks its value", word);
        }
        if (word[1] == 'w') {
            *file = value;
        } else if ((status = capture_limit(c, value, "messages", &k->limit)) != 0) {
            return status;
        }
        i++;
    }
    return 0;
}

static int open_file(struct capture *k, const char *file)
{
    k->out = capture_create(file, "pcapng", EXAMPLE);
    if (!k->out) {
        return 1;
    }
    of_pcap_open(&pcap, pcapng_to_file, k->out);
    if (pcap.file.failed || fflush(k->out) != 0) {
        return ctl_fail("%s: cannot be written: %s", file, strerror(errno));
    }
    return 0;
}

int capture_openflow(struct ctl *c)
{
    const char *file = NULL, *name = NULL;
    struct capture k = {.c = c};
    int status = read_words(c, &k, &file, &name);

    if (status == 0 && name) {
        status = find_switch(&k, name);
    }
    status = status ? status : start(&k);
    if (status == 0 && file) {
        status = open_file(&k, file);
    }
    if (status != 0) {
        return status;
    }
    capture_begin();
    fprintf(stderr, "causeway: capturing OpenFlow in %s, end with Ctrl-C\n", c->run_dir);
    status = run(&k);
    fprintf(stderr, "causeway: %" PRIu64 " messages captured, %" PRIu64 " missed\n", k.messages,
            k.missed_before + mirror_missed(&k.mirror));
    mirror_read_leave(&k.mirror);
    of_pcap_close(&pcap);
    return capture_close(k.out, file, status);
}
