/* A frame taken apart: golden layers of sample frames, each cut at every length. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/frame_info.h"
#include "common/proto/layers.h"
#include "common/text.h"

TestSuite(layers, .timeout = 20);

static char out[8192];
static struct text to;

static void on_layer(void *context, const char *name)
{
    (void)context;
    text_say(&to, "%s[%s]", text_needed(&to) ? "\n" : "", name);
}

static void on_field(void *context, const char *name, const char *value)
{
    (void)context;
    text_say(&to, " %s=%s;", name, value);
}

static void take_apart(const uint8_t *frame, size_t len, size_t whole)
{
    text_open(&to, out, sizeof out);
    layers_frame(&(struct layers){on_layer, on_field, NULL}, frame, len, whole);
    cr_assert_lt(text_needed(&to), sizeof out);
}

static size_t from_hex(uint8_t *bytes, const char *hex)
{
    size_t n = 0;

    for (; *hex; hex++) {
        if (*hex != ' ') {
            unsigned v;

            cr_assert_eq(sscanf(hex, "%2x", &v), 1);
            bytes[n++] = (uint8_t)v;
            hex++;
        }
    }
    return n;
}

#define MACS "020000000002 020000000001 "
#define SAYS_MACS "[Ethernet] destination=02:00:00:00:00:02; source=02:00:00:00:00:01; "
/* 10.0.1.100 > 192.168.2.2 */
#define SAYS_ENDS " source=10.0.1.100; destination=192.168.2.2;"

static const struct sample {
    const char *what, *hex, *says, *info;
} samples[] = {
#include "tests/unit/layers.def"
};
#define N_SAMPLES (sizeof samples / sizeof samples[0])

Test(layers, are_what_each_sample_has)
{
    uint8_t bytes[512];

    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t n = from_hex(bytes, samples[i].hex);
        struct frame_info f;

        take_apart(bytes, n, n);
        cr_expect_str_eq(out, samples[i].says, "%s:\n%s\n---- expected:\n%s", samples[i].what, out,
                         samples[i].says);
        frame_info(&f, bytes, n);
        cr_expect_str_eq(f.info, samples[i].info, "%s: %s", samples[i].what, f.info);
    }
}

/* A sanitizer sees a byte read past the end; and a frame that is cut says so. */
Test(layers, end_where_the_bytes_do)
{
    uint8_t bytes[512];

    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t n = from_hex(bytes, samples[i].hex);

        for (size_t len = 0; len < n; len++) {
            uint8_t *exact = malloc(len + (len == 0));
            struct frame_info f;
            char line[60];

            memcpy(exact, bytes, len);
            take_apart(exact, len, n);
            cr_expect(strstr(out, "cut="), "%s cut to %zu: %s", samples[i].what, len, out);
            frame_info(&f, exact, len);
            cr_expect_gt(strlen(f.info), 0);
            frame_line(line, sizeof line, exact, len);
            free(exact);
        }
    }
}

Test(layers, say_what_lengths_that_cannot_be_are)
{
    uint8_t bytes[512];
    size_t n = from_hex(bytes, samples[0].hex);

    for (size_t at = 12; at < n; at++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t *exact = malloc(n);

            memcpy(exact, bytes, n);
            exact[at] = (uint8_t)v;
            take_apart(exact, n, n);
            free(exact);
        }
    }
}
