/* shm/fault.h - what a process died of, told to its successor.
 *
 *     fault_open();                      once, in the thread that handles frames
 *     fault_watch(&note);                each note: a ring's (ring.h), the router's held frames
 *     fault_hand(&note, place);          this frame is being handled from now on
 *     fault_let_go(&note);               and no longer
 *
 * A note is a word of private memory: the place of the frame in hand.  When the process dies of a
 * fault of its own, a signal handler writes that place, the signal and how many times in a row it
 * was so into the evidence, which lies in a file that outlives the process; then the process dies
 * as it would have without the handler: same signal, same core.  A successor reads the evidence
 * (fault_deaths): a frame with one death is handled alone in its batch, one with FAULT_DEATHS is
 * not handled at all (quarantine.h).
 *
 * A fault is SIGSEGV, SIGBUS, SIGILL or SIGFPE from the kernel, or SIGABRT (any of the five) that
 * the process sent to itself, in the thread that called fault_open.  The same signal from another
 * process, any other signal, broken memory chips and a fault in another thread are no evidence.
 *
 * Each store of a place costs one instruction; nothing else is done while no frame kills. */
#ifndef SHM_FAULT_H
#define SHM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_NONE UINT64_MAX /* no place */
#define FAULT_DEATHS 2        /* a frame with so many is not tried again */

struct fault_evidence { /* in shared memory; all zero: none */
    uint64_t place;
    uint64_t deaths; /* 0: none; written last */
    uint64_t signal; /* of the last death */
};

struct fault_note {
    volatile uint64_t hand;      /* place of the frame in hand, or FAULT_NONE */
    struct fault_evidence *kept; /* where the handler writes */
    uint64_t suspect;            /* what a predecessor left there, read once; FAULT_NONE */
    unsigned deaths;
    int signal;
};

/* Installs the handlers and gives the calling thread a stack for them, so that a stack that
 * overflowed is a fault like any other.  May be called again. */
void fault_open(void);
/* 'cures' is asked first at each fault that comes from the kernel: true says that the instruction
 * may be tried again.  It runs in the handler.  NULL: nobody. */
void fault_set_repair(bool (*cures)(int signal, void *address));

/* Reads what is left in 'kept', which must stay mapped while the note is watched. */
void fault_note_open(struct fault_note *n, struct fault_evidence *kept);
/* From now on the handlers look at 'n' (at most FAULT_NOTES at once). */
#define FAULT_NOTES 4
void fault_watch(struct fault_note *n);
/* The opposite, before its memory goes away; nothing if it is not watched. */
void fault_unwatch(struct fault_note *n);

static inline void fault_hand(struct fault_note *n, uint64_t place)
{
    n->hand = place;
    __asm__ volatile("" ::: "memory"); /* a handler in this thread sees memory in program order */
}
static inline void fault_let_go(struct fault_note *n)
{
    __asm__ volatile("" ::: "memory");
    n->hand = FAULT_NONE;
}
/* How many predecessors in a row died of the frame at 'place'. */
static inline unsigned fault_deaths(const struct fault_note *n, uint64_t place)
{
    return place == n->suspect ? n->deaths : 0;
}

#endif
