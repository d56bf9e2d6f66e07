/* ofproxy/tls.c - reading the files, and reading them again. */
#include "ofproxy/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define LOOK_NS 2000000000ull
#define FILE_MOST (1u << 20)

static const char *const names[TLS_FILES] = {"tls-key", "tls-cert", "tls-ca"};

/* What is being read, and the first thing wrong with it. */
struct reading {
    const struct tls *t;
    SSL_CTX *ctx;
    char why[300];
};

bool tls_wanted(const struct config *c)
{
    static const enum config_key words[] = {CONFIG_OFPROXY_LISTEN, CONFIG_OFPROXY_CONNECT};

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *text = config_str(c, words[i]), *at = strstr(text, "ssl:");

        if (at && (at == text || strchr(" \t,", at[-1]))) {
            return true;
        }
    }
    return false;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The whole file as a BIO.  NULL, with the reason in r->why. */
static BIO *slurp(struct reading *r, enum tls_file which)
{
    const char *path = r->t->path[which];
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;
    BIO *bio = fd >= 0 ? BIO_new(BIO_s_mem()) : NULL;
    char piece[4096];
    size_t all = 0;
    ssize_t n = 0;

    while (bio && all < FILE_MOST && (n = read(fd, piece, sizeof piece)) > 0) {
        BIO_write(bio, piece, (int)n);
        all += (size_t)n;
    }
    if (n < 0) {
        err = errno; /* a folder, for one, opens but cannot be read */
        BIO_free(bio);
        bio = NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!bio) {
        snprintf(r->why, sizeof r->why,
                 "%s: %s cannot be read: %s: name another, or let it be read", names[which], path,
                 strerror(err));
    }
    return bio;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool read_key(struct reading *r)
{
    BIO *bio = slurp(r, TLS_KEY);
    bool asked = false, good;
    EVP_PKEY *key;

    if (!bio) {
        return false;
    }
    key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    BIO_free(bio);
    good = key && SSL_CTX_use_PrivateKey(r->ctx, key) == 1;
    EVP_PKEY_free(key);
    if (!good && asked) {
        snprintf(r->why, sizeof r->why,
                 "tls-key: the key in %s has a passphrase: take it away (openssl pkey -in FILE "
                 "-out FILE2)",
                 r->t->path[TLS_KEY]);
    } else if (!good) {
        snprintf(r->why, sizeof r->why,
                 "tls-key: %s holds no private key in PEM: give the file that ovs-pki named "
                 "NAME-privkey.pem",
                 r->t->path[TLS_KEY]);
    }
    return good;
}

static void say_date(char *text, size_t size, const ASN1_TIME *when)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = bio && ASN1_TIME_print(bio, when) ? BIO_read(bio, text, (int)size - 1) : 0;

    text[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

static bool in_time(struct reading *r, const X509 *cert)
{
    const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
    bool over = X509_cmp_current_time(to) < 0;
    char date[64];

    if (!over && X509_cmp_current_time(from) <= 0) {
        return true;
    }
    say_date(date, sizeof date, over ? to : from);
    snprintf(r->why, sizeof r->why, "tls-cert: the certificate in %s %s %s: %s",
             r->t->path[TLS_CERT], over ? "expired on" : "is not valid before", date,
             over ? "get another one signed (ovs-pki req+sign)" : "look at this machine's clock");
    return false;
}

/* 'late' becomes true when it is good but for its dates. */
static bool read_cert(struct reading *r, bool *late)
{
    BIO *bio = slurp(r, TLS_CERT);
    X509 *cert, *next;
    bool good;

    if (!bio) {
        return false;
    }
    cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    good = cert && SSL_CTX_use_certificate(r->ctx, cert) == 1;
    while (good && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(r->ctx, next) != 1) {
            X509_free(next);
        }
    }
    BIO_free(bio);
    if (!cert) {
        snprintf(r->why, sizeof r->why,
                 "tls-cert: %s holds no certificate in PEM: give the file that ovs-pki named "
                 "NAME-cert.pem",
                 r->t->path[TLS_CERT]);
    } else if (!good) {
        snprintf(r->why, sizeof r->why, "tls-cert: the certificate in %s is not accepted: %s",
                 r->t->path[TLS_CERT], ERR_reason_error_string(ERR_peek_error()));
    } else {
        *late = !in_time(r, cert);
    }
    X509_free(cert);
    return good;
}

static bool read_ca(struct reading *r)
{
    BIO *bio = slurp(r, TLS_CA);
    unsigned n = 0;
    X509 *ca;

    if (!bio) {
        return false;
    }
    while ((ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(r->ctx), ca) == 1 &&
            SSL_CTX_add_client_CA(r->ctx, ca) == 1) {
            n++;
        }
        X509_free(ca);
    }
    BIO_free(bio);
    if (n == 0) {
        snprintf(r->why, sizeof r->why,
                 "tls-ca: %s holds no certificate in PEM: give the cacert.pem of the CA that signs "
                 "the switches' certificates",
                 r->t->path[TLS_CA]);
    }
    return n > 0;
}

