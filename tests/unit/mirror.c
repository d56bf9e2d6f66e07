/* tests/unit/mirror.c - the lossy mirror: what a reader gets, misses, and survives. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/fault.h"
#include "shm/file.h"
#include "shm/mirror.h"

#define SIZE (256 * 1024)
#define BEGUN 64 /* in the file: shm/mirror.c, struct mirror_shared */
#define END 72
#define COUNT 80
#define ASKED 128
#define NOW 1000000000000ull

static char dir[] = "/dev/shm/cw-mirror-XXXXXX";
static char path[64], why[400];
static struct mirror_writer w;
static struct mirror_reader r;
static struct mirror_record got;

static void join_writer(void)
{
    cr_assert_eq(mirror_write_join(&w, path, SIZE, why, sizeof why), 0, "%s", why);
}

static void open_all(void)
{
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/M.mirror", dir);
    join_writer();
    cr_assert_eq(mirror_read_join(&r, path, SIZE, why, sizeof why), 0, "%s", why);
}

static void close_all(void)
{
    mirror_read_leave(&r);
    mirror_write_leave(&w);
    unlink(path);
    cr_assert_eq(rmdir(dir), 0);
}

TestSuite(mirror, .timeout = 20, .init = open_all, .fini = close_all);

/* A record in two pieces whose bytes tell its number. */
static void put(size_t meta_len, size_t len)
{
    static uint8_t bytes[MIRROR_DATA];
    size_t cut = len / 3;

    memset(bytes, (int)(w.count + 1), sizeof bytes);
    mirror_put(&w, bytes, meta_len,
               (struct iovec[]){{bytes, cut}, {bytes + cut, len - cut}, {NULL, 0}}, 3);
}

static bool is_whole(uint64_t seq, size_t meta_len, size_t len)
{
    bool whole = got.seq == seq && got.meta_len == meta_len && got.len == len;

    for (size_t i = 0; i < got.meta_len; i++) {
        whole &= got.meta[i] == (uint8_t)seq;
    }
    for (size_t i = 0; i < got.len; i++) {
        whole &= got.data[i] == (uint8_t)seq;
    }
    return whole;
}

static void poke(off_t at, uint64_t value)
{
    int fd = open(path, O_WRONLY);

    cr_assert(fd >= 0 && pwrite(fd, &value, sizeof value, at) == sizeof value);
    close(fd);
}

Test(mirror, gives_every_record_whole_whatever_its_lengths)
{
    unsigned n = 0;

    cr_expect(!mirror_next(&r, &got));
    for (size_t len = 0; len <= MIRROR_DATA; len = len < 40 ? len + 1 : len * 2 - 7) {
        put(len % (MIRROR_META + 1), len);
        cr_assert(mirror_next(&r, &got), "%zu bytes", len);
        cr_expect(is_whole(++n, len % (MIRROR_META + 1), len), "%zu bytes", len);
        cr_expect(got.missed == 0 && got.time_ns > 0);
        cr_expect(!mirror_next(&r, &got));
    }
    put(MIRROR_META, MIRROR_DATA);
    cr_expect(mirror_next(&r, &got) && is_whole(++n, MIRROR_META, MIRROR_DATA));
    cr_expect_eq(mirror_missed(&r), 0);
}

Test(mirror, a_reader_that_was_overrun_knows_exactly_how_much_it_missed)
{
    uint64_t seen = 0, put_so_far = 0;

    for (unsigned round = 1; round < 60; round++) {
        for (unsigned i = 0; i < round * 20; i++, put_so_far++) {
            put(16, 100 + put_so_far % 900);
        }
        while (mirror_next(&r, &got)) {
            cr_assert(is_whole(got.seq, 16, 100 + (got.seq - 1) % 900));
            seen++;
        }
        cr_expect_eq(seen + mirror_missed(&r), put_so_far, "round %u", round);
    }
    cr_expect(seen > 0 && mirror_missed(&r) > 0);
    put(16, 100);
    cr_expect(mirror_next(&r, &got) && got.missed > 0, "it was not told with the next record");
    put(16, 100);
    cr_expect(mirror_next(&r, &got) && got.missed == 0, "it was told twice");
}

