/* webterm/auth.c */
#include "webterm/auth.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/text.h"
#include "webterm/http_text.h"
#include "webterm/secret.h"

#define COOKIE_BYTES 32
#define COOKIE_TEXT (2 * COOKIE_BYTES + 1)
/* Wrong tries: five at once and then one in ten seconds for an address, fifty and one a second for
 * all together. */
#define PEER_MOST 5.0
#define PEER_RATE 0.1
#define ALL_MOST 50.0
#define ALL_RATE 1.0

enum secret { SECRET_OPERATOR, SECRET_VIEWER, SECRET_TOKEN, SECRETS };

struct login {
    uint8_t cookie[SHA256_DIGEST_LENGTH];
    enum http_role role; /* HTTP_ANYONE: free */
    uint64_t used_ms;
    uint64_t id; /* its place, and how often the place was taken */
};

struct wrong_tries {
    char key[64];
    struct auth_bucket bucket;
};

struct auth {
    struct auth_settings set;
    struct http *http;
    bool known[SECRETS];
    uint8_t secret[SECRETS][SHA256_DIGEST_LENGTH];
    char made[SECRET_MAX + 1]; /* "": none was made */
    struct login logins[AUTH_LOGINS];
    uint64_t taken; /* logins so far */
    struct wrong_tries tries[AUTH_PEERS];
    struct auth_bucket all;
};

/* ---- secrets ------------------------------------------------------------------------------ */

static bool same(const uint8_t a[SHA256_DIGEST_LENGTH], const uint8_t b[SHA256_DIGEST_LENGTH])
{
    return CRYPTO_memcmp(a, b, SHA256_DIGEST_LENGTH) == 0;
}

static void digest(uint8_t to[SHA256_DIGEST_LENGTH], const char *text, size_t len)
{
    SHA256((const uint8_t *)text, len, to);
}

/* Returns its length, 0 where none is wanted, or -1 with a sentence. */
static ssize_t take_secret(struct auth *a, enum secret which, const char *key, const char *file,
                           char *line, char *why, size_t why_size)
{
    bool made = which == SECRET_OPERATOR && strcmp(file, AUTH_MAKE) == 0;
    ssize_t n;

    if (file[0] == '\0') {
        return 0;
    }
    n = made ? secret_keep(key, a->set.run_dir, line, why, why_size)
             : secret_read(key, file, line, why, why_size);
    if (made && n > 0) {
        snprintf(a->made, sizeof a->made, "%s", line);
    }
    return n;
}

static int read_secrets(struct auth *a, char *why, size_t why_size)
{
    const struct {
        const char *key, *path;
    } files[SECRETS] = {
        [SECRET_OPERATOR] = {"password-file", a->set.password_file},
        [SECRET_VIEWER] = {"viewer-password-file", a->set.viewer_password_file},
        [SECRET_TOKEN] = {"token-file", a->set.token_file},
    };
    char line[SECRET_MAX + 1];

    for (unsigned i = 0; i < SECRETS; i++) {
        ssize_t n = take_secret(a, i, files[i].key, files[i].path, line, why, why_size);

        if (n < 0) {
            return -EINVAL;
        }
        a->known[i] = n > 0;
        digest(a->secret[i], line, (size_t)n);
        OPENSSL_cleanse(line, sizeof line);
    }
    return 0;
}

int auth_open(struct auth **out, const struct auth_settings *settings, char *why, size_t why_size)
{
    struct auth *a = calloc(1, sizeof *a);

    if (!a) {
        snprintf(why, why_size, "no memory for logins: give the process more");
        return -ENOMEM;
    }
    a->set = *settings;
    if (read_secrets(a, why, why_size) != 0) {
        auth_close(a);
        return -EINVAL;
    }
    if (a->known[SECRET_VIEWER] && !a->known[SECRET_OPERATOR]) {
        snprintf(why, why_size,
                 "viewer-password-file needs password-file, too: without it nobody "
                 "could log in as an operator");
        auth_close(a);
        return -EINVAL;
    }
    if (a->known[SECRET_VIEWER] && same(a->secret[SECRET_VIEWER], a->secret[SECRET_OPERATOR])) {
        snprintf(why, why_size,
                 "viewer-password-file holds the operators' password: give viewers "
                 "another");
        auth_close(a);
        return -EINVAL;
    }
    *out = a;
    return 0;
}

void auth_close(struct auth *a)
{
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
}

const char *auth_made(const struct auth *a)
{
    return a->made;
}

bool auth_asks(const struct auth *a)
{
    return a->known[SECRET_OPERATOR] || a->known[SECRET_TOKEN];
}

/* ---- wrong tries -------------------------------------------------------------------------- */

bool auth_bucket_take(struct auth_bucket *b, uint64_t now_ms, double most, double per_second)
{
    double left = b->at_ms == 0 ? most : b->left + (double)(now_ms - b->at_ms) / 1000 * per_second;

    b->at_ms = now_ms;
    b->left = left > most ? most : left;
    if (b->left < 1) {
        return false;
    }
    b->left -= 1;
    return true;
}

