/* ofproxy/view.c */
#include "ofproxy/view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

#define BODY_MOST 240 /* bytes of a request after its statistics' type (of_ask.c has room for) */
#define LOOK_MS 1000

enum view_end {
    VIEW_ANSWERED,
    VIEW_REFUSED, /* by an ERROR */
    VIEW_LATE,
    VIEW_GONE,
    VIEW_UNKNOWN,   /* no such switch */
    VIEW_NOT_READY, /* its handshake goes on */
    VIEW_VERSION,   /* it speaks another one now */
    VIEW_BUSY       /* ASK_MOST questions wait */
};
enum view_message { VIEW_STATISTICS, VIEW_FEATURES, VIEW_QUEUES };
static const char *const message_names[] = {"statistics", "features", "queues"};

struct slot {
    /* of the thread that has its number */
    uint64_t dpid;
    uint8_t version;
    enum view_message message;
    uint16_t type;
    size_t body_len;
    uint8_t body[BODY_MOST];
    uint8_t *memory; /* the control thread maps and unmaps it */
    size_t size, used;
    bool cut;
    enum view_end end;
    uint16_t error_type, error_code;
    /* of the control thread alone */
    uint64_t id; /* of the request; 0: free */
    bool away;   /* the packet thread has it */
    uint64_t seen_ns;
};

struct view {
    struct ofproxy *p;
    struct loop_fd asked; /* the packet thread's end of the first pipe */
    int ask, answered, answer;
    uint64_t last_id;
    struct slot slot[VIEW_SLOTS];
};

/* ---- packet thread ------------------------------------------------------------------------ */

static void hand_back(struct view *v, struct slot *s, enum view_end end)
{
    uint8_t number = (uint8_t)(s - v->slot);

    s->end = end;
    if (write(v->answer, &number, 1) != 1) {
        log_error("an answer of a switch is lost: %s", strerror(errno));
    }
}

static struct view *view_of(struct of_conn *c)
{
    return c->proxy->view;
}

static void keep(struct slot *s, const struct of_msg *m)
{
    if (s->cut || m->h.length > s->size - s->used) {
        s->cut = true;
        return;
    }
    memcpy(s->memory + s->used, m->bytes, m->h.length);
    s->used += m->h.length;
}

static void on_answer(struct of_conn *c, const struct of_answer *a, void *context)
{
    struct slot *s = context;

    switch (a->news) {
    case ASK_PART:
        keep(s, a->m);
        return;
    case ASK_LAST:
        keep(s, a->m);
        hand_back(view_of(c), s, VIEW_ANSWERED);
        return;
    case ASK_ERROR:
        s->error_type = a->type;
        s->error_code = a->code;
        hand_back(view_of(c), s, VIEW_REFUSED);
        return;
    case ASK_LATE:
        hand_back(view_of(c), s, VIEW_LATE);
        return;
    case ASK_GONE:
        hand_back(view_of(c), s, VIEW_GONE);
        return;
    }
}

static bool ask_conn(struct of_conn *c, struct slot *s)
{
    uint8_t queues = c->dialect->version->version == OF13_VERSION
                         ? OF13_TYPE_QUEUE_GET_CONFIG_REQUEST
                         : OF10_TYPE_QUEUE_GET_CONFIG_REQUEST;

    switch (s->message) {
    case VIEW_STATISTICS:
        return conn_ask_stats(c, s->type, s->body, s->body_len, on_answer, s);
    case VIEW_FEATURES:
        return conn_ask(c, OF10_TYPE_FEATURES_REQUEST, OF10_TYPE_FEATURES_REPLY, NULL, 0, on_answer,
                        s);
    case VIEW_QUEUES:
        return conn_ask(c, queues, queues + 1, s->body, s->body_len, on_answer, s);
    }
    return false;
}

static void ask(struct view *v, struct slot *s)
{
    struct of_conn *c = conn_find(v->p, s->dpid);

    if (!c) {
        hand_back(v, s, VIEW_UNKNOWN);
    } else if (c->state != CONN_READY || c->doomed) {
        hand_back(v, s, VIEW_NOT_READY);
    } else if (c->dialect->version->version != s->version) {
        hand_back(v, s, VIEW_VERSION);
    } else if (!ask_conn(c, s)) {
        hand_back(v, s, VIEW_BUSY);
    }
}

static void on_asked(struct loop_fd *f, uint32_t events)
{
    struct view *v = (struct view *)((char *)f - offsetof(struct view, asked));
    uint8_t numbers[VIEW_SLOTS];
    ssize_t n = read(f->fd, numbers, sizeof numbers);

    (void)events;
    for (ssize_t i = 0; i < n; i++) {
        ask(v, &v->slot[numbers[i]]);
    }
}

/* ---- control thread ----------------------------------------------------------------------- */

