/* ctl/wait.c - waits for processes to be ready. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

static int not_ready(const struct ctl *c, const char *name, double seconds)
{
    struct role_row row = {0};
    bool alive;

    role_look(c->run_dir, name, &row, &alive);
    if (!alive) {
        return ctl_fail("%s does not run in %s: start it with 'causeway up'", name, c->run_dir);
    }
    return ctl_fail("%s is not ready after %g s, it is %s: %s", name, seconds,
                    role_state_name((enum role_state)row.state),
                    row.text[0] ? row.text : "see causeway logs");
}

int cmd_wait(struct ctl *c)
{
    bool which[TOPO_PROCESSES] = {false};
    double seconds = 30;
    unsigned n = 0;
    uint64_t end;

    for (int i = 1; i < c->argc; i++) {
        enum topo_process p;

        if (strcmp(c->argv[i], "--timeout") == 0 && i + 1 < c->argc) {
            if (!ctl_seconds(c, "--timeout", c->argv[++i], 0, &seconds)) {
                return 2;
            }
        } else if (ctl_process(c->argv[i], &p)) {
            which[p] = true;
            n++;
        } else {
            return ctl_usage(c, "there is no process '%s', expected %s", c->argv[i],
                             ctl_process_names(NULL));
        }
    }
    end = ctl_now_ms() + (uint64_t)(seconds * 1000);
    for (unsigned p = 0; p < TOPO_PROCESSES; p++) {
        const char *name = topo_process_name((enum topo_process)p);
        uint64_t now = ctl_now_ms();

        if ((n == 0 ? stack_has(c, (enum topo_process)p) : which[p]) &&
            role_wait(c->run_dir, name, now < end ? (int)(end - now) : 0) != 0) {
            return not_ready(c, name, seconds);
        }
    }
    if (c->json) {
        ctl_print_json(c, json_pack("{s:b}", "ready", 1));
    } else {
        printf("ready\n");
    }
    return 0;
}
