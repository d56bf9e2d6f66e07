/* tests/fault/step.h - what surrounds the process that is stepped: its neighbours, played by us.
 *
 *     open(dir)                 joins the run directory at the other ends
 *     while (!warm()) { }       until the program, which runs, is in full work
 *     wake()                    rings its doorbell, for no reason
 *     feed()                    the batch that it is killed in
 *     while (!pump()) { }       takes what came out and answers it, until every frame has its fate
 *     check(why, size)          is the account exact?
 *
 * All that they know of frames is in 'state', which goes back in time together with the files. */
#ifndef TESTS_FAULT_STEP_H
#define TESTS_FAULT_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "shm/ring.h"

struct image;

struct step_world {
    const char *program;
    const char *turn;    /* the function that is one turn of its packet thread */
    const char *flag[4]; /* for its command line, up to NULL */
    void *state;
    size_t state_size;
    void (*open)(const char *run_dir);
    bool (*warm)(void);
    void (*wake)(void);
    void (*feed)(void);
    bool (*pump)(void);
    bool (*check)(char *why, size_t size);
    void (*freshen)(struct image *m); /* no time has passed since the image was taken; or NULL */
    void (*look)(void); /* takes what came through the kernel, after each call of it; or NULL */
    void (*outlive)(struct image *m); /* adds what else outlives the process; or NULL */
    void (*died)(void);               /* it was killed, and its successor is to come; or NULL */
    /* is all in order, once a successor was asked to stop?  NULL: it is killed */
    bool (*rest)(char *why, size_t size);
};
extern const struct step_world step_router, step_bridge, step_ofproxy;

#define STEP_FRAMES 256        /* numbers of frames; 0 is none */
#define STEP_RING (28u * 1024) /* bytes that may be written to a ring (image.h) */

/* By the number of the frame: how often it was settled and how often its bytes came out, and how
 * often they must have. */
struct step_account {
    unsigned char verdicts[STEP_FRAMES], came_out[STEP_FRAMES];
    unsigned char must_settle[STEP_FRAMES], must_come[STEP_FRAMES];
    unsigned strange; /* records that nothing can have caused */
};
/* Has the reader released all that was written? */
static inline bool step_drained(struct ring_tx *tx)
{
    ring_room(tx, tx->size); /* looks at the reader's head */
    return tx->peer_head == tx->tail;
}
bool step_complete(const struct step_account *a);
bool step_exact(const struct step_account *a, char *why, size_t size);

#endif
