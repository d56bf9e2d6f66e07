/* ctl/bench_cpu.c - the CPU time of the benchmark and of the stack's processes.
 *
 * The kernel tells it in nanoseconds for each thread (/proc/PID/task/TID/schedstat).  A process of
 * another PID namespace, or of another machine, is not known. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

#include "ctl/bench.h"
#include "shm/role.h"

static double thread_s(const char *pid, const char *tid)
{
    char path[300];
    unsigned long long ns = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.20s/task/%.20s/schedstat", pid, tid);
    f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%llu", &ns) != 1) {
            ns = 0;
        }
        fclose(f);
    }
    return (double)ns / 1e9;
}

static double process_s(const struct ctl *c, const char *name)
{
    struct role_row row;
    struct dirent *e;
    char pid[24], path[300];
    double s = 0;
    DIR *d;

    if (!role_alive(c->run_dir, name, &row)) {
        return -1;
    }
    snprintf(pid, sizeof pid, "%lld", (long long)row.pid);
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    d = stack_is_called(pid, name) ? opendir(path) : NULL;
    if (!d) {
        return -1;
    }
    while ((e = readdir(d))) {
        s += e->d_name[0] == '.' ? 0 : thread_s(pid, e->d_name);
    }
    closedir(d);
    return s;
}

void bench_cpu_take(const struct ctl *c, struct bench_cpu *cpu)
{
    struct rusage u;

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        cpu->stack[p] = process_s(c, topo_process_name((enum topo_process)p));
    }
    getrusage(RUSAGE_SELF, &u);
    cpu->self = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
