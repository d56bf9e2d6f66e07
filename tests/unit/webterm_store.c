/* The ring of packets that were looked at. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webterm/packets_store.h"

static struct packets_store s;

static void open_store(void)
{
    cr_assert_eq(store_open(&s), 0);
}

static void close_store(void)
{
    store_close(&s);
}

TestSuite(store, .timeout = 20, .init = open_store, .fini = close_store);

static uint8_t bytes[70000];

static void put(size_t len)
{
    const struct packet p = {.len = (uint32_t)len, .key = {.len = (uint32_t)len}};
    char line[40];

    memset(bytes, (int)(store_next(&s) & 0xff), len);
    snprintf(line, sizeof line, "line %u", (unsigned)store_next(&s));
    store_add(&s, &p, bytes, line, "{}", 2);
}

static void holds(uint64_t n, size_t len)
{
    const struct packet *p = store_get(&s, n);
    char line[40];

    cr_assert(p, "packet %u is gone", (unsigned)n);
    snprintf(line, sizeof line, "line %u", (unsigned)n);
    cr_expect_eq(p->n, n);
    cr_expect_eq(p->len, len);
    cr_expect_str_eq(p->key.line, line);
    cr_expect_eq(p->json_len, 2);
    cr_expect_eq(memcmp(p->json, "{}", 2), 0);
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq(p->bytes[i], n & 0xff, "byte %zu of packet %u", i, (unsigned)n);
    }
}

Test(store, keeps_the_last_ones_by_number)
{
    cr_expect(!store_get(&s, 0) && !store_get(&s, 1));
    for (unsigned i = 1; i <= STORE_PACKETS + 100; i++) {
        put(60);
        holds(i, 60);
    }
    cr_expect_eq(s.next, STORE_PACKETS + 101);
    cr_expect_eq(s.next - s.first, STORE_PACKETS);
    for (uint64_t n = s.first; n < s.next; n++) {
        holds(n, 60);
    }
    cr_expect(!store_get(&s, s.first - 1) && !store_get(&s, s.next));
}

Test(store, lets_the_oldest_go_when_bytes_are_short)
{
    for (unsigned i = 0; i < 700; i++) {
        put(i % 3 ? sizeof bytes : 10);
    }
    cr_expect_lt(s.next - s.first, 500);
    cr_expect_gt(s.next - s.first, STORE_BYTES / sizeof bytes - 2);
    for (uint64_t n = s.first; n < s.next; n++) {
        holds(n, (n - 1) % 3 ? sizeof bytes : 10);
    }
}

Test(store, keeps_packets_of_any_length_whole)
{
    srand(7);
    for (unsigned i = 0; i < 3000; i++) {
        put((size_t)rand() % sizeof bytes);
        holds(s.next - 1, store_get(&s, s.next - 1)->len);
        holds(s.first, store_get(&s, s.first)->len);
    }
}
