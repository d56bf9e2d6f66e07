/* tests/verify/chain.pml - ofproxy -> vnsbridge -> router -> vnsbridge -> ofproxy, each killed at any step.
 *
 * Models: shm/ring.c (tx_resume, ring_publish, ring_release, ring_begin, ring_last_batch), common/counter.c
 * (counter_prepare, counter_commit, counter_recover), router/router.c (router_turn), router/hold.c, router/port_ring.c
 * (resume, flush), vnsbridge/bridge.c (go_on), up.c, down.c, ofproxy/packet_in.c and packet_out.c, shm/arena.c.
 *
 * A position counts records.  What a file in the run directory holds and only its writer (and the writer's successor)
 * reads is a local variable that survives "dead:"; all other local variables are set again from "start:" on.  What
 * the process on the other end reads is global.  Between two STEPs a process may die, O, V or R times in all.
 *
 * Shown: a frame that was published on PKT_IN gets one verdict; its ticket is freed once; it leaves at most once, and
 * exactly once if ofproxy never died; a held frame the same; the counters agree with the rings whenever a process rests;
 * at the end nothing is left anywhere.
 *
 * Each switch breaks one thing (tests/verify/models says which), and the checker must then find it. */
#ifndef FRAMES
#define FRAMES 2
#endif
#ifndef BURST
#define BURST 2
#endif
#ifndef CAP
#define CAP 4 /* records in a ring; a batch is at most half of it */
#endif
#ifndef O
#define O 0
#endif
#ifndef V
#define V 0
#endif
#ifndef R
#define R 0
#endif
/* A process that never dies in this run takes its turns whole, but for FINE: what it does within a turn is seen by
 * nobody but its successor, save for tails and heads. */
#if O > 0 || defined(FINE)
#define O_TURN
#else
#define O_TURN atomic
#endif
#if V > 0 || defined(FINE)
#define V_TURN
#else
#define V_TURN atomic
#endif
#if R > 0 || defined(FINE)
#define R_TURN
#else
#define R_TURN atomic
#endif
#define TICKETS 2
#define SLOTS 2

/* One atomic step of a process that may die before it. */
#define STEP(...) if :: d_step { __VA_ARGS__ } :: atomic { lives > 0 -> lives--; goto dead } fi
#define MAX(a, b) ((a) > (b) -> (a) : (b))

#define NONE 0
#define FORWARDED 1
#define HELD 2
#define DROPPED 3
#define ORIGINATED 4 /* has no ticket; seq says which held frame it is, for the check only */

typedef record { byte seq; byte ticket; byte verdict; byte serial };
typedef ring { byte tail; byte head; record at[CAP] };
ring pkt_in, vns_in, vns_out, pkt_out;

/* ---- commit blocks: struct commit of ring.c ---- */
typedef block { byte tail; byte start; byte settled0; byte settled1 };
typedef writer { block b[2] };

/* ring_publish: fills the block that is not in use, then stores the tail, which selects it. */
#define VALID(q, w) (w.b[0].tail == q.tail -> 0 : 1)
#ifdef ONE_BLOCK
#define FILL(q, w) VALID(q, w)
#else
#define FILL(q, w) (1 - VALID(q, w))
#endif
#define OTHER (1 - fill)
inline publish(q, w, staged, s0, s1)
{
    if
    :: staged != q.tail ->
        fill = FILL(q, w);
        STEP(w.b[fill].start = q.tail; w.b[fill].settled0 = s0; w.b[fill].settled1 = s1);
        STEP(w.b[fill].tail = staged);
        STEP(q.tail = staged; w.b[OTHER].start = 0; w.b[OTHER].settled0 = 0; w.b[OTHER].settled1 = 0; w.b[OTHER].tail = 0)
    :: else
    fi
}

/* ---- counters: a note of what they will be, with the output and the tail that makes it true ---- */
typedef counts { byte v[4]; bool noted; byte output; byte tail; byte will[4] };

/* What is not noted is not looked at: forgetting it keeps equal states equal. */
#define FORGET_NOTE c.noted = false; c.output = 0; c.tail = 0; c.will[0] = 0; c.will[1] = 0; c.will[2] = 0; c.will[3] = 0

inline count_commit()
{
    if
    :: c.noted ->
        STEP(c.v[0] = c.will[0]; c.v[1] = c.will[1]);
        STEP(c.v[2] = c.will[2]; c.v[3] = c.will[3]);
        STEP(FORGET_NOTE)
    :: else
    fi
}

