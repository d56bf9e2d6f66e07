/* common/endpoint.c */
#include "common/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char *const kinds[] = {"tcp", "ssl", "unix"};

/* Returns what follows "KIND:", or NULL. */
static const char *take_kind(struct endpoint *e, const char *word)
{
    *e = (struct endpoint){0};
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t len = strlen(kinds[k]);

        if (strncmp(word, kinds[k], len) == 0 && word[len] == ':') {
            e->kind = (enum endpoint_kind)k;
            return word + len + 1;
        }
    }
    return NULL;
}

void endpoint_any(struct endpoint *e, int family)
{
    memset(&e->addr, 0, sizeof e->addr);
    if (family == AF_INET6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)&e->addr;

        *a = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)e->port)};
        e->len = sizeof *a;
    } else {
        struct sockaddr_in *a = (struct sockaddr_in *)&e->addr;

        *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)e->port)};
        e->len = sizeof *a;
    }
}

static bool take_address(struct endpoint *e, const char *text, size_t len)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->addr;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&e->addr;
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    char bare[64];

    text += brackets;
    len -= brackets ? 2 : 0;
    if (len >= sizeof bare) {
        return false;
    }
    memcpy(bare, text, len);
    bare[len] = '\0';
    endpoint_any(e, brackets ? AF_INET6 : AF_INET);
    if (brackets) {
        if (inet_pton(AF_INET6, bare, &v6->sin6_addr) != 1) {
            return false;
        }
        e->local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    if (inet_pton(AF_INET, bare, &v4->sin_addr) != 1) {
        return false;
    }
    e->local = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return true;
}

/* A port, up to 'end' or a colon.  Returns what follows, or NULL. */
static const char *take_port(struct endpoint *e, const char *text)
{
    char *end;
    unsigned long port;

    if (text[0] < '0' || text[0] > '9') {
        return NULL;
    }
    port = strtoul(text, &end, 10);
    if (port < 1 || port > 65535 || (*end != '\0' && *end != ':')) {
        return NULL;
    }
    e->port = (unsigned)port;
    return end;
}

static bool take_path(struct endpoint *e, const char *path, const char *run_dir)
{
    struct sockaddr_un *a = (struct sockaddr_un *)&e->addr;
    size_t most = sizeof a->sun_path;
    int n;

    a->sun_family = AF_UNIX;
    e->len = sizeof *a;
    e->local = true;
    if (path[0] == '\0') {
        return false;
    }
    n = path[0] == '/' ? snprintf(a->sun_path, most, "%s", path)
                       : snprintf(a->sun_path, most, "%s/%s", run_dir, path);
    return n > 0 && (size_t)n < most;
}

bool endpoint_listen(struct endpoint *e, const char *word, const char *run_dir)
{
    const char *rest = take_kind(e, word);

    if (rest && e->kind == ENDPOINT_UNIX) {
        return take_path(e, rest, run_dir);
    }
    rest = rest ? take_port(e, rest) : NULL;
    if (!rest) {
        return false;
    }
    e->any = *rest == '\0';
    if (e->any) {
        endpoint_any(e, AF_INET6);
        return true;
    }
    return take_address(e, rest + 1, strlen(rest + 1));
}

bool endpoint_connect(struct endpoint *e, const char *word, const char *run_dir)
{
    const char *rest = take_kind(e, word), *colon, *end;

    if (rest && e->kind == ENDPOINT_UNIX) {
        return take_path(e, rest, run_dir);
    }
    colon = rest ? strrchr(rest, ':') : NULL;
    end = colon ? take_port(e, colon + 1) : NULL;
    return end && *end == '\0' && take_address(e, rest, (size_t)(colon - rest));
}

const char *endpoint_path(const struct endpoint *e)
{
    return ((const struct sockaddr_un *)&e->addr)->sun_path;
}

const char *endpoint_address(const char *text)
{
    bool kind = strncmp(text, "tcp:", 4) == 0 || strncmp(text, "ssl:", 4) == 0;

    return text + (kind ? 4 : 0);
}

void endpoint_say(char text[ENDPOINT_TEXT], enum endpoint_kind kind,
                  const struct sockaddr_storage *addr)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
    char host[INET6_ADDRSTRLEN] = "?";

    if (addr->ss_family == AF_UNIX) {
        snprintf(text, ENDPOINT_TEXT, "unix:%s", ((const struct sockaddr_un *)addr)->sun_path);
    } else if (addr->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, ENDPOINT_TEXT, "%s:%s:%u", kinds[kind], host, ntohs(v4->sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof host);
        snprintf(text, ENDPOINT_TEXT, "%s:%s:%u", kinds[kind], host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, ENDPOINT_TEXT, "%s:[%s]:%u", kinds[kind], host, ntohs(v6->sin6_port));
    }
}
