/* tests/unit/vnsbridge_config.c - virtual hosts, IP_CONFIG and rtable files, and what is said of
 * the mistakes in them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "vnsbridge/bridge.h"
#include "vnsbridge/ipconfig.h"

#pragma GCC diagnostic ignored "-Wconversion" /* Criterion's own macros */

TestSuite(vhosts, .timeout = 20);

static char dir[] = "/tmp/vnb-config-XXXXXX";

static void make_dir(void)
{
    cr_assert(mkdtemp(dir) != NULL);
    cr_assert(eq(int, chdir(dir), 0));
}

static void remove_dir(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_expect(eq(int, system(command), 0));
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

/* Loads a configuration file of this text; the caller frees both. */
static int load(struct vhosts *v, struct config *c, const char *text, char *why, size_t size)
{
    config_defaults(c);
    write_file("causeway.conf", text);
    cr_assert(eq(int, config_file(c, "causeway.conf", why, size), 0), "%s", why);
    return vhosts_load(v, c, why, size);
}

Test(vhosts, without_configuration_there_is_the_lab, .init = make_dir, .fini = remove_dir)
{
    struct config c = {0};
    struct vhosts v;
    char why[512];

    cr_assert(eq(int, load(&v, &c, "", why, sizeof why), 0), "%s", why);
    cr_assert(eq(u32, v.n, 1));
    cr_expect(eq(str, v.list[0].name, "vrhost"));
    cr_assert(eq(u32, v.list[0].n_interfaces, 3));
    cr_expect(eq(u32, v.list[0].interface[1].ip, 0xac400301));
    cr_expect(eq(u32, v.list[0].interface[1].mask, UINT32_MAX));
    cr_expect(eq(int, v.list[0].interface[1].match, VHOST_BY_SUFFIX));
    cr_expect(eq(str, v.list[0].switch_name, "sw0"));
    cr_expect(strstr(v.list[0].rtable, "10.0.1.100 10.0.1.100 255.255.255.255 eth3\n") != NULL);
    vhosts_free(&v);
    config_free(&c);
}

Test(vhosts, ip_config_of_the_older_stack_is_read_as_it_is, .init = make_dir, .fini = remove_dir)
{
    struct config c = {0};
    struct vhosts v;
    char why[512];

    write_file("IP_CONFIG", "# lab\nsw0-eth1 192.168.2.1\n\nsw0-eth2\t172.64.3.1 \r\n"
                            "sw1-eth1 10.0.0.1/24 # other\n");
    cr_assert(eq(int,
                 load(&v, &c,
                      "[vhost a]\nswitch = sw0\nip-config = IP_CONFIG\n"
                      "[vhost b]\nip-config = IP_CONFIG\nswitch = sw1\n",
                      why, sizeof why),
                 0),
              "%s", why);
    cr_assert(eq(u32, v.n, 2));
    cr_expect(eq(u32, v.list[0].n_interfaces, 2));
    cr_expect(eq(str, v.list[0].interface[1].name, "eth2"));
    cr_expect(eq(str, v.list[0].interface[1].port_name, "sw0-eth2"));
    cr_assert(eq(u32, v.list[1].n_interfaces, 1));
    cr_expect(eq(str, v.list[1].interface[0].port_name, "sw1-eth1"));
    cr_expect(eq(u32, v.list[1].interface[0].mask, 0xffffff00));
    vhosts_free(&v);
    config_free(&c);
}

Test(vhosts, every_mistake_names_its_place_and_what_was_expected, .init = make_dir,
     .fini = remove_dir)
{
    static const struct {
        const char *config, *file; /* text of "F" */
        const char *want[3];
    } t[] = {
        {"[vhost a]\nip-config = F\n", "sw0-eth1\n", {"F:1:", "expected two words", "conf:2:"}},
        {"[vhost a]\nip-config = F\n", "\nsw0-eth1 1.2.3\n", {"F:2:", "no IPv4 address", ""}},
        {"[vhost a]\nip-config = F\n", "sw0-eth1 1.2.3.4/33\n", {"F:1:", "no IPv4 address", ""}},
        {"[vhost a]\nip-config = F\n", "sw0-eth1 1.2.3.4 x\n", {"F:1:", "two words", ""}},
        {"[vhost a]\nip-config = F\n",
         "sw0-eth1 1.2.3.4\nsw0-eth1 1.2.3.5\n",
         {"F:2:", "already", ""}},
        {"[vhost a]\nip-config = F\n",
         "sw0-eth1 1.2.3.4\nsw0-eth2 1.2.3.4\n",
         {"F:2:", "already", ""}},
        {"[vhost a]\nip-config = F\n", "# nothing\n", {"F holds no interface", "sw0-eth1", ""}},
        {"[vhost a]\nip-config = none\n", "", {"none", "No such file", "conf:2:"}},
        {"[vhost a]\nswitch = s9\nip-config = F\n",
         "sw0-eth1 1.2.3.4\n",
         {"no line", "s9-eth1", "conf:3:"}},
        {"[vhost a]\ninterface = eth1 sw0-eth1\n",
         "",
         {"conf:2:", "three words", "eth1 sw0-eth1 192"}},
        {"[vhost a]\ninterface = a-name-of-sixteen p 1.2.3.4\n",
         "",
         {"conf:2:", "15 characters", ""}},
        {"[vhost a]\ninterface = \351 sw0-eth1 1.2.3.4\n", "", {"conf:2:", "ASCII", ""}},
        {"[vhost a]\ninterface = eth1 sw\351-eth1 1.2.3.4\n", "", {"conf:2:", "ASCII", ""}},
        {"[vhost a]\nswitch = \351\n", "", {"conf:2:", "ASCII", "without blanks"}},
        {"[vhost a]\nip-config = F\n", "sw0-\351th1 1.2.3.4\n", {"F:1:", "ASCII", "conf:2:"}},
        {"[vhost a]\ninterface = eth1 x:y 1.2.3.4\n", "", {"conf:2:", "datapath-id", ""}},
        {"[vhost a]\ninterface = eth1 p 0.0.0.0\n", "", {"conf:2:", "192.168.2.1", ""}},
        {"[vhost a]\ninterface = eth1 p 1.2.3.4\ninterface = eth1 q 1.2.3.5\n",
         "",
         {"conf:3:", "two interfaces called eth1", ""}},
        {"[vhost a]\ninterface = eth1 p 1.2.3.4\n[vhost b]\ninterface = eth7 p 1.2.3.5\n",
         "",
         {"port p", "eth1 of virtual host a", "eth7 of virtual host b"}},
        {"[vhost a]\ninterface = eth1 2:3 1.2.3.4\n[vhost b]\ninterface = eth7 0x2:3 1.2.3.5\n",
         "",
         {"0000000000000002:3", "claimed", ""}},
        {"[vhost a]\nswitch = sw0\n[vhost b]\nauth-key = F\n", "", {"host b", "neither", "switch"}},
        {"[vhost a]\nauth-key = F\n", "short", {"conf:2:", "F holds 5 bytes", "64"}},
        {"[vhost a]\nrtable = F\n",
         "0.0.0.0 1.2.3.4 0.0.0.0\n",
         {"F:1:", "destination, gateway", "conf:2:"}},
        {"[vhost a]\nrtable = F\n",
         "# x\n0.0.0.0 1.2.3.4 0.0.0.0 eth9\n",
         {"F:2:", "no interface eth9", "eth1 eth2 eth3"}},
    };

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct config c = {0};
        struct vhosts v;
        char why[1024] = "";

        write_file("F", t[i].file);
        cr_expect(ne(int, load(&v, &c, t[i].config, why, sizeof why), 0), "case %zu", i);
        for (unsigned k = 0; k < 3 && t[i].want[k]; k++) {
            cr_expect(strstr(why, t[i].want[k]) != NULL, "case %zu: '%s' lacks '%s'", i, why,
                      t[i].want[k]);
        }
        vhosts_free(&v);
        config_free(&c);
    }
}

