/* ctl/decode_of.c - `causeway decode`: OpenFlow and VNS messages as text.
 *
 * Bytes come as hex, as a binary file, or as a capture; which of them, their beginning tells. */
#include "ctl/decode_of.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

/* All of a file, or of standard input; the caller frees it.  NULL: a failure that has been said. */
static uint8_t *read_all(const char *name, size_t *len)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rbe");
    size_t room = CHUNK, n;
    uint8_t *bytes = f ? malloc(room) : NULL;

    *len = 0;
    if (!f) {
        ctl_fail("%s: cannot be read: %s", name, strerror(errno));
        return NULL;
    }
    while (bytes && (n = fread(bytes + *len, 1, room - *len, f)) > 0) {
        *len += n;
        if (*len == room) {
            uint8_t *more = room < DECODE_INPUT_MAX ? realloc(bytes, room *= 2) : NULL;

            if (!more) {
                free(bytes);
            }
            bytes = more;
        }
    }
    if (!bytes) {
        ctl_fail("%s: more than memory or than %u bytes: cut it, as with editcap -c", name,
                 DECODE_INPUT_MAX);
    } else if (ferror(f)) {
        ctl_fail("%s: cannot be read: %s", name, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (f != stdin) {
        fclose(f);
    }
    return bytes;
}

static int take_port(struct decode *d, const char *value)
{
    char *end;
    unsigned long port = value ? strtoul(value, &end, 10) : 0;

    if (!value || *end || port == 0 || port > 65535) {
        return ctl_usage(d->c, "--port is '%s', expected a TCP port from 1 to 65535",
                         value ? value : "");
    }
    d->port = (unsigned)port;
    return 0;
}

static int take_words(struct decode *d, const struct ctl *c, const char **file)
{
    static const struct {
        const char *word;
        size_t at;
    } flags[] = {
        {"--verbose", offsetof(struct decode, verbose)},
        {"-v", offsetof(struct decode, verbose)},
        {"--frame", offsetof(struct decode, frame)},
        {"--roundtrip", offsetof(struct decode, roundtrip)},
        {"--hex", offsetof(struct decode, hex)},
        {"--vns", offsetof(struct decode, vns)},
    };

    for (int i = 1; i < c->argc; i++) {
        const char *word = c->argv[i];
        bool known = false;

        for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
            if (strcmp(word, flags[f].word) == 0) {
                *(bool *)((char *)d + flags[f].at) = known = true;
            }
        }
        if (known) {
            continue;
        }
        if (strcmp(word, "--port") == 0) {
            int status = take_port(d, i + 1 < c->argc ? c->argv[i + 1] : NULL);

            if (status != 0) {
                return status;
            }
            i++;
        } else if ((word[0] == '-' && word[1] != '\0') || *file) {
            return ctl_usage(c, "decode: unknown word '%s'", word);
        } else {
            *file = word;
        }
    }
    return 0;
}

static int decode_bytes(struct decode *d, const char *file, const uint8_t *bytes, size_t len)
{
    struct decode_place at = {0};

    if (len == 0) {
        return ctl_fail("%s is empty: expected hex digits, a pcap file, or messages as they are",
                        file);
    }
    if (!d->hex && decode_is_pcap(bytes, len)) {
        return decode_pcap(d, bytes, len);
    }
    if (d->hex || decode_is_text(bytes, len)) {
        return decode_text(d, (const char *)bytes, len);
    }
    decode_cut(d, &at, bytes, len);
    return 0;
}

/* The end: nothing found is a failure, too. */
static int summary(const struct decode *d, const char *file)
{
    if (d->wrong > 0) {
        return ctl_fail("%s: %" PRIu64 " malformed, of %" PRIu64 " messages", file, d->wrong,
                        d->messages > d->wrong ? d->messages : d->wrong);
    }
    if (d->gaps > 0) {
        return ctl_fail("%s: bytes are missing in %" PRIu64 " places, see 'gap' above", file,
                        d->gaps);
    }
    if (d->messages == 0 && d->strangers > 0) {
        return ctl_fail("%s has no OpenFlow and no VNS, but %" PRIu64
                        " other TCP streams: name a port with --port",
                        file, d->strangers);
    }
    if (d->messages == 0) {
        return ctl_fail("%s has no message", file);
    }
    return 0;
}

int cmd_decode(struct ctl *c)
{
    struct decode d = {.c = c, .json = c->json};
    const char *file = NULL, *name;
    uint8_t *bytes;
    size_t len;
    int status = take_words(&d, c, &file);

    if (status != 0) {
        return status;
    }
    if (!file && isatty(STDIN_FILENO)) {
        return ctl_usage(c, "decode: nothing to decode: name a file, or pipe hex or a capture in, "
                            "as in: ovs-ofctl snoop ... | causeway decode");
    }
    file = file ? file : "-";
    name = strcmp(file, "-") == 0 ? "standard input" : file;
    bytes = read_all(file, &len);
    if (!bytes) {
        return 1;
    }
    if (decode_open(&d)) {
        status = decode_bytes(&d, name, bytes, len);
        status = status ? status : fflush(stdout) != 0 ? 0 : summary(&d, name);
    } else {
        status = ctl_fail("out of memory for decoding");
    }
    decode_close(&d);
    free(bytes);
    return status;
}
