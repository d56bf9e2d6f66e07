/* shm/affinity.c - the affinity of the thread that calls. */
#include "shm/affinity.h"

#include <sys/socket.h>

static void use(struct affinity *p, const cpu_set_t *mine)
{
    int n = 0;

    p->mine = *mine;
    p->core[0] = p->core[1] = -1;
    if (CPU_COUNT(mine) != 2) {
        return;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
        if (CPU_ISSET((size_t)cpu, mine)) {
            p->core[n++] = cpu;
        }
    }
}

void affinity_look(struct affinity *p)
{
    cpu_set_t now;

    if (p->stands < 0 && sched_getaffinity(0, sizeof now, &now) == 0) {
        use(p, &now);
    }
}

void affinity_open(struct affinity *p)
{
    *p = (struct affinity){.core = {-1, -1}, .stands = -1, .wanted = -1};
    affinity_look(p);
}

void affinity_take(struct affinity *p, int which)
{
    cpu_set_t now;

    if (which == p->wanted) {
        return;
    }
    p->wanted = which;
    if (sched_getaffinity(0, sizeof now, &now) != 0) {
        return;
    }
    if (p->stands < 0 || !CPU_EQUAL(&now, &p->chosen)) {
        use(p, &now);
    }
    p->chosen = p->mine;
    p->stands = -1;
    if (which >= 0 && p->core[which] >= 0) {
        CPU_ZERO(&p->chosen);
        CPU_SET((size_t)p->core[which], &p->chosen);
        p->stands = which;
    }
    if (!CPU_EQUAL(&now, &p->chosen) && sched_setaffinity(0, sizeof p->chosen, &p->chosen) != 0) {
        p->stands = -1;
    }
}

int affinity_index(const struct affinity *p, int cpu)
{
    return cpu < 0 ? -1 : cpu == p->core[0] ? 0 : cpu == p->core[1] ? 1 : -1;
}

int affinity_cpu(const struct affinity *p)
{
    return p->stands < 0 ? -1 : p->core[p->stands];
}

int affinity_incoming(int fd)
{
    int cpu = -1;
    socklen_t len = sizeof cpu;

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &len) == 0 ? cpu : -1;
}