static void slot_free(struct slot *s)
{
    if (s->memory) {
        munmap(s->memory, s->size);
    }
    *s = (struct slot){0};
}

/* Takes what the packet thread has handed back, and what nobody comes for any more. */
static void collect(struct view *v)
{
    uint64_t now = loop_now_ns();
    uint8_t numbers[VIEW_SLOTS];
    ssize_t n = read(v->answered, numbers, sizeof numbers);

    for (ssize_t i = 0; i < n; i++) {
        v->slot[numbers[i]].away = false;
    }
    for (unsigned i = 0; i < VIEW_SLOTS; i++) {
        struct slot *s = &v->slot[i];

        if (s->id != 0 && !s->away && now - s->seen_ns > VIEW_AWAY_NS) {
            slot_free(s);
        }
    }
}

int view_look(void *context)
{
    struct view *v = context;

    collect(v);
    for (unsigned i = 0; i < VIEW_SLOTS; i++) {
        if (v->slot[i].id != 0) {
            return LOOK_MS;
        }
    }
    return -1;
}

/* False: 'why' says which parameter is wrong. */
static bool read_request(struct slot *s, json_t *params, char *why, size_t size)
{
    const char *dpid = json_string_value(json_object_get(params, "dpid"));
    const char *message = json_string_value(json_object_get(params, "message"));
    json_t *body = json_object_get(params, "body");
    json_int_t version = json_integer_value(json_object_get(params, "version"));
    json_int_t type = json_integer_value(json_object_get(params, "type"));
    unsigned m = 0;
    char *end = NULL;

    s->dpid = dpid ? strtoull(dpid, &end, 16) : 0;
    while (message && m <= VIEW_QUEUES && strcmp(message_names[m], message) != 0) {
        m++;
    }
    if (!dpid || end == dpid || *end != '\0') {
        snprintf(why, size, "parameter dpid is %.40s, expected a datapath-id in hex",
                 dpid ? dpid : "missing");
    } else if (!message || m > VIEW_QUEUES) {
        snprintf(why, size, "parameter message is %.40s, expected statistics, features or queues",
                 message ? message : "missing");
    } else if (type < 0 || type > UINT16_MAX || version < 1 || version > UINT8_MAX) {
        snprintf(why, size, "parameters version and type are numbers of OpenFlow's");
    } else if (body && (!json_is_string(body) ||
                        !base64_get(s->body, sizeof s->body, json_string_value(body),
                                    json_string_length(body), &s->body_len))) {
        snprintf(why, size, "parameter body is not base64 of at most %d bytes", BODY_MOST);
    } else if (version == OF13_VERSION && type == OF13_MULTIPART_TABLE_FEATURES &&
               s->body_len > 0) {
        snprintf(why, size, "features of tables can be asked for, not set: leave out the body");
    } else {
        s->version = (uint8_t)version;
        s->message = (enum view_message)m;
        s->type = (uint16_t)type;
        return true;
    }
    return false;
}

static bool is_flows(const struct slot *s)
{
    return s->message == VIEW_STATISTICS &&
           (s->type == OF13_MULTIPART_FLOW || s->type == OF13_MULTIPART_EXPERIMENTER);
}

/* All pages are there before the packet thread writes to them. */
static bool take_memory(struct slot *s, char *why, size_t size)
{
    size_t room = is_flows(s) ? VIEW_ROOM : VIEW_ROOM_OTHERS;
    void *memory =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED) {
        snprintf(why, size, "no memory for an answer of %zu MB: free some, and try again",
                 room >> 20);
        return false;
    }
    s->memory = memory;
    s->size = room;
    return true;
}

json_t *view_ask(void *context, json_t *params, char *why, size_t why_size)
{
    struct view *v = context;
    struct slot *s = v->slot;
    uint8_t number;

    collect(v);
    while (s < v->slot + VIEW_SLOTS && s->id != 0) {
        s++;
    }
    if (s == v->slot + VIEW_SLOTS) {
        snprintf(why, why_size,
                 "%d requests to switches are under way already: try again in a moment",
                 VIEW_SLOTS);
        return NULL;
    }
    if (!read_request(s, params, why, why_size) || !take_memory(s, why, why_size)) {
        slot_free(s);
        return NULL;
    }
    s->id = ++v->last_id;
    s->seen_ns = loop_now_ns();
    s->away = true;
    number = (uint8_t)(s - v->slot);
    if (write(v->ask, &number, 1) != 1) {
        snprintf(why, why_size, "ofproxy cannot pass on the request: %s", strerror(errno));
        slot_free(s);
        return NULL;
    }
    return json_pack("{s:I}", "request", (json_int_t)s->id);
}

