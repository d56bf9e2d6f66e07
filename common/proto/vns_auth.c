/* common/proto/vns_auth.c - the proof of a VNS client's key; apart, so that only programs that use
 * it link OpenSSL. */
#include "common/proto/vns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

int vns_auth_hash(uint8_t hash[VNS_HASH_LEN], const uint8_t *salt, size_t salt_len,
                  const uint8_t key[VNS_KEY_LEN])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned len = 0;
    bool ok;

    ok = context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
         EVP_DigestUpdate(context, salt, salt_len) == 1 &&
         EVP_DigestUpdate(context, key, VNS_KEY_LEN) == 1 &&
         EVP_DigestFinal_ex(context, hash, &len) == 1 && len == VNS_HASH_LEN;
    EVP_MD_CTX_free(context);
    return ok ? 0 : -EIO;
}

int vns_auth_key(uint8_t key[VNS_KEY_LEN], const char *file, char *why, size_t why_size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t have = 0;
    ssize_t n = 1;
    int err;

    if (fd < 0) {
        err = errno;
        snprintf(why, why_size, "cannot read the key file %s: %s", file, strerror(err));
        return -err;
    }
    while (have < VNS_KEY_LEN && n > 0) {
        n = read(fd, key + have, VNS_KEY_LEN - have);
        have += n > 0 ? (size_t)n : 0;
    }
    err = n < 0 ? errno : 0;
    close(fd);
    if (err != 0) {
        snprintf(why, why_size, "cannot read the key file %s: %s", file, strerror(err));
        return -err;
    }
    if (have < VNS_KEY_LEN) {
        snprintf(why, why_size, "key file %s holds %zu bytes, but a VNS key is %d characters", file,
                 have, VNS_KEY_LEN);
        return -EINVAL;
    }
    return 0;
}

bool vns_auth_equal(const uint8_t a[VNS_HASH_LEN], const uint8_t b[VNS_HASH_LEN])
{
    return CRYPTO_memcmp(a, b, VNS_HASH_LEN) == 0;
}
