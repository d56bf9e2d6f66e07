/* ctl/down.c - stops the stack and removes what it made in the run directory.
 *
 * A run directory is known by its files: a service folder that `up` made, or a process's role. What
 * goes is what bears a name that Causeway gives; anything else stays, and is named. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/service.h"

static const char *const suffixes[] = {
    ".role",  ".bell", ".sock", ".counters", ".tx",     ".rx",        ".board",
    ".arena", ".held", ".host", ".web",      ".mirror", ".histogram", ".quarantine.pcap",
    ".login"};

static bool ends_in(const char *name, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);

    return len > n && memcmp(name + len - n, suffix, n) == 0;
}

/* A shared-memory file, or one that its maker was killed over ("PKT_IN.tx.new.123"). */
static bool is_ours(const char *name)
{
    const char *aside = strstr(name, ".new.");
    size_t len = aside ? (size_t)(aside - name) : strlen(name);

    for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (ends_in(name, len, suffixes[i])) {
            return true;
        }
    }
    return false;
}

static bool exists(const struct ctl *c, const char *name)
{
    char path[PATH_MAX + 300];

    snprintf(path, sizeof path, "%s/%s", c->run_dir, name);
    return access(path, F_OK) == 0;
}

static bool is_run_dir(const struct ctl *c)
{
    bool s6 = exists(c, "s6/.s6-svscan");

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);
        char role[64], command[64];

        snprintf(role, sizeof role, "%s.role", name);
        snprintf(command, sizeof command, "s6/%s/command", name);
        if (exists(c, role) || (s6 && exists(c, command))) {
            return true;
        }
    }
    return false;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void remove_folder(const struct ctl *c, const char *name)
{
    char path[PATH_MAX + 300];

    snprintf(path, sizeof path, "%s/%s", c->run_dir, name);
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Removes what is ours; adds the names of what stays to 'left'.  Returns 0 or -errno. */
static int remove_files(const struct ctl *c, json_t *left)
{
    DIR *d = opendir(c->run_dir);
    struct dirent *e;

    if (!d) {
        return -errno;
    }
    if (exists(c, "s6/.s6-svscan")) {
        remove_folder(c, "log");
        remove_folder(c, "s6");
    }
    remove_folder(c, "recordings");
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        if (!is_ours(e->d_name)) {
            if (exists(c, e->d_name)) {
                json_array_append_new(left, json_string(e->d_name));
            }
        } else if (unlinkat(dirfd(d), e->d_name, 0) != 0 && errno != ENOENT) {
            int err = errno;

            closedir(d);
            return -err;
        }
    }
    closedir(d);
    if (json_array_size(left) == 0 && rmdir(c->run_dir) != 0 && errno != EBUSY && errno != EACCES &&
        errno != EPERM) {
        return -errno;
    }
    return 0;
}

/* Processes that were started by hand are their owner's to stop. */
static int check_strangers(const struct ctl *c)
{
    int status = 0;

    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);
        struct role_row row;

        if (role_alive(c->run_dir, name, &row)) {
            status = ctl_fail("%s, PID %llu, was started by hand: stop it (kill %llu), then "
                              "'causeway down' again",
                              name, (unsigned long long)row.pid, (unsigned long long)row.pid);
        }
    }
    return status;
}

static int finish(const struct ctl *c, bool stopped)
{
    json_t *left = json_array(), *one;
    int err = remove_files(c, left);
    size_t i;

    if (err != 0) {
        json_decref(left);
        return ctl_fail("%s could not be emptied: %s: run as root, or as the user that owns it",
                        c->run_dir, strerror(-err));
    }
    if (c->json) {
        ctl_print_json(c, json_pack("{s:s s:b s:O}", "run_dir", c->run_dir, "stopped", (int)stopped,
                                    "left", left));
    } else {
        printf("%s; %s%s removed\n", stopped ? "Causeway stopped" : "nothing ran", c->run_dir,
               json_array_size(left) ? ": all but what is not this command's is" : " is");
        json_array_foreach(left, i, one)
        {
            printf("left there: %s\n", json_string_value(one));
        }
    }
    json_decref(left);
    return 0;
}

int cmd_down(struct ctl *c)
{
    char why[PATH_MAX + 200];
    bool runs = service_supervisor(c) != 0;

    if (c->argc > 1) {
        return ctl_usage(c, "down: unknown word '%s'", c->argv[1]);
    }
    if (access(c->run_dir, F_OK) != 0) {
        if (c->json) {
            ctl_print_json(
                c, json_pack("{s:s s:b s:[]}", "run_dir", c->run_dir, "stopped", 0, "left"));
        } else {
            printf("nothing runs in %s\n", c->run_dir);
        }
        return 0;
    }
    if (access(c->run_dir, R_OK | W_OK | X_OK) != 0) {
        return ctl_fail("no permission to change %s: run as root, or as the user that owns it",
                        c->run_dir);
    }
    if (!is_run_dir(c)) {
        return ctl_fail(
            "%s is not a run directory of Causeway; nothing was removed: give the right "
            "one with --run-dir",
            c->run_dir);
    }
    if (runs && service_stop(c, why, sizeof why) != 0) {
        return ctl_fail("%s", why);
    }
    return check_strangers(c) ? 1 : finish(c, runs);
}
