/* A router on the ring and a vnsbridge that lies: an input is what it puts into VNS_IN and its
 * boards.
 *
 *     1 byte    0-1 a record in VNS_IN, 2 a row of INTERFACES, 3 a row of LEASES, 4 a turn, 5 a
 * second
 *
 * Each record has one verdict, with its ticket and number; what leaves goes by a row of the board.
 */
#include "router/port_ring.h"
#include "shm/topo.h"
#include "shm/wait.h"
#include "tests/unit/router_rig.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 64 /* records of one input */

static struct topo bridge, router;
static struct ring_tx vns_in;
static struct ring_rx vns_out;
static struct board_writer interfaces, leases;
static struct loop loop;
static struct waiter waiter;
static uint64_t seq;
static unsigned waiting;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct port_events events = router_events(&rig.r);
    struct port_ring_config c = {&router, &waiter, "vrhost", "user", 0};
    char dir[] = "/dev/shm/causeway-fuzz-XXXXXX", command[128];

    (void)argc, (void)argv;
    rig_start();
    fuzz_check(mkdtemp(dir) != NULL);
    topo_open(&bridge, dir, TOPO_VNSBRIDGE);
    topo_tx(&bridge, &vns_in, TOPO_VNS_IN);
    topo_rx(&bridge, &vns_out, TOPO_VNS_OUT);
    topo_board_writer(&bridge, &interfaces, TOPO_INTERFACES);
    topo_board_writer(&bridge, &leases, TOPO_LEASES);
    topo_open(&router, dir, TOPO_ROUTER);
    fuzz_check(loop_open(&loop) == 0);
    fuzz_check(wait_open(&waiter, &loop, WAIT_SLEEP, 0, &router.bell[TOPO_ROUTER]) == 0);
    rig.r.port = port_ring_open(&c, &events);
    snprintf(command, sizeof command, "rm -rf %s", dir); /* all of it is mapped */
    fuzz_check(system(command) == 0);
    return 0;
}

static void check_frame(const struct record *r, const uint8_t *head)
{
    if (r->head_len > 0) {
        fuzz_check(r->head_len >= PKT_ETH_LEN && r->port < IFACES && r->verdict != VERDICT_DROPPED);
        fuzz_check(memcmp(head + 6, rig.r.ifaces.row[r->port].mac, 6) == 0);
    }
}

static void take(void)
{
    const uint8_t *head;
    struct record r;

    while (ring_peek(&vns_out, &r, &head)) {
        if (r.verdict == VERDICT_ORIGINATED) {
            fuzz_check(r.ticket == RECORD_NO_TICKET && r.seq == 0);
        } else {
            fuzz_check(waiting > 0 && r.seq == seq - waiting + 1 && r.ticket == (uint32_t)r.seq,
                       "a verdict for frame %llu, %u wait", (unsigned long long)r.seq, waiting);
            waiting--;
        }
        check_frame(&r, head);
        ring_next(&vns_out);
    }
    fuzz_check(!ring_rx_bad(&vns_out), "%s", vns_out.why);
    ring_release(&vns_out);
}

static void turns(void)
{
    for (unsigned i = 0; i < 6; i++) {
        router_turn(&rig.r, rig.now);
        keeper_pass(&rig.keeper, rig.now);
        take();
    }
    rig_sums_hold();
}

static void put_record(struct fuzz *f)
{
    uint8_t which = fuzz_u8(f), frame[512];
    struct record r = {.port = which & 3};
    size_t len = make(frame, &(struct spec){.src = CLIENT,
                                            .dst = which & 4 ? SERVER1 : SERVER2,
                                            .proto = which & 8 ? 1 : 17,
                                            .ttl = 9,
                                            .payload = 66,
                                            .eth_dst = which & 16 ? ALL_MAC : NULL});
    const uint8_t *bytes = frame;
    uint8_t *head;

    r.seq = ++seq;
    r.ticket = (uint32_t)seq;
    r.port = which & 32 ? fuzz_u32(f) : r.port;
    if (which & 64) {
        len = fuzz_u16(f) % 400;
        bytes = fuzz_bytes(f, &len);
    }
    if (which & 128) {
        r.tail_len = fuzz_u16(f);
        r.tail_off = fuzz_u64(f);
        r.verdict = fuzz_u8(f);
        r.hold = fuzz_u64(f);
    }
    r.head_len = (uint32_t)len;
    head = ring_reserve(&vns_in, len);
    fuzz_check(head != NULL);
    memcpy(head, bytes, len);
    ring_commit(&vns_in, &r);
    ring_publish(&vns_in);
    waiting++;
}

static void put_interface(struct fuzz *f)
{
    uint8_t which = fuzz_u8(f);
    unsigned row = which & 3;
    struct interface_row r = {.vhost = "vrhost",
                              .name = "eth1",
                              .known = 1,
                              .up = 1,
                              .mac = {2, 0, 0, 0, 0, (uint8_t)(row + 1)},
                              .mask = 0xffffff00};
    static const uint32_t ip[] = {IP(192, 168, 2, 1), IP(172, 64, 3, 1), IP(10, 0, 1, 1),
                                  IP(1, 2, 3, 4)};
    size_t len = sizeof r;

    r.ip = ip[row];
    r.name[3] = (char)('1' + row);
    r.up = !(which & 4);
    r.known = !(which & 8);
    if (which & 16) {
        const uint8_t *bytes = fuzz_bytes(f, &len);

        memcpy(&r, bytes, len);
    }
    board_put(&interfaces, which & 32 ? fuzz_u16(f) % 1024 : row, &r);
    board_publish(&interfaces);
}

static void put_lease(struct fuzz *f)
{
    struct lease_row r = {.vhost = "vrhost", .owner = LEASE_RING, .state = LEASE_READY};
    uint8_t which = fuzz_u8(f);
    size_t len = sizeof r;

    if (which & 1) {
        const uint8_t *bytes = fuzz_bytes(f, &len);

        memcpy(&r, bytes, len);
    }
    board_put(&leases, which >> 7, &r);
    board_publish(&leases);
}

static void start_over(void)
{
    static const struct interface_row gone;
    static const struct lease_row nobody;

    turns();
    for (unsigned i = 0; i < 1024; i++) {
        if (rig.r.ifaces.row[i % IFACES].present || i < 4) {
            board_put(&interfaces, i, &gone);
        }
    }
    board_put(&leases, 0, &nobody);
    board_put(&leases, 1, &nobody);
    board_publish(&interfaces);
    board_publish(&leases);
    for (unsigned i = 0; i < 60 && (i == 0 || rig.r.hold.n_hops > 0 || waiting > 0); i++) {
        rig.now += SECOND;
        turns();
    }
    fuzz_check(waiting == 0, "%u frames have no verdict", waiting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};

    for (unsigned n = 0; n < MOST && f.left > 0; n++) {
        switch (fuzz_u8(&f) % 6) {
        case 0:
        case 1:
            put_record(&f);
            break;
        case 2:
            put_interface(&f);
            break;
        case 3:
            put_lease(&f);
            break;
        case 4:
            turns();
            break;
        default:
            rig.now += SECOND;
            break;
        }
    }
    start_over();
    return 0;
}
