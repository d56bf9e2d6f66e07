/* webterm/http_tls.c - the key and the certificate of ssl: listeners, looked at before the library
 * does, which has no sentences for what is wrong with them. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "webterm/http_conn.h"

static FILE *open_file(const char *key, const char *path, char *why, size_t why_size)
{
    FILE *f;

    if (path[0] == '\0') {
        snprintf(why, why_size, "ssl: needs %s, which is empty: name a file in PEM", key);
        return NULL;
    }
    f = fopen(path, "re");
    if (!f) {
        snprintf(why, why_size, "%s: %s cannot be read: %s: name another, or let it be read", key,
                 path, strerror(errno));
    }
    return f;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *read_key(const char *path, char *why, size_t why_size)
{
    FILE *f = open_file("tls-key", path, why, why_size);
    bool asked = false;
    EVP_PKEY *key;

    if (!f) {
        return NULL;
    }
    key = PEM_read_PrivateKey(f, NULL, no_passphrase, &asked);
    fclose(f);
    if (!key && asked) {
        snprintf(why, why_size,
                 "tls-key: the key in %s has a passphrase: take it away (openssl pkey "
                 "-in FILE -out FILE2)",
                 path);
    } else if (!key) {
        snprintf(why, why_size,
                 "tls-key: %s holds no private key in PEM: give the file that was made "
                 "with the certificate",
                 path);
    }
    return key;
}

static X509 *read_cert(const char *path, char *why, size_t why_size)
{
    FILE *f = open_file("tls-cert", path, why, why_size);
    X509 *cert;

    if (!f) {
        return NULL;
    }
    cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    if (!cert) {
        snprintf(why, why_size,
                 "tls-cert: %s holds no certificate in PEM: give the file that belongs "
                 "to tls-key",
                 path);
    } else if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
        log_warn(
            "browsers will refuse our certificate: tls-cert: the certificate in %s has expired: "
            "get another one",
            path);
    }
    return cert;
}

int tls_check(const struct http_settings *set, char *why, size_t why_size)
{
    EVP_PKEY *key;
    X509 *cert;
    int err;

    if (!strstr(set->listen, "ssl:")) {
        return 0;
    }
    key = read_key(set->tls_key, why, why_size);
    cert = key ? read_cert(set->tls_cert, why, why_size) : NULL;
    err = key && cert ? 0 : -EINVAL;
    if (err == 0 && X509_check_private_key(cert, key) != 1) {
        snprintf(why, why_size,
                 "tls-key: the key in %s does not belong to the certificate in %s: give "
                 "the two that were made together",
                 set->tls_key, set->tls_cert);
        err = -EINVAL;
    }
    ERR_clear_error();
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}

void tls_harden(void *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}
