/* common/proto/ovsdb.h - OVSDB's JSON-RPC (RFC 7047, chapter 4): a stream of bytes to messages, and
 * messages to bytes.
 *
 *     ovsdb_in_open(&in, OVSDB_LONGEST, OVSDB_DEEPEST);
 *     ovsdb_in_put(&in, bytes, len);                      any piece of the stream
 *     while (ovsdb_in_get(&in, &m)) { use m; ovsdb_msg_free(&m); }
 *     if (in.why[0]) { nothing more can be read from this stream }
 *     ovsdb_in_close(&in);
 *
 * The stream is JSON objects one after the other, with nothing between them: only the brace that
 * closes an object says where it ends.  Each byte is looked at once to find it.
 *
 * Not for the packet loop: messages are allocated (jansson).  A peer makes us hold at most twice
 * 'longest' bytes of text, and the objects that they describe. */
#ifndef COMMON_PROTO_OVSDB_H
#define COMMON_PROTO_OVSDB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define OVSDB_LONGEST                                                                              \
    (16u << 20)                 /* a message; the whole of a database with 10,000 ports has 10 MB */
#define OVSDB_DEEPEST 64u       /* brackets within brackets; what servers send has about ten */
#define OVSDB_PIECE (64u << 10) /* most bytes of one ovsdb_in_put */

struct ovsdb_in {
    char *bytes; /* what is not taken yet begins at 'from'; looked at up to 'at' */
    size_t len, room, from, at, longest;
    unsigned depth, deepest;
    bool string, escape;
    char why[160]; /* what is wrong with the stream; "" nothing */
};

enum ovsdb_kind { OVSDB_REQUEST, OVSDB_NOTIFICATION, OVSDB_RESPONSE };

struct ovsdb_msg {
    enum ovsdb_kind kind;
    json_t *json;                /* owns all that follows */
    const char *method;          /* of a request or notification */
    json_t *params;              /* theirs: an array */
    json_t *id, *result, *error; /* a response has one of the two; 'error' NULL: none */
};

void ovsdb_in_open(struct ovsdb_in *in, size_t longest, unsigned deepest);
/* Takes all of a piece of at most OVSDB_PIECE bytes; ovsdb_in_get until it says no comes before the
 * next one.  A stream that is bad already stays so. */
void ovsdb_in_put(struct ovsdb_in *in, const void *bytes, size_t len);
/* The next message.  False: it is not whole yet, or in->why says what is wrong. */
bool ovsdb_in_get(struct ovsdb_in *in, struct ovsdb_msg *m);
void ovsdb_in_close(struct ovsdb_in *in);
void ovsdb_msg_free(struct ovsdb_msg *m);

/* Text to send, which the caller frees; NULL: no memory.  'params' and 'result' are taken over,
 * 'id' is borrowed; a request without an id (NULL) is a notification. */
char *ovsdb_request(const char *method, json_t *params, json_t *id);
char *ovsdb_reply(json_t *id, json_t *result, const char *error);

/* What an error says: its "error" and "details", or itself where it is a text.  Returns 'text'. */
const char *ovsdb_error_text(const json_t *error, char *text, size_t size);
/* Is it "unknown method", in either of the two forms that servers use? */
bool ovsdb_unknown_method(const json_t *error);

#endif
