/* webterm/address.h - where a browser finds us, for people: what a ready webterm says of itself. */
#ifndef WEBTERM_ADDRESS_H
#define WEBTERM_ADDRESS_H

#include <stddef.h>

/* The first of the words of 'listen' as an address to type: "http://127.0.0.1:8070/".  A listener
 * on every address is one of this machine's, too.  A Unix socket stays a word, as "none" does. */
void address_say(char *to, size_t size, const char *listen, const char *run_dir);

#endif
