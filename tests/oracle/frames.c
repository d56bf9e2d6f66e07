/* tests/oracle/frames.c - a frame a line in hex; its layers as JSON, as webterm shows them. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/layers.h"
#include "common/text.h"

static char line[1 << 18], out[1 << 20];
static uint8_t frame[1 << 17];
static struct text to;
static bool any_layer, any_field;

static void on_layer(void *context, const char *name)
{
    (void)context;
    text_say(&to, "%s[\"%s\",[", any_layer ? "]]," : "", name);
    any_layer = true;
    any_field = false;
}

static void on_field(void *context, const char *name, const char *value)
{
    (void)context;
    text_say(&to, "%s[", any_field ? "," : "");
    text_json(&to, name, strlen(name));
    text_char(&to, ',');
    text_json(&to, value, strlen(value));
    text_char(&to, ']');
    any_field = true;
}

int main(void)
{
    while (fgets(line, sizeof line, stdin)) {
        size_t n = 0;

        for (const char *p = line; p[0] > ' ' && p[1] > ' '; p += 2) {
            const char two[3] = {p[0], p[1], 0};

            frame[n++] = (uint8_t)strtoul(two, NULL, 16);
        }
        text_open(&to, out, sizeof out);
        any_layer = false;
        text_char(&to, '[');
        layers_frame(&(struct layers){on_layer, on_field, NULL}, frame, n, n);
        printf("%s]]]\n", out);
    }
    return 0;
}
