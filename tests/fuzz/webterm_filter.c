/* A filter of the packet view: what a browser sends, over a packet that the input chooses. */
#include "webterm/packets_filter.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A packet's key, from the last bytes of an input. */
static struct packet_key key_of(struct fuzz *f)
{
    static const char *const names[] = {"", "sw0-eth1", "eth1"};

    return (struct packet_key){.protos = fuzz_u32(f),
                               .src = fuzz_u32(f),
                               .dst = fuzz_u32(f),
                               .len = fuzz_u16(f),
                               .sport = fuzz_u16(f),
                               .dport = fuzz_u16(f),
                               .has_ip = fuzz_u8(f) & 1,
                               .has_ports = fuzz_u8(f) & 1,
                               .where = fuzz_u8(f) % PACKET_WHERES,
                               .message = fuzz_u8(f) & 1 ? "packet_in" : NULL,
                               .port = names[fuzz_u8(f) % 3],
                               .iface = names[fuzz_u8(f) % 3],
                               .line = "icmp 10.0.1.100 > 192.168.2.2 echo request"};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packets_filter f, negated;
    struct fuzz in = {data, size};
    const struct packet_key k = key_of(&in);
    char *text = malloc(in.left + 1), *inverse = malloc(in.left + 8), why[400];

    fuzz_check(text && inverse);
    memcpy(text, in.p, in.left);
    text[in.left] = '\0';
    if (packets_filter(&f, text, why, sizeof why) != 0) {
        fuzz_check_sentence(why, sizeof why);
    } else {
        /* what is not taken by it is taken by its opposite */
        strcpy(inverse, "not (");
        strcat(inverse, text);
        strcat(inverse, ")");
        if (f.n > 0 && packets_filter(&negated, inverse, why, sizeof why) == 0) {
            fuzz_check(packets_match(&f, &k) != packets_match(&negated, &k));
        }
        packets_match(&f, &k);
    }
    free(text);
    free(inverse);
    return 0;
}
