/* tests/fault/image.c */
#include "tests/fault/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

static struct image_file *add(struct image *m, const char *name)
{
    struct image_file *f = &m->file[m->n];

    if (m->n == IMAGE_FILES) {
        errno = ENOSPC;
        fail("more files in the run directory than an image has room for");
    }
    m->n++;
    *f = (struct image_file){0};
    snprintf(f->name, sizeof f->name, "%.63s", name);
    return f;
}

static void add_file(struct image *m, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    struct image_file *f;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(name);
    }
    f = add(m, name);
    f->len = (size_t)st.st_size < IMAGE_WINDOW ? (size_t)st.st_size & ~7ul : IMAGE_WINDOW;
    f->live = mmap(NULL, f->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    f->kept = calloc(1, f->len);
    close(fd);
    if (f->live == MAP_FAILED || !f->kept) {
        fail(name);
    }
}

/* The arena is read by all and written by its owner, who is the tester. */
static bool is_shared_state(const char *name)
{
    static const char *const endings[] = {".tx", ".rx", ".board", ".role", ".counters", ".held"};
    const char *dot = strrchr(name, '.');

    for (unsigned i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

void image_open(struct image *m, const char *run_dir)
{
    DIR *dir = opendir(run_dir);
    struct dirent *e;

    m->n = 0;
    if (!dir) {
        fail(run_dir);
    }
    while ((e = readdir(dir))) {
        if (is_shared_state(e->d_name)) {
            add_file(m, dirfd(dir), e->d_name);
        }
    }
    closedir(dir);
}

void image_add(struct image *m, const char *name, void *memory, size_t len)
{
    struct image_file *f = add(m, name);

    f->live = memory;
    f->len = len & ~7ul;
    f->kept = calloc(1, f->len);
    if (!f->kept) {
        fail(name);
    }
}

void image_keep(struct image *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        memcpy(m->file[i].kept, m->file[i].live, m->file[i].len);
    }
}

static void note(struct image_log *log, const struct image_word *w)
{
    if (log->n == log->room) {
        log->room = log->room ? 2 * log->room : 4096;
        log->word = realloc(log->word, log->room * sizeof *log->word);
        if (!log->word) {
            fail("the log of changes");
        }
    }
    log->word[log->n++] = *w;
}

static void changed_page(struct image_file *f, unsigned number, size_t from, size_t to,
                         struct image_log *log, uint64_t step, uint64_t rip)
{
    for (size_t off = from; off < to; off += 8) {
        struct image_word w = {
            .file = (uint16_t)number, .off = (uint32_t)off, .rip = rip, .step = step};

        memcpy(&w.value, f->live + off, 8);
        if (memcmp(&w.value, f->kept + off, 8) != 0) {
            memcpy(f->kept + off, &w.value, 8);
            note(log, &w);
        }
    }
}

void image_written_by(struct image *m, int pid)
{
    char path[64], line[512];
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    if (!maps) {
        fail(path);
    }
    while (fgets(line, sizeof line, maps)) {
        const char *name = strrchr(line, '/');

        line[strcspn(line, "\n")] = '\0';
        for (unsigned i = 0; name && strstr(line, " rw-s ") && i < m->n; i++) {
            m->file[i].written |= strcmp(m->file[i].name, name + 1) == 0;
        }
    }
    fclose(maps);
}

bool image_changed(struct image *m, bool all, struct image_log *log, uint64_t step, uint64_t rip)
{
    size_t before = log->n;

    for (unsigned i = 0; i < m->n; i++) {
        struct image_file *f = &m->file[i];

        for (size_t from = 0; (all || f->written) && from < f->len; from += 4096) {
            size_t to = from + 4096 < f->len ? from + 4096 : f->len;

            if (memcmp(f->live + from, f->kept + from, to - from) != 0) {
                changed_page(f, i, from, to, log, step, rip);
            }
        }
    }
    if (log->n > before) {
        log->word[log->n - 1].last = 1;
    }
    return log->n > before;
}

bool image_replay(struct image *m, struct image_log *log, struct image_word *instant)
{
    if (log->at == log->n) {
        return false;
    }
    do {
        const struct image_word *w = &log->word[log->at];

        memcpy(m->file[w->file].kept + w->off, &w->value, 8);
    } while (!log->word[log->at++].last);
    *instant = log->word[log->at - 1];
    return true;
}

void image_restore(const struct image *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        memcpy(m->file[i].live, m->file[i].kept, m->file[i].len);
    }
}

static size_t whole(const struct image *m)
{
    size_t len = 0;

    for (unsigned i = 0; i < m->n; i++) {
        len += m->file[i].len;
    }
    return len;
}

uint8_t *image_copy(const struct image *m)
{
    uint8_t *copy = malloc(whole(m)), *at = copy;

    if (!copy) {
        fail("a copy of the image");
    }
    for (unsigned i = 0; i < m->n; i++) {
        memcpy(at, m->file[i].kept, m->file[i].len);
        at += m->file[i].len;
    }
    return copy;
}

void image_rewind(struct image *m, const uint8_t *copy)
{
    for (unsigned i = 0; i < m->n; i++) {
        memcpy(m->file[i].kept, copy, m->file[i].len);
        copy += m->file[i].len;
    }
}

struct image_file *image_find(struct image *m, const char *name)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (strcmp(m->file[i].name, name) == 0) {
            return &m->file[i];
        }
    }
    return NULL;
}

void image_close(struct image *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        free(m->file[i].kept); /* what was added belongs to the tester; files go with the process */
    }
    m->n = 0;
}
