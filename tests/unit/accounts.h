/* tests/unit/accounts.h - do the counters of a process add up? */
#ifndef TESTS_UNIT_ACCOUNTS_H
#define TESTS_UNIT_ACCOUNTS_H

#include <criterion/criterion.h>
#include <errno.h>

#include "shm/account.h"

/* False, and a line for each: an account that does not hold in this snapshot. */
static inline bool accounts_hold_in(const struct counter_snapshot *s, enum counter_process p)
{
    bool good = true;

    for (size_t i = 0; i < n_accounts; i++) {
        int64_t off = accounts[i].owner == p ? account_sum(s, &accounts[i]) : 0;

        if (off != 0) {
            cr_log_warn("%s off by %lld", accounts[i].name, (long long)off);
            good = false;
        }
    }
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        if (account_reasons(s, p, (enum counter_kind)k) != 0) {
            cr_log_warn("%s: its reasons do not add up", counter_kind_name(k));
            good = false;
        }
    }
    return good;
}

/* Also while there is no file yet. */
static inline bool accounts_hold(const char *dir, enum counter_process p)
{
    struct counter_snapshot s;
    int err = account_read(dir, p, &s);

    return err == -ENOENT || (err == 0 && accounts_hold_in(&s, p));
}

#endif