static SSL_CTX *new_ctx(const struct tls *t)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    if (!ctx) {
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* a peer that just goes has gone: every message says how long it is */
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    /* a switch sends each message as a record: take what the socket has in one call */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, 32768);
    SSL_CTX_set_verify(
        ctx, t->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, NULL);
    return ctx;
}

/* Reads all files into a new context.  NULL with the reason in 'why'; a certificate whose dates are
 * wrong gives a context and a reason. */
static SSL_CTX *read_all(const struct tls *t, char *why, size_t size)
{
    struct reading r = {.t = t, .ctx = new_ctx(t)};
    bool late = false, good;

    ERR_clear_error();
    if (!r.ctx) {
        snprintf(why, size, "no memory for TLS");
        return NULL;
    }
    good = read_key(&r) && read_cert(&r, &late); /* a certificate of another key takes that away */
    if (good && SSL_CTX_check_private_key(r.ctx) != 1) {
        snprintf(r.why, sizeof r.why,
                 "tls-key: the key in %s does not belong to the certificate in %s: give the two "
                 "that were made together",
                 t->path[TLS_KEY], t->path[TLS_CERT]);
        good = false;
    }
    good = good && (!t->verify || read_ca(&r));
    ERR_clear_error();
    snprintf(why, size, "%s", r.why);
    if (!good) {
        SSL_CTX_free(r.ctx);
        return NULL;
    }
    return r.ctx;
}

/* ---- watching ----------------------------------------------------------------------------- */

static unsigned n_files(const struct tls *t)
{
    return t->verify ? TLS_FILES : TLS_CA;
}

static void look(const struct tls *t, struct tls_stamp stamps[TLS_FILES])
{
    struct stat st;

    memset(stamps, 0, TLS_FILES * sizeof *stamps);
    for (unsigned i = 0; i < n_files(t); i++) {
        if (stat(t->path[i], &st) == 0) {
            stamps[i].dev = st.st_dev;
            stamps[i].ino = st.st_ino;
            stamps[i].size = st.st_size;
            stamps[i].changed = st.st_ctim;
        }
    }
}

static void read_again(struct tls *t)
{
    char why[300];
    SSL_CTX *ctx = read_all(t, why, sizeof why);

    if (ctx && why[0] == '\0') {
        SSL_CTX_free(t->ctx); /* connections keep theirs */
        t->ctx = ctx;
        log_info("certificates taken over key=%s cert=%s", t->path[TLS_KEY], t->path[TLS_CERT]);
        return;
    }
    SSL_CTX_free(ctx);
    log_warn("new certificates refused, the old ones stay cause=\"%s\"", why);
}

void tls_tick(struct tls *t, uint64_t now_ns)
{
    struct tls_stamp now[TLS_FILES];
    bool still;

    if (now_ns - t->look_ns < LOOK_NS) {
        return;
    }
    t->look_ns = now_ns;
    look(t, now);
    still = memcmp(now, t->seen, sizeof now) == 0; /* nobody is just writing them */
    memcpy(t->seen, now, sizeof now);
    if (still && memcmp(now, t->read, sizeof now) != 0) {
        memcpy(t->read, now, sizeof now);
        read_again(t);
    }
}

/* ---- start and end ------------------------------------------------------------------------ */

