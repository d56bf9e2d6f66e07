/* shm/affinity.h - on which of two cores a process stands, by its own choice.
 *
 *     affinity_open(&p)
 *     affinity_take(&p, affinity_index(&p, cpu))     on that core, if it is one of two; else on any
 *
 * Only where the process may use two cores there is a choice to make: with one there is none, and
 * with more the kernel finds free ones.  Who says meanwhile where the process may run (taskset -p,
 * a cpuset) is heard at the next affinity_take, unless it is the very core that the process had
 * chosen. One thread: that which calls is the one that is moved. */
#ifndef SHM_AFFINITY_H
#define SHM_AFFINITY_H

#include <sched.h>

struct affinity {
    cpu_set_t mine;   /* where it may run */
    cpu_set_t chosen; /* of those, where it stands */
    int core[2];      /* the two that it may use, by their numbers; -1: they are not two */
    int stands;       /* on which of the two; -1: on any of 'mine' */
    int wanted;       /* what the last affinity_take asked for */
};

void affinity_open(struct affinity *p);
/* 'which': 0 or 1 of the two cores, -1 any.  Makes system calls only when it was not the last. */
void affinity_take(struct affinity *p, int which);
/* Looks again at where it may run, if it stands nowhere by choice. */
void affinity_look(struct affinity *p);
/* Which of the two cores has that number; -1: neither, or there are not two. */
int affinity_index(const struct affinity *p, int cpu);
/* The number of the core that it stands on by choice; -1: on none. */
int affinity_cpu(const struct affinity *p);
/* The number of the core that took in what came last by the socket 'fd' (SO_INCOMING_CPU,
 * socket(7)); there whoever sends by loopback runs.  -1: nobody knows, or it is no socket. */
int affinity_incoming(int fd);

#endif
