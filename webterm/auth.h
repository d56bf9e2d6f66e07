/* webterm/auth.h - who may: passwords, the token of programs, logins.
 *
 *     auth_open(&a, &settings, why, sizeof why)   reads the files; before the sandbox
 *     http_settings.who = auth_who, .who_context = a
 *     auth_routes(a, http)                        /api/v1/me, login, logout
 *
 * With no password and no token everyone is an operator.  Secrets are compared as SHA-256, in
 * constant time, and kept so; but for one that was made, which is shown to whoever starts us.  A
 * login is a random cookie in a table of fixed size; the one unused for longest makes room.  Wrong
 * passwords and tokens are limited for each address, and for all together. */
#ifndef WEBTERM_AUTH_H
#define WEBTERM_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webterm/audit.h"
#include "webterm/http.h"

#define AUTH_LOGINS 256
#define AUTH_PEERS 256

/* In place of the operators' file: one that is made at the first start (webterm/secret.h). */
#define AUTH_MAKE "generate"

struct auth_settings {
    const char *run_dir;
    const char *password_file, *viewer_password_file, *token_file; /* "": none */
    unsigned idle_s;
    struct audit *audit;
};

struct auth;

/* Returns 0, or -EINVAL with a sentence in 'why'. */
int auth_open(struct auth **a, const struct auth_settings *settings, char *why, size_t why_size);
void auth_close(struct auth *a);
/* Is there a password or a token? */
bool auth_asks(const struct auth *a);
/* The password that was made, or "". */
const char *auth_made(const struct auth *a);
void auth_routes(struct auth *a, struct http *h);

enum http_role auth_who(void *auth, const struct http_request *q, uint64_t *login);
/* The person of this login did something. */
void auth_alive(void *auth, uint64_t login);

/* ---- for tests ---------------------------------------------------------------------------- */

/* A bucket that a wrong try takes one from, and time fills again. */
struct auth_bucket {
    uint64_t at_ms;
    double left;
};
/* May there be one more try?  It takes one if so. */
bool auth_bucket_take(struct auth_bucket *b, uint64_t now_ms, double most, double per_second);
/* "1.2.3.4:5" -> "1.2.3.4"; an IPv6 address gives its /64: "[2001:db8:1:2::]". */
void auth_peer_key(const char *peer, char *key, size_t size);

#endif
