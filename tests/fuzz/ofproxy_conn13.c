/* The same where the handshake, when it is done, is one of OpenFlow 1.3. */
#define RIG_VERSION 4
#include "tests/fuzz/ofproxy_conn.c"
