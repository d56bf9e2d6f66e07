/* tests/poison/trigger.c - frames that kill whoever handles them, for tests/e2e/test_poison.py.
 *
 * Linked into a second router and vnsbridge (build/poison/bin) whose other objects are those of the
 * real ones: the linker turns their calls of ring_hand and hold_hand, by which a frame comes into
 * their hands, into calls of the functions here.
 *
 * A UDP payload that starts with "VENOM!" and three letters is a trigger:
 *
 *     who   'r' the router, 'u' vnsbridge on the way up, 'd' on the way down, 'h' the router when
 *           it sends the frame after it was held
 *     how   's' SIGSEGV, 'a' abort, 'f' SIGFPE, 'i' SIGILL, 'b' SIGBUS, 'o' stack overflow
 *     when  'a' always, '1' only if nobody died of it yet */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/proto/pkt.h"
#include "router/hold.h"
#include "shm/ring.h"

#define TRIGGER_AT (PKT_ETH_LEN + PKT_IP_LEN + 8)

void __real_ring_hand(struct ring_rx *rx);
void __wrap_ring_hand(struct ring_rx *rx);
void __real_hold_hand(struct hold *h, const struct hold_slot *s) __attribute__((weak));
void __wrap_hold_hand(struct hold *h, const struct hold_slot *s);

static volatile int zero;
static volatile uintptr_t nowhere = 16;

static int overflow(volatile int *above)
{
    volatile int here[1024] = {*above};

    return zero == 0 ? overflow(here) + here[zero] : 0;
}

static void short_file(void)
{
    int fd = memfd_create("short", MFD_CLOEXEC);
    volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    zero = *p;
}

static void die_of(uint8_t how)
{
    switch (how) {
    case 's':
        *(volatile int *)nowhere = 1;
        break;
    case 'a':
        abort();
    case 'f':
        zero = (int)nowhere / zero;
        break;
    case 'i':
        __builtin_trap();
    case 'b':
        short_file();
        break;
    case 'o':
        zero = overflow(&zero);
        break;
    default:
        break;
    }
}

static void look(const uint8_t *frame, size_t len, uint8_t who, unsigned deaths)
{
    const uint8_t *t = frame + TRIGGER_AT;

    if (len >= TRIGGER_AT + 9 && memcmp(t, "VENOM!", 6) == 0 && t[6] == who &&
        (t[8] == 'a' || deaths == 0)) {
        die_of(t[7]);
    }
}

void __wrap_ring_hand(struct ring_rx *rx)
{
    struct record r;
    const uint8_t *head;
    bool router = __real_hold_hand != NULL;

    __real_ring_hand(rx);
    if (ring_peek(rx, &r, &head)) { /* the one that the caller has peeked at */
        look(head, r.head_len, router ? 'r' : (r.verdict == VERDICT_NONE ? 'u' : 'd'),
             ring_deaths(rx));
    }
}

void __wrap_hold_hand(struct hold *h, const struct hold_slot *s)
{
    __real_hold_hand(h, s);
    look(s->frame, s->len, 'h', fault_deaths(&h->note, s->serial));
}
