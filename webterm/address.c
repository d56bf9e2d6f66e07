/* webterm/address.c */
#include "webterm/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/endpoint.h"

void address_say(char *to, size_t size, const char *listen, const char *run_dir)
{
    char word[256], ip[INET6_ADDRSTRLEN] = "127.0.0.1";
    struct endpoint e;
    bool six;

    listen += strspn(listen, " \t,");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(listen, " \t,"), listen);
    if (!endpoint_listen(&e, word, run_dir) || e.kind == ENDPOINT_UNIX) {
        snprintf(to, size, "%s", word);
        return;
    }
    six = e.addr.ss_family == AF_INET6 && !e.any;
    if (six) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&e.addr)->sin6_addr, ip, sizeof ip);
    } else if (!e.any) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&e.addr)->sin_addr, ip, sizeof ip);
    }
    if (strcmp(ip, "0.0.0.0") == 0) {
        snprintf(ip, sizeof ip, "127.0.0.1");
    }
    snprintf(to, size, "http%s://%s%s%s:%u/", e.kind == ENDPOINT_SSL ? "s" : "", six ? "[" : "", ip,
             six ? "]" : "", e.port);
}
