/* shm/view/view_asked.c - what one process alone knows, as it tells it. */
#include "shm/view/topics.h"

json_t *view_routes(const char *run_dir, const json_t *params, char *why, size_t size)
{
    (void)params;
    return view_call(run_dir, "router", "routes", NULL, why, size);
}

json_t *view_arp(const char *run_dir, const json_t *params, char *why, size_t size)
{
    (void)params;
    return view_call(run_dir, "router", "arp", NULL, why, size);
}

json_t *view_bridges(const char *run_dir, const json_t *params, char *why, size_t size)
{
    (void)params;
    return view_call(run_dir, "ofproxy", "bridges", NULL, why, size);
}
