/* The router's control socket: an input is one request line.
 *
 * Every line has an answer of JSON-RPC: a result, or an error whose message is a sentence.  Routes
 * that were added are in the table, as they were given. */
#include "tests/fuzz/router_rig.h"

#include <jansson.h>
#include <stdlib.h>

#include "router/commands.h"
#include "shm/role.h"

static const struct control_method *methods;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char why[512];

    (void)argc, (void)argv;
    rig_start();
    rig.keeper.vhost = "vrhost";
    fuzz_check(role_watch(&rig.keeper.role, fuzz_dir(), "router", why, sizeof why) == 0, "%s", why);
    methods = commands(&rig.keeper);
    return 0;
}

static void check_error(json_t *error)
{
    const char *message = json_string_value(json_object_get(error, "message"));

    fuzz_check(json_is_integer(json_object_get(error, "code")) && message);
    fuzz_check(strlen(message) > 10 && strlen(message) < 512, "\"%s\" is no sentence", message);
}

static json_t *ask(const char *line, size_t len)
{
    json_t *answer = control_respond(methods, line, len);
    json_t *result = json_object_get(answer, "result"), *error = json_object_get(answer, "error");
    char *text = json_dumps(answer, JSON_COMPACT);

    fuzz_check(text && !strchr(text, '\n'), "the answer is not one line");
    fuzz_check(strcmp(json_string_value(json_object_get(answer, "jsonrpc")), "2.0") == 0);
    fuzz_check(json_object_get(answer, "id") && (result != NULL) != (error != NULL), "%s", text);
    if (error) {
        check_error(error);
    }
    free(text);
    return answer;
}

/* Takes all routes out again but the rig's own. */
static void forget_routes(void)
{
    static struct route all[64];
    size_t n = fib_list(rig.fib, all, 64);

    for (size_t i = 0; i < n; i++) {
        fuzz_check(fib_del(rig.fib, all[i].dest, all[i].mask_len) == 0);
    }
    rig_route(IP(192, 168, 2, 0), 24, 0, ETH1);
    rig_route(SERVER2, 32, SERVER2, ETH2);
    rig_route(IP(10, 0, 1, 0), 24, 0, ETH3);
    rig_route(IP(10, 9, 0, 0), 16, CLIENT, ETH3);
}

/* What route.add answered is in the table. */
static void check_added(json_t *result)
{
    json_t *routes = ask("{\"method\":\"routes\"}", 19), *one;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(routes, "result"), i, one)
    {
        found |= json_equal(one, result) != 0;
    }
    fuzz_check(found, "an added route is not in the table");
    json_decref(routes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = (char *)fuzz_copy(data, size);
    json_t *answer = ask(line, size), *result = json_object_get(answer, "result");
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const char *method = json_string_value(json_object_get(request, "method"));

    if (result && strcmp(method, "route.add") == 0) {
        check_added(result);
    }
    if (result && strncmp(method, "route.", 6) == 0) {
        forget_routes(); /* waits for a grace period, so not after every line */
    } else if (result && strncmp(method, "arp.", 4) == 0) {
        rig_settle(NULL);
    }
    json_decref(answer);
    json_decref(request);
    free(line);
    log_set_level(LOG_ERROR);
    return 0;
}
