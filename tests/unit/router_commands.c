/* tests/unit/router_commands.c - what operators ask and order. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "router/commands.h"
#include "shm/role.h"
#include "tests/unit/router_rig.h"

static char why[256], run_dir[] = "/dev/shm/cw-commands-XXXXXX";
static struct role role;

static void start(void)
{
    rig_start();
    cr_assert(mkdtemp(run_dir) != NULL);
    cr_assert(role_take(&role, run_dir, "router", why, sizeof why) == 0, "%s", why);
    role_state(&role, ROLE_WAITING, "%s", "for a test");
    cr_assert(role_watch(&rig.keeper.role, run_dir, "router", why, sizeof why) == 0, "%s", why);
    rig.keeper.vhost = "vrhost";
    snprintf(rig.keeper.transport, sizeof rig.keeper.transport, "ring");
}

static void stop(void)
{
    char file[64];

    snprintf(file, sizeof file, "%s/router.role", run_dir);
    role_leave(&role);
    cr_assert(unlink(file) == 0 && rmdir(run_dir) == 0);
}

TestSuite(router_commands, .timeout = 20, .init = start, .fini = stop);

static json_t *call(const char *method, const char *params)
{
    json_t *p = json_loads(params, 0, NULL), *result = NULL;

    cr_assert(p != NULL);
    why[0] = '\0';
    for (const struct control_method *m = commands(&rig.keeper); m->name; m++) {
        if (strcmp(m->name, method) == 0) {
            result = m->call(m->context, p, why, sizeof why);
        }
    }
    json_decref(p);
    return result;
}

static void expect(const char *method, const char *params, const char *want)
{
    json_t *w = json_loads(want, 0, NULL), *got = call(method, params);
    char *text = got ? json_dumps(got, 0) : NULL;

    cr_assert(w != NULL, "the test's own JSON: %s", want);
    cr_expect(got && json_equal(got, w), "%s %s: %s %s", method, params, text ? text : "", why);
    free(text);
    json_decref(got);
    json_decref(w);
}

static void expect_why(const char *method, const char *params, const char *want)
{
    cr_expect(call(method, params) == NULL, "%s %s was taken", method, params);
    cr_expect(eq(str, why, (char *)want));
}

Test(router_commands, routes_are_listed_added_and_deleted)
{
    expect("route.add",
           "{\"destination\": \"8.0.0.0/8\", \"gateway\": \"10.0.1.100\", \"interface\": \"eth3\"}",
           "{\"destination\": \"8.0.0.0/8\", \"gateway\": \"10.0.1.100\", \"interface\": \"eth3\","
           " \"state\": \"ok\"}");
    expect("route.add", "{\"destination\": \"9.9.9.9\", \"interface\": \"eth7\"}",
           "{\"destination\": \"9.9.9.9/32\", \"gateway\": \"0.0.0.0\", \"interface\": \"eth7\","
           " \"state\": \"no such interface\"}");
    cr_expect(fib_lookup(rig.fib, IP(8, 8, 8, 8)) != NULL);
    cr_expect(fib_lookup(rig.fib, IP(9, 9, 9, 9)) == NULL);
    rig_iface(5, "eth7", IP(9, 9, 9, 1), 0xffffff00, true);
    rig_turn();
    cr_expect(eq(u32, fib_lookup(rig.fib, IP(9, 9, 9, 9))->iface, 5), "once it exists");
    rig_iface(5, "eth7", IP(9, 9, 9, 1), 0xffffff00, false);
    rig_turn();
    cr_expect(fib_lookup(rig.fib, IP(9, 9, 9, 9)) == NULL);
    expect("route.del", "{\"destination\": \"8.0.0.0/8\"}", "{\"deleted\": \"8.0.0.0/8\"}");
    expect("route.del", "{\"destination\": \"172.64.3.10/32\"}",
           "{\"deleted\": \"172.64.3.10/32\"}");
    expect("routes", "{}",
           "[{\"destination\": \"9.9.9.9/32\", \"gateway\": \"0.0.0.0\", \"interface\": \"eth7\","
           "  \"state\": \"interface down\"},"
           " {\"destination\": \"10.0.1.0/24\", \"gateway\": \"0.0.0.0\", \"interface\": \"eth3\","
           "  \"state\": \"ok\"},"
           " {\"destination\": \"10.9.0.0/16\", \"gateway\": \"10.0.1.100\","
           "  \"interface\": \"eth3\", \"state\": \"ok\"},"
           " {\"destination\": \"192.168.2.0/24\", \"gateway\": \"0.0.0.0\","
           "  \"interface\": \"eth1\", \"state\": \"ok\"}]");
}

Test(router_commands, mistakes_are_answered_in_words)
{
    expect_why("route.add", "{}", "destination '' is not a prefix: give it as 10.0.0.0/8");
    expect_why("route.add", "{\"destination\": \"10.0.0.0/33\"}",
               "destination '10.0.0.0/33' is not a prefix: give it as 10.0.0.0/8");
    expect_why("route.add", "{\"destination\": \"10.0.0.0/\"}",
               "destination '10.0.0.0/' is not a prefix: give it as 10.0.0.0/8");
    expect_why("route.add", "{\"destination\": 7}",
               "destination '' is not a prefix: give it as 10.0.0.0/8");
    expect_why("route.add", "{\"destination\": \"10.0.0.1/8\"}",
               "destination '10.0.0.1/8' has bits set beyond its /8: clear them, or give a longer "
               "prefix");
    expect_why("route.add", "{\"destination\": \"10.0.0.0/8\"}",
               "interface '' is not a name of 1 to 15 characters, as eth1");
    expect_why("route.add",
               "{\"destination\": \"10.0.0.0/8\", \"interface\": \"a234567890123456\"}",
               "interface 'a234567890123456' is not a name of 1 to 15 characters, as eth1");
    expect_why("route.add",
               "{\"destination\": \"10.0.0.0/8\", \"interface\": \"eth1\", \"gateway\": \"x\"}",
               "gateway 'x' is not an address: give it as 10.0.1.100");
    expect_why("route.del", "{\"destination\": \"11.0.0.0/8\"}",
               "there is no route 11.0.0.0/8: see causeway show routes");
    expect_why("arp.del", "{\"address\": \"x\"}",
               "address 'x' is not an address: give it as 10.0.1.100");
    expect_why("arp.del", "{\"address\": \"10.0.1.9\", \"interface\": \"eth3\"}",
               "there is no neighbour 10.0.1.9 at eth3: see causeway show arp");
}

Test(router_commands, neighbours_are_listed_and_forgotten)
{
    json_t *list;
    uint8_t frame[100];
    struct spec s = {.src = CLIENT, .dst = SERVER2, .proto = 17, .ttl = 9, .payload = 20};

    rig.now = loop_now_ns(); /* ages are told by the real clock */
    rig_knows(ETH3, CLIENT, CLIENT_MAC);
    rig_knows(ETH1, SERVER1, SERVER1_MAC);
    rig_frame(ETH3, frame, make(frame, &s));
    rig_frame(ETH3, frame, make(frame, &s));
    rig_turn();
    list = call("arp", "{}");
    cr_assert(eq(sz, json_array_size(list), 3));
    for (size_t i = 0; i < 3; i++) {
        json_t *n = json_array_get(list, i);
        const char *address = json_string_value(json_object_get(n, "address"));
        bool waits = strcmp(address, "172.64.3.10") == 0;

        cr_expect(le(i64, json_integer_value(json_object_get(n, "age_s")), 1));
        cr_expect(eq(i64, json_integer_value(json_object_get(n, "held")), waits ? 2 : 0));
        cr_expect(eq(str, (char *)json_string_value(json_object_get(n, "state")),
                     waits ? "resolving" : "reachable"));
        if (strcmp(address, "10.0.1.100") == 0) {
            cr_expect(
                eq(str, (char *)json_string_value(json_object_get(n, "mac")), "0a:00:00:00:00:03"));
            cr_expect(eq(str, (char *)json_string_value(json_object_get(n, "interface")), "eth3"));
        }
    }
    json_decref(list);
    expect("arp.del", "{\"address\": \"10.0.1.100\"}", "{\"deleted\": 1}");
    cr_expect(neigh_lookup(&rig.keeper.neigh, CLIENT, ETH3) == NULL);
    rig.n_out = 0;
    expect("arp.flush", "{}", "{\"deleted\": 2}");
    rig_turn();
    cr_expect(eq(u32, rig.n_out, 2), "what waited has failed");
    expect("arp", "{}", "[]");
}

