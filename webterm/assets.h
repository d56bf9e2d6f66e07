/* webterm/assets.h - the page, from inside the program: it works offline, and needs no folder.
 *
 * webterm/page/embed makes the table of the files of build/page.  A file whose name has a hash of
 * its content is kept by browsers for ever; index.html, which names the others, is asked for each
 * time (If-None-Match).  Compressed variants go to whoever takes them. */
#ifndef WEBTERM_ASSETS_H
#define WEBTERM_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "webterm/http.h"

struct asset_bytes {
    const unsigned char *from, *to; /* equal: there is no such variant */
};
struct asset {
    const char *path, *type;
    const char *etag; /* of the content, without quotes */
    bool for_ever;
    struct asset_bytes raw, gzip, br;
};
extern const struct asset assets_table[];
extern const size_t assets_n;

/* "/" and "/assets/...", for everyone: the page asks for the login. */
void assets_open(struct http *h);

#endif
