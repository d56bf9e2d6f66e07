/* tests/oracle/again.c - reads messages, and writes them again.
 *
 *     again < LINES    each line a message in hex; for each one line: what it says, as JSON, or
 *                      "refused at OFFSET: WHY", or "differs at OFFSET" when what is written is not
 *                      what was read
 *
 * Its version is that of its header; a HELLO of another version is read as one of 1.3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "common/proto/tree.h"

static _Alignas(8) uint8_t memory[TREE_MOST];
static uint8_t message[OF_LONGEST], written[OF_LONGEST];
static char json[1 << 22];

static size_t from_hex(const char *line)
{
    size_t len = 0;

    while (len < sizeof message && sscanf(line + 2 * len, "%2hhx", &message[len]) == 1) {
        len++;
    }
    return len;
}

static void again(size_t len)
{
    const struct of_version *v = len > 0 && message[0] == OF10_VERSION ? &of10 : &of13;
    struct tree_fault fault;
    struct tree t;
    struct text text;
    size_t n;

    tree_open(&t, memory, sizeof memory);
    if (!of_read(v, message, len, &t, &fault)) {
        printf("refused at %u: %s\n", fault.offset, fault.what);
        return;
    }
    n = of_write(&t, written, sizeof written);
    if (n != len || memcmp(message, written, len) != 0) {
        size_t at = 0;

        while (at < n && at < len && message[at] == written[at]) {
            at++;
        }
        printf("differs at %zu of %zu\n", at, len);
        return;
    }
    text_open(&text, json, sizeof json);
    tree_json(&text, &t);
    puts(text_needed(&text) < sizeof json ? json : "refused: the JSON is too long");
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        again(from_hex(line));
    }
    free(line);
    return 0;
}