Test(mirror, what_was_stepped_over_is_told_with_the_next_record)
{
    for (unsigned i = 0; i < 5; i++) {
        put(16, 100);
    }
    cr_assert(mirror_next(&r, &got));
    mirror_skip(&r);
    cr_expect(!mirror_next(&r, &got));
    cr_expect_eq(mirror_missed(&r), 4);
    put(16, 100);
    cr_assert(mirror_next(&r, &got) && is_whole(6, 16, 100));
    cr_expect(got.missed == 4 && mirror_missed(&r) == 4);
}

Test(mirror, keeps_as_much_as_it_has_room_for)
{
    unsigned n = 0;

    while ((n + 1) * (32 + 96) <= SIZE) {
        put(0, 96);
        n++;
    }
    for (unsigned i = 1; i <= n; i++) {
        cr_assert(mirror_next(&r, &got) && is_whole(i, 0, 96), "record %u of %u", i, n);
    }
}

Test(mirror, what_passed_while_it_was_off_counts_as_missed)
{
    mirror_ask(&w, NOW);
    cr_assert(mirror_asked(&w));
    mirror_look(&w, NOW, 500);
    cr_assert(w.on && mirror_on(&r) && !mirror_asked(&w));
    mirror_start(&r);
    put(0, 8);
    cr_assert(mirror_next(&r, &got) && got.seq == 501 && mirror_missed(&r) == 0);
    mirror_look(&w, NOW + MIRROR_LEASE_NS, 501);
    cr_assert(!w.on && !mirror_on(&r));
    mirror_ask(&w, NOW + 2 * MIRROR_LEASE_NS);
    mirror_look(&w, NOW + 2 * MIRROR_LEASE_NS, 777);
    put(0, 8);
    cr_assert(mirror_next(&r, &got) && got.seq == 778);
    cr_expect(got.missed == 276 && mirror_missed(&r) == 276);
}

Test(mirror, ends_when_nobody_asks_again)
{
    mirror_look(&w, NOW, 0);
    cr_expect(!w.on, "on without being asked");
    for (uint64_t t = NOW; t < NOW + 10 * MIRROR_LEASE_NS; t += MIRROR_LEASE_NS / 3) {
        mirror_ask(&w, t);
        mirror_look(&w, t + MIRROR_LEASE_NS / 3 - 1, 0);
        cr_expect(w.on);
    }
    mirror_look(&w, NOW + 10 * MIRROR_LEASE_NS + MIRROR_LEASE_NS, 0);
    cr_expect(!w.on);
    mirror_ask(&w, NOW + 100 * MIRROR_LEASE_NS); /* of another boot */
    mirror_look(&w, NOW, 0);
    cr_expect(!w.on);
    mirror_ask(&w, NOW + 1000); /* a moment after the look began */
    mirror_look(&w, NOW, 0);
    cr_expect(w.on);
}

Test(mirror, a_successor_goes_on_where_its_predecessor_ended_and_is_asked_still)
{
    mirror_ask(&w, NOW);
    put(4, 100);
    mirror_write_leave(&w);
    join_writer();
    cr_expect(mirror_asked(&w) && !w.on);
    mirror_look(&w, NOW + 1, 1);
    cr_expect(w.on);
    put(4, 200);
    cr_expect(mirror_next(&r, &got) && is_whole(1, 4, 100));
    cr_expect(mirror_next(&r, &got) && is_whole(2, 4, 200));
    cr_expect_eq(mirror_missed(&r), 0);
}

/* It died when it had written a 60 kB record in part over the oldest ones. */
Test(mirror, a_writer_killed_in_a_record_leaves_no_half_record_to_believe)
{
    while (w.end + 2 * 1056 < SIZE) {
        put(0, 1024);
    }
    poke(BEGUN, w.end + 60032);
    for (unsigned i = 512; i < 1056; i += 8) {
        poke(FILE_PAGE + i, UINT64_MAX); /* within the first record, which ends all the same */
    }
    mirror_write_leave(&w);
    join_writer();
    put(0, 16); /* shorter than what the dead one had begun */
    cr_expect(!mirror_next(&r, &got), "record %lu of %u bytes", got.seq, got.len);
    put(0, 24);
    cr_expect(mirror_next(&r, &got) && is_whole(w.count, 0, 24));
    cr_expect_eq(mirror_missed(&r), w.count - 1);
}

