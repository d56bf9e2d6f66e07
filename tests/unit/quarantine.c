/* tests/unit/quarantine.c - the pcap file: its bound, what it survives, what it leaves alone. */
#include "shm/quarantine.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

static char dir[] = "/dev/shm/cw-quarantine-XXXXXX";
static struct quarantine q;
static uint8_t head[200], tail[70000];

static void make(void)
{
    log_set_level(LOG_ERROR);
    cr_assert(mkdtemp(dir) != NULL);
    quarantine_open(&q, dir, "router");
    for (size_t i = 0; i < sizeof tail; i++) {
        tail[i] = (uint8_t)(i * 7);
    }
    memset(head, 0xaa, sizeof head);
}

static void clean(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert(zero(int, system(command)));
}

TestSuite(quarantine, .timeout = 30, .init = make, .fini = clean);

static struct quarantine_frame frame(uint32_t head_len, uint32_t tail_len)
{
    return (struct quarantine_frame){.head = head,
                                     .head_len = head_len,
                                     .tail = tail_len ? tail : NULL,
                                     .tail_len = tail_len,
                                     .where = "interface=eth1",
                                     .deaths = 2,
                                     .signal = SIGSEGV};
}

static uint64_t size_of_file(void)
{
    struct stat st;

    cr_assert(zero(int, stat(q.path, &st)));
    return (uint64_t)st.st_size;
}

/* Frames in the file, whose bytes must be head and tail as they were put; their sizes to 'kept'. */
static unsigned frames(uint32_t kept[], unsigned max)
{
    FILE *f = fopen(q.path, "r");
    uint32_t h[6];
    unsigned n = 0;

    cr_assert(f != NULL && fread(h, 24, 1, f) == 1 && h[0] == 0xa1b2c3d4 && h[5] == 1);
    while (fread(h, 16, 1, f) == 1) {
        static uint8_t bytes[65535];

        cr_assert(le(u32, h[2], 65535));
        cr_assert(fread(bytes, h[2], 1, f) == 1);
        cr_expect(eq(u8, bytes[0], 0xaa));
        cr_expect(h[2] <= 128 || bytes[h[2] - 1] == tail[h[2] - 129], "frame %u", n);
        if (n < max) {
            kept[n] = h[2];
        }
        n++;
    }
    fclose(f);
    return n;
}

Test(quarantine, keeps_head_and_tail_also_over_a_restart)
{
    struct quarantine_frame small = frame(60, 0), big = frame(128, 1386), huge = frame(128, 70000);
    uint32_t kept[8] = {0};

    cr_expect(quarantine_put(&q, &small));
    quarantine_close(&q);
    quarantine_open(&q, dir, "router");
    cr_expect(quarantine_put(&q, &big));
    cr_expect(quarantine_put(&q, &huge));
    cr_expect(eq(u32, frames(kept, 8), 3));
    cr_expect(eq(u32, kept[0], 60));
    cr_expect(eq(u32, kept[1], 1514));
    cr_expect(eq(u32, kept[2], 65535));
}

Test(quarantine, is_bounded_and_says_when_it_is_full)
{
    struct quarantine_frame f = frame(128, 1386);
    unsigned n = 0;

    while (quarantine_put(&q, &f)) {
        n++;
    }
    cr_expect(eq(u32, n, (QUARANTINE_BYTES - 24) / (16 + 1514)));
    for (unsigned i = 0; i < 3; i++) {
        cr_expect(not(quarantine_put(&q, &f)));
        quarantine_close(&q);
        quarantine_open(&q, dir, "router");
    }
    cr_expect(le(u64, size_of_file(), QUARANTINE_BYTES));
    cr_expect(eq(u32, frames(NULL, 0), n));
}

Test(quarantine, a_frame_cut_short_is_cut_off_and_a_strange_file_starts_anew)
{
    struct quarantine_frame f = frame(128, 1000);

    quarantine_put(&q, &f);
    quarantine_put(&q, &f);
    quarantine_close(&q);
    for (uint64_t cut = size_of_file() - 1; cut > 24 + 16 + 1128; cut -= 97) {
        cr_assert(zero(int, truncate(q.path, (off_t)cut)));
        quarantine_open(&q, dir, "router");
        cr_expect(eq(u64, size_of_file(), 24 + 16 + 1128), "cut at %llu", (unsigned long long)cut);
        quarantine_put(&q, &f);
        quarantine_close(&q);
        cr_expect(eq(u32, frames(NULL, 0), 2));
    }
    for (unsigned i = 0; i < 24; i++) { /* one byte of the header is another */
        int fd = open(q.path, O_WRONLY);

        cr_assert(eq(int, (int)pwrite(fd, "\x5a", 1, (off_t)i), 1));
        close(fd);
        quarantine_open(&q, dir, "router");
        cr_expect(eq(u64, size_of_file(), 24), "byte %u", i);
        quarantine_put(&q, &f);
        quarantine_close(&q);
        cr_expect(eq(u32, frames(NULL, 0), 1));
    }
}

Test(quarantine, bytes_that_are_gone_are_not_kept_and_harm_nobody)
{
    struct quarantine_frame f = frame(128, 1000), gone = f;

    gone.tail = (const uint8_t *)16; /* as an arena that its owner made shorter */
    cr_expect(not(quarantine_put(&q, &gone)));
    quarantine_close(&q);
    quarantine_open(&q, dir, "router");
    cr_expect(quarantine_put(&q, &f));
    cr_expect(eq(u32, frames(NULL, 0), 1));
}
