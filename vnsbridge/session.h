/* vnsbridge/session.h - the conversation with a VNS client.
 *
 *     TCP connect -> AUTH_REQUEST; AUTH_REPLY -> AUTH_STATUS; VNSOPEN -> BANNER, and VNSHWINFO as
 * soon as every interface is known; then VNSPACKET both ways. OPEN_TEMPLATE -> RTABLE before
 * anything else, then as VNSOPEN.
 *
 * A classic client exits, or worse, on any message before its time, so nothing else is sent. */
#ifndef VNSBRIDGE_SESSION_H
#define VNSBRIDGE_SESSION_H

#include "vnsbridge/client.h"

struct interface_row;

void session_start(struct client *c);
/* Handles one whole message.  False: it must wait for room in PKT_OUT; nothing was done. */
bool session_message(struct client *c, const uint8_t *message, size_t len);
/* The 8 bytes at 'message' start no message that can be. */
void session_malformed(struct client *c, const uint8_t *message);
/* Ports have changed: sends VNSHWINFO to a client that waited for them, if all are there. */
void session_ports(struct client *c);
/* An interface of a client's virtual host has changed: "up" or "down", or, where the client cannot
 * be told, VNSCLOSE with the reason. */
void session_interface(struct client *c, const struct interface_row *old,
                       const struct interface_row *now);

#endif
