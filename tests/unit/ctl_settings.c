/* What `causeway check-config` finds. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"

TestSuite(settings, .timeout = 20);

static char dir[] = "/tmp/ctl-settings-XXXXXX";

static void open_dir(void)
{
    cr_assert(mkdtemp(dir));
}

static const char *path(const char *name)
{
    static char text[4][200];
    static unsigned n;
    char *to = text[n++ % 4];

    snprintf(to, sizeof text[0], "%s/%s", dir, name);
    return to;
}

static const char *put(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *put(const char *name, const char *format, ...)
{
    const char *file = path(name);
    FILE *f = fopen(file, "w");
    va_list args;

    cr_assert(f);
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    fclose(f);
    return file;
}

static void close_dir(void)
{
    static const char *const names[] = {"conf", "rtable", "ip", "key"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(path(names[i]));
    }
    cr_assert(rmdir(dir) == 0);
}

/* Does some sentence start with "<file>:<line>: "? */
static bool names_line(const json_t *list, const char *file, int line)
{
    char start[300];
    const json_t *one;
    size_t i;

    snprintf(start, sizeof start, "%s:%d: ", file, line);
    json_array_foreach(list, i, one)
    {
        if (strncmp(json_string_value(one), start, strlen(start)) == 0) {
            return true;
        }
    }
    return false;
}

Test(settings, a_right_file_and_the_files_it_names_have_no_mistake, .init = open_dir,
     .fini = close_dir)
{
    char key[65] = "";
    const char *conf;
    json_t *list;

    memset(key, 'k', 64);
    conf =
        put("conf",
            "[stack]\nwait = yield\nstart = router\twebterm router\n[ofproxy]\nlisten = "
            "tcp:6633:[::1] tcp:6653\n"
            "[vnsbridge]\nlisten = none\nip-config = %s\nauth-key = %s\n[router]\nrtable = %s\n",
            put("ip", "# ports\nsw0-eth1 192.168.2.1\nsw0-eth2\t10.0.0.1/24 # two\n"),
            put("key", "%s\n", key),
            put("rtable", "\n0.0.0.0 10.0.1.100 0.0.0.0 eth3\n10.0.0.0 0.0.0.0 255.0.0.0 eth1\n"));
    list = settings_check(conf);
    cr_expect(json_array_size(list) == 0, "%s", json_string_value(json_array_get(list, 0)));
    json_decref(list);
}

Test(settings, every_mistake_of_a_file_is_named_with_its_line, .init = open_dir, .fini = close_dir)
{
    const char *conf = put("conf", "[router]\nprt = 1\nport = 99999\n[nowhere]\nx = 1\n");
    json_t *list = settings_check(conf);

    cr_expect(json_array_size(list) == 3);
    cr_expect(names_line(list, conf, 2) && names_line(list, conf, 3) && names_line(list, conf, 5));
    json_decref(list);
}

Test(settings, values_that_only_their_process_reads_are_checked_too, .init = open_dir,
     .fini = close_dir)
{
    static const char *const wrong[] = {"[stack]\nwait = never\n",
                                        "[stack]\nlog-level = loud\n",
                                        "[stack]\nlog-format = xml\n",
                                        "[stack]\nrun-dir =\n",
                                        "[stack]\nstart =\n",
                                        "[stack]\nstart = ofproxy routr\n",
                                        "[stack]\nstart = rout\n",
                                        "[stack]\nstart = routers\n",
                                        "[lab]\nconsole = some\n",
                                        "[webterm]\nlisten = tcp:\n",
                                        "[webterm]\nlisten =\n",
                                        "[webterm]\nlisten = ssl:8443\n",
                                        "[webterm]\npassword-file = /nonexistent\n",
                                        "[ofproxy]\nlisten = udp:6633\n",
                                        "[ofproxy]\nlisten = tcp:0\n",
                                        "[ofproxy]\nlisten = tcp:65536\n",
                                        "[ofproxy]\nlisten = unix:\n",
                                        "[ofproxy]\nlisten = ssl:6653\n",
                                        "[ofproxy]\nconnect = tcp:br0:6653\n",
                                        "[ofproxy]\ntls-key = /nonexistent\n",
                                        "[ofproxy]\nlisten =\n",
                                        "[vnsbridge]\nlisten = tcp:8888x\n",
                                        "[router]\nrtable = /nonexistent\n"};

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *list = settings_check(put("conf", "%s", wrong[i]));

        cr_expect(json_array_size(list) == 1, "%s: %zu mistakes", wrong[i], json_array_size(list));
        json_decref(list);
    }
}

Test(settings, each_bad_line_of_a_routing_table_is_named, .init = open_dir, .fini = close_dir)
{
    const char *file = put("rtable", "10.0.0.0 0.0.0.0 255.0.0.0 eth1\n"
                                     "10.0.0.0 0.0.0.0 255.0.0.0\n"
                                     "10.0.0 0.0.0.0 255.0.0.0 eth1\n"
                                     "10.0.0.0 0.0.0.0 255.0.255.0 eth1\n"
                                     "10.0.0.0 0.0.0.0 255.0.0.0 a-name-of-sixteen\n");
    json_t *list = json_array();

    settings_check_rtable(list, file);
    cr_expect(json_array_size(list) == 4);
    for (int line = 2; line <= 5; line++) {
        cr_expect(names_line(list, file, line), "line %d", line);
    }
    json_decref(list);
}

Test(settings, each_bad_line_of_an_ip_config_is_named, .init = open_dir, .fini = close_dir)
{
    const char *file = put("ip", "sw0-eth1 10.0.0.1\nsw0-eth2\nsw0-eth3 10.0.0.256\n"
                                 "sw0-eth4 10.0.0.1/33\nsw0-eth5 10.0.0.1/\nsw0-eth6 0.0.0.0\n"
                                 "sw0-a-name-which-is-far-too-long 10.0.0.1\nsw0-eth7 1.2.3.4 x\n");
    json_t *list = json_array();

    settings_check_ip_config(list, file);
    cr_expect(json_array_size(list) == 7);
    for (int line = 2; line <= 8; line++) {
        cr_expect(names_line(list, file, line), "line %d", line);
    }
    json_decref(list);
}

Test(settings, a_short_key_and_an_empty_file_are_mistakes, .init = open_dir, .fini = close_dir)
{
    json_t *list = json_array();

    settings_check_key(list, put("key", "short\n"));
    settings_check_rtable(list, put("rtable", "# nothing\n"));
    settings_check_ip_config(list, path("missing"));
    cr_expect(json_array_size(list) == 3);
    json_decref(list);
}
