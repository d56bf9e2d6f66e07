/* common/proto/others.h - stands in for oxm.h and nx.h until they are there: families without
 * kinds.
 */
#ifndef COMMON_PROTO_OTHERS_H
#define COMMON_PROTO_OTHERS_H

#include "common/proto/wire.h"

#define OTHERS(R)                                                                                  \
    R(nx10_actions, KEY(8, 2))                                                                     \
    R(nx13_actions, KEY(8, 2))                                                                     \
    R(nx10_messages, KEY(4, 4))                                                                    \
    R(nx13_messages, KEY(4, 4))                                                                    \
    R(nx10_stats_requests, KEY(8, 4))                                                              \
    R(nx10_stats_replies, KEY(8, 4))                                                               \
    R(nx13_stats_requests, KEY(12, 4))                                                             \
    R(nx13_stats_replies, KEY(12, 4))

#define OTHERS_DECLARE(name, KEY) extern const struct wire_family name##_family;
OTHERS(OTHERS_DECLARE)

#endif
