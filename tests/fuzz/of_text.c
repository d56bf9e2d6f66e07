/* tests/fuzz/of_text.c - whole messages of OpenFlow 1.0, 1.3 and Nicira: reading, writing, words.
 *
 * An input is a byte that chooses the version and the room for reading, two of the room for words,
 * and a message, whose version and length are put right, so that what is below is reached. */
#include "common/proto/of_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/proto/of10.h"
#include "common/proto/of13.h"
#include "tests/fuzz/fuzz.h"

#define WORDS (8u << 20)

static uint8_t *memory, *again, *written;
static char *whole, *cut;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    memory = aligned_alloc(8, TREE_MOST);
    again = aligned_alloc(8, TREE_MOST);
    written = malloc(2 * OF_LONGEST);
    whole = malloc(WORDS);
    cut = malloc(OF_LONGEST);
    fuzz_check(memory && again && written && whole && cut);
    return 0;
}

static void check_printable(const char *text, bool lines)
{
    for (const char *c = text; *c; c++) {
        fuzz_check((*c >= 0x20 && *c < 0x7f) || (lines && *c == '\n'), "byte 0x%02x is printed",
                   (unsigned char)*c);
    }
}

/* The words; in less room there is their beginning, but for blanks at the end. */
static void check_words(const struct of_version *v, const struct tree *t, size_t room)
{
    struct text to;
    size_t n;

    text_open(&to, whole, WORDS);
    of_text_message(&to, v, t, OF_TEXT_ALL);
    fuzz_check(text_needed(&to) < WORDS && text_needed(&to) == strlen(whole));
    check_printable(whole, false);
    text_open(&to, cut, room);
    of_text_message(&to, v, t, OF_TEXT_ALL);
    n = room > 0 ? strlen(cut) : 0;
    while (n > 0 && cut[n - 1] == ' ') {
        n--;
    }
    fuzz_check(room == 0 || (strlen(cut) < room && strncmp(whole, cut, n) == 0), "\"%s\" \"%s\"",
               whole, cut);
}

static void check_entries(const struct tree *t)
{
    unsigned n = 0;

    for (const struct tree_node *e = of_text_first(t); e; e = of_text_next(t, e), n++) {
        struct text to;

        fuzz_check(n <= OF_LONGEST);
        text_open(&to, cut, OF_LONGEST);
        of_text_entry(&to, t, e);
        tree_json_node(&to, t, e);
        check_printable(cut, false);
    }
}

static void check_all_fields(const struct tree *t)
{
    struct text to;

    text_open(&to, whole, WORDS);
    tree_print(&to, t);
    check_printable(whole, true);
    text_open(&to, whole, WORDS);
    tree_json(&to, t);
    check_printable(whole, false);
}

/* What is read and written again reads as the same words. */
static void check_again(const struct of_version *v, const struct tree *t)
{
    size_t n = of_write(t, written, 2 * OF_LONGEST);
    struct tree_fault fault;
    struct tree other;
    struct text to;
    uint8_t *copy;

    if (n == 0) {
        return; /* the zeros that a message may leave out make it too long */
    }
    copy = fuzz_copy(written, n);
    tree_open(&other, again, TREE_MOST);
    fuzz_check(of_read(v, copy, n, &other, &fault), "at %u: %s", fault.offset, fault.what);
    text_open(&to, cut, OF_LONGEST);
    of_text_message(&to, v, &other, OF_TEXT_ALL);
    fuzz_check(strncmp(whole, cut, OF_LONGEST - 1) == 0, "\"%s\" \"%s\"", whole, cut);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);
    size_t room = fuzz_u16(&f), len = f.left < OF_LONGEST ? f.left : OF_LONGEST;
    const struct of_version *v = choice & 1 ? &of13 : &of10;
    struct tree_fault fault, check;
    struct tree t;
    uint8_t *m;
    bool good;

    if (len < OF_HEADER) {
        return 0;
    }
    m = fuzz_copy(fuzz_bytes(&f, &len), len);
    m[0] = v->version;
    wire_store_uint16(m + 2, (uint16_t)len);
    tree_open(&t, memory, choice & 2 ? 512 : TREE_MOST);
    good = of_read(v, m, len, &t, &fault);
    fuzz_check(good || fault.full || !of_read(v, m, len, NULL, &check));
    fuzz_check(!good || of_read(v, m, len, NULL, &check), "%s", check.what);
    if (good) {
        check_words(v, &t, room);
        check_again(v, &t);
        check_entries(&t);
        check_all_fields(&t);
    } else {
        fuzz_check_sentence(fault.what, sizeof fault.what);
        fuzz_check(fault.offset <= len);
    }
    of_print(v, m, len, cut, room < OF_LONGEST ? room : OF_LONGEST);
    free(m);
    return 0;
}
