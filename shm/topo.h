/* shm/topo.h - a process's place in the run directory: role, doorbell, rings, boards, mirrors,
 * histograms, arena.
 *
 *     topo_open(&t, run_dir, TOPO_VNSBRIDGE);        takes the role, opens the doorbell
 *     topo_rx(&t, &b.pkt_in, TOPO_PKT_IN);           in any order; no peer need be there
 *     topo_tx(&t, &b.vns_in, TOPO_VNS_IN);
 *     topo_ring_all(&t);                             once attached: whoever slept looks again
 *     topo_close(&t);
 *
 * Every failure here is a failure at start: die() with the file, the cause and the cure. */
#ifndef SHM_TOPO_H
#define SHM_TOPO_H

#include "shm/arena.h"
#include "shm/bell.h"
#include "shm/board.h"
#include "shm/measure.h"
#include "shm/mirror.h"
#include "shm/ring.h"
#include "shm/role.h"
#include "shm/rows.h"

#define SHM_ABI 3 /* of everything in the run directory; any change of layout counts it up */

/* A password that webterm made: one line, its owner's alone (0600); `causeway page` reads it. */
#define TOPO_LOGIN "webterm.login"

enum topo_process {
#define P(NAME, name) TOPO_##NAME,
#include "shm/topo.def"
    TOPO_PROCESSES
};
enum topo_ring {
#define R(NAME, WRITER, READER, size, text) TOPO_##NAME,
#include "shm/topo.def"
    TOPO_RINGS
};
enum topo_board {
#define B(NAME, WRITER, row, rows, READER, text) TOPO_##NAME,
#include "shm/topo.def"
    TOPO_BOARDS
};
enum topo_mirror {
#define M(NAME, WRITER, size, text) TOPO_MIRROR_##NAME,
#include "shm/topo.def"
    TOPO_MIRRORS
};
enum topo_measure {
#define H(NAME, WRITER, text) TOPO_MEASURE_##NAME,
#include "shm/topo.def"
    TOPO_MEASURES
};

struct topo {
    char run_dir[96];
    enum topo_process me;
    struct role role;
    struct bell bell[TOPO_PROCESSES]; /* bell[me] is the process's own */
};

/* The run directory, if only its last part is missing.  It is given to the group "causeway", where
 * there is one: who is of that group may read what is in it, and call control sockets.  Returns 0,
 * also where it is there, or -errno. */
int topo_make_run_dir(const char *run_dir);
void topo_open(struct topo *t, const char *run_dir, enum topo_process me);
void topo_tx(struct topo *t, struct ring_tx *tx, enum topo_ring ring);
void topo_rx(struct topo *t, struct ring_rx *rx, enum topo_ring ring);
void topo_board_writer(struct topo *t, struct board_writer *w, enum topo_board board);
void topo_board_reader(struct topo *t, struct board_reader *r, enum topo_board board);
void topo_mirror(struct topo *t, struct mirror_writer *w, enum topo_mirror mirror);
void topo_measure(struct topo *t, struct measure_writer *w, enum topo_measure measure);
void topo_arena(struct topo *t, struct arena *a); /* owner in ofproxy, read-only elsewhere */
void topo_ring_all(struct topo *t);
void topo_close(struct topo *t);

/* For readers outside the stack (causeway): */
const char *topo_process_name(enum topo_process p);
const char *topo_ring_name(enum topo_ring r);
enum topo_process topo_ring_writer(enum topo_ring r);
enum topo_process topo_ring_reader(enum topo_ring r);
int topo_ring_stats(const char *run_dir, enum topo_ring r, struct ring_stats *s);
/* Opens a board of a run directory for reading, without making it.  Returns 0 or -errno. */
int topo_board_look(const char *run_dir, struct board_reader *r, enum topo_board board);
/* The same of a mirror; a failure is a sentence in 'why'. */
int topo_mirror_look(const char *run_dir, struct mirror_reader *r, enum topo_mirror mirror,
                     char *why, size_t why_size);
int topo_measure_look(const char *run_dir, struct measure_reader *r, enum topo_measure measure,
                      char *why, size_t why_size);

#endif
