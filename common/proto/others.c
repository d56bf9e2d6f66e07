/* common/proto/others.c - stands in for nx.c until it is there. */
#include "common/proto/others.h"

#define OTHERS_DEFINE(family_name, KEY)                                                            \
    const struct wire_family family_name##_family = {                                              \
        .name = #family_name, WIRE_PAIR_##KEY, .step = 1};
OTHERS(OTHERS_DEFINE)
