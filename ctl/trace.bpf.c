/* ctl/trace.bpf.c - the kernel's side of `causeway trace`: turns the processes' probes
 * (common/probe.h) and the kernel's own tracepoints into histograms.
 *
 * A record's time in a ring is from its batch's publish to its consume, found by its position: a
 * ring has one writer and one reader, so batches and records come in order, and a cursor is enough.
 * A record's time in a process is from its consume to the next publish of that process (ofproxy: to
 * settle), for each process ends what it took with one.
 *
 * Kernel structures are declared here, with the fields that are used; where they lie is looked up
 * in the running kernel (CO-RE), so the build needs no kernel's headers. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "common/histogram.h"
#include "ctl/trace.h"

#define BATCHES 32768 /* of a ring that nobody reads; more than it has room for in practice */
#define IN_HAND 1024  /* records that a process takes before it publishes; no burst is longer */
#define NO_TICKET UINT32_MAX
#define TCP_WORDS 12 /* where a TCP header says how long it is */
#define COMM 16

struct task_struct {
    int pid, tgid;
    struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct sk_buff {
    unsigned int len;
    unsigned char *data;
} __attribute__((preserve_access_index));

struct batch {
    uint64_t from, to, ns;
};
struct way {
    uint64_t written, cursor; /* batches: made, and the one that is read */
    uint64_t to;              /* where the last one ends */
    uint64_t next;            /* records before this position have been seen */
    struct batch batch[BATCHES];
};
struct taken {
    uint64_t ns, rx_ns; /* rx_ns 0: it settles no frame */
    uint32_t row;
};
struct hands {
    uint64_t n;
    struct taken taken[IN_HAND];
};
struct core {
    uint64_t woken_ns, off_ns, on_ns;
};

struct histogram rows[TRACE_ROWS];
struct trace_seen seen;
bool counting;                     /* all is attached */
uint32_t parents[TRACE_PROCESSES]; /* who started them */
/* Of ofproxy's recv in hand. */
static uint64_t socket_ns, received_ns, received;
static bool socket_known;
static uint64_t send_ns;
static struct way ways[TRACE_RINGS];
static struct hands hands[TRACE_PROCESSES];
static struct core cores[TRACE_PROCESSES];
const char names[TRACE_PROCESSES][COMM] = {"ofproxy", "vnsbridge", "router"};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256);
    __type(key, uint32_t);
    __type(value, uint32_t);
} processes SEC(".maps");

/* When the oldest data came that nobody has received yet, of each TCP socket. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, uint64_t);
    __type(value, uint64_t);
} arrivals SEC(".maps");

/* The kernel lends its functions to programs under the GPL: this file is under that licence, too
 * (version 2), for whoever likes it better than the project's. */
const char LICENSE[] SEC("license") = "GPL";

/* ---- histograms --------------------------------------------------------------------------- */

static __always_inline uint32_t log2_of(uint64_t v)
{
    uint32_t r = (uint32_t)(v > 0xffffffff) << 5, s;

    v >>= r;
    s = (uint32_t)(v > 0xffff) << 4;
    v >>= s;
    r |= s;
    s = (uint32_t)(v > 0xff) << 3;
    v >>= s;
    r |= s;
    s = (uint32_t)(v > 0xf) << 2;
    v >>= s;
    r |= s;
    s = (uint32_t)(v > 0x3) << 1;
    v >>= s;
    r |= s;
    return r | (uint32_t)(v >> 1);
}

/* As common/histogram.c counts: a process's own rows have one writer, but 'max' may miss one where
 * two cores meet. */
__noinline int add(uint32_t row, uint64_t ns, uint64_t n)
{
    uint64_t shift, bucket;
    struct histogram *h;

    if (row >= TRACE_ROWS) {
        return 0;
    }
    h = &rows[row];
    ns = (int64_t)ns < 0 ? 0 : ns > HISTOGRAM_MOST ? HISTOGRAM_MOST : ns;
    shift = ns > 255 ? log2_of(ns) - 7 : 0;
    bucket = shift * 128 + (ns >> (shift & 63));
    if (bucket >= HISTOGRAM_BUCKETS) {
        return 0;
    }
    __sync_fetch_and_add(&h->bucket[bucket], n);
    __sync_fetch_and_add(&h->sum, ns * n);
    h->max = ns > h->max ? ns : h->max;
    h->above_min = UINT64_MAX - ns > h->above_min ? UINT64_MAX - ns : h->above_min;
    return 0;
}

/* Which process of the stack has this PID; TRACE_PROCESSES: none, or another stack's. */
static __always_inline uint32_t process_of(uint32_t pid)
{
    uint32_t *process = counting ? bpf_map_lookup_elem(&processes, &pid) : NULL;

    return process && *process < TRACE_PROCESSES ? *process : TRACE_PROCESSES;
}

