/* ofproxy/tls.h - the key, the certificate and the CAs of ssl: listeners and connections.
 *
 *     tls_config(&t, &config)      first: a mistake in the settings or their files is die_usage()
 *     p.tls = &t                   after ofproxy_open
 *     tls_sandboxed(&t, user)      says when the files cannot be read again from the sandbox
 *     tls_tick(&t, now_ns)         a few times a second: looks for changed files
 *     tls_close(&t)
 *
 * The files are looked at every two seconds.  Once they have changed, and then stayed the same for
 * one look, they are read again, and new connections use what they hold.  When that does not fit
 * together, a line says why, and what was there stays.
 *
 * OpenSSL allocates while a connection shakes hands; once it is up, records use its own buffers. */
#ifndef OFPROXY_TLS_H
#define OFPROXY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/config.h"

enum tls_file { TLS_KEY, TLS_CERT, TLS_CA, TLS_FILES };

struct ssl_st;
struct ssl_ctx_st;

/* What stat says of a file; all zero: it is not there. */
struct tls_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct tls {
    bool verify;
    const char *path[TLS_FILES];
    struct tls_stamp read[TLS_FILES]; /* of what was read last, good or bad */
    struct tls_stamp seen[TLS_FILES]; /* at the last look */
    struct ssl_ctx_st *ctx;
    uint64_t look_ns;
};

/* Does one of the settings' words say ssl:? */
bool tls_wanted(const struct config *c);
/* Reads the settings' files.  To be called only when tls_wanted. */
void tls_config(struct tls *t, const struct config *c);
void tls_sandboxed(const struct tls *t, const char *user);
void tls_tick(struct tls *t, uint64_t now_ns);
void tls_close(struct tls *t);

/* One end of a connection over 'fd': the client's when 'dialled'.  NULL: no memory. */
struct ssl_st *tls_new(const struct tls *t, int fd, bool dialled);
/* Why the handshake, or a read or write, has just failed: one sentence with the cure. */
void tls_why(const struct ssl_st *ssl, char *text, size_t size);

#endif
