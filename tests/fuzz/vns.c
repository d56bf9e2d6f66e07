/* The VNS codec: an input is a stream of messages. */
#include "common/proto/vns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INTERFACES 64

/* Every structure is read from the body, and written as it was read. */
static void round_trips(const uint8_t *body, size_t len)
{
    for (size_t i = 0; i < vns_n_descs; i++) {
        const struct wire_desc *d = vns_descs[i]();
        struct wire_in in = {body, body + len, false};
        _Alignas(8) uint8_t host[512], to[512], again[512];
        struct wire_out out = {to, to + d->size, false};

        fuzz_check(d->host_size <= sizeof host && d->size <= sizeof to);
        if (!wire_get(&in, d, host)) {
            fuzz_check(len < d->size);
            continue;
        }
        wire_put(&out, d, host);
        fuzz_check(!out.bad && out.p == out.end);
        in = (struct wire_in){to, to + d->size, false};
        memset(again, 0, sizeof again);
        fuzz_check(wire_get(&in, d, again));
        for (unsigned f = 0; f < d->n_fields; f++) {
            const struct wire_field *field = &d->fields[f];

            fuzz_check(!field->name ||
                           memcmp(host + field->offset, again + field->offset, field->size) == 0,
                       "%s.%s", d->name, field->name);
        }
    }
}

/* Interfaces that were read can be told again, and are then the same. */
static void hwinfo(const uint8_t *body, size_t len)
{
    static struct vns_interface list[INTERFACES], again[INTERFACES];
    static uint8_t message[8 + INTERFACES * VNS_HW_INTERFACE_LEN];
    struct wire_in in = {body, body + len, false};
    int n;

    memset(list, 0, sizeof list);
    memset(again, 0, sizeof again);
    n = vns_hwinfo_read(&in, list, INTERFACES);
    fuzz_check(n <= INTERFACES && (n >= 0 || n == -EBADMSG));
    if (n < 0) {
        return;
    }
    fuzz_check(len % 36 == 0 && wire_left(&in) == 0);
    len = vns_hwinfo_message(message, sizeof message, list, (size_t)n);
    fuzz_check(len == 8 + (size_t)n * VNS_HW_INTERFACE_LEN);
    in = (struct wire_in){message + 8, message + len, false};
    fuzz_check(vns_hwinfo_read(&in, again, INTERFACES) == n);
    fuzz_check(memcmp(list, again, sizeof list) == 0);
}

static void texts(const uint8_t *body, size_t len)
{
    char text[300], small[8];

    vns_text_read(text, sizeof text, body, len);
    vns_text_read(small, sizeof small, body, len);
    fuzz_check(strlen(text) < sizeof text && strlen(small) < sizeof small);
    fuzz_check(strncmp(text, small, strlen(small)) == 0);
    for (const char *c = text; *c; c++) {
        fuzz_check(*c >= 0x20 && *c < 0x7f);
    }
}

/* One message in memory of just its size. */
static void message(const uint8_t *bytes, size_t len)
{
    uint8_t *m = fuzz_copy(bytes, len);
    struct wire_in in = {m, m + len, false};
    struct vns_header h;

    fuzz_check(vns_header_get(&in, &h) && h.length == len);
    fuzz_check(len == 8 || vns_message_length(m, len - 1, VNS_SERVER_MAX) == 0);
    round_trips(m + 8, len - 8);
    texts(m + 8, len - 8);
    hwinfo(m + 8, len - 8);
    free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = fuzz_copy(data, size);
    size_t at = 0;
    long n;

    while ((n = vns_message_length(bytes + at, size - at, VNS_SERVER_MAX)) > 0) {
        fuzz_check(n >= 8 && (size_t)n <= size - at);
        message(bytes + at, (size_t)n);
        at += (size_t)n;
    }
    fuzz_check(n == 0 || n == -EBADMSG);
    free(bytes);
    return 0;
}