void tls_config(struct tls *t, const struct config *c)
{
    static const enum config_key keys[] = {CONFIG_OFPROXY_TLS_KEY, CONFIG_OFPROXY_TLS_CERT,
                                           CONFIG_OFPROXY_TLS_CA};
    char why[300];

    *t = (struct tls){.verify = strcmp(config_str(c, CONFIG_OFPROXY_TLS_VERIFY), "yes") == 0};
    for (unsigned i = 0; i < TLS_FILES; i++) {
        t->path[i] = config_str(c, keys[i]);
        if (t->path[i][0] == '\0' && i < n_files(t)) {
            die_usage("ssl: needs %s, which is empty: name a file of ovs-pki's%s", names[i],
                      i == TLS_CA ? ", or take every peer with tls-verify = no" : "");
        }
    }
    look(t, t->read); /* before: what changes meanwhile is read again */
    memcpy(t->seen, t->read, sizeof t->seen);
    t->ctx = read_all(t, why, sizeof why);
    if (!t->ctx) {
        die_usage("%s", why);
    }
    if (why[0]) { /* who has no ssl: connection is served all the same */
        log_error("switches will refuse our certificate: %s", why);
    }
    if (!t->verify) {
        log_warn("tls-verify is no: whoever reaches an ssl: port is taken for a switch: give "
                 "tls-ca, and take tls-verify away");
    }
}

void tls_sandboxed(const struct tls *t, const char *user)
{
    for (unsigned i = 0; i < n_files(t); i++) {
        int fd = open(t->path[i], O_RDONLY | O_CLOEXEC);

        if (fd < 0) {
            log_warn("%s: %s cannot be read again by user %s (%s): when it changes, restart "
                     "ofproxy; or let that user read it (chgrp), or choose one who can with "
                     "run-as",
                     names[i], t->path[i], user, strerror(errno));
        } else {
            close(fd);
        }
    }
}

void tls_close(struct tls *t)
{
    SSL_CTX_free(t->ctx);
    t->ctx = NULL;
}

/* ---- connections -------------------------------------------------------------------------- */

struct ssl_st *tls_new(const struct tls *t, int fd, bool dialled)
{
    SSL *ssl = SSL_new(t->ctx);

    if (!ssl) {
        return NULL;
    }
    if (SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (dialled) {
        SSL_set_connect_state(ssl);
    } else {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

/* Of a certificate that the peer sent, and that does not hold. */
static bool why_not_verified(const SSL *ssl, char *text, size_t size)
{
    long result = SSL_get_verify_result(ssl);

    switch (result) {
    case X509_V_OK:
        return false;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        snprintf(text, size, "its certificate has expired: get it another one (ovs-pki sign)");
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        snprintf(text, size, "its certificate is not valid yet: look at the clocks of both");
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        snprintf(text, size,
                 "its certificate is signed by a CA that is not in tls-ca: have it signed by one "
                 "that is, or add that CA's certificate to the file");
        break;
    default:
        snprintf(text, size, "its certificate does not hold: %s",
                 X509_verify_cert_error_string(result));
    }
    return true;
}

/* OpenSSL's reasons, in the words of who has to mend it. */
static const struct {
    int reason;
    const char *text;
} sentences[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
     "it sent no certificate: give it one (ovs-vsctl set-ssl)"},
    {SSL_R_WRONG_VERSION_NUMBER, "it does not speak TLS: give it ssl: in place of tcp:"},
    {SSL_R_HTTP_REQUEST, "it speaks HTTP, which is not served here"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "it speaks no TLS 1.2 or newer: update it"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "it speaks no TLS 1.2 or newer: update it"},
    {SSL_R_NO_SHARED_CIPHER, "it has no cipher in common: update it"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "it refuses our certificate, for its CA is another: give it the one that signed tls-cert "
     "(ovs-vsctl set-ssl)"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR,
     "it refuses our certificate, for its CA is another: give it the one that signed tls-cert "
     "(ovs-vsctl set-ssl)"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
     "it refuses our certificate: give it the CA that signed tls-cert (ovs-vsctl set-ssl)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "it refuses our certificate, which has expired: renew that of tls-cert"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "it wants a certificate of us, and got none"},
};

void tls_why(const struct ssl_st *ssl, char *text, size_t size)
{
    unsigned long e = ERR_peek_error();
    const char *reason = ERR_reason_error_string(e);

    if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
        why_not_verified(ssl, text, size)) {
        return;
    }
    for (unsigned i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == sentences[i].reason) {
            snprintf(text, size, "%s", sentences[i].text);
            return;
        }
    }
    snprintf(text, size, "TLS failed: %s", reason ? reason : "no reason given");
}
