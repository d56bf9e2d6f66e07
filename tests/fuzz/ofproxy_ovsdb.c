/* What a server says, in the order it likes: an input is its bytes.  Numbers that begin with '#' in
 * it stand for ids of what we asked: #0 is the last request, #1 the one before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ofproxy/ovsdb_session.h"
#include "ofproxy/ovsdb_view.h"
#include "tests/fuzz/fuzz.h"

#define SECOND 1000000000ull

static const struct tend_wish wish = {.n = 2,
                                      .bridge = {"b", "c"},
                                      .datapath_type = "netdev",
                                      .controller = "tcp:127.0.0.1:6633",
                                      .rate = 100,
                                      .queue = 512,
                                      .max_backoff_ms = 1000,
                                      .probe_ms = 5000};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    json_object_seed(1);
    return 0;
}

/* What we send is JSON-RPC, whatever we were told. */
static void check_sent(struct ovsdb_session *s)
{
    struct ovsdb_in in;
    struct ovsdb_msg m;
    size_t len = s->out.len - s->out.at, at = 0;

    ovsdb_in_open(&in, OVSDB_LONGEST, OVSDB_DEEPEST + 8);
    while (at < len) {
        size_t n = len - at < OVSDB_PIECE ? len - at : OVSDB_PIECE;

        ovsdb_in_put(&in, s->out.bytes + s->out.at + at, n);
        at += n;
        while (ovsdb_in_get(&in, &m)) {
            ovsdb_msg_free(&m);
        }
    }
    fuzz_check(!in.why[0] && in.len == in.from, "%s", in.why);
    ovsdb_in_close(&in);
    ovsdb_session_sent(s, len);
}

/* The plan and the table of whatever rows there are. */
static void use(struct ovsdb_session *s, struct view_drops *d)
{
    json_t *operations, *bridges = view_bridges(&wish, &s->rows);
    uint64_t before = d->dropped;
    char what[100];

    fuzz_check(json_is_array(bridges));
    json_decref(bridges);
    view_drops_count(d, &wish, &s->rows);
    fuzz_check(d->dropped >= before);
    if (s->step != OVSDB_LOADED || s->txn == OVSDB_TXN_SENT) {
        return;
    }
    operations = tend_plan(&wish, &s->rows, what, sizeof what);
    fuzz_check((operations != NULL) == (what[0] != '\0'));
    if (operations) {
        ovsdb_session_transact(s, operations);
    }
}

/* Replaces #N by the id meant. */
static size_t fill_in(const struct ovsdb_session *s, const uint8_t *from, size_t len, char *to,
                      size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n + 24 < room; i++) {
        if (from[i] == '#' && i + 1 < len && from[i + 1] >= '0' && from[i + 1] <= '9') {
            n += (size_t)snprintf(to + n, room - n, "%lld",
                                  (long long)s->last_id - (from[i + 1] - '0'));
            i++;
        } else {
            to[n++] = (char)from[i];
        }
    }
    return n;
}

/* Pieces end at line ends; each is taken a second later than the one before. */
static void converse(struct ovsdb_session *s, struct view_drops *d, const uint8_t *bytes,
                     size_t len)
{
    static char piece[OVSDB_PIECE];
    uint64_t now = SECOND;
    bool up = false;

    while (len > 0) {
        const uint8_t *end = memchr(bytes, '\n', len);
        size_t n = end ? (size_t)(end - bytes) + 1 : len;

        if (!up) {
            ovsdb_session_start(s, now);
        }
        up = ovsdb_session_take(s, piece, fill_in(s, bytes, n, piece, sizeof piece), now);
        fuzz_check(up == !s->why[0], "%s", s->why);
        use(s, d);
        now += SECOND;
        up = up && ovsdb_session_tick(s, now);
        check_sent(s);
        bytes += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ovsdb_session s;
    struct view_drops d;

    ovsdb_session_open(&s, 5 * SECOND);
    view_drops_open(&d);
    converse(&s, &d, data, size);
    view_drops_close(&d);
    ovsdb_session_close(&s);
    return 0;
}
