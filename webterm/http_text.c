/* webterm/http_text.c */
#include "webterm/http_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- hosts -------------------------------------------------------------------------------- */

static bool copy_small(char name[HTTP_NAME_MAX], const char *from, size_t len, const char *more)
{
    if (len == 0 || len >= HTTP_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];

        if (!isalnum(c) && !strchr(more, c)) {
            return false;
        }
        name[i] = (char)tolower(c);
    }
    name[len] = '\0';
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return text[digits] == '\0' && digits <= 5;
}

bool http_host_name(const char *host, char name[HTTP_NAME_MAX])
{
    bool bracket = host[0] == '[';
    size_t len = bracket ? strcspn(host, "]") : strcspn(host, ":");
    const char *rest = host + len;

    if (bracket) {
        if (*rest != ']') {
            return false;
        }
        rest++;
    }
    if (*rest != '\0' && !(*rest == ':' && is_port(rest + 1))) {
        return false;
    }
    if (!(bracket ? copy_small(name, host + 1, len - 1, ":.")
                  : copy_small(name, host, len, "-._"))) {
        return false;
    }
    len = strlen(name);
    if (len > 1 && name[len - 1] == '.') {
        name[len - 1] = '\0'; /* "localhost." is the same */
    }
    return true;
}

bool http_host_is_local(const char *name)
{
    return strcmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0 ||
           strcmp(name, "::1") == 0;
}

/* The next word of a list, or NULL. */
static const char *next_word(const char **at, size_t *len)
{
    const char *word = *at + strspn(*at, " \t,");

    *len = strcspn(word, " \t,");
    *at = word + *len;
    return *len > 0 ? word : NULL;
}

bool http_host_listed(const char *name, const char *origins)
{
    const char *word;
    size_t len;

    while ((word = next_word(&origins, &len)) != NULL) {
        char host[HTTP_NAME_MAX], listed[HTTP_NAME_MAX];
        const char *from = strstr(word, "://");

        if (!from || from > word + len) {
            continue;
        }
        from += 3;
        if ((size_t)(word + len - from) >= sizeof host) {
            continue;
        }
        snprintf(host, sizeof host, "%.*s", (int)(word + len - from), from);
        if (http_host_name(host, listed) && strcmp(listed, name) == 0) {
            return true;
        }
    }
    return false;
}

bool http_origin_may(const char *origin, const char *host, bool tls, const char *origins)
{
    const char *scheme = tls ? "https://" : "http://", *word;
    size_t len = strlen(scheme), word_len;

    if (host[0] != '\0' && strncmp(origin, scheme, len) == 0 &&
        strcasecmp(origin + len, host) == 0) {
        return true;
    }
    while ((word = next_word(&origins, &word_len)) != NULL) {
        if (strlen(origin) == word_len && strncasecmp(origin, word, word_len) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- lists -------------------------------------------------------------------------------- */

bool http_cookie(const char *cookies, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);

    while (*cookies) {
        size_t len;

        cookies += strspn(cookies, " \t;");
        len = strcspn(cookies, ";");
        if (len > name_len && strncmp(cookies, name, name_len) == 0 && cookies[name_len] == '=') {
            size_t value_len = len - name_len - 1;

            if (value_len >= size) {
                return false;
            }
            memcpy(value, cookies + name_len + 1, value_len);
            value[value_len] = '\0';
            return true;
        }
        cookies += len;
    }
    return false;
}

bool http_etag_matches(const char *list, const char *etag)
{
    size_t etag_len = strlen(etag), len;
    const char *word;

    while ((word = next_word(&list, &len)) != NULL) {
        if (len == 1 && word[0] == '*') {
            return true;
        }
        if (len > 2 && strncmp(word, "W/", 2) == 0) {
            word += 2;
            len -= 2;
        }
        if (len == etag_len && memcmp(word, etag, len) == 0) {
            return true;
        }
    }
    return false;
}

/* ";q=0", ";q=0.00" */
static bool quality_is_zero(const char *params, size_t len)
{
    char text[64];
    const char *q;

    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), params);
    q = strstr(text, "q=");
    return q && strspn(q + 2, "0.") == strlen(q + 2) && q[2] == '0';
}

bool http_accepts_coding(const char *list, const char *coding)
{
    size_t coding_len = strlen(coding);

    while (*list) {
        size_t len, word;

        list += strspn(list, " \t,");
        len = strcspn(list, ",");
        word = strcspn(list, " \t,;");
        if (word == coding_len && strncasecmp(list, coding, word) == 0) {
            return !quality_is_zero(list + word, len - word);
        }
        list += len;
    }
    return false;
}
