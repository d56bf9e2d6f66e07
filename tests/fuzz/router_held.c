/* The file of held frames as a predecessor may have left it: an input is what is changed in it.
 *
 *     8 bytes   the position up to which the input was settled; 8 bytes, a serial that has left
 *     a change  1 byte the slot, 2 bytes where in it, 1 byte how many bytes, and they
 *
 * The router that takes it over handles each frame once: sent, or expired; every slot is free in
 * the end, and what leaves is a frame. */
#include "tests/fuzz/router_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static char path[256];
static uint8_t *map, *good;
static size_t size_of_file, header; /* header: bytes before the first slot */

static void hold_some(void)
{
    uint8_t frame[256];
    size_t len = make(
        frame, &(struct spec){.src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 9, .payload = 40});

    for (unsigned i = 0; i < 4; i++) {
        struct hold_slot what = {.position = 8 + i,
                                 .held_ns = rig.now,
                                 .next_hop = SERVER2 + i / 2,
                                 .out_iface = ETH2,
                                 .in_iface = ETH3};

        fuzz_check(hold_put(&rig.r.hold, &what, frame, len, NULL, 0));
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char why[512];
    int fd;

    (void)argc, (void)argv;
    rig_start();
    snprintf(path, sizeof path, "%s/router.held", fuzz_dir());
    hold_close(&rig.r.hold);
    fuzz_check(hold_open(&rig.r.hold, path, why, sizeof why) == 0, "%s", why);
    hold_some();
    fd = open(path, O_RDWR | O_CLOEXEC);
    size_of_file = (size_t)lseek(fd, 0, SEEK_END);
    header = size_of_file - HOLD_SLOTS * sizeof(struct hold_slot);
    map = mmap(NULL, size_of_file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fuzz_check(map != MAP_FAILED);
    close(fd);
    good = fuzz_copy(map, size_of_file);
    return 0;
}

static struct hold_slot *slot_at(size_t slot)
{
    return (void *)(map + header + slot * sizeof(struct hold_slot));
}

static void change(struct fuzz *f)
{
    size_t slot = fuzz_u8(f) % 5, at = fuzz_u16(f) % sizeof(struct hold_slot), n = fuzz_u8(f);
    const uint8_t *bytes = fuzz_bytes(f, &n);

    memcpy(slot == 4 ? map + at % header : (uint8_t *)slot_at(slot) + at, bytes, n);
}

static void check_out(const struct rig_out *o)
{
    fuzz_check(o->o.verdict == VERDICT_ORIGINATED && o->len >= 34 && o->len <= HOLD_FRAME &&
                   iface_at(&rig.r.ifaces, o->o.iface),
               "%u bytes by %u", o->len, o->o.iface);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint64_t settled = fuzz_u64(&f), left = fuzz_u64(&f);
    unsigned old, kept;
    char why[512];

    hold_close(&rig.r.hold);
    memcpy(map, good, size_of_file);
    for (unsigned i = 0; i < 4; i++) {
        slot_at(i)->held_ns = rig.now; /* still young */
    }
    for (unsigned i = 0; i < 16 && f.left > 0; i++) {
        change(&f);
    }
    fuzz_check(hold_open(&rig.r.hold, path, why, sizeof why) == 0, "%s", why);
    hold_left(&rig.r.hold, left);
    kept = hold_restore(&rig.r.hold, settled ? settled : UINT64_MAX, rig.now, &old);
    fuzz_check(kept + old <= HOLD_SLOTS && kept + rig.r.hold.n_free == HOLD_SLOTS,
               "%u kept, %u free", kept, rig.r.hold.n_free);
    rig_pass(check_out);
    rig.now += HOLD_OLD_NS + 1; /* an interface that is not there is waited for so long */
    rig_settle(check_out);
    hold_some(); /* it takes frames again */
    rig_settle(check_out);
    return 0;
}
