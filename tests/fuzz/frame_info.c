/* A captured frame in one line, at a glance, and layer by layer: an input is a frame, whole or cut.
 */
#include "common/proto/frame_info.h"

#include "common/proto/layers.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
    for (const char *c = text; *c; c++) {
        fuzz_check(*c >= 0x20 && *c < 0x7f, "byte 0x%02x is printed", (unsigned char)*c);
    }
}

static unsigned n_layers, n_fields;

static void on_layer(void *context, const char *name)
{
    (void)context;
    fuzz_check(strlen(name) > 0);
    check_text(name);
    n_layers++;
}

static void on_field(void *context, const char *name, const char *value)
{
    (void)context;
    fuzz_check(n_layers > 0, "a field before the first layer");
    check_text(name);
    check_text(value);
    n_fields++;
}

/* Layers and fields are bounded by the bytes that there are. */
static void check_layers(const uint8_t *frame, size_t size, size_t whole)
{
    n_layers = n_fields = 0;
    layers_frame(&(struct layers){on_layer, on_field, NULL}, frame, size, whole);
    fuzz_check(n_layers >= 1 && n_layers <= 2 + size / 4 + 2);
    fuzz_check(n_fields <= 16 * n_layers + size);
}

static void check_info(const uint8_t *frame, size_t size)
{
    struct frame_info f;

    frame_info(&f, frame, size);
    fuzz_check(memchr(f.info, 0, sizeof f.info) && strlen(f.info) > 0);
    check_text(f.info);
    fuzz_check(f.protos & 1u << f.proto);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *frame = fuzz_copy(data, size);
    size_t room = size > 0 ? frame[size - 1] % 128u + 1 : 1;
    char whole[512], *cut = malloc(room);

    fuzz_check(cut != NULL);
    frame_line(whole, sizeof whole, frame, size);
    fuzz_check(strlen(whole) > 0 && strlen(whole) < sizeof whole - 1);
    check_text(whole);
    check_info(frame, size);
    check_layers(frame, size, size);
    check_layers(frame, size, size + 100);
    frame_line(cut, room, frame, size);
    fuzz_check(strncmp(whole, cut, strlen(cut)) == 0 &&
               strlen(cut) == (strlen(whole) < room ? strlen(whole) : room - 1));
    free(cut);
    free(frame);
    return 0;
}
