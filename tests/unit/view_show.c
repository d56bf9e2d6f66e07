/* What view_show makes of boards whose writer is out of its mind. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "shm/topo.h"
#include "shm/view/view.h"

TestSuite(view_show, .timeout = 20);

Test(view_show, a_port_s_name_that_is_no_text_reaches_no_terminal)
{
    static const struct port_row port = {.dpid = 1, .port = 2, .name = "\x1b]0;\xff\x01"};
    struct traffic_row row = {.dpid = 1, .port = 2};
    struct board_writer ports, traffic, classes;
    char run_dir[] = "/tmp/cw-unit-XXXXXX", why[900];
    struct topo t;
    char command[60];
    const char *name;
    json_t *list;

    log_set_level(LOG_ERROR);
    cr_assert(mkdtemp(run_dir));
    topo_open(&t, run_dir, TOPO_OFPROXY);
    counter_start(run_dir, COUNTER_OF_OFPROXY);
    topo_board_writer(&t, &ports, TOPO_PORTS);
    topo_board_writer(&t, &traffic, TOPO_TRAFFIC);
    topo_board_writer(&t, &classes, TOPO_CLASSES);
    row.by[CLASS_ARP].admitted = 1;
    board_put(&ports, 0, &port);
    board_publish(&ports);
    board_put(&traffic, 0, &row);
    board_publish(&traffic);
    list = view_show(run_dir, "ingress", NULL, why, sizeof why);
    cr_assert_eq(json_array_size(list), (size_t)CLASSES + 1);
    name = json_string_value(json_object_get(json_array_get(list, CLASSES), "port"));
    cr_assert_not_null(name);
    cr_expect_str_eq(name, "?]0;??");
    json_decref(list);
    board_write_leave(&ports);
    board_write_leave(&traffic);
    board_write_leave(&classes);
    topo_close(&t);
    snprintf(command, sizeof command, "rm -rf %s", run_dir);
    cr_assert(system(command) == 0);
}