inline count_prepare(to, staged)
{
#ifndef COUNT_WITHOUT_NOTE
    STEP(FORGET_NOTE);
    STEP(c.output = to; c.tail = staged;
         c.will[0] = c.v[0] + tally[0]; c.will[1] = c.v[1] + tally[1]; c.will[2] = c.v[2] + tally[2]; c.will[3] = c.v[3] + tally[3]);
    STEP(c.noted = true);
    atomic { tally[0] = 0; tally[1] = 0; tally[2] = 0; tally[3] = 0 };
#endif
#ifdef COUNT_BEFORE_PUBLISH
    count_commit();
#endif
    skip
}

inline count_now()
{
#ifdef COUNT_WITHOUT_NOTE
    STEP(c.v[0] = c.v[0] + tally[0]; tally[0] = 0);
    STEP(c.v[1] = c.v[1] + tally[1]; tally[1] = 0);
    STEP(c.v[2] = c.v[2] + tally[2]; tally[2] = 0);
    STEP(c.v[3] = c.v[3] + tally[3]; tally[3] = 0);
#else
    count_commit();
#endif
}

inline count_recover(to, q)
{
    if
    :: c.output == to && q.tail >= c.tail -> count_commit()
    :: c.output == to && q.tail < c.tail -> STEP(FORGET_NOTE)
    :: else
    fi
}

#define COPY(q, position, s, t, v, n) \
    q.at[(position) % CAP].seq = s; q.at[(position) % CAP].ticket = t; \
    q.at[(position) % CAP].verdict = v; q.at[(position) % CAP].serial = n

