/* tests/fuzz/fuzz.c - linked into every target, with --wrap=die and --wrap=die_usage. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

jmp_buf fuzz_back;
bool fuzz_trying;

void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "\n%s:%d: does not hold: %s", file, line, what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort();
}

/* ---- the input ---------------------------------------------------------------------------- */

uint64_t fuzz_u64(struct fuzz *f)
{
    size_t len = 8;
    const uint8_t *p = fuzz_bytes(f, &len);
    uint64_t v = 0;

    memcpy(&v, p, len);
    return v;
}

uint32_t fuzz_u32(struct fuzz *f)
{
    size_t len = 4;
    const uint8_t *p = fuzz_bytes(f, &len);
    uint32_t v = 0;

    memcpy(&v, p, len);
    return v;
}

uint16_t fuzz_u16(struct fuzz *f)
{
    uint8_t low = fuzz_u8(f);

    return (uint16_t)(low | fuzz_u8(f) << 8);
}

uint8_t fuzz_u8(struct fuzz *f)
{
    if (f->left == 0) {
        return 0;
    }
    f->left--;
    return *f->p++;
}

const uint8_t *fuzz_bytes(struct fuzz *f, size_t *len)
{
    static const uint8_t nothing;
    const uint8_t *p = f->left > 0 ? f->p : &nothing;

    *len = *len < f->left ? *len : f->left;
    f->p = *len > 0 ? f->p + *len : f->p;
    f->left -= *len;
    return p;
}

uint8_t *fuzz_copy(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    fuzz_check(copy != NULL);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* ---- sentences ---------------------------------------------------------------------------- */

void fuzz_check_sentence(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    fuzz_check(len < size, "not terminated");
    fuzz_check(len > 10, "\"%s\" is no sentence", text);
}

/* The linker sends every call of die and die_usage here. */
_Noreturn void __wrap_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void __wrap_die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn static void come_back(const char *format, va_list args)
{
    static char text[8192];

    vsnprintf(text, sizeof text, format, args);
    fuzz_check_sentence(text, sizeof text);
    fuzz_check(fuzz_trying, "unexpected end: %s", text);
    fuzz_trying = false;
    longjmp(fuzz_back, 1);
}

void __wrap_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    come_back(format, args);
    va_end(args);
}

void __wrap_die_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    come_back(format, args);
    va_end(args);
}

/* ---- files -------------------------------------------------------------------------------- */

static char own_dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_dir(void)
{
    nftw(own_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_dir(void)
{
    const char *given = getenv("FUZZ_DIR");

    if (given != NULL) {
        return given;
    }
    if (own_dir[0] == '\0') {
        snprintf(own_dir, sizeof own_dir, "/dev/shm/causeway-fuzz-XXXXXX");
        fuzz_check(mkdtemp(own_dir) != NULL);
        atexit(remove_dir);
    }
    return own_dir;
}

const char *fuzz_file(const char *name, const void *bytes, size_t len)
{
    static char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_check(fd >= 0 && write(fd, bytes, len) == (ssize_t)len, "%s", path);
    close(fd);
    return path;
}
