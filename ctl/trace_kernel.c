/* ctl/trace_kernel.c - the skeleton of trace.bpf.c, and what its failures mean. */
#include "ctl/trace_kernel.h"

#include <stdio.h>

#ifdef CAUSEWAY_TRACE

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include <trace.skel.h> /* made from trace.bpf.c */

#define PROBES_MOST 8
#define PROGRAMS_MOST 16 /* files: a process that is built anew while traced has another */

struct trace_kernel {
    struct trace_bpf *bpf;
    struct bpf_link *links[PROGRAMS_MOST * PROBES_MOST];
    unsigned n_links, n_files;
    struct {
        dev_t device;
        ino_t inode;
        enum trace_process process;
    } files[PROGRAMS_MOST]; /* that are attached */
    uint32_t pid[TRACE_PROCESSES];
};

static char last_words[160]; /* of libbpf, which says more than errno */

static int hear(enum libbpf_print_level level, const char *format, va_list words)
{
    if (level == LIBBPF_WARN) {
        vsnprintf(last_words, sizeof last_words, format, words);
        last_words[strcspn(last_words, "\n")] = '\0';
    }
    return 0;
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool machine_can(char *why, size_t size)
{
    struct stat space;

    if (access("/sys/kernel/btf/vmlinux", F_OK) != 0) {
        snprintf(why, size,
                 "trace needs the kernel's description of itself, and there is no "
                 "/sys/kernel/btf/vmlinux: run a kernel with CONFIG_DEBUG_INFO_BTF, as "
                 "Debian's is");
        return false;
    }
    if (access("/sys/bus/event_source/devices/uprobe/type", F_OK) != 0) {
        snprintf(why, size,
                 "trace needs probes in processes, and there is no "
                 "/sys/bus/event_source/devices/uprobe: run a kernel with "
                 "CONFIG_UPROBE_EVENTS, as Debian's is");
        return false;
    }
    if (stat("/proc/self/ns/pid", &space) == 0 && space.st_ino != 0xeffffffc) {
        snprintf(why, size,
                 "trace must run among the machine's own processes, and this is a "
                 "container: run it outside, with --run-dir of the stack");
        return false;
    }
    return true;
}

static void say_load_failed(int err, char *why, size_t size)
{
    if (err == EPERM) {
        snprintf(why, size,
                 "trace needs root, or the capabilities CAP_BPF, CAP_PERFMON and "
                 "CAP_SYS_PTRACE: run it with sudo");
    } else {
        snprintf(why, size,
                 "the kernel does not take trace's programs (%s; %s): it must be Linux 5.18 or "
                 "newer",
                 strerror(err), last_words);
    }
}

bool trace_sees_tcp(const struct trace_kernel *k)
{
    return bpf_program__autoload(k->bpf->progs.on_tcp);
}

struct trace_kernel *trace_load(char *why, size_t size)
{
    struct trace_kernel *k;

    if (!machine_can(why, size)) {
        return NULL;
    }
    libbpf_set_print(hear);
    k = calloc(1, sizeof *k);
    if (!k || !(k->bpf = trace_bpf__open())) {
        free(k);
        snprintf(why, size, "out of memory");
        return NULL;
    }
    if (libbpf_find_vmlinux_btf_id("tcp_probe", BPF_TRACE_RAW_TP) < 0) {
        bpf_program__set_autoload(k->bpf->progs.on_tcp, false);
        bpf_program__set_autoload(k->bpf->progs.on_tcp_read, false);
    }
    /* the tracepoints are attached by this, the probes are not: their programs name none */
    if (trace_bpf__load(k->bpf) != 0 || trace_bpf__attach(k->bpf) != 0) {
        say_load_failed(errno, why, size);
        trace_unload(k);
        return NULL;
    }
    return k;
}

void trace_unload(struct trace_kernel *k)
{
    for (unsigned i = 0; i < k->n_links; i++) {
        bpf_link__destroy(k->links[i]);
    }
    trace_bpf__destroy(k->bpf);
    free(k);
}

/* ---- processes ---------------------------------------------------------------------------- */

static bool is_attached(const struct trace_kernel *k, enum trace_process p, const struct stat *file)
{
    for (unsigned i = 0; i < k->n_files; i++) {
        if (k->files[i].process == p && k->files[i].device == file->st_dev &&
            k->files[i].inode == file->st_ino) {
            return true;
        }
    }
    return false;
}

/* All processes that run this file, so that one that is started again has its probes from its first
 * instruction on. */
static int attach(struct trace_kernel *k, enum trace_process p, const char *path)
{
    const struct {
        struct bpf_program *program;
        const char *probe;
        bool everywhere;
    } probes[] = {
        {k->bpf->progs.on_publish, "publish", true}, {k->bpf->progs.on_consume, "consume", true},
        {k->bpf->progs.on_verdict, "verdict", true}, {k->bpf->progs.on_receive, "receive", false},
        {k->bpf->progs.on_send, "send", false},      {k->bpf->progs.on_sent, "sent", false},
        {k->bpf->progs.on_settle, "settle", false},
    };

    for (unsigned i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct bpf_link *link;

        if (!probes[i].everywhere && p != TRACE_IS_OFPROXY) {
            continue;
        }
        link = bpf_program__attach_usdt(probes[i].program, -1, path, "causeway", probes[i].probe,
                                        NULL);
        if (!link) {
            return -errno;
        }
        k->links[k->n_links++] = link;
    }
    return 0;
}

static int attach_once(struct trace_kernel *k, enum trace_process p, uint32_t pid, char *why,
                       size_t size)
{
    char path[64], name[256] = "";
    struct stat file;
    int err;

    snprintf(path, sizeof path, "/proc/%u/exe", pid);
    if (stat(path, &file) != 0 || readlink(path, name, sizeof name - 1) < 0) {
        snprintf(why, size, "the program of PID %u cannot be opened (%s): run trace as root", pid,
                 strerror(errno));
        return -1;
    }
    if (is_attached(k, p, &file)) {
        return 0;
    }
    err = k->n_files == PROGRAMS_MOST ? -ENOSPC : attach(k, p, path);
    if (err == -ENOENT) {
        snprintf(why, size,
                 "%s has no probes, or not those of this causeway: install systemtap-sdt-dev and "
                 "build all of it again",
                 name);
    } else if (err != 0) {
        snprintf(why, size, "the probes of %s cannot be attached (%s; %s): run trace as root", name,
                 strerror(-err), last_words);
    } else {
        k->files[k->n_files].device = file.st_dev;
        k->files[k->n_files].inode = file.st_ino;
        k->files[k->n_files++].process = p;
    }
    return err == 0 ? 0 : -1;
}

/* 0: not known. */
static uint32_t parent_of(uint32_t pid)
{
    unsigned parent = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%*d (%*[^)]) %*c %u", &parent) != 1) {
            parent = 0;
        }
        fclose(f);
    }
    return parent;
}