/* ---- ofproxy: sockets on one side, PKT_IN and PKT_OUT on the other ---- */
active proctype ofproxy()
{
    byte lives = O, ticket[TICKETS], begun, taken, deaths;  /* the last two: for the check */
    writer w;
    bool published[FRAMES + 1];
    byte verdict[FRAMES + 1], left[FRAMES + 1], refused[FRAMES + 1];
    byte at, staged, seq, last, i, n, s, t;
    bool fill;
    goto start;

dead:
    atomic { at = 0; staged = 0; seq = 0; last = 0; i = 0; n = 0; s = 0; t = 0; fill = 0; deaths = 1 };
start:
    atomic {
        at = pkt_out.head;
        staged = pkt_in.tail;
        assert(w.b[VALID(pkt_in, w)].tail == pkt_in.tail)
    };
    /* packet_out_resume: what was begun has left, or died with its connection */
    do
    :: at < begun ->
        t = pkt_out.at[at % CAP].ticket; s = pkt_out.at[at % CAP].seq;
        if
        :: t < TICKETS && ticket[t] == s ->
            STEP(ticket[t] = 0; assert(verdict[s] == NONE); verdict[s] = pkt_out.at[at % CAP].verdict)
        :: else
        fi;
        at++
    :: else -> break
    od;
    STEP(pkt_out.head = at);
    /* packet_in_resume: a flight whose record was never published is given up */
    atomic {
        last = 0; seq = 0;
        i = w.b[VALID(pkt_in, w)].start;
        do
        :: i < pkt_in.tail -> seq = MAX(seq, pkt_in.at[i % CAP].seq); i++
        :: else -> break
        od;
        t = 0;
        do
        :: t < TICKETS -> last = MAX(last, ticket[t]); t++
        :: else -> break
        od;
        t = 0; i = 0
    };
#ifndef NO_GIVE_UP
    do
    :: t < TICKETS && ticket[t] > seq -> STEP(ticket[t] = 0); t++
    :: t < TICKETS && ticket[t] <= seq -> t++
    :: else -> break
    od;
#endif
    atomic { seq = MAX(seq, last); last = 0; t = 0; s = 0 };

end:
    do
    :: at < pkt_out.tail -> O_TURN { /* send_packet_out */
        n = 0;
        do
        :: n < BURST && at < pkt_out.tail -> at++; n++
        :: else -> break
        od;
#ifndef BEGIN_AFTER_SEND
        STEP(begun = at);
#endif
        i = at - n;
        do
        :: i < at ->
            STEP(s = pkt_out.at[i % CAP].seq;
                 if
                 :: pkt_out.at[i % CAP].verdict == FORWARDED || pkt_out.at[i % CAP].verdict == ORIGINATED ->
                     left[s]++; assert(left[s] == 1)
                 :: pkt_out.at[i % CAP].verdict == DROPPED && pkt_out.at[i % CAP].ticket == TICKETS -> refused[s]++
                 :: else
                 fi);
            i++
        :: else -> break
        od;
#ifdef BEGIN_AFTER_SEND
        STEP(begun = at);
#endif
        i = at - n;
        do
        :: i < at ->
            STEP(s = pkt_out.at[i % CAP].seq; t = pkt_out.at[i % CAP].ticket;
                 if
                 :: t < TICKETS ->
                     assert(ticket[t] == s && verdict[s] == NONE); /* never a "bad verdict" */
                     ticket[t] = 0;
                     verdict[s] = pkt_out.at[i % CAP].verdict
                 :: else
                 fi);
            i++
        :: else -> break
        od;
        STEP(pkt_out.head = at);
        atomic { n = 0; i = 0; s = 0; t = 0 } }
    :: taken < FRAMES && staged - pkt_in.head < CAP && (ticket[0] == 0 || ticket[1] == 0) -> O_TURN {
        n = 0;
        do
        :: n < BURST && taken < FRAMES && staged - pkt_in.head < CAP && (ticket[0] == 0 || ticket[1] == 0) ->
            atomic { taken++; n++; seq++; t = (ticket[0] == 0 -> 0 : 1) };
#ifndef TICKET_AFTER_PUBLISH
            STEP(ticket[t] = seq);
#endif
            STEP(COPY(pkt_in, staged, seq, t, NONE, 0));
            staged++
        :: else -> break
        od;
        publish(pkt_in, w, staged, 0, 0);
        atomic {
            i = w.b[VALID(pkt_in, w)].start;
            do
            :: i < pkt_in.tail -> assert(!published[pkt_in.at[i % CAP].seq]); published[pkt_in.at[i % CAP].seq] = true; i++
            :: else -> break
            od
        };
#ifdef TICKET_AFTER_PUBLISH
        STEP(ticket[t] = seq);
#endif
        atomic { n = 0; t = 0; i = 0; fill = 0 } }
    :: timeout ->
        assert(taken == FRAMES && pkt_in.head == pkt_in.tail && vns_in.head == vns_in.tail);
        assert(vns_out.head == vns_out.tail && pkt_out.head == pkt_out.tail);
        for (t : 0 .. TICKETS - 1) { assert(ticket[t] == 0) }
        for (s : 1 .. FRAMES) {
            assert(!published[s] -> verdict[s] == NONE && left[s] == 0 : verdict[s] != NONE);
            assert(verdict[s] == FORWARDED && deaths == 0 -> left[s] == 1 : 1);
#ifndef SILENT_BATCH /* that switch is about the counters */
            assert(verdict[s] == HELD && deaths == 0 -> left[s] + refused[s] == 1 : 1);
#endif
            assert(verdict[s] == DROPPED -> left[s] == 0 : 1)
        }
        break
    od
}

/* ---- vnsbridge: one input on two outputs, two inputs on one output ---- */
#define TO_VNS_IN 0
#define TO_PKT_OUT 1
#define TO_NOTHING 2
#define RECEIVED 0
#define TO_RING 1
#define UP_DROPPED 2
#define FROM_RING 3

#ifdef NO_TURN_TO
#define settle_to_pkt_out set_o0 = at_in
#define settle_to_vns_in set_i0 = at_in
#else
#define settle_to_pkt_out skip
#define settle_to_vns_in skip
#endif

inline publish_vns_in()
{
    set_i0 = at_in;
    count_prepare(TO_VNS_IN, staged_i);
    publish(vns_in, w_i, staged_i, set_i0, 0);
    count_now();
    last = TO_NOTHING
}

inline publish_pkt_out()
{
    count_prepare(TO_PKT_OUT, staged_o);
    publish(pkt_out, w_o, staged_o, set_o0, set_o1);
    count_now();
    last = TO_NOTHING
}

/* turn_to and publish_last of up.c: the other output is published before this one is written. */
inline turn_to(to)
{
#ifndef NO_TURN_TO
    if
    :: last == TO_VNS_IN && to == TO_PKT_OUT -> publish_vns_in()
    :: last == TO_PKT_OUT && to == TO_VNS_IN -> set_o0 = at_in; publish_pkt_out()
    :: else
    fi;
#endif
    last = to
}

inline release(q, position)
{
    STEP(q.head = position)
}

