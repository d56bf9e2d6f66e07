/* webterm/main.c - the lab in a browser, and the stack seen alive. */
#include "common/config.h"
#include "common/log.h"
#include "common/loop.h"
#include "shm/topo.h"

int main(int argc, char **argv)
{
    struct config c;
    struct topo topo;
    struct loop loop;

    loop_hold_signals();
    config_load(&c, CONFIG_WEBTERM, argc, argv);
    topo_open(&topo, config_str(&c, CONFIG_STACK_RUN_DIR), TOPO_WEBTERM);
    loop_open(&loop);
    loop_catch_signals(&loop);
    role_state(&topo.role, ROLE_READY, "%s", "");
    while (loop_running(&loop)) {
        loop_poll(&loop, -1);
    }
    topo_close(&topo);
    config_free(&c);
    return 0;
}
