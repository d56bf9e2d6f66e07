/* ofproxy/of_ask.h - a request to a switch, and what comes of it.
 *
 *     conn_ask_stats(c, OF13_MULTIPART_PORT_DESC, NULL, 0, on_ports, context);
 *
 *     static void on_ports(struct of_conn *c, const struct of_answer *a, void *context)
 *     {
 *         switch (a->news) {
 *         ASK_PART    a part of the reply: body and len; more follow
 *         ASK_LAST    the last part, or the only one
 *         ASK_ERROR   the switch answered with an ERROR (type, code), or with other statistics
 *         ASK_LATE    nothing, or not all, came in ASK_NS
 *         ASK_GONE    the connection ends: send nothing
 *
 * After each of them but ASK_PART the question is over, and forgotten.  An element of a statistics
 * reply never spans two parts (1.3.5, 7.3.5), so each part may be read by itself.  A callback may
 * ask again; 'body' is valid for the call.  A reply that nobody asked for is ignored.
 *
 * Bounds: ASK_MOST questions a connection wait at once; a reply of more than ASK_PARTS parts is a
 * fault of the switch.  Nothing is allocated. */
#ifndef OFPROXY_OF_ASK_H
#define OFPROXY_OF_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASK_MOST 16
#define ASK_PARTS 4096
#define ASK_NS 10000000000ull

struct of_conn;
struct of_msg;

enum ask_news { ASK_PART, ASK_LAST, ASK_ERROR, ASK_LATE, ASK_GONE };

struct of_answer {
    enum ask_news news;
    const struct of_msg *m; /* PART, LAST, ERROR: the message */
    const uint8_t *body;    /* after its header, and after a statistics reply's own */
    size_t len;
    uint16_t type, code; /* ERROR */
};
typedef void of_answered(struct of_conn *c, const struct of_answer *a, void *context);

struct of_ask {
    of_answered *answered; /* NULL: free */
    void *context;
    uint32_t xid, barrier; /* barrier: of the BARRIER_REQUEST after it, or 0 */
    uint32_t parts;
    uint16_t stats; /* the type of statistics, if 'reply' is such */
    uint8_t reply;  /* the type of the message that answers */
    uint64_t until_ns;
};

/* Asks with a message that has a reply of type 'reply'.  False: ASK_MOST questions wait already. */
bool conn_ask(struct of_conn *c, uint8_t type, uint8_t reply, const void *body, size_t len,
              of_answered *answered, void *context);
/* Asks for statistics of a type (STATS_REQUEST or MULTIPART_REQUEST), with what follows the type.
 */
bool conn_ask_stats(struct of_conn *c, uint16_t stats, const void *body, size_t len,
                    of_answered *answered, void *context);
/* Sends a message that has no reply, then a BARRIER_REQUEST: ASK_LAST when that is answered,
 * ASK_ERROR when either was answered with an ERROR. */
bool conn_tell(struct of_conn *c, uint8_t type, const void *body, size_t len, of_answered *answered,
               void *context);

/* For the handlers: gives a reply, or an ERROR, to who asked.  False: nobody did. */
bool ask_reply(struct of_conn *c, const struct of_msg *m);
bool ask_stats_reply(struct of_conn *c, const struct of_msg *m);
bool ask_error(struct of_conn *c, const struct of_msg *m, uint16_t type, uint16_t code);
void ask_tick(struct of_conn *c, uint64_t now_ns);
void ask_gone(struct of_conn *c);

#endif
