/* ctl/status.c - processes, rings and the account of frames, at a glance. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/service.h"
#include "shm/view/view.h"

#define SAMPLE_MS 200

static bool is_state(const json_t *process, const char *state)
{
    return strcmp(json_string_value(json_object_get(process, "state")), state) == 0;
}

void status_summary(const struct ctl *c, const json_t *processes)
{
    static const struct column columns[] = {{"process", "PROCESS", false},
                                            {"state", "STATE", false},
                                            {"pid", "PID", true},
                                            {"uptime", "UPTIME", true},
                                            {"restarts", "RESTARTS", true},
                                            {"text", "", false},
                                            {NULL, NULL, false}};
    json_t *rows = json_deep_copy(processes), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const json_t *uptime = json_object_get(row, "uptime_s");
        char text[40] = "";

        if (uptime) {
            ctl_duration(text, sizeof text, json_real_value(uptime));
        }
        json_object_set_new(row, "uptime", json_string(text));
    }
    ctl_table(c, rows, columns);
    json_decref(rows);
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* Adds "<key>_per_s" to 'now', from how it was 'seconds' ago. */
static void add_rate(json_t *now, const json_t *before, const char *key, double seconds)
{
    char name[64];

    snprintf(name, sizeof name, "%s_per_s", key);
    json_object_set_new(now, name,
                        json_real((double)(number(now, key) - number(before, key)) / seconds));
}

static json_t *with_rates(const struct ctl *c, json_t **frames)
{
    json_t *rings_before = view_there(c->run_dir, "rings"),
           *frames_before = view_there(c->run_dir, "frames"), *rings, *ring;
    uint64_t start = ctl_now_ms();
    double seconds;
    size_t i;

    ctl_pause_ms(SAMPLE_MS);
    rings = view_there(c->run_dir, "rings");
    *frames = view_there(c->run_dir, "frames");
    seconds = (double)(ctl_now_ms() - start) / 1e3;
    json_array_foreach(rings, i, ring)
    {
        add_rate(ring, json_array_get(rings_before, i), "records", seconds);
    }
    add_rate(*frames, frames_before, "received", seconds);
    add_rate(*frames, frames_before, "dropped", seconds);
    json_decref(rings_before);
    json_decref(frames_before);
    return rings;
}

static json_t *status_json(const struct ctl *c)
{
    json_t *processes = stack_processes(c), *frames, *rings;
    pid_t pid = service_supervisor(c);

    if (c->rates) {
        rings = with_rates(c, &frames);
    } else {
        rings = view_there(c->run_dir, "rings");
        frames = view_there(c->run_dir, "frames");
    }
    return json_pack("{s:s s:o s:o s:o s:o s:o}", "run_dir", c->run_dir, "supervisor",
                     pid ? json_integer(pid) : json_null(), "processes", processes, "rings", rings,
                     "frames", frames, "quarantine", view_there(c->run_dir, "quarantine"));
}

static void print_frames(const json_t *f)
{
    if (!json_object_get(f, "received")) {
        return;
    }
    printf("\nframes: %lld received = %lld forwarded + %lld answered + %lld held + %lld dropped + "
           "%lld in flight\n",
           (long long)number(f, "received"), (long long)number(f, "forwarded"),
           (long long)number(f, "answered"), (long long)number(f, "held"),
           (long long)number(f, "dropped"), (long long)number(f, "in_flight"));
    if (json_object_get(f, "received_per_s")) {
        printf("        %.0f received/s, %.0f dropped/s\n",
               json_real_value(json_object_get(f, "received_per_s")),
               json_real_value(json_object_get(f, "dropped_per_s")));
    }
}

static void print_quarantines(const json_t *list)
{
    const json_t *q;
    size_t i;

    if (json_array_size(list) > 0) {
        printf("\nquarantine, of frames that killed a process twice:\n");
    }
    json_array_foreach(list, i, q)
    {
        printf("  %-9s %lld: tcpdump -r %s -e -n\n",
               json_string_value(json_object_get(q, "process")), (long long)number(q, "frames"),
               json_string_value(json_object_get(q, "file")));
    }
}

static void print_status(const struct ctl *c, const json_t *s)
{
    static const struct column columns[] = {{"ring", "RING", false},
                                            {"from", "FROM", false},
                                            {"to", "TO", false},
                                            {"fill_percent", "FILL %", true},
                                            {"records", "RECORDS", true},
                                            {"full", "REFUSED", true},
                                            {"records_per_s", "RECORDS/s", true},
                                            {NULL, NULL, false}};
    static struct column shown[8];
    const json_t *supervisor = json_object_get(s, "supervisor");

    memcpy(shown, columns, sizeof columns);
    if (!c->rates) {
        shown[6] = (struct column){NULL, NULL, false};
    }
    printf("Causeway in %s, ", c->run_dir);
    if (json_is_integer(supervisor)) {
        printf("supervised by s6-svscan, PID %lld\n\n", (long long)json_integer_value(supervisor));
    } else {
        printf("not supervised\n\n");
    }
    status_summary(c, json_object_get(s, "processes"));
    if (json_array_size(json_object_get(s, "rings")) > 0) {
        printf("\n");
        ctl_table(c, json_object_get(s, "rings"), shown);
    }
    print_frames(json_object_get(s, "frames"));
    print_quarantines(json_object_get(s, "quarantine"));
}

static int show_status(struct ctl *c)
{
    json_t *s = status_json(c), *process;
    int status = 0;
    size_t i;

    json_array_foreach(json_object_get(s, "processes"), i, process)
    {
        if (!is_state(process, "ready") && !is_state(process, "waiting")) {
            status = 1;
        }
    }
    if (c->json) {
        ctl_print_json(c, json_incref(s));
    } else if (access(c->run_dir, X_OK) != 0) {
        printf("nothing runs in %s; start with: causeway up\n", c->run_dir);
    } else {
        print_status(c, s);
    }
    json_decref(s);
    return status;
}

int cmd_status(struct ctl *c)
{
    for (int i = 1; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--rates") != 0) {
            return ctl_usage(c, "status: unknown word '%s'", c->argv[i]);
        }
        c->rates = true;
    }
    c->rates |= c->watch_s > 0;
    return ctl_watch(c, show_status);
}
