/* common/sandbox.c - libcap for capabilities, libseccomp for system calls. */
#include "common/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

void sandbox_config(struct sandbox *s, const struct config *c)
{
    const char *name = config_str(c, CONFIG_STACK_RUN_AS);
    const struct passwd *pw = NULL;

    *s = (struct sandbox){.on = strcmp(config_str(c, CONFIG_STACK_SANDBOX), "yes") == 0};
    if (!s->on) {
        return;
    }
    if (name[0] != '\0') {
        pw = getpwnam(name);
        if (!pw) {
            die_usage("run-as is '%.32s', which is no user of this machine: name one of "
                      "/etc/passwd, or leave it out",
                      name);
        }
    } else {
        pw = getpwnam("causeway");
        pw = pw ? pw : getpwnam("nobody");
    }
    /* an image without /etc/passwd: the kernel's own "nobody" (Documentation/admin-guide/sysctl/
     * kernel.rst, overflowuid) */
    s->uid = pw ? pw->pw_uid : 65534;
    s->gid = pw ? pw->pw_gid : 65534;
    snprintf(s->user, sizeof s->user, "%s", pw ? pw->pw_name : "65534");
}

void sandbox_keep_group(struct sandbox *s, const char *folder)
{
    struct stat st;

    s->has_group = stat(folder, &st) == 0;
    s->group = s->has_group ? st.st_gid : 0;
}

/* ---- user and capabilities ---------------------------------------------------------------- */

/* The bounding set says what an executed file may give; without CAP_SETPCAP it stays, and
 * no-new-privs says the same. */
static void empty_bounding_set(void)
{
    for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++) {
        if (cap_drop_bound(cap) != 0) {
            return;
        }
    }
}

static void become(const struct sandbox *s)
{
    int on_death = 0;

    if (geteuid() != 0 || s->uid == 0) {
        return;
    }
    prctl(PR_GET_PDEATHSIG, &on_death);
    if (setgroups(s->has_group, &s->group) != 0 || setresgid(s->gid, s->gid, s->gid) != 0 ||
        setresuid(s->uid, s->uid, s->uid) != 0) {
        die("cannot become user %s: %s: start as that user, allow CAP_SETUID and CAP_SETGID, or "
            "stay root with --run-as root",
            s->user, strerror(errno));
    }
    /* a change of user clears it (prctl(2)); whoever asked for it still wants it */
    prctl(PR_SET_PDEATHSIG, on_death);
}

static _Noreturn void cannot(const char *what, int err)
{
    die("cannot enter the sandbox: %s: %s: use a kernel and a container that allow it, or go "
        "without with --sandbox no",
        what, strerror(err));
}

static void drop_capabilities(void)
{
    cap_t none = cap_init();

    if (!none || cap_set_proc(none) != 0 || cap_reset_ambient() != 0) {
        cannot("capabilities", errno);
    }
    cap_free(none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        cannot("no-new-privs", errno);
    }
}

/* ---- system calls ------------------------------------------------------------------------- */

#define RINGS 0
#define SERVE SANDBOX_SERVE
#define DIAL SANDBOX_DIAL
#define NAMES SANDBOX_NAMES
#define LOCAL SANDBOX_LOCAL
#define FILES SANDBOX_FILES
#define HTTP SANDBOX_HTTP
#define LOOK SANDBOX_LOOK

struct allowed {
    int call;
    unsigned needs; /* any of them; 0: every process */
    unsigned argument;
    uint64_t mask, value; /* allowed where (argument & mask) == value; no mask: always */
};

static int attributes(scmp_filter_ctx ctx)
{
    /* another machine's calls (i386, x32) are refused like the rest */
    int err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));

    /* a search tree instead of a list of a hundred comparisons */
    err = err ? err : seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    /* the kernel's own words, not ECANCELED for all */
    return err ? err : seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
}

static int allow(scmp_filter_ctx ctx, const struct allowed *a)
{
    const struct scmp_arg_cmp only = {a->argument, SCMP_CMP_MASKED_EQ, a->mask, a->value};

    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, a->call, a->mask != 0, &only);
}

/* Returns how many rules there are. */
static unsigned enter_filter(unsigned needs)
{
    const struct allowed allowed[] = {
#define A(call, NEEDS, text) {SCMP_SYS(call), NEEDS, 0, 0, 0},
#define L(call, NEEDS, argument, mask, value, text) {SCMP_SYS(call), NEEDS, argument, mask, value},
#include "common/sandbox.def"
    };
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    unsigned n = 0;
    int err = ctx ? attributes(ctx) : -ENOMEM;

    /* its flags lie in memory, where no filter can look: the C library then takes clone */
    err = err ? err : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && err == 0; i++) {
        if (allowed[i].needs == RINGS || (allowed[i].needs & needs) != 0) {
            err = allow(ctx, &allowed[i]);
            n++;
        }
    }
    err = err ? err : seccomp_load(ctx);
    if (err != 0) {
        cannot("the filter of system calls", -err);
    }
    seccomp_release(ctx);
    return n;
}

/* Threads that exist already would stay outside. */
static bool alone(void)
{
    struct stat st;

    return stat("/proc/self/task", &st) != 0 || st.st_nlink <= 3; /* ".", ".." and this one */
}

void sandbox_enter(const struct sandbox *s, unsigned needs)
{
    unsigned rules, uid;

    if (!s->on) {
        log_info("sandbox off");
        return;
    }
    if (!SANDBOX_WORKS) {
        log_info("sandbox off: this build has a sanitizer, which could not work in it");
        return;
    }
    assert(alone());
    tzset(); /* strftime(3) would read /etc/localtime at the first line logged */
    empty_bounding_set();
    become(s);
    drop_capabilities();
    uid = geteuid();
    rules = enter_filter(needs);
    log_info("sandbox on uid=%u rules=%u", uid, rules);
}
