/* shm/topo.c - the table of topo.def, and joining by it. */
#include "shm/topo.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static const char *const process_names[] = {
#define P(NAME, name) name,
#include "shm/topo.def"
};

struct ring_def {
    const char *name;
    enum topo_process writer, reader;
    size_t size;
};
static const struct ring_def rings[] = {
#define R(NAME, WRITER, READER, size, text) {#NAME, TOPO_##WRITER, TOPO_##READER, (size)},
#include "shm/topo.def"
};

struct board_def {
    const char *name;
    enum topo_process writer, reader;
    size_t row_size;
    unsigned rows;
};
static const struct board_def boards[] = {
#define B(NAME, WRITER, row, rows, READER, text)                                                   \
    {#NAME, TOPO_##WRITER, TOPO_##READER, sizeof(row), (rows)},
#include "shm/topo.def"
};

static const struct {
    const char *name;
    uint64_t size;
} mirrors[] = {
#define M(NAME, WRITER, size, text) {#NAME, (size)},
#include "shm/topo.def"
};

static const char *const measures[] = {
#define H(NAME, WRITER, text) #NAME,
#include "shm/topo.def"
};

static void path_of(char *path, size_t size, const char *run_dir, const char *name,
                    const char *suffix)
{
    snprintf(path, size, "%s/%s%s", run_dir, name, suffix);
}

int topo_make_run_dir(const char *run_dir)
{
    const struct group *group = geteuid() == 0 ? getgrnam("causeway") : NULL;

    if (mkdir(run_dir, 0770) != 0) {
        return errno == EEXIST ? 0 : -errno;
    }
    /* files that are made in it have its group, too */
    return group && (chown(run_dir, (uid_t)-1, group->gr_gid) != 0 || chmod(run_dir, 02770) != 0)
               ? -errno
               : 0;
}

/* The run directory is made if only its last part is missing. */
static void make_run_dir(const char *run_dir)
{
    struct stat st;

    if (strlen(run_dir) >= sizeof(((struct topo *)0)->run_dir)) {
        die("run directory '%s' has a name of over %zu characters: give a shorter one with "
            "--run-dir",
            run_dir, sizeof(((struct topo *)0)->run_dir) - 1);
    }
    if (topo_make_run_dir(run_dir) != 0) {
        die("cannot make the run directory %s: %s: make it, or give another with --run-dir",
            run_dir, strerror(errno));
    }
    if (stat(run_dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        die("run directory %s is not a folder: give another with --run-dir", run_dir);
    }
    if (access(run_dir, W_OK | X_OK) != 0) {
        die("no permission to write to the run directory %s: run as the user that owns it, or as "
            "root",
            run_dir);
    }
}

/* A predecessor's memory that did not hold together was started anew. */
static void say_anew(const char *why)
{
    if (why[0]) {
        log_warn("damaged, and started anew: %s", why);
    }
}

void topo_open(struct topo *t, const char *run_dir, enum topo_process me)
{
    char why[400], path[256];

    make_run_dir(run_dir);
    *t = (struct topo){.me = me};
    snprintf(t->run_dir, sizeof t->run_dir, "%s", run_dir);
    if (role_take(&t->role, run_dir, process_names[me], why, sizeof why) != 0) {
        die("%s", why);
    }
    say_anew(why);
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        path_of(path, sizeof path, run_dir, process_names[p], ".bell");
        if (bell_open(&t->bell[p], path, why, sizeof why) != 0) {
            die("%s", why);
        }
    }
}

void topo_tx(struct topo *t, struct ring_tx *tx, enum topo_ring ring)
{
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, rings[ring].name, "");
    if (ring_tx_join(tx, path, rings[ring].size, why, sizeof why) != 0) {
        die("%s", why);
    }
    say_anew(why);
    tx->bell = &t->bell[rings[ring].reader];
    tx->number = (unsigned)ring + 1;
}

void topo_rx(struct topo *t, struct ring_rx *rx, enum topo_ring ring)
{
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, rings[ring].name, "");
    if (ring_rx_join(rx, path, rings[ring].size, why, sizeof why) != 0) {
        die("%s", why);
    }
    say_anew(why);
    rx->number = (unsigned)ring + 1;
}