Test(router_commands, interfaces_and_status_are_told)
{
    json_t *status;

    rig_iface(ETH2, "eth2", IP(172, 64, 3, 1), 0xffffffff, false);
    rig_turn();
    expect("interfaces", "{}",
           "[{\"name\": \"eth1\", \"row\": 0, \"mac\": \"02:00:00:00:00:01\","
           "  \"address\": \"192.168.2.1\", \"mask\": \"255.255.255.0\", \"up\": true,"
           "  \"speed_mbps\": 0},"
           " {\"name\": \"eth2\", \"row\": 1, \"mac\": \"02:00:00:00:00:02\","
           "  \"address\": \"172.64.3.1\", \"mask\": \"255.255.255.255\", \"up\": false,"
           "  \"speed_mbps\": 0},"
           " {\"name\": \"eth3\", \"row\": 2, \"mac\": \"02:00:00:00:00:03\","
           "  \"address\": \"10.0.1.1\", \"mask\": \"255.255.255.0\", \"up\": true,"
           "  \"speed_mbps\": 0}]");
    status = call("status", "{}");
    cr_assert(status != NULL);
    cr_expect(eq(str, (char *)json_string_value(json_object_get(status, "vhost")), "vrhost"));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(status, "state")), "waiting"));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(status, "text")), "for a test"));
    cr_expect(eq(i64, json_integer_value(json_object_get(status, "interfaces")), 3));
    cr_expect(eq(i64, json_integer_value(json_object_get(status, "interfaces_up")), 2));
    cr_expect(eq(i64, json_integer_value(json_object_get(status, "routes")), 4));
    cr_expect(eq(i64, json_integer_value(json_object_get(status, "neighbours")), 2));
    json_decref(status);
}

