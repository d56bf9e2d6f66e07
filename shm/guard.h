/* shm/guard.h - a neighbour's file that is cut short must not kill whoever has it mapped.
 *
 * The owner of a file may truncate it; a touch of what is gone is then SIGBUS in every process that
 * maps it.  Mappings of others' files are registered here.  A fault in one puts a page of zeroes
 * there, which the reader's checks take for what they are, and marks the mapping as hurt.
 *
 *     g = guard_add(base, fd, bytes, again);      after mmap
 *     if (guard_hurt(g)) { guard_mend(g); }       once the owner has mended the file
 *     guard_remove(g);                            before munmap
 *
 * The kernel's own reads (sendmsg, writev) of what is gone fail with EFAULT instead.
 *
 * The handler is fault.c's (fault_open in main); a filter of system calls must leave it mmap. */
#ifndef SHM_GUARD_H
#define SHM_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers the read-only mapping of the first 'bytes' of 'fd' at 'base', followed by 'again' bytes
 * of the file from FILE_PAGE on (a ring's data, mapped twice).  'fd' stays the caller's, open until
 * guard_remove; -1: the mapping is never mended.  Returns a number; there is always room for what a
 * process maps (assert). */
int guard_add(const void *base, int fd, size_t bytes, size_t again);
void guard_remove(int g); /* -1: nothing to do */
/* Has a page of it been replaced by zeroes? */
bool guard_hurt(int g);
/* Maps the file's pages again.  False: it is still too short. */
bool guard_mend(int g);

/* What fault.c asks at a fault: true if 'address' lay in a registered mapping; go on, then. */
bool guard_fault(int signal, void *address);

#endif