Test(vhosts, too_many_interfaces_for_a_client_are_refused, .init = make_dir, .fini = remove_dir)
{
    char text[4096] = "[vhost a]\n", why[512];
    struct config c = {0};
    struct vhosts v;

    for (unsigned i = 0; i < 43; i++) {
        snprintf(text + strlen(text), 64, "interface = e%u p%u 10.0.0.%u\n", i, i, i + 1);
    }
    cr_expect(ne(int, load(&v, &c, text, why, sizeof why), 0));
    cr_expect(strstr(why, "causeway.conf:44:") && strstr(why, "42"), "%s", why);
    vhosts_free(&v);
    config_free(&c);
}

Test(vhosts, listener_mistakes_name_cause_and_cure)
{
    static struct bridge a, b;
    char why[512], where[32];

    log_open("vnsbridge", LOG_TEXT);
    cr_assert(eq(int, loop_open(&a.loop), 0));
    cr_assert(eq(int, loop_open(&b.loop), 0));
    cr_assert(eq(int, listen_open(&a, "tcp:0", why, sizeof why), 0), "%s", why);
    cr_assert(ne(u32, listen_port(&a.listener), 0));
    snprintf(where, sizeof where, "tcp:%u", listen_port(&a.listener));
    cr_expect(ne(int, listen_open(&b, where, why, sizeof why), 0));
    cr_expect(strstr(why, where) && strstr(why, "another program") && strstr(why, "--listen"), "%s",
              why);
    static const char *const bad[] = {"8888",    "udp:1",     "tcp:",       "tcp:70000", "tcp:-1",
                                      "tcp:1:x", "tcp:1:::1", "tcp:1:[::1", "tcp:1x",    ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect(ne(int, listen_open(&b, bad[i], why, sizeof why), 0), "%s", bad[i]);
        cr_expect(strstr(why, "expected tcp:PORT") != NULL, "%s", why);
    }
    cr_expect(ne(int, listen_open(&b, "tcp:0:192.0.2.1", why, sizeof why), 0));
    cr_expect(strstr(why, "address of this machine") != NULL, "%s", why);
    cr_expect(eq(int, listen_open(&b, "none", why, sizeof why), 0));
    cr_expect(eq(int, listen_open(&b, "tcp:0:[::1]", why, sizeof why), 0), "%s", why);
    listen_close(&a);
    listen_close(&b);
}
