/* tests/oracle/zoo_values.h - the values that the zoo's messages carry.
 *
 * A value is plausible (a port that can exist, a mask that leaves no bit of its value out) and,
 * where nothing says otherwise, one that no other field of the message has: who prints the message
 * has to show that number, and no other field can stand in for it. */
#ifndef TESTS_ORACLE_ZOO_VALUES_H
#define TESTS_ORACLE_ZOO_VALUES_H

#include "common/proto/tree.h"

/* Begins a message: numbers count from their first again. */
void zoo_restart(void);
/* Fills in the fields of a structure, but for those that tell its kind or its length.  'kind' is
 * the name of its row, or NULL. */
void zoo_fill(const struct wire_desc *d, const char *kind, void *host);
/* Bytes that follow a structure as they are; NULL: none. */
const uint8_t *zoo_bytes(const struct wire_desc *d, const char *kind, const struct wire_part *part,
                         size_t *len);
/* The payload of a field: experimenter, value, mask. */
const uint8_t *zoo_oxm(const struct oxm_field *f, bool mask, unsigned bytes);
/* The same with a value of our choice, for what other fields rest on. */
const uint8_t *zoo_oxm_number(const struct oxm_field *f, uint32_t value);
/* How many structures an ARRAY has. */
unsigned zoo_count(const struct wire_desc *of);

#endif
