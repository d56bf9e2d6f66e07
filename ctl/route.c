/* ctl/route.c - changes to the router's tables while it runs. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

/* Asks the router; prints 'format' with the answer's text under 'key', or the answer as JSON. */
static int ask(struct ctl *c, const char *method, json_t *params, const char *what, const char *key)
{
    json_t *answer = stack_call(c, "router", method, params), *value;

    if (!answer) {
        return 1;
    }
    value = json_object_get(answer, key);
    if (c->json) {
        ctl_print_json(c, json_incref(answer));
    } else if (json_is_integer(value)) {
        printf("%s: %lld\n", what, (long long)json_integer_value(value));
    } else {
        const char *state = json_string_value(json_object_get(answer, "state"));

        printf("%s: %s%s%s\n", what, json_string_value(value) ? json_string_value(value) : "",
               state ? ", " : "", state ? state : "");
    }
    json_decref(answer);
    return 0;
}

static int add(struct ctl *c)
{
    const char *gateway = NULL, *interface = NULL;
    json_t *params;

    for (int i = 3; i < c->argc; i += 2) {
        bool via = strcmp(c->argv[i], "via") == 0, dev = strcmp(c->argv[i], "dev") == 0;

        if ((!via && !dev) || i + 1 >= c->argc) {
            return ctl_usage(c,
                             "route add: '%s' was not expected here, expected: route add "
                             "10.0.0.0/8 via 10.0.1.100 dev eth3",
                             c->argv[i]);
        }
        *(via ? &gateway : &interface) = c->argv[i + 1];
    }
    if (c->argc < 3 || !interface) {
        return ctl_usage(c,
                         "route add needs a prefix and an interface, as in: route add 10.0.0.0/8 "
                         "via 10.0.1.100 dev eth3");
    }
    params = json_pack("{s:s s:s}", "destination", c->argv[2], "interface", interface);
    if (gateway) {
        json_object_set_new(params, "gateway", json_string(gateway));
    }
    return ask(c, "route.add", params, "added", "destination");
}

int cmd_route(struct ctl *c)
{
    const char *word = c->argc > 1 ? c->argv[1] : "";

    if (strcmp(word, "add") == 0) {
        return add(c);
    }
    if (strcmp(word, "del") == 0 && c->argc == 3) {
        return ask(c, "route.del", json_pack("{s:s}", "destination", c->argv[2]), "deleted",
                   "deleted");
    }
    if (strcmp(word, "list") == 0 && c->argc == 2) {
        return show_topic(c, "routes");
    }
    return ctl_usage(c, "expected: route add PREFIX [via GATEWAY] dev INTERFACE, route del PREFIX, "
                        "or route list");
}

int cmd_arp(struct ctl *c)
{
    const char *word = c->argc > 1 ? c->argv[1] : "";

    if (strcmp(word, "flush") == 0 && c->argc == 2) {
        return ask(c, "arp.flush", NULL, "neighbours forgotten", "deleted");
    }
    if (strcmp(word, "flush") == 0 && c->argc == 3) {
        return ask(c, "arp.del", json_pack("{s:s}", "address", c->argv[2]), "neighbours forgotten",
                   "deleted");
    }
    if (strcmp(word, "list") == 0 && c->argc == 2) {
        return show_topic(c, "arp");
    }
    return ctl_usage(c, "expected: arp flush, arp flush ADDRESS, or arp list");
}
