/* tests/fault/step_switch.h - a pretend OpenFlow 1.0 switch that never waits: for an ofproxy that
 * is stepped, and so is slower than anything.
 *
 *     switch_listen(words, size)          a free place, for ofproxy's --listen
 *     if (switch_connect()) ...           again and again: nobody listens there for a while
 *     switch_take(frame)                  answers what ofproxy asks; PACKET_OUTs go to 'frame'
 *     switch_packet_in(...); switch_send()   all of them with one send
 *     switch_hang_up()                    at once; what was not taken is gone
 *
 * One switch; its connection is no part of what outlives ofproxy. */
#ifndef TESTS_FAULT_STEP_SWITCH_H
#define TESTS_FAULT_STEP_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWITCH_DPID 1
#define SWITCH_PORTS 3 /* 1, 2, 3 */

void switch_listen(char *words, size_t size);
/* True: there is a connection. */
bool switch_connect(void);
void switch_take(void (*frame)(const uint8_t *bytes, size_t len));
void switch_packet_in(unsigned port, const uint8_t *frame, size_t len);
void switch_send(void);
void switch_hang_up(void);

#endif
