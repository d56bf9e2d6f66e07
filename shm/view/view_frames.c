/* shm/view/view_frames.c - the account of frames at a glance, and quarantines. */
#include "shm/account.h"
#include "shm/view/topics.h"

/* What came in and what became of it, from ofproxy's counters; {} before it ever ran. */
json_t *view_frames(const char *run_dir, const json_t *params, char *why, size_t size)
{
    static const enum counter shown[] = {OFPROXY_RECEIVED,  OFPROXY_FORWARDED, OFPROXY_ANSWERED,
                                         OFPROXY_HELD,      OFPROXY_DROPPED,   OFPROXY_IN_FLIGHT,
                                         OFPROXY_ORIGINATED};
    struct counter_snapshot s;
    json_t *o = json_object();

    (void)params, (void)why, (void)size;
    if (account_read(run_dir, COUNTER_OF_OFPROXY, &s) != 0) {
        return o;
    }
    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        json_object_set_new(o, counter_name(shown[i]),
                            json_integer((json_int_t)counter_snapshot_get(&s, shown[i])));
    }
    return o;
}

/* Processes that have frames in quarantine, how many, and the file. */
json_t *view_quarantine(const char *run_dir, const json_t *params, char *why, size_t size)
{
    static const struct {
        const char *process;
        enum counter_process of;
        enum counter counter;
    } who[] = {{"vnsbridge", COUNTER_OF_VNSBRIDGE, VNSBRIDGE_QUARANTINED},
               {"router", COUNTER_OF_ROUTER, ROUTER_QUARANTINED}};
    json_t *list = json_array();

    (void)params, (void)why, (void)size;
    for (unsigned i = 0; i < sizeof who / sizeof who[0]; i++) {
        struct counter_snapshot s;
        uint64_t n;

        if (account_read(run_dir, who[i].of, &s) != 0) {
            continue;
        }
        n = counter_snapshot_get(&s, who[i].counter);
        if (n > 0) {
            json_array_append_new(
                list,
                json_pack("{s:s s:I s:o}", "process", who[i].process, "frames", (json_int_t)n,
                          "file", json_sprintf("%s/%s.quarantine.pcap", run_dir, who[i].process)));
        }
    }
    return list;
}