int trace_follow(struct trace_kernel *k, enum trace_process p, uint32_t pid, char *why, size_t size)
{
    uint32_t process = p;
    int map = bpf_map__fd(k->bpf->maps.processes);

    if (attach_once(k, p, pid, why, size) != 0) {
        return -1;
    }
    if (bpf_map_update_elem(map, &pid, &process, BPF_ANY) != 0) {
        snprintf(why, size, "the kernel has no room for PID %u: start trace again", pid);
        return -1;
    }
    if (k->pid[p] != 0 && k->pid[p] != pid) {
        bpf_map_delete_elem(map, &k->pid[p]);
    }
    k->pid[p] = pid;
    k->bpf->bss->parents[p] = parent_of(pid);
    return 0;
}

static bool is_followed(const struct trace_kernel *k, uint32_t pid)
{
    for (unsigned p = 0; p < TRACE_PROCESSES; p++) {
        if (k->pid[p] == pid) {
            return true;
        }
    }
    return false;
}

void trace_forget_others(struct trace_kernel *k)
{
    int map = bpf_map__fd(k->bpf->maps.processes);
    uint32_t pid, next;
    bool more = bpf_map_get_next_key(map, NULL, &next) == 0;

    while (more) {
        pid = next;
        more = bpf_map_get_next_key(map, &pid, &next) == 0;
        if (!is_followed(k, pid)) {
            bpf_map_delete_elem(map, &pid);
        }
    }
}

void trace_begin(struct trace_kernel *k)
{
    k->bpf->bss->counting = true;
}

const struct histogram *trace_row(const struct trace_kernel *k, enum trace_row row)
{
    return &k->bpf->bss->rows[row];
}

const struct trace_seen *trace_seen(const struct trace_kernel *k)
{
    return &k->bpf->bss->seen;
}

#else

struct trace_kernel *trace_load(char *why, size_t size)
{
    snprintf(why, size,
             "this causeway was built without trace: install clang, bpftool and "
             "libbpf-dev, and build it again");
    return NULL;
}

int trace_follow(struct trace_kernel *k, enum trace_process p, uint32_t pid, char *why, size_t size)
{
    (void)k, (void)p, (void)pid, (void)why, (void)size;
    return -1;
}

void trace_forget_others(struct trace_kernel *k)
{
    (void)k;
}

void trace_begin(struct trace_kernel *k)
{
    (void)k;
}

const struct histogram *trace_row(const struct trace_kernel *k, enum trace_row row)
{
    (void)k, (void)row;
    return NULL;
}

const struct trace_seen *trace_seen(const struct trace_kernel *k)
{
    (void)k;
    return NULL;
}

bool trace_sees_tcp(const struct trace_kernel *k)
{
    (void)k;
    return false;
}

void trace_unload(struct trace_kernel *k)
{
    (void)k;
}

#endif
