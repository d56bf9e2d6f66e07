/* The tables of OpenFlow 1.0: an input is one message, or what claims to be one. */
#include "common/proto/of10.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The same bytes, but for padding, which a reader ignores and a writer zeroes. */
static void check_same(const struct wire_desc *d, const uint8_t *was, const uint8_t *now)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const struct wire_field *f = &d->fields[i];

        for (unsigned b = 0; b < f->size; b++) {
            fuzz_check(now[b] == (f->name ? was[b] : 0), "%s.%s", d->name,
                       f->name ? f->name : "padding");
        }
        was += f->size;
        now += f->size;
    }
}

/* What is read is written as it was; what is cut is not read at all. */
static void round_trip(const struct wire_desc *d, const uint8_t *bytes, size_t len)
{
    struct wire_in in = {bytes, bytes + len, false};
    _Alignas(8) uint8_t host[2048];
    uint8_t *to = malloc(d->size);
    struct wire_out out = {to, to + d->size, false};

    fuzz_check(d->host_size <= sizeof host && to != NULL);
    if (wire_get(&in, d, host)) {
        fuzz_check(in.p == bytes + d->size && !in.bad);
        wire_put(&out, d, host);
        fuzz_check(!out.bad && out.p == out.end);
        check_same(d, bytes, to);
    } else {
        fuzz_check(len < d->size && in.bad);
        for (unsigned i = 0; i < d->host_size; i++) {
            fuzz_check(host[i] == 0);
        }
    }
    free(to);
}

/* A text in less room is the beginning of the text in enough, but for blanks at its end. */
static void check_print(const uint8_t *bytes, size_t len, size_t room)
{
    char whole[8192], *cut = malloc(room + 1);
    size_t n;

    fuzz_check(cut != NULL);
    of_print(&of10, bytes, len, whole, sizeof whole);
    fuzz_check(strlen(whole) < sizeof whole - 1);
    of_print(&of10, bytes, len, cut, room + 1);
    n = strlen(cut);
    while (n > 0 && cut[n - 1] == ' ') {
        n--;
    }
    fuzz_check(strlen(cut) <= room && strncmp(whole, cut, n) == 0, "\"%s\" \"%s\"", whole, cut);
    for (const char *c = whole; *c; c++) {
        fuzz_check(*c >= 0x20 && *c < 0x7f, "byte 0x%02x is printed", (unsigned char)*c);
    }
    free(cut);
}

static void check_header(const struct of_header *h, size_t len)
{
    for (unsigned from = OF_UP; from <= OF_DOWN; from++) {
        struct of_fault fault = {0};

        if (of_check(&of10, h, (enum of_direction)from, &fault)) {
            const struct of_message *m = of_find(&of10, h->type);

            fuzz_check(m && (m->direction & from) && h->length >= of_shortest(m) &&
                       h->version == OF10_VERSION);
        } else {
            fuzz_check_sentence(fault.what, sizeof fault.what);
            fuzz_check(of_error_type(&of10, fault.type) &&
                       of_error_code(&of10, fault.type, fault.code));
        }
    }
    (void)len;
}

static void check_hello(const uint8_t *bytes, size_t len)
{
    for (unsigned version = 0; version < 256; version += 51) {
        bool bad;
        bool allowed = of_hello_allows(bytes, len, (uint8_t)version, &bad);

        fuzz_check(!(allowed && bad));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size < OF_LONGEST ? size : OF_LONGEST;
    uint8_t *bytes = fuzz_copy(data, len);
    const struct wire_desc *d;

    check_print(bytes, len, len > 0 ? bytes[len - 1] : 0);
    if (len >= OF_HEADER) {
        struct of_header h = of_header_at(bytes);

        check_header(&h, len);
        check_hello(bytes, len);
        for (unsigned i = 0; (d = of10_struct(i)); i++) {
            round_trip(d, bytes + OF_HEADER, len - OF_HEADER);
        }
    }
    free(bytes);
    return 0;
}
