/* tests/unit/ofproxy_tls.c - a switch that speaks TLS: records cut anywhere, and one that reads
 * slowly. */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "ofproxy/tls.h"
#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_tls, .timeout = 60);

static uint8_t bytes[OF_LONGEST];

struct tls_rig {
    struct rig r;
    struct tls tls;
    char key[80], cert[80];
    SSL_CTX *ctx; /* the switch's */
};

/* A key, and a certificate that it signed itself: its own CA. */
static void make_identity(const char *key_file, const char *cert_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    FILE *f;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    cr_assert(X509_sign(cert, key, EVP_sha256()) > 0);
    f = fopen(key_file, "we");
    cr_assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    f = fopen(cert_file, "we");
    cr_assert(PEM_write_X509(f, cert));
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void open_tls(struct tls_rig *t)
{
    signal(SIGPIPE, SIG_IGN);
    rig_open(&t->r);
    snprintf(t->key, sizeof t->key, "%s/key", t->r.dir);
    snprintf(t->cert, sizeof t->cert, "%s/cert", t->r.dir);
    make_identity(t->key, t->cert);
    rig_set(&t->r, CONFIG_OFPROXY_TLS_KEY, t->key);
    rig_set(&t->r, CONFIG_OFPROXY_TLS_CERT, t->cert);
    rig_set(&t->r, CONFIG_OFPROXY_TLS_CA, t->cert);
    tls_config(&t->tls, &t->r.config);
    ofproxy_tls(t->r.p, &t->tls);
    t->ctx = SSL_CTX_new(TLS_client_method());
    cr_assert(SSL_CTX_use_PrivateKey_file(t->ctx, t->key, SSL_FILETYPE_PEM) == 1);
    cr_assert(SSL_CTX_use_certificate_file(t->ctx, t->cert, SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void close_tls(struct tls_rig *t)
{
    SSL_CTX_free(t->ctx);
    rig_close(&t->r);
    tls_close(&t->tls);
}

/* ---- the switch's end --------------------------------------------------------------------- */

static SSL *enter(struct tls_rig *t)
{
    uint64_t end = loop_now_ns() + 5000000000ull;
    SSL *ssl = SSL_new(t->ctx);
    int ends[2];

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    of_enter(t->r.p, ends[0], ENDPOINT_SSL, "test", NULL);
    SSL_set_fd(ssl, ends[1]);
    SSL_set_connect_state(ssl);
    while (SSL_do_handshake(ssl) != 1) {
        cr_assert(loop_now_ns() < end, "no handshake");
        rig_turn(&t->r);
    }
    return ssl;
}

static void leave(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* Reads exactly 'len' bytes, turning the ofproxy meanwhile. */
static void get(struct tls_rig *t, SSL *ssl, uint8_t *to, size_t len)
{
    uint64_t end = loop_now_ns() + 5000000000ull;

    while (len > 0) {
        size_t n = 0;

        if (SSL_read_ex(ssl, to, len, &n) != 1) {
            cr_assert(SSL_get_error(ssl, 0) == SSL_ERROR_WANT_READ, "the connection ended");
            cr_assert(loop_now_ns() < end, "nothing more comes");
        }
        to += n;
        len -= n;
        rig_turn(&t->r);
    }
}

static struct of_header message(struct tls_rig *t, SSL *ssl)
{
    get(t, ssl, bytes, OF_HEADER);
    get(t, ssl, bytes + OF_HEADER, of_header_at(bytes).length - (size_t)OF_HEADER);
    return of_header_at(bytes);
}

static struct of_header await(struct tls_rig *t, SSL *ssl, uint8_t type)
{
    while (message(t, ssl).type != type) {
    }
    return of_header_at(bytes);
}

/* Writes without a turn of the ofproxy, as far as the socket takes it; returns what is left. */
static size_t put(SSL *ssl, const uint8_t *from, size_t len)
{
    while (len > 0) {
        size_t n;

        if (SSL_write_ex(ssl, from, len, &n) != 1) {
            return len;
        }
        from += n;
        len -= n;
    }
    return 0;
}

static SSL *shaken(struct tls_rig *t, uint64_t dpid)
{
    static uint8_t body[2048], m[2048];
    SSL *ssl = enter(t);

    put(ssl, m, rig_put(m, OF10_TYPE_HELLO, 1, NULL, 0));
    await(t, ssl, OF10_TYPE_FEATURES_REQUEST);
    put(ssl, m,
        rig_put(m, OF10_TYPE_FEATURES_REPLY, of_header_at(bytes).xid, body,
                rig_features(body, dpid, 1)));
    await(t, ssl, OF10_TYPE_BARRIER_REQUEST);
    put(ssl, m, rig_put(m, OF10_TYPE_BARRIER_REPLY, of_header_at(bytes).xid, NULL, 0));
    for (unsigned i = 0;
         i < 100 && (!conn_find(t->r.p, dpid) || conn_find(t->r.p, dpid)->state != CONN_READY);
         i++) {
        rig_turn(&t->r);
    }
    cr_assert(conn_find(t->r.p, dpid) && conn_find(t->r.p, dpid)->state == CONN_READY);
    return ssl;
}

/* ---- the promises ------------------------------------------------------------------------- */

/* Messages lie across records, and records hold more than there is room for: what OpenSSL has kept
 * back is handed out although the socket has nothing more. */
Test(ofproxy_tls, every_message_arrives_however_records_are_cut)
{
    static uint8_t all[150000]; /* answered before they are read: within the out buffer */
    static const size_t pieces[] = {1, 7, 100, 1500, 16384, sizeof all};
    struct tls_rig t;
    uint8_t body[3000];
    SSL *ssl;

    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 7);
    }
    open_tls(&t);
    ssl = shaken(&t, 1);
    for (unsigned k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
        size_t len = 0, at = 0, most = pieces[k] < 100 ? 20000 : sizeof all - 4000;
        uint32_t xid = 1, want = 1;

        while (len < most) {
            len += rig_put(all + len, OF10_TYPE_ECHO_REQUEST, xid, body, xid * 37 % sizeof body);
            xid++;
        }
        while (at < len) {
            size_t piece = len - at < pieces[k] ? len - at : pieces[k];

            at += piece - put(ssl, all + at, piece);
            rig_turn(&t.r);
        }
        while (want < xid) {
            struct of_header h = await(&t, ssl, OF10_TYPE_ECHO_REPLY);

            cr_assert_eq(h.xid, want, "pieces of %zu: %u in place of %u", pieces[k], h.xid, want);
            cr_assert_eq(h.length, OF_HEADER + want * 37 % sizeof body);
            cr_assert_eq(memcmp(bytes + OF_HEADER, body, h.length - (size_t)OF_HEADER), 0);
            want++;
        }
    }
    leave(ssl);
    close_tls(&t);
}

/* Every chunk is kept by someone while OpenSSL still holds messages, and the socket nothing: they
 * are handed out once there is room. */
Test(ofproxy_tls, what_is_held_during_a_pause_is_handed_out_after_it)
{
    static uint8_t all[4 * STREAM_RECORD], half[20] = {1, OF10_TYPE_ECHO_REPLY, 0, 100};
    static int chunks[ARENA_CHUNKS];
    unsigned n_chunks = 0, asked = 0;
    struct tls_rig t;
    size_t len = 0;
    uint8_t body[8] = {0};
    SSL *ssl;
    int other, there;

    open_tls(&t);
    ssl = shaken(&t, 1);
    other = rig_switch(&t.r, 2, 1);
    rig_write(&t.r, other, half, sizeof half); /* keeps the current chunk from starting over */
    while ((chunks[n_chunks] = arena_chunk(&t.r.p->arena)) >= 0) {
        n_chunks++;
    }
    while (len < sizeof all) { /* a little more than there is room for, in four records */
        len += rig_put(all + len, OF10_TYPE_ECHO_REQUEST, ++asked, body, sizeof body);
    }
    cr_assert_eq(put(ssl, all, len), 0u);
    for (unsigned i = 0; i < 100 && !conn_find(t.r.p, 1)->paused; i++) {
        rig_turn(&t.r);
    }
    cr_assert(conn_find(t.r.p, 1)->paused);
    cr_assert(ioctl(conn_find(t.r.p, 1)->fd.fd, FIONREAD, &there) == 0);
    cr_assert_eq(there, 0, "the socket has %d bytes more: epoll would tell", there);
    while (n_chunks > 0) {
        arena_chunk_done(&t.r.p->arena, (unsigned)chunks[--n_chunks]);
    }
    for (unsigned i = 1; i <= asked; i++) {
        cr_assert_eq(await(&t, ssl, OF10_TYPE_ECHO_REPLY).xid, i);
    }
    close(other);
    leave(ssl);
    close_tls(&t);
}

/* New keys, and newer ones, as fast as a switch can make them: OpenSSL would go on for as long as
 * the socket has some. */
Test(ofproxy_tls, a_switch_that_always_changes_its_keys_keeps_nobody_waiting)
{
    uint8_t m[OF_HEADER], *all;
    struct tls_rig t;
    struct of_conn *c;
    BIO *out, *socket;
    int there = 0;
    long len;
    SSL *ssl;

    open_tls(&t);
    ssl = shaken(&t, 1);
    c = conn_find(t.r.p, 1);
    socket = SSL_get_wbio(ssl);
    BIO_up_ref(socket);
    out = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl, out);
    for (unsigned i = 0; i < 3800; i++) {
        cr_assert(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        cr_assert(SSL_do_handshake(ssl) == 1);
    }
    put(ssl, m, rig_put(m, OF10_TYPE_ECHO_REQUEST, 77, NULL, 0));
    len = BIO_get_mem_data(out, &all);
    cr_assert_eq(send(SSL_get_fd(ssl), all, (size_t)len, 0), len);
    SSL_set0_wbio(ssl, socket);
    c->fd.ready(&c->fd, EPOLLIN);
    cr_assert(ioctl(c->fd.fd, FIONREAD, &there) == 0);
    cr_expect_gt(there, 0, "all were taken in one go");
    while (await(&t, ssl, OF10_TYPE_ECHO_REPLY).xid != 77) {
    }
    leave(ssl);
    close_tls(&t);
}

static void put_frame(struct rig *r, uint64_t dpid, size_t len, uint8_t fill)
{
    struct record rec = {.verdict = VERDICT_ORIGINATED,
                         .dpid = dpid,
                         .port = 1,
                         .ticket = RECORD_NO_TICKET,
                         .head_len = (uint32_t)len};
    uint8_t *head = ring_reserve(&r->pkt_out, len);

    cr_assert_not_null(head);
    memset(head, fill, len);
    ring_commit(&r->pkt_out, &rec);
    ring_publish(&r->pkt_out);
}

/* A record that has begun goes on, whatever becomes of the frames behind it. */
Test(ofproxy_tls, a_slow_switch_loses_frames_whole_and_delays_nobody)
{
    struct tls_rig t;
    uint64_t sent, got = 0;
    SSL *slow, *fast;

    open_tls(&t);
    slow = shaken(&t, 1);
    fast = shaken(&t, 2);
    for (unsigned i = 0; i < 400; i++) { /* ten times what the socket and the buffer hold */
        put_frame(&t.r, 1, 10000 - i, (uint8_t)i);
        if (i % 100 == 0) {
            put_frame(&t.r, 2, 100, 1);
        }
        rig_turn(&t.r);
    }
    for (unsigned i = 0; i < 4; i++) {
        await(&t, fast, OF10_TYPE_PACKET_OUT);
    }
    sent = counter_get(OFPROXY_ORIGINATED) - 4;
    cr_expect_gt(counter_get(OFPROXY_UNSENT), 0u);
    cr_expect_eq(sent + counter_get(OFPROXY_UNSENT), 400u);
    cr_expect(conn_find(t.r.p, 1)->out.blocked);
    while (got < sent) {
        struct of_header h = await(&t, slow, OF10_TYPE_PACKET_OUT);
        uint8_t fill = (uint8_t)(10024 - h.length);

        cr_assert(h.length <= 10024 && h.length > 9624, "length %u", h.length);
        cr_assert_eq(bytes[24], fill);
        cr_assert_eq(bytes[h.length - 1], fill);
        got++;
    }
    put_frame(&t.r, 1, 60, 9);
    rig_turn(&t.r);
    cr_expect_eq(await(&t, slow, OF10_TYPE_PACKET_OUT).length, 84, "it is well again");
    leave(slow);
    leave(fast);
    close_tls(&t);
}

/* Its last messages are used, then it is gone. */
Test(ofproxy_tls, an_end_right_after_a_message_is_seen)
{
    struct tls_rig t;
    uint8_t m[16];
    SSL *ssl;

    open_tls(&t);
    ssl = shaken(&t, 1);
    put(ssl, m, rig_put(m, OF10_TYPE_ECHO_REQUEST, 5, NULL, 0));
    SSL_shutdown(ssl); /* close_notify, in the same breath; the socket stays open */
    for (unsigned i = 0; i < 100 && t.r.p->n_conns > 0; i++) {
        rig_turn(&t.r);
    }
    cr_expect_eq(t.r.p->n_conns, 0u);
    cr_expect_eq(counter_get(OFPROXY_ECHO_REQUESTS), 1u);
    leave(ssl);
    close_tls(&t);
}

/* Nothing of a handshake is kept, however it ends. */
Test(ofproxy_tls, handshakes_that_fail_or_hang_leave_nothing_behind)
{
    struct tls_rig t;
    int ends[2];

    open_tls(&t);
    for (unsigned i = 0; i < 3000; i++) { /* more than there are places */
        cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        of_enter(t.r.p, ends[0], ENDPOINT_SSL, "test", NULL);
        cr_assert(i % 2 || write(ends[1], "no TLS at all", 13) == 13);
        close(ends[1]);
        rig_turn(&t.r);
    }
    for (unsigned i = 0; i < 3000; i++) {
        rig_turn(&t.r);
    }
    cr_expect_eq(t.r.p->n_conns, 0u);
    cr_expect_eq(counter_get(OFPROXY_REFUSED), 3000u);
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    of_enter(t.r.p, ends[0], ENDPOINT_SSL, "test", NULL);
    of_enter_tick(t.r.p, loop_now_ns());
    cr_expect_eq(read(ends[1], bytes, 1), -1, "it has time");
    of_enter_tick(t.r.p, loop_now_ns() + t.r.p->handshake_ns);
    cr_expect_eq(read(ends[1], bytes, 1), 0, "its time is over");
    close(ends[1]);
    close_tls(&t);
}