Test(router_commands, routes_of_a_vhost_without_a_table_come_from_its_interfaces)
{
    rig.keeper.connected = false;
    keeper_routes(&rig.keeper, "", "vhost2");
    cr_assert(rig.keeper.connected);
    rig_iface(5, "eth9", IP(10, 77, 3, 1), 0xffff0000, true);
    rig_turn();
    cr_assert(fib_lookup(rig.fib, IP(10, 77, 200, 200)) != NULL);
    cr_expect(eq(u32, fib_lookup(rig.fib, IP(10, 77, 200, 200))->iface, 5));
}

Test(router_commands, a_table_from_the_server_replaces_the_routes)
{
    static const char text[] = "1.2.0.0 10.0.1.100 255.255.0.0 eth3\n";
    static const char bad[] = "1.2.0.0 10.0.1.100\n";
    struct port_events e = router_events(&rig.r);

    e.rtable(e.context, text, sizeof text - 1);
    rig_turn();
    cr_expect(fib_lookup(rig.fib, IP(1, 2, 3, 4)) != NULL);
    cr_expect(fib_lookup(rig.fib, SERVER1) == NULL);
    e.rtable(e.context, bad, sizeof bad - 1);
    rig_turn();
    cr_expect(fib_lookup(rig.fib, IP(1, 2, 3, 4)) != NULL, "a broken table changes nothing");
}
