/* tests/unit/ofproxy_session13.c - the same over OpenFlow 1.3. */
#define RIG_VERSION 4
#include "tests/unit/ofproxy_session.c"
