/* webterm/address.c */
#include "webterm/address.h"

#include <stdio.h>
#include <string.h>

#include "common/endpoint.h"

void address_say(char *to, size_t size, const char *listen, const char *run_dir)
{
    char word[256], own[32], text[ENDPOINT_TEXT];
    struct endpoint e;
    const char *at;

    listen += strspn(listen, " \t,");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(listen, " \t,"), listen);
    if (!endpoint_listen(&e, word, run_dir) || e.kind == ENDPOINT_UNIX) {
        snprintf(to, size, "%s", word);
        return;
    }
    endpoint_say(text, e.kind, &e.addr);
    at = endpoint_address(text);
    if (e.any || strncmp(at, "0.0.0.0:", 8) == 0) {
        snprintf(own, sizeof own, "127.0.0.1:%u", e.port);
        at = own;
    }
    snprintf(to, size, "http%s://%s/", e.kind == ENDPOINT_SSL ? "s" : "", at);
}