active proctype vnsbridge()
{
    byte lives = V;
    writer w_i, w_o;
    counts c;
    byte at_in, at_out, staged_i, staged_o, set_i0, set_o0, set_o1, last, n, p, tally[4];
    bool fill, say;
    goto start;

dead:
    atomic { tally[0] = 0; tally[1] = 0; tally[2] = 0; tally[3] = 0; n = 0; p = 0; fill = 0; say = 0 };
start:
    atomic {
        last = TO_NOTHING;
        staged_i = vns_in.tail; staged_o = pkt_out.tail;
        assert(w_i.b[VALID(vns_in, w_i)].tail == vns_in.tail && w_o.b[VALID(pkt_out, w_o)].tail == pkt_out.tail);
        set_i0 = w_i.b[VALID(vns_in, w_i)].settled0;
        set_o0 = w_o.b[VALID(pkt_out, w_o)].settled0;
        set_o1 = w_o.b[VALID(pkt_out, w_o)].settled1;
        at_in = pkt_in.head; at_out = vns_out.head
    };
    count_recover(TO_VNS_IN, vns_in);
    count_recover(TO_PKT_OUT, pkt_out);
    /* go_on */
#ifdef NO_MAX
    at_in = MAX(at_in, set_i0);
#else
    at_in = MAX(at_in, MAX(set_i0, set_o0));
#endif
    at_out = MAX(at_out, set_o1);
    assert(at_in <= pkt_in.tail && at_out <= vns_out.tail);
    release(pkt_in, at_in);
    release(vns_out, at_out);

end:
    do
    :: (at_in < pkt_in.tail || at_out < vns_out.tail) && staged_o - pkt_out.head < CAP -> V_TURN {
        /* bridge_up */
        n = 0;
        do
        :: n < BURST && at_in < pkt_in.tail && staged_o - pkt_out.head < CAP ->
            if
            :: staged_i - vns_in.head < CAP ->
                turn_to(TO_VNS_IN);
                STEP(COPY(vns_in, staged_i, pkt_in.at[at_in % CAP].seq, pkt_in.at[at_in % CAP].ticket, NONE, 0));
                atomic { staged_i++; tally[TO_RING]++ }
            :: true ->
                turn_to(TO_PKT_OUT);
                STEP(COPY(pkt_out, staged_o, pkt_in.at[at_in % CAP].seq, pkt_in.at[at_in % CAP].ticket, DROPPED, 0));
                atomic { staged_o++; tally[UP_DROPPED]++ }
            fi;
            atomic { at_in++; n++; tally[RECEIVED]++ }
        :: else -> break
        od;
        if
        :: n > 0 ->
#ifdef RELEASE_BEFORE_PUBLISH
            release(pkt_in, at_in);
#endif
#ifdef NO_TURN_TO
            set_o0 = at_in;
            publish_vns_in();
            publish_pkt_out();
#else
            if
            :: last == TO_VNS_IN -> publish_vns_in()
            :: else -> set_o0 = at_in; publish_pkt_out()
            fi;
#endif
            release(pkt_in, at_in)
        :: else
        fi;
        /* bridge_down */
        n = 0;
        do
        :: n < BURST && at_out < vns_out.tail && staged_o - pkt_out.head < CAP ->
            p = vns_out.at[at_out % CAP].verdict;
            say = true;
            if
            :: p == ORIGINATED -> p = DROPPED; /* its interface is not the router's any more */
#ifdef SILENT_BATCH
                say = false
#endif
            :: true
            fi;
            if
            :: say ->
                STEP(COPY(pkt_out, staged_o, vns_out.at[at_out % CAP].seq, vns_out.at[at_out % CAP].ticket, p, 0));
                staged_o++
            :: else
            fi;
            atomic { at_out++; n++; p = 0; say = 0; tally[FROM_RING]++ }
        :: else -> break
        od;
        if
        :: n > 0 ->
            set_o1 = at_out;
            publish_pkt_out();
            release(vns_out, at_out)
        :: else
        fi;
        n = 0; fill = 0;
        assert(c.v[RECEIVED] == at_in && c.v[TO_RING] == vns_in.tail && c.v[RECEIVED] == c.v[TO_RING] + c.v[UP_DROPPED]);
        assert(c.v[FROM_RING] == at_out) }
    od
}

/* ---- router: one input, one output, and frames that it holds ---- */
#define HELD_NOW 1
#define HELD_SENT 2