/* The one that the probe is in. */
static __always_inline uint32_t whose(void)
{
    return process_of(bpf_get_current_pid_tgid() >> 32);
}

/* ---- a frame's way ------------------------------------------------------------------------ */

struct putting {
    uint64_t now;
    uint32_t process;
};

static int put_down(uint32_t i, void *context)
{
    struct putting *p = context;
    struct taken *t;

    if (p->process >= TRACE_PROCESSES) {
        return 1;
    }
    t = &hands[p->process].taken[i % IN_HAND];
    add(t->row, p->now - t->ns, 1);
    if (p->process == TRACE_IS_OFPROXY && t->rx_ns != 0) {
        add(TRACE_TOTAL, p->now - t->rx_ns, 1);
    }
    return 0;
}

static __always_inline void put_all_down(uint32_t process, uint64_t now)
{
    if (process < TRACE_PROCESSES) {
        bpf_loop((uint32_t)hands[process].n, put_down, &(struct putting){now, process}, 0);
        hands[process].n = 0;
    }
}

static __always_inline void take(uint32_t process, uint32_t row, uint64_t rx_ns, uint64_t now)
{
    struct hands *h = &hands[process];

    if (h->n < IN_HAND) {
        h->taken[h->n % IN_HAND] = (struct taken){now, rx_ns, row};
        h->n++;
    } else {
        __sync_fetch_and_add(&seen.lost, 1);
    }
}

SEC("usdt")
int BPF_USDT(on_receive, uint64_t seq, uint32_t ticket, uint32_t len, uint64_t rx_ns)
{
    if (whose() != TRACE_IS_OFPROXY) {
        return 0;
    }
    if (received_ns != rx_ns) {
        received_ns = rx_ns; /* what a killed one had received is gone */
        received = 0;
    }
    received++;
    if (socket_known) {
        add(TRACE_SOCKET, socket_ns, 1);
    }
    return 0;
}

SEC("usdt")
int BPF_USDT(on_publish, uint32_t ring, uint64_t from, uint64_t to, uint64_t records)
{
    uint32_t process = whose();
    uint64_t now = bpf_ktime_get_ns();

    if (process >= TRACE_PROCESSES || ring - 1 >= TRACE_RINGS) {
        return 0;
    }
    struct way *w = &ways[ring - 1];

    if (w->to == from) {
        /* it goes on */
    } else if (w->written != w->cursor && w->batch[(w->written - 1) % BATCHES].from == from) {
        __sync_fetch_and_add(&w->written, -1); /* killed before its batch became visible */
    } else {
        w->cursor = w->written; /* we were not there, or the ring began anew */
        w->next = 0;
    }
    w->batch[w->written % BATCHES] = (struct batch){from, to, now};
    w->to = to;
    __sync_fetch_and_add(&w->written, 1);
    if (process != TRACE_IS_OFPROXY) {
        put_all_down(process, now);
    } else if (received > 0) {
        add(TRACE_READ, now - received_ns, received);
        received = 0;
        socket_known = false;
    }
    return 0;
}

struct search {
    uint32_t ring;
    uint64_t position, ns; /* ns 0: not found */
};

static int search_batch(uint32_t i, void *context)
{
    struct search *s = context;
    struct batch *b;
    struct way *w;

    if (s->ring >= TRACE_RINGS) {
        return 1;
    }
    w = &ways[s->ring];
    b = &w->batch[w->cursor % BATCHES];
    if (w->cursor == w->written || s->position < b->from) {
        return 1;
    }
    if (s->position < b->to) {
        s->ns = b->ns;
        return 1;
    }
    w->cursor++;
    return 0;
}

/* On a frame's way the rings, and what is done with what comes out of each, take turns. */
_Static_assert(TRACE_WRITE == TRACE_PKT_IN + 7, "the order of trace.def");
static __always_inline uint32_t row_of(uint32_t ring)
{
    return TRACE_PKT_IN + ring * 2;
}

static __always_inline uint32_t row_after(uint32_t ring)
{
    return row_of(ring) + 1;
}

SEC("usdt")
int BPF_USDT(on_consume, uint32_t ring, uint64_t position, uint64_t seq, uint32_t ticket,
             uint32_t head_len, uint32_t tail_len, uint64_t rx_ns)
{
    struct search s = {ring - 1, position, 0};
    uint32_t process = whose();
    uint64_t now = bpf_ktime_get_ns();

    if (process >= TRACE_PROCESSES || s.ring >= TRACE_RINGS) {
        return 0;
    }
    struct way *w = &ways[s.ring];

    if (position < w->next) {
        return 0; /* it was looked at before */
    }
    w->next = position + 1;
    bpf_loop(BATCHES, search_batch, &s, 0);
    if (s.ns != 0) {
        add(row_of(ring - 1), now - s.ns, 1);
    } else {
        __sync_fetch_and_add(&seen.unmatched[(ring - 1) % TRACE_RINGS], 1);
    }
    take(process, row_after(ring - 1), ticket == NO_TICKET ? 0 : rx_ns, now);
    return 0;
}

