/* webterm/secret.c */
#include "webterm/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "shm/topo.h"

#define MADE_BYTES 16 /* as good as any key of 128 bits */
#define MADE_TEXT (2 * MADE_BYTES + 1)

ssize_t secret_read(const char *key, const char *path, char line[SECRET_MAX + 1], char *why,
                    size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(why, why_size, "%s: %s cannot be read: %s: name a file that webterm may read", key,
                 path, fd < 0 ? strerror(errno) : "it is no file");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    n = read(fd, line, SECRET_MAX);
    close(fd);
    if (st.st_mode & S_IRWXO) {
        snprintf(why, why_size,
                 "%s: everyone on this machine may read %s: take that away (chmod o= %s)", key,
                 path, path);
        return -1;
    }
    line[n < 0 ? 0 : n] = '\0';
    n = (ssize_t)strcspn(line, "\r\n");
    line[n] = '\0';
    if ((size_t)n < SECRET_MIN) {
        snprintf(why, why_size,
                 "%s: the first line of %s has fewer than %u characters: write a longer "
                 "one (openssl rand -base64 18)",
                 key, path, SECRET_MIN);
        return -1;
    }
    return n;
}

static void path_of(char path[PATH_MAX], const char *run_dir, const char *suffix)
{
    snprintf(path, PATH_MAX, "%s/" TOPO_LOGIN "%s", run_dir, suffix);
}

/* Written aside and given its name when it is whole: whoever finds it finds all of it. */
static int make(const char *run_dir, const char *path)
{
    char aside[PATH_MAX], suffix[32], text[MADE_TEXT + 1];
    uint8_t random[MADE_BYTES];
    struct text t;
    int fd, err = topo_make_run_dir(run_dir);

    snprintf(suffix, sizeof suffix, ".new.%d", (int)getpid());
    path_of(aside, run_dir, suffix);
    if (err) {
        return err;
    }
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return -errno;
    }
    text_open(&t, text, MADE_TEXT);
    text_hex(&t, random, sizeof random);
    text[MADE_TEXT - 1] = '\n';
    unlink(aside);
    fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    err = write(fd, text, MADE_TEXT) == MADE_TEXT ? 0 : -errno;
    close(fd);
    if (!err && link(aside, path) != 0 && errno != EEXIST) { /* another one was first: as good */
        err = -errno;
    }
    unlink(aside);
    return err;
}

ssize_t secret_keep(const char *key, const char *run_dir, char line[SECRET_MAX + 1], char *why,
                    size_t why_size)
{
    char path[PATH_MAX];
    int err;

    path_of(path, run_dir, "");
    err = access(path, F_OK) == 0 ? 0 : make(run_dir, path);
    if (err) {
        snprintf(why, why_size,
                 "%s: %s cannot be made: %s: let webterm write to the run directory, or name a "
                 "file that has a password",
                 key, path, strerror(-err));
        return -1;
    }
    return secret_read(key, path, line, why, why_size);
}

void secret_forget(const char *run_dir)
{
    char path[PATH_MAX];

    path_of(path, run_dir, "");
    unlink(path);
}
