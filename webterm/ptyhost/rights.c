/* webterm/ptyhost/rights.c - root without what no session needs (docs/decisions/ptyhost.md). */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "common/log.h"
#include "webterm/ptyhost/ptyhost.h"

/* What a program that root executes may have at most: what Mininet, and programs in its hosts, do.
 * Nobody loads modules, sets the clock, boots, or reads the machine's memory from a browser. */
static const cap_value_t sessions_have[] = {
    CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,      CAP_FSETID,
    CAP_KILL,       CAP_SETGID,       CAP_SETUID,          CAP_SETPCAP,     CAP_NET_BIND_SERVICE,
    CAP_NET_ADMIN,  CAP_NET_RAW,      CAP_NET_BROADCAST,   CAP_IPC_LOCK,    CAP_SYS_CHROOT,
    CAP_SYS_PTRACE, CAP_SYS_ADMIN,    CAP_SYS_NICE,        CAP_SYS_RESOURCE};

static bool is_kept(cap_value_t cap)
{
    for (unsigned i = 0; i < sizeof sessions_have / sizeof sessions_have[0]; i++) {
        if (sessions_have[i] == cap) {
            return true;
        }
    }
    return false;
}

/* Without CAP_SETPCAP, as in a container, the set stays as small as it is already. */
static void bound_sessions(void)
{
    for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++) {
        if (!is_kept(cap) && cap_drop_bound(cap) != 0) {
            return;
        }
    }
}

/* Its own: a session that changed its user must end, too.  What root executes has the bounding set
 * again. */
static void drop_own(void)
{
    static const cap_value_t own[] = {CAP_KILL};
    cap_t caps = cap_init();
    int err = caps ? 0 : -1;

    err = err ? err : cap_set_flag(caps, CAP_PERMITTED, 1, own, CAP_SET);
    err = err ? err : cap_set_flag(caps, CAP_EFFECTIVE, 1, own, CAP_SET);
    err = err ? err : cap_set_proc(caps);
    if (err != 0) {
        cap_free(caps);
        caps = cap_init(); /* a container that has not even this one */
        err = caps ? cap_set_proc(caps) : -1;
    }
    if (err != 0) {
        die("cannot give up capabilities: %s: use a kernel and a container that allow it, or go "
            "without with --sandbox no",
            strerror(errno));
    }
    cap_free(caps);
}

static bool are_ours(const struct sandbox *box)
{
    return box->on && geteuid() == 0;
}

void rights_bound(const struct sandbox *box)
{
    if (are_ours(box)) {
        bound_sessions();
    }
}

void rights_give_up(const struct sandbox *box)
{
    if (!are_ours(box)) {
        log_info("rights kept uid=%u", geteuid());
        return;
    }
    drop_own();
    log_info("rights given up uid=0 own=kill");
}