void topo_board_writer(struct topo *t, struct board_writer *w, enum topo_board board)
{
    const struct board_def *d = &boards[board];
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, d->name, ".board");
    if (board_write_join(w, path, d->row_size, d->rows, why, sizeof why) != 0) {
        die("%s", why);
    }
    if (d->reader != d->writer) {
        w->bells[w->n_bells++] = &t->bell[d->reader];
    }
    say_anew(why);
}

void topo_board_reader(struct topo *t, struct board_reader *r, enum topo_board board)
{
    const struct board_def *d = &boards[board];
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, d->name, ".board");
    if (board_read_join(r, path, d->row_size, d->rows, why, sizeof why) != 0) {
        die("%s", why);
    }
}

void topo_mirror(struct topo *t, struct mirror_writer *w, enum topo_mirror mirror)
{
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, mirrors[mirror].name, ".mirror");
    if (mirror_write_join(w, path, mirrors[mirror].size, why, sizeof why) != 0) {
        die("%s", why);
    }
    say_anew(why);
}

void topo_measure(struct topo *t, struct measure_writer *w, enum topo_measure measure)
{
    char path[256], why[400];

    path_of(path, sizeof path, t->run_dir, measures[measure], ".histogram");
    if (measure_write_join(w, path, why, sizeof why) != 0) {
        die("%s", why);
    }
    say_anew(why);
}

void topo_arena(struct topo *t, struct arena *a)
{
    char path[256], why[400];
    int err;

    path_of(path, sizeof path, t->run_dir, "ofproxy", ".arena");
    err = t->me == TOPO_OFPROXY ? arena_join(a, path, why, sizeof why)
                                : arena_map(a, path, why, sizeof why);
    if (err != 0) {
        die("%s", why);
    }
    if (t->me == TOPO_OFPROXY) {
        say_anew(why);
    }
}

void topo_ring_all(struct topo *t)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        bell_ring(&t->bell[p]);
    }
}

void topo_close(struct topo *t)
{
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        bell_close(&t->bell[p]);
    }
    role_leave(&t->role);
}

const char *topo_process_name(enum topo_process p)
{
    return process_names[p];
}

const char *topo_ring_name(enum topo_ring r)
{
    return rings[r].name;
}

enum topo_process topo_ring_writer(enum topo_ring r)
{
    return rings[r].writer;
}

enum topo_process topo_ring_reader(enum topo_ring r)
{
    return rings[r].reader;
}

int topo_ring_stats(const char *run_dir, enum topo_ring r, struct ring_stats *s)
{
    char path[256];

    path_of(path, sizeof path, run_dir, rings[r].name, "");
    return ring_stats(path, s);
}

int topo_board_look(const char *run_dir, struct board_reader *r, enum topo_board board)
{
    const struct board_def *d = &boards[board];
    char path[256], why[400];

    path_of(path, sizeof path, run_dir, d->name, ".board");
    if (access(path, R_OK) != 0) {
        return -errno;
    }
    return board_read_join(r, path, d->row_size, d->rows, why, sizeof why);
}

int topo_mirror_look(const char *run_dir, struct mirror_reader *r, enum topo_mirror mirror,
                     char *why, size_t why_size)
{
    char path[256];

    path_of(path, sizeof path, run_dir, mirrors[mirror].name, ".mirror");
    if (access(path, F_OK) != 0) {
        snprintf(why, why_size, "%s: there is no such mirror: start the stack with 'causeway up'",
                 path);
        return -errno;
    }
    return mirror_read_join(r, path, mirrors[mirror].size, why, why_size);
}

int topo_measure_look(const char *run_dir, struct measure_reader *r, enum topo_measure measure,
                      char *why, size_t why_size)
{
    char path[256];

    path_of(path, sizeof path, run_dir, measures[measure], ".histogram");
    if (access(path, F_OK) != 0) {
        snprintf(why, why_size,
                 "ofproxy has not run in %s, or was of another build: start the stack with "
                 "'causeway up'",
                 run_dir);
        return -errno;
    }
    return measure_read_join(r, path, why, why_size);
}