void auth_peer_key(const char *peer, char *key, size_t size)
{
    size_t len = peer[0] == '[' ? strcspn(peer, "]") : strcspn(peer, ":");
    unsigned colons = 0;

    if (peer[0] == '[') {
        for (size_t i = 1; i < len;
             i++) { /* four groups; a "::" before that is the whole address */
            colons += peer[i] == ':';
            if (colons == 4) {
                len = i;
                break;
            }
        }
    }
    snprintf(key, size, "%.*s", (int)len, peer);
}

/* The bucket of an address, and whether for passwords or tokens; the one unused for longest makes
 * room. */
static struct auth_bucket *bucket_of(struct auth *a, const char *peer, char kind)
{
    struct wrong_tries *oldest = &a->tries[0];
    char key[sizeof oldest->key];

    key[0] = kind;
    auth_peer_key(peer, key + 1, sizeof key - 1);
    for (unsigned i = 0; i < AUTH_PEERS; i++) {
        if (strcmp(a->tries[i].key, key) == 0) {
            return &a->tries[i].bucket;
        }
        if (a->tries[i].bucket.at_ms < oldest->bucket.at_ms) {
            oldest = &a->tries[i];
        }
    }
    *oldest = (struct wrong_tries){0};
    memcpy(oldest->key, key, sizeof key);
    return &oldest->bucket;
}

/* May this peer be told whether a secret is right?  'right' gives the try back. */
static bool may_try(struct auth *a, const char *peer, char kind, bool right)
{
    struct auth_bucket *b = bucket_of(a, peer, kind);
    uint64_t now = loop_now_ms();

    if (!auth_bucket_take(b, now, PEER_MOST, PEER_RATE)) {
        return false;
    }
    if (!auth_bucket_take(&a->all, now, ALL_MOST, ALL_RATE)) {
        return false;
    }
    if (right) {
        b->left += 1;
        a->all.left += 1;
    }
    return true;
}

/* ---- logins ------------------------------------------------------------------------------- */

static bool expired(const struct auth *a, const struct login *l, uint64_t now)
{
    return now - l->used_ms >= (uint64_t)a->set.idle_s * 1000;
}

/* "causeway-8070": a browser keeps cookies by host, not by port. */
static void cookie_name(const struct http_request *q, char *name, size_t size)
{
    const char *host = http_header(q, "host"), *colon = strrchr(host, ':');
    bool port = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1);

    snprintf(name, size, "causeway%s%.5s", port ? "-" : "", port ? colon + 1 : "");
}

static struct login *login_of(struct auth *a, const struct http_request *q)
{
    char name[24], cookie[COOKIE_TEXT + 1];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct login *found = NULL;
    uint64_t now = loop_now_ms();

    cookie_name(q, name, sizeof name);
    if (!http_cookie(http_header(q, "cookie"), name, cookie, sizeof cookie)) {
        return NULL;
    }
    digest(hash, cookie, strlen(cookie));
    for (unsigned i = 0; i < AUTH_LOGINS; i++) {
        struct login *l = &a->logins[i];

        if (same(l->cookie, hash) && l->role != HTTP_ANYONE) {
            found = l;
        }
    }
    if (found && expired(a, found, now)) {
        http_logged_out(a->http, found->id);
        *found = (struct login){0};
        return NULL;
    }
    return found;
}

enum http_role auth_who(void *auth, const struct http_request *q, uint64_t *id)
{
    struct auth *a = auth;
    const char *bearer = http_header(q, "authorization");
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct login *l;

    *id = 0;
    if (!auth_asks(a)) {
        return HTTP_OPERATOR;
    }
    if (strncasecmp(bearer, "Bearer ", 7) == 0) {
        bool right;

        digest(hash, bearer + 7, strlen(bearer + 7));
        right = a->known[SECRET_TOKEN] && same(hash, a->secret[SECRET_TOKEN]);
        return may_try(a, http_peer(q), 't', right) && right ? HTTP_OPERATOR : HTTP_ANYONE;
    }
    l = login_of(a, q);
    if (!l) {
        return HTTP_ANYONE;
    }
    l->used_ms = loop_now_ms();
    *id = l->id;
    return l->role;
}

void auth_alive(void *auth, uint64_t id)
{
    struct auth *a = auth;
    struct login *l = &a->logins[id % AUTH_LOGINS];

    if (id != 0 && l->id == id) {
        l->used_ms = loop_now_ms();
    }
}

static struct login *free_login(struct auth *a)
{
    struct login *oldest = &a->logins[0];

    for (unsigned i = 0; i < AUTH_LOGINS; i++) {
        if (a->logins[i].role == HTTP_ANYONE) {
            return &a->logins[i];
        }
        oldest = a->logins[i].used_ms < oldest->used_ms ? &a->logins[i] : oldest;
    }
    http_logged_out(a->http, oldest->id);
    return oldest;
}