SEC("usdt")
int BPF_USDT(on_verdict, uint64_t seq, uint32_t verdict, uint32_t reason)
{
    uint32_t process = whose();

    if (process < TRACE_PROCESSES && verdict < TRACE_VERDICTS) {
        __sync_fetch_and_add(&seen.verdicts[process][verdict], 1);
    }
    return 0;
}

SEC("usdt")
int BPF_USDT(on_send, int fd, uint64_t pieces)
{
    if (whose() == TRACE_IS_OFPROXY) {
        send_ns = bpf_ktime_get_ns();
    }
    return 0;
}

SEC("usdt")
int BPF_USDT(on_sent, int fd, int64_t result)
{
    if (whose() == TRACE_IS_OFPROXY && send_ns != 0) {
        add(TRACE_SEND, bpf_ktime_get_ns() - send_ns, 1);
        send_ns = 0;
    }
    return 0;
}

SEC("usdt")
int BPF_USDT(on_settle, uint32_t records)
{
    if (whose() == TRACE_IS_OFPROXY) {
        put_all_down(TRACE_IS_OFPROXY, bpf_ktime_get_ns());
    }
    return 0;
}

/* ---- the switch's socket ------------------------------------------------------------------ */

SEC("tp_btf/tcp_probe")
int BPF_PROG(on_tcp, void *sk, struct sk_buff *skb)
{
    uint64_t now = bpf_ktime_get_ns(), key = (uint64_t)sk;
    uint8_t words = 0;

    if (bpf_probe_read_kernel(&words, sizeof words, skb->data + TCP_WORDS) == 0 &&
        skb->len > (words >> 4) * 4u && !bpf_map_lookup_elem(&arrivals, &key)) {
        bpf_map_update_elem(&arrivals, &key, &now, BPF_NOEXIST);
    }
    return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_tcp_read, void *sk)
{
    uint64_t key = (uint64_t)sk, *came = bpf_map_lookup_elem(&arrivals, &key);

    if (!came) {
        return 0;
    }
    if (whose() == TRACE_IS_OFPROXY) {
        socket_ns = bpf_ktime_get_ns() - *came;
        socket_known = true;
    }
    bpf_map_delete_elem(&arrivals, &key);
    return 0;
}

/* ---- the core ----------------------------------------------------------------------------- */

/* As 'whose', of a process's first thread: the one that frames pass. */
static __always_inline uint32_t thread_of(struct task_struct *t)
{
    return t->pid == t->tgid ? process_of((uint32_t)t->tgid) : TRACE_PROCESSES;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *t)
{
    uint32_t process = thread_of(t);

    if (process < TRACE_PROCESSES && cores[process].woken_ns == 0) {
        cores[process].woken_ns = bpf_ktime_get_ns();
    }
    return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
             unsigned int prev_state)
{
    uint32_t leaves = thread_of(prev), comes = thread_of(next);
    uint64_t now = bpf_ktime_get_ns();

    if (leaves < TRACE_PROCESSES) {
        struct core *c = &cores[leaves];

        if (c->on_ns != 0) {
            add(TRACE_OFPROXY_RUNS + leaves * 3, now - c->on_ns, 1);
        }
        *c = (struct core){.off_ns = preempt || prev_state == 0 ? now : 0};
    }
    if (comes < TRACE_PROCESSES) {
        struct core *c = &cores[comes];

        if (c->off_ns != 0) {
            add(TRACE_OFPROXY_AWAY + comes * 3, now - c->off_ns, 1);
        } else if (c->woken_ns != 0) {
            add(TRACE_OFPROXY_WOKEN + comes * 3, now - c->woken_ns, 1);
        }
        *c = (struct core){.on_ns = now};
    }
    return 0;
}

/* ---- processes that start ----------------------------------------------------------------- */

static __always_inline bool is_called(const char *comm, const char *name)
{
    for (int i = 0; i < COMM; i++) {
        if (comm[i] != name[i]) {
            return false;
        }
        if (comm[i] == 0) {
            break;
        }
    }
    return true;
}

/* One of the stack's starts again, by the same supervisor: its first frames count, too.  Whether it
 * is this stack's, the loader finds out. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t)
{
    uint32_t pid = (uint32_t)t->tgid, parent = (uint32_t)t->real_parent->tgid;
    char comm[COMM];

    if (bpf_get_current_comm(comm, sizeof comm) != 0) {
        return 0;
    }
    for (uint32_t p = 0; p < TRACE_PROCESSES; p++) {
        if (parent == parents[p] && is_called(comm, names[p])) {
            uint32_t process = p;

            bpf_map_update_elem(&processes, &pid, &process, BPF_NOEXIST);
        }
    }
    return 0;
}
