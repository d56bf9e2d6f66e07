/* shm/guard.c - a table of mappings, and the page of zeroes. */
#include "shm/guard.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/fault.h"
#include "shm/file.h"

#define GUARDS 128 /* a process maps about twenty, webterm's threads as many each for a moment */

/* Written under the lock, by a thread that touches the mapping only afterwards; read without it by
 * the handler, in the thread that touched the mapping. */
struct guard {
    uintptr_t base;
    size_t bytes, again;
    int fd;
    volatile size_t len; /* of the whole mapping; 0: free */
    volatile sig_atomic_t hurt;
};
static struct guard guards[GUARDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int guard_add(const void *base, int fd, size_t bytes, size_t again)
{
    int g = 0;

    pthread_mutex_lock(&lock);
    fault_set_repair(guard_fault);
    while (g < GUARDS && guards[g].len > 0) {
        g++;
    }
    assert(g < GUARDS);
    guards[g].base = (uintptr_t)base;
    guards[g].bytes = bytes;
    guards[g].again = again;
    guards[g].fd = fd;
    guards[g].hurt = 0;
    guards[g].len = bytes + again;
    pthread_mutex_unlock(&lock);
    return g;
}

void guard_remove(int g)
{
    if (g >= 0) {
        pthread_mutex_lock(&lock);
        guards[g].len = 0;
        pthread_mutex_unlock(&lock);
    }
}

bool guard_fault(int signal, void *address)
{
    uintptr_t at = (uintptr_t)address;
    void *page = (void *)(at & ~(uintptr_t)(FILE_PAGE - 1));

    for (unsigned g = 0; g < GUARDS && signal == SIGBUS; g++) {
        if (guards[g].len > 0 && at - guards[g].base < guards[g].len) {
            guards[g].hurt = 1;
            return mmap(page, FILE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                        0) != MAP_FAILED;
        }
    }
    return false;
}

static bool long_enough(const struct guard *g)
{
    struct stat st;

    return fstat(g->fd, &st) == 0 && (uint64_t)st.st_size >= g->bytes;
}

bool guard_hurt(int g)
{
    return g >= 0 && guards[g].hurt != 0;
}

bool guard_mend(int g)
{
    struct guard *at = &guards[g];
    void *base = (void *)at->base, *second = (void *)(at->base + at->bytes);

    if (!long_enough(at)) {
        return false;
    }
    at->hurt = 0; /* first: it may be cut again while its pages come back */
    if (mmap(base, at->bytes, PROT_READ, MAP_SHARED | MAP_FIXED, at->fd, 0) == MAP_FAILED ||
        (at->again > 0 && mmap(second, at->again, PROT_READ, MAP_SHARED | MAP_FIXED, at->fd,
                               FILE_PAGE) == MAP_FAILED)) {
        at->hurt = 1;
        return false;
    }
    return true;
}