active proctype router()
{
    byte lives = R;
    writer w;
    counts c;
    byte serial, serials[SLOTS], position[SLOTS], frame[SLOTS];
    byte at, staged, settled, i, n, s, tally[4];
    bool fill, leaving[SLOTS];
    goto start;

dead:
    atomic {
        tally[0] = 0; tally[1] = 0; tally[2] = 0; tally[3] = 0; n = 0; i = 0; s = 0; fill = 0;
        leaving[0] = false; leaving[1] = false
    };
start:
    atomic {
        staged = vns_out.tail;
        assert(w.b[VALID(vns_out, w)].tail == vns_out.tail);
        settled = w.b[VALID(vns_out, w)].settled0;
        at = MAX(vns_in.head, settled);
        assert(at <= vns_in.tail)
    };
    release(vns_in, at);
    count_recover(0, vns_out);
#ifndef NO_LAST_BATCH
    i = w.b[VALID(vns_out, w)].start; /* ring_last_batch, hold_left */
    do
    :: i < vns_out.tail && vns_out.at[i % CAP].serial != 0 ->
        s = vns_out.at[i % CAP].serial;
        if
        :: serials[0] == s -> STEP(serials[0] = 0)
        :: serials[1] == s -> STEP(serials[1] = 0)
        :: else
        fi;
        i++
    :: i < vns_out.tail && vns_out.at[i % CAP].serial == 0 -> i++
    :: else -> break
    od;
#endif
#ifndef KEEP_UNSETTLED
    for (s : 0 .. SLOTS - 1) { /* hold_restore */
        if
        :: serials[s] != 0 && position[s] > settled -> STEP(serials[s] = 0)
        :: else
        fi
    }
#endif
    i = 0; s = 0;

end:
    do
    :: (at < vns_in.tail || serials[0] != 0 || serials[1] != 0) && staged - vns_out.head < CAP -> R_TURN {
        n = 0;
        for (s : 0 .. SLOTS - 1) { /* release_held: its next hop has answered, or has not yet */
            if
            :: serials[s] != 0 && n < BURST && staged - vns_out.head < CAP ->
                STEP(COPY(vns_out, staged, frame[s], TICKETS, ORIGINATED, serials[s]));
                atomic { staged++; n++; tally[HELD_SENT]++; leaving[s] = true }
            :: serials[s] == 0 || at < vns_in.tail
            :: else
            fi
        }
        s = 0;
        do
        :: n < BURST && at < vns_in.tail && staged - vns_out.head < CAP ->
            s = (serials[0] == 0 -> 0 : 1);
            if
            :: STEP(COPY(vns_out, staged, vns_in.at[at % CAP].seq, vns_in.at[at % CAP].ticket, FORWARDED, 0))
            :: serials[s] == 0 -> /* hold_put */
#ifndef HOLD_AFTER_PUBLISH
                STEP(position[s] = at + 1; frame[s] = vns_in.at[at % CAP].seq);
                STEP(serial++);
                STEP(serials[s] = serial);
#else
                assert(BURST == 1);
                i = 1;
#endif
                STEP(COPY(vns_out, staged, vns_in.at[at % CAP].seq, vns_in.at[at % CAP].ticket, HELD, 0));
                tally[HELD_NOW]++
            fi;
            atomic { staged++; at++; n++; tally[RECEIVED]++ }
        :: else -> break
        od;
        settled = at;
#ifdef FREE_BEFORE_PUBLISH
        if :: leaving[0] -> STEP(serials[0] = 0) :: else fi;
        if :: leaving[1] -> STEP(serials[1] = 0) :: else fi;
#endif
        count_prepare(0, staged);
        publish(vns_out, w, staged, settled, 0);
        release(vns_in, at);
        count_now();
#ifdef HOLD_AFTER_PUBLISH
        if
        :: i == 1 -> i = 0; STEP(position[s] = at; frame[s] = vns_in.at[(at - 1) % CAP].seq; serial++; serials[s] = serial)
        :: else
        fi;
#endif
        if :: leaving[0] -> STEP(serials[0] = 0) :: else fi; /* hold_flushed */
        if :: leaving[1] -> STEP(serials[1] = 0) :: else fi;
        atomic { leaving[0] = false; leaving[1] = false; n = 0; s = 0; fill = 0 };
        assert(c.v[RECEIVED] == at && vns_out.tail == c.v[RECEIVED] + c.v[HELD_SENT]);
        assert(c.v[HELD_NOW] == c.v[HELD_SENT] + (serials[0] != 0 -> 1 : 0) + (serials[1] != 0 -> 1 : 0)) }
    od
}