Test(mirror, has_one_writer)
{
    struct mirror_writer second;

    cr_expect_eq(mirror_write_join(&second, path, SIZE, why, sizeof why), -EBUSY);
    cr_expect(strstr(why, path) && strstr(why, "another process writes"), "%s", why);
}

Test(mirror, damaged_positions_are_started_anew_by_its_writer)
{
    put(0, 8);
    mirror_write_leave(&w);
    poke(END, 12345);
    join_writer();
    cr_expect(strstr(why, "M.mirror: its indexes do not hold together"), "%s", why);
    cr_expect(w.end == 0 && w.count == 0);
    put(0, 40);
    for (unsigned i = 0; i < 3 && !mirror_next(&r, &got); i++) {
    }
    put(0, 48);
    cr_expect(mirror_next(&r, &got) && is_whole(2, 0, 48));
    mirror_write_leave(&w);
    join_writer();
    cr_expect_str_empty(why);
}

Test(mirror, a_file_that_another_has_replaced_is_noticed)
{
    char aside[80];

    cr_expect(!mirror_replaced(&r));
    snprintf(aside, sizeof aside, "%s.old", path);
    rename(path, aside);
    cr_expect(!mirror_replaced(&r), "there is none");
    mirror_write_leave(&w);
    join_writer();
    cr_expect(mirror_replaced(&r));
    unlink(aside);
}

static uint64_t state = 88172645463325252ull;

static uint64_t noise(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Whatever stands in the file: no crash, no endless turn, no length past the room for it. */
Test(mirror, a_liar_cannot_harm_its_reader)
{
    static const uint64_t odd[] = {0, 1, 7, 8, 31, 32, SIZE, SIZE + 8, UINT64_MAX, UINT64_MAX - 7};
    uint64_t *file = mmap(NULL, FILE_PAGE + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0);
    unsigned n = 0;

    cr_assert(file != MAP_FAILED);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t lie = noise() % 2   ? odd[noise() % 10]
                       : noise() % 2 ? noise()
                                     : file[9] + noise() % 200;

        if (noise() % 4 == 0) {
            file[8 + noise() % 4] = lie;
        } else {
            file[(FILE_PAGE + (r.at + noise() % 48) % SIZE) / 8] = lie & 0xffff0000ffffull;
        }
        file[9] = noise() % 4 ? file[9] : r.at + noise() % 300;
        file[8] = noise() % 8 ? file[9] : file[8];
        for (unsigned k = 0; k < 10 && mirror_next(&r, &got); k++) {
            cr_assert(got.len <= MIRROR_DATA && got.meta_len <= MIRROR_META);
            n++;
        }
    }
    cr_expect_gt(n, 100, "the lies were never believed");
    munmap(file, FILE_PAGE + SIZE);
}

Test(mirror, a_file_cut_short_is_an_empty_one_until_it_is_whole_again)
{
    fault_open();
    put(0, 5000);
    put(0, 5000);
    cr_assert_eq(ftruncate(w.fd, 0), 0);
    cr_expect(!mirror_next(&r, &got));
    cr_assert_eq(ftruncate(w.fd, FILE_PAGE + SIZE), 0);
    mirror_next(&r, &got);
    put(0, 64);
    for (unsigned i = 0; i < 3 && !mirror_next(&r, &got); i++) {
    }
    put(0, 72);
    cr_expect(mirror_next(&r, &got) && is_whole(4, 0, 72));
}

Test(mirror, a_reader_says_what_is_wrong_with_the_file)
{
    struct mirror_reader other;

    poke(8, 77); /* the ABI */
    cr_expect_eq(mirror_read_join(&other, path, SIZE, why, sizeof why), -EPROTO);
    cr_expect(strstr(why, "ABI"), "%s", why);
    snprintf(why, sizeof why, "%s/none", dir);
    cr_expect_eq(mirror_read_join(&other, why, SIZE, why, sizeof why), -ENOENT);
}
