/* ctl/check_config.c - the command around settings.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

int cmd_check_config(struct ctl *c)
{
    const char *file = c->argc > 1 ? c->argv[1] : c->config[0] ? c->config : NULL;
    json_t *list, *one;
    size_t i, n;

    if (c->argc > 2 || (file && file[0] == '-')) {
        return ctl_usage(c, "check-config takes one file");
    }
    if (!file && access("/etc/causeway.conf", F_OK) == 0) {
        file = "/etc/causeway.conf";
    }
    list = settings_check(file);
    n = json_array_size(list);
    if (c->json) {
        ctl_print_json(c,
                       json_pack("{s:s? s:b s:O}", "file", file, "ok", n == 0, "mistakes", list));
    } else if (!file) {
        printf("no configuration file: the defaults hold, which run the lab\n");
    } else if (n == 0) {
        printf("%s: no mistake found\n", file);
    } else {
        json_array_foreach(list, i, one)
        {
            fprintf(stderr, "%s\n", json_string_value(one));
        }
        fprintf(stderr, "causeway: %zu mistake%s in %s\n", n, n == 1 ? "" : "s", file);
    }
    json_decref(list);
    return n == 0 ? 0 : 1;
}