static json_t *refused(const struct slot *s)
{
    const struct of_version *version = s->version == OF13_VERSION ? &of13 : &of10;
    char text[300];

    snprintf(text, sizeof text, "the switch refused: %s, %s (type %u, code %u)",
             of_error_type(version, s->error_type),
             of_error_code(version, s->error_type, s->error_code), s->error_type, s->error_code);
    return json_pack("{s:s s:i s:i s:s}", "state", "refused", "error_type", (int)s->error_type,
                     "error_code", (int)s->error_code, "text", text);
}

static void say_end(const struct slot *s, char *why, size_t size)
{
    char name[40];

    snprintf(name, sizeof name, "switch 0x%016" PRIx64, s->dpid);
    switch (s->end) {
    case VIEW_ANSWERED:
    case VIEW_REFUSED:
        return;
    case VIEW_LATE:
        snprintf(why, size,
                 "%s %s within %llu s: it is overloaded, or does not know the request: try again, "
                 "and look at its own log",
                 name, s->used > 0 ? "answered only in part" : "did not answer",
                 ASK_NS / 1000000000);
        return;
    case VIEW_GONE:
        snprintf(why, size, "%s left before it had answered: try again when it is back", name);
        return;
    case VIEW_UNKNOWN:
        snprintf(why, size, "%s is not connected: see causeway show switches", name);
        return;
    case VIEW_NOT_READY:
        snprintf(why, size, "%s is not ready yet: its handshake goes on: try again", name);
        return;
    case VIEW_VERSION:
        snprintf(why, size, "%s speaks another version of OpenFlow by now: try again", name);
        return;
    case VIEW_BUSY:
        snprintf(why, size, "%s has %d requests to answer already: try again", name, ASK_MOST);
        return;
    }
}

/* The next messages; the last of them frees the slot. */
static json_t *piece(struct slot *s, size_t from)
{
    size_t len = s->used - from > VIEW_PIECE ? VIEW_PIECE : s->used - from;
    char *text = malloc(base64_len(len) + 1);
    bool last = from + len == s->used;
    json_t *answer;

    if (!text) {
        return NULL;
    }
    base64_put(text, s->memory + from, len);
    answer = json_pack("{s:s s:o s:b}", "state", last ? "done" : "more", "messages",
                       json_stringn_nocheck(text, base64_len(len)), "cut", (int)s->cut);
    free(text);
    if (last) {
        slot_free(s);
    }
    return answer;
}

json_t *view_answer(void *context, json_t *params, char *why, size_t why_size)
{
    struct view *v = context;
    json_int_t id = json_integer_value(json_object_get(params, "request"));
    json_int_t from = json_integer_value(json_object_get(params, "from"));
    struct slot *s = v->slot;
    json_t *answer = NULL;

    collect(v);
    while (s < v->slot + VIEW_SLOTS && (s->id == 0 || s->id != (uint64_t)id)) {
        s++;
    }
    if (s == v->slot + VIEW_SLOTS) {
        snprintf(why, why_size, "there is no request %lld, or its answer was not fetched in %llu s",
                 (long long)id, VIEW_AWAY_NS / 1000000000);
        return NULL;
    }
    s->seen_ns = loop_now_ns();
    if (s->away) {
        return json_pack("{s:s}", "state", "waiting");
    }
    if (s->end == VIEW_ANSWERED) {
        if (from < 0 || (uint64_t)from > s->used) {
            snprintf(why, why_size, "parameter from is %lld, expected at most %zu", (long long)from,
                     s->used);
            return NULL;
        }
        return piece(s, (size_t)from);
    }
    if (s->end == VIEW_REFUSED) {
        answer = refused(s);
    }
    say_end(s, why, why_size);
    slot_free(s);
    return answer;
}

/* ---- both --------------------------------------------------------------------------------- */

struct view *view_open(struct ofproxy *p)
{
    struct view *v = calloc(1, sizeof *v);
    int there[2], back[2];

    if (!v) {
        die("no memory for requests to switches: free some");
    }
    if (pipe2(there, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(back, O_CLOEXEC | O_NONBLOCK) != 0) {
        die("cannot open a pipe: %s: raise the limit of open files (ulimit -n)", strerror(errno));
    }
    v->p = p;
    v->asked = (struct loop_fd){.fd = there[0], .ready = on_asked};
    v->ask = there[1];
    v->answered = back[0];
    v->answer = back[1];
    if (loop_add(&p->loop, &v->asked, EPOLLIN) != 0) {
        die("cannot watch a pipe: %s: raise the limit of open files (ulimit -n)", strerror(errno));
    }
    p->view = v;
    return v;
}

void view_close(struct view *v)
{
    loop_remove(&v->p->loop, &v->asked);
    for (unsigned i = 0; i < VIEW_SLOTS; i++) {
        slot_free(&v->slot[i]);
    }
    close(v->asked.fd);
    close(v->ask);
    close(v->answered);
    close(v->answer);
    v->p->view = NULL;
    free(v);
}
