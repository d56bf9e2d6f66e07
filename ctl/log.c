/* ctl/log.c - changes what running processes log. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "ctl/ctl.h"

static int set_level(const struct ctl *c, enum topo_process p, const char *level)
{
    json_t *answer =
        stack_call(c, topo_process_name(p), "log.level", json_pack("{s:s}", "level", level));

    if (!answer) {
        return 1;
    }
    json_decref(answer);
    if (!c->json) {
        printf("%s logs %s and what is more important\n", topo_process_name(p), level);
    }
    return 0;
}

int cmd_log(struct ctl *c)
{
    enum log_level level;
    enum topo_process p;
    int status = 0;

    if (c->argc < 2 || c->argc > 3 || !log_level_parse(c->argv[1], &level)) {
        return ctl_usage(c, "log needs a level: error, warn, info or debug, and if you like a "
                            "process");
    }
    if (c->argc == 3) {
        if (!ctl_process(c->argv[2], &p)) {
            return ctl_usage(c, "log: there is no process '%s', expected %s", c->argv[2],
                             ctl_process_names(NULL));
        }
        status = set_level(c, p, c->argv[1]);
    } else {
        for (unsigned i = 0; i < TOPO_PROCESSES; i++) {
            if (stack_has(c, (enum topo_process)i)) {
                status |= set_level(c, (enum topo_process)i, c->argv[1]);
            }
        }
    }
    if (c->json && status == 0) {
        ctl_print_json(c, json_pack("{s:s}", "level", c->argv[1]));
    }
    return status;
}
