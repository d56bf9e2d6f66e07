/* tests/fuzz/ctl_decode_of.c - `causeway decode` on anything: text, captures, streams of messages.
 *
 * An input is a byte of flags and a file.  Standard output goes to a file in memory, whose lines
 * are looked at. */
#include "ctl/decode_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/of.h"
#include "tests/fuzz/fuzz.h"

static struct decode scratch; /* its memory is used again and again */
static char *said;
static size_t said_len;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_check(decode_open(&scratch));
    return 0;
}

/* What decode_of.c does with a file, without the file. */
static void decode_file(struct decode *d, const uint8_t *bytes, size_t len)
{
    struct decode_place at = {0};

    if (!d->hex && decode_is_pcap(bytes, len)) {
        decode_pcap(d, bytes, len);
    } else if (d->hex || decode_is_text(bytes, len)) {
        decode_text(d, (const char *)bytes, len);
    } else {
        decode_cut(d, &at, bytes, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctl c = {0};
    struct decode d = scratch;
    FILE *out = stdout, *errors = stderr;
    uint8_t flags = size > 0 ? data[0] : 0;
    uint8_t *file;

    if (size < 2) {
        return 0;
    }
    d.c = &c;
    d.verbose = flags & 1;
    d.json = flags & 2;
    d.frame = flags & 4;
    d.roundtrip = flags & 8;
    d.hex = flags & 16;
    d.vns = flags & 32;
    file = fuzz_copy(data + 1, size - 1);
    stdout = open_memstream(&said, &said_len);
    stderr = fopen("/dev/null", "we");
    fuzz_check(stdout && stderr);
    decode_file(&d, file, size - 1);
    fclose(stdout);
    fclose(stderr);
    stdout = out;
    stderr = errors;
    for (size_t i = 0; i < said_len; i++) {
        fuzz_check(said[i] == '\n' || (said[i] >= 0x20 && said[i] < 0x7f), "byte 0x%02x is printed",
                   (unsigned char)said[i]);
    }
    free(said);
    scratch.line = d.line;
    scratch.line_size = d.line_size;
    free(file);
    return 0;
}
