/* A captured frame in one line: an input is a frame, whole or cut. */
#include "common/proto/frame_info.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *frame = fuzz_copy(data, size);
    size_t room = size > 0 ? frame[size - 1] % 128u + 1 : 1;
    char whole[512], *cut = malloc(room);

    fuzz_check(cut != NULL);
    frame_line(whole, sizeof whole, frame, size);
    fuzz_check(strlen(whole) > 0 && strlen(whole) < sizeof whole - 1);
    for (const char *c = whole; *c; c++) {
        fuzz_check(*c >= 0x20 && *c < 0x7f, "byte 0x%02x is printed", (unsigned char)*c);
    }
    frame_line(cut, room, frame, size);
    fuzz_check(strncmp(whole, cut, strlen(cut)) == 0 &&
               strlen(cut) == (strlen(whole) < room ? strlen(whole) : room - 1));
    free(cut);
    free(frame);
    return 0;
}
