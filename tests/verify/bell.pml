/* tests/verify/bell.pml - the doorbell: no process sleeps for ever on a ring that is not empty, or on a board that it
 * has not read, whoever dies in between.
 *
 * Models: shm/ring.c (ring_publish, ring_rx_arm), shm/board.c (board_publish, board_changed), shm/bell.c, shm/wait.c
 * (on_bell, sleep_now, without its net NET_MS), shm/topo.c (topo_ring_all).
 *
 * Stores wait in a buffer of their process, as on x86, until memory takes them: a fence that is missing is found here,
 * too.  (bell.c looks at weaker machines, without deaths.)
 *
 * The producer publishes RECORDS records and a version of a board, and dies at most P times; the consumer dies at most C
 * times.  When nothing can move any more, all must have been handled.  Each switch breaks one thing. */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef P
#define P 0
#endif
#ifndef C
#define C 0
#endif

/* One step of a process that may die before it. */
#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { lives > 0 -> lives--; goto dead } fi

byte tail, event, version; /* as memory has them */
byte handled, seen;        /* records and version that the consumer has dealt with */
bool bell;                 /* is there a byte in the consumer's FIFO? */
chan tails = [2] of { byte }; /* store buffers: the producer's tail, the consumer's event */
chan events = [2] of { byte };

active proctype memory()
{
    byte v;
end:
    do
    :: atomic { tails?v -> tail = v; v = 0 }
    :: atomic { events?v -> event = v; v = 0 }
    od
}

active proctype producer()
{
    byte lives = P, now, e;
    goto start;

dead:
    atomic { empty(tails) -> e = 0 } /* what it had stored will be in memory */
start:
    now = tail;
#ifndef NO_RING_ALL
    STEP(bell = true);
#endif
    if
    :: version == 0 -> STEP(version = 1); STEP(bell = true) /* board_publish */
    :: else
    fi;
    do
    :: now < RECORDS ->
        STEP(tails!now + 1);
#ifndef NO_FENCE_IN_PUBLISH
        STEP(empty(tails));
#endif
        STEP(e = event);
        if
        :: e == now -> STEP(empty(tails) -> bell = true) /* a system call is a fence */
        :: else
        fi;
        now++
    :: else -> break
    od
}

active proctype consumer()
{
    byte lives = C, at, looked;
    goto start;

dead:
    atomic { empty(events) -> at = 0; looked = 0 }
start:
    do
    :: STEP(seen = version); /* a turn: the board, then all that is in the ring */
        STEP(at = tail);
        STEP(handled = at);
        STEP(events!at); /* ring_rx_arm */
#ifndef NO_FENCE_IN_ARM
        STEP(empty(events));
#endif
        looked = at;
#ifndef NO_LOOK_AFTER_ARM
        STEP(looked = tail);
#endif
#ifdef DRAIN_BEFORE_SLEEP
        STEP(bell = false);
#endif
        if
        :: looked == at ->
end:        STEP(bell -> bell = false) /* asleep; on_bell, and then the next turn */
        :: else -> STEP(bell = false)
        fi;
        atomic { empty(events) -> at = 0; looked = 0 }
    od
}

active proctype check()
{
    timeout -> assert(handled == RECORDS && seen == 1)
}
