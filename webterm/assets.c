/* webterm/assets.c */
#include "webterm/assets.h"

#include <stdio.h>
#include <string.h>

#include "webterm/http_text.h"

static const struct asset *find(const char *path)
{
    for (size_t i = 0; i < assets_n; i++) {
        if (strcmp(assets_table[i].path, path) == 0) {
            return &assets_table[i];
        }
    }
    return NULL;
}

static void answer(struct http_request *q, const struct asset *a)
{
    const char *takes = http_header(q, "accept-encoding"), *coding = NULL;
    struct asset_bytes b = a->raw;
    char etag[80], headers[300];

    if (a->br.from != a->br.to && http_accepts_coding(takes, "br")) {
        coding = "br";
        b = a->br;
    } else if (a->gzip.from != a->gzip.to && http_accepts_coding(takes, "gzip")) {
        coding = "gzip";
        b = a->gzip;
    }
    snprintf(etag, sizeof etag, "\"%s%s%s\"", a->etag, coding ? "-" : "", coding ? coding : "");
    snprintf(headers, sizeof headers,
             "etag: %s\r\nvary: accept-encoding\r\ncache-control: %s\r\n%s%s%s", etag,
             a->for_ever ? "public, max-age=31536000, immutable" : "no-cache",
             coding ? "content-encoding: " : "", coding ? coding : "", coding ? "\r\n" : "");
    if (http_etag_matches(http_header(q, "if-none-match"), etag)) {
        http_answer(q, 304, NULL, headers, NULL, 0);
        return;
    }
    http_answer_static(q, 200, a->type, headers, b.from, (size_t)(b.to - b.from));
}

static void on_asset(void *context, struct http_request *q)
{
    const char *path = http_path(q);
    const struct asset *a = find(strcmp(path, "/") == 0 ? "/index.html" : path);

    (void)context;
    if (!a) {
        http_problem(q, 404, "there is nothing at %.80s", path);
        return;
    }
    answer(q, a);
}

void assets_open(struct http *h)
{
    http_route(h, "GET", "/", HTTP_ANYONE, on_asset, NULL);
    http_route(h, "GET", "/index.html", HTTP_ANYONE, on_asset, NULL);
    http_route(h, "GET", "/assets/*", HTTP_ANYONE, on_asset, NULL);
}
