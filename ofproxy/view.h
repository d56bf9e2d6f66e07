/* ofproxy/view.h - what an operator asks of a switch: two methods of the control socket, and the
 * letters by which the control thread has the packet thread ask for it.
 *
 *     switch.ask    {"dpid": "0x1", "version": 4, "message": "statistics", "type": 1, "body":
 * BASE64}
 *                   -> {"request": 7}
 *     switch.answer {"request": 7, "from": 0}
 *                   -> {"state": "waiting"}      ask again, soon
 *                   -> {"state": "refused", "error_type": 1, "error_code": 2, "text": SENTENCE}
 *                   -> {"state": "more" | "done", "messages": BASE64, "cut": false}
 *
 * "message" is statistics (with their type), features or queues; "body" is what follows, 'version'
 * the wire version that it is made for.  The answer is the switch's own messages, whole, one after
 * another, VIEW_PIECE bytes of them a call; "cut": there were more than VIEW_ROOM.  What else can
 * happen is a sentence: the switch left, is silent, is not there.
 *
 *     control thread        takes a slot, allocates its memory, writes the slot's number into a
 * pipe packet thread         asks the switch (of_ask.h), copies the replies into the memory, writes
 *                           the number into a second pipe
 *
 * The slot is of the thread that has its number; pipes never fill, since there are VIEW_SLOTS
 * numbers.  So neither thread waits for the other, and the packet thread allocates nothing.
 *
 * A caller that does not come for its answer in VIEW_AWAY_NS loses it: view_look gives the memory
 * back. */
#ifndef OFPROXY_VIEW_H
#define OFPROXY_VIEW_H

#include <jansson.h>
#include <stddef.h>

#define VIEW_SLOTS 4
#define VIEW_ROOM (16u << 20)
#define VIEW_ROOM_OTHERS (2u << 20) /* for an answer that is none of flows */
#define VIEW_PIECE (3u << 18)
#define VIEW_AWAY_NS 5000000000ull

struct ofproxy;
struct view;

/* Before the sandbox; a failure is one at start. */
struct view *view_open(struct ofproxy *p);
/* When no connection is left and the control thread is stopped. */
void view_close(struct view *v);

/* Methods of the control thread (common/control.h); 'context' is the view. */
json_t *view_ask(void *context, json_t *params, char *why, size_t why_size);
json_t *view_answer(void *context, json_t *params, char *why, size_t why_size);
/* For control_idle. */
int view_look(void *context);

#endif