static int make_login(struct auth *a, enum http_role role, char cookie[COOKIE_TEXT])
{
    struct login *l = free_login(a);
    uint8_t random[COOKIE_BYTES];
    struct text t;

    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return -errno;
    }
    text_open(&t, cookie, COOKIE_TEXT);
    text_hex(&t, random, sizeof random);
    *l = (struct login){.role = role, .used_ms = loop_now_ms()};
    l->id = ++a->taken * AUTH_LOGINS + (uint64_t)(l - a->logins);
    digest(l->cookie, cookie, COOKIE_TEXT - 1);
    return 0;
}

/* ---- routes ------------------------------------------------------------------------------- */

static const char *role_name(enum http_role role)
{
    return role == HTTP_OPERATOR ? "\"operator\"" : role == HTTP_VIEWER ? "\"viewer\"" : "null";
}

static void say_role(const struct auth *a, struct http_request *q, enum http_role role,
                     const char *headers)
{
    char json[80];
    int n = snprintf(json, sizeof json, "{\"role\":%s,\"login\":%s}\n", role_name(role),
                     auth_asks(a) ? "true" : "false");

    http_answer(q, 200, "application/json", headers, json, (size_t)n);
}

static void on_me(void *context, struct http_request *q)
{
    say_role(context, q, http_role_of(q), "cache-control: no-store\r\n");
}

/* The password of {"password": "..."}.  False: there is none, and the peer has been told. */
static bool password_of(struct http_request *q, uint8_t hash[SHA256_DIGEST_LENGTH])
{
    size_t len, password_len = 0;
    const char *body = http_body(q, &len), *password = NULL;
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_unpack(json, "{s:s%}", "password", &password, &password_len) != 0) {
        http_problem(q, 400, "the body is no login: expected {\"password\": \"...\"}");
        json_decref(json);
        return false;
    }
    digest(hash, password, password_len);
    json_decref(json);
    return true;
}

static void set_cookie(const struct http_request *q, char *to, size_t size, const char *value,
                       unsigned seconds)
{
    char name[24];

    cookie_name(q, name, sizeof name);
    snprintf(to, size,
             "set-cookie: %s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Strict%s\r\n"
             "cache-control: no-store\r\n",
             name, value, seconds, http_secure(q) ? "; Secure" : "");
}

static void on_login(void *context, struct http_request *q)
{
    struct auth *a = context;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char cookie[COOKIE_TEXT], header[300];
    bool as_operator, viewer;

    if (!a->known[SECRET_OPERATOR]) {
        http_problem(q, 409, "there is no password to log in with: see password-file of [webterm]");
        return;
    }
    if (!password_of(q, hash)) {
        return;
    }
    as_operator = same(hash, a->secret[SECRET_OPERATOR]);
    viewer = a->known[SECRET_VIEWER] && same(hash, a->secret[SECRET_VIEWER]);
    if (!may_try(a, http_peer(q), 'p', as_operator || viewer)) {
        audit_line(a->set.audit, http_peer(q), AUDIT_NO_SESSION, "login refused: too many tries");
        http_problem(q, 429, "too many wrong passwords: wait ten seconds and try again");
        return;
    }
    if (!as_operator && !viewer) {
        audit_line(a->set.audit, http_peer(q), AUDIT_NO_SESSION, "login refused: wrong password");
        http_problem(q, 401, "the password is wrong: try again");
        return;
    }
    if (make_login(a, as_operator ? HTTP_OPERATOR : HTTP_VIEWER, cookie) != 0) {
        http_problem(q, 503, "no random numbers for a login: try again");
        return;
    }
    audit_line(a->set.audit, http_peer(q), AUDIT_NO_SESSION, "login role=%s",
               as_operator ? "operator" : "viewer");
    set_cookie(q, header, sizeof header, cookie, a->set.idle_s);
    say_role(a, q, as_operator ? HTTP_OPERATOR : HTTP_VIEWER, header);
}

static void on_logout(void *context, struct http_request *q)
{
    struct auth *a = context;
    struct login *l = login_of(a, q);
    char header[300];

    if (l) {
        audit_line(a->set.audit, http_peer(q), AUDIT_NO_SESSION, "logout");
        http_logged_out(a->http, l->id);
        *l = (struct login){0};
    }
    set_cookie(q, header, sizeof header, "", 0);
    say_role(a, q, auth_asks(a) ? HTTP_ANYONE : HTTP_OPERATOR, header);
}

void auth_routes(struct auth *a, struct http *h)
{
    a->http = h;
    http_route(h, "GET", "/api/v1/me", HTTP_ANYONE, on_me, a);
    http_route(h, "POST", "/api/v1/login", HTTP_ANYONE, on_login, a);
    http_route(h, "POST", "/api/v1/logout", HTTP_ANYONE, on_logout, a);
}
