/* ctl/bench_options.c - the words of `causeway bench`, and of `causeway ping`, which has some of
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/proto/pkt.h"
#include "ctl/bench.h"

static const char *const modes[BENCH_MODES] = {"latency", "window", "rate", "storm", "ramp"};

const char *bench_mode_name(enum bench_mode m)
{
    return modes[m];
}

static int number(const struct ctl *c, const char *flag, const char *text, double low, double high,
                  double *value)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= low && *value <= high)) {
        return ctl_usage(c, "%s: %s is '%s', expected a number from %.10g to %.10g", c->argv[0],
                         flag, text, low, high);
    }
    return 0;
}

static int address(const struct ctl *c, const char *flag, const char *text, uint32_t *ip)
{
    return pkt_ip_parse(text, ip) ? 0
                                  : ctl_usage(c,
                                              "%s: %s is '%s', expected an address such as "
                                              "192.168.2.2",
                                              c->argv[0], flag, text);
}

static int choice(const struct ctl *c, const char *flag, const char *text, const char *no,
                  const char *yes, bool *value)
{
    *value = strcmp(text, yes) == 0;
    return *value || strcmp(text, no) == 0
               ? 0
               : ctl_usage(c, "%s: %s is '%s', expected %s or %s", c->argv[0], flag, text, no, yes);
}

static int add_file(const struct ctl *c, struct bench_settings *s, const char *name)
{
    if (!bench_file_known(name)) {
        return ctl_usage(c,
                         "%s: --output is '%s', expected a name that ends in .hgrm, .csv, .json "
                         "or .html",
                         c->argv[0], name);
    }
    if (s->files == BENCH_FILES) {
        return ctl_usage(c, "%s: more than %d files: leave some out", c->argv[0], BENCH_FILES);
    }
    s->file[s->files++] = name;
    return 0;
}

/* Is it one of the command's? */
static bool has_flag(const struct ctl *c, const char *flag)
{
    static const char *const of_ping[] = {"--count",       "--interval", "--connect",
                                          "--openflow",    "--size",     "--source",
                                          "--destination", "--timeout",  "--dpid"};
    bool ping = strcmp(c->argv[0], "ping") == 0, found = false;

    for (unsigned i = 0; i < sizeof of_ping / sizeof of_ping[0]; i++) {
        found |= strcmp(flag, of_ping[i]) == 0;
    }
    return ping ? found : strcmp(flag, "--count") != 0 && strcmp(flag, "--interval") != 0;
}

/* A flag with its value. */
static int take(const struct ctl *c, struct bench_settings *s, const char *flag, const char *value)
{
    const struct {
        const char *flag;
        double low, high;
        unsigned *count;
        uint64_t *large;
        double *real;
    } numbers[] = {{"--window", 1, 1000000, &s->window, NULL, NULL},
                   {"--rate", 1, 100e6, NULL, &s->rate, NULL},
                   {"--size", BENCH_SHORTEST, BENCH_LONGEST, &s->size, NULL, NULL},
                   {"--switches", 1, BENCH_SWITCHES, &s->switches, NULL, NULL},
                   {"--destinations", 1, 100000, &s->destinations, NULL, NULL},
                   {"--storm-rate", 1, 100e6, NULL, &s->storm_rate, NULL},
                   {"--duration", 0.01, 86400, NULL, NULL, &s->duration_s},
                   {"--warmup", 0, 3600, NULL, NULL, &s->warmup_s},
                   {"--timeout", 0.1, 3600, NULL, NULL, &s->timeout_s},
                   {"--count", 1, 100000, &s->count, NULL, NULL},
                   {"--interval", 0, 3600, NULL, NULL, &s->interval_s},
                   {"--dpid", 1, 9e15, NULL, &s->dpid, NULL}};
    double v;

    if (!has_flag(c, flag)) {
        return ctl_usage(c, "%s: unknown flag '%s'", c->argv[0], flag);
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(flag, numbers[i].flag) == 0) {
            int status = number(c, flag, value, numbers[i].low, numbers[i].high, &v);

            if (numbers[i].count) {
                *numbers[i].count = (unsigned)v;
            } else if (numbers[i].large) {
                *numbers[i].large = (uint64_t)v;
            } else {
                *numbers[i].real = v;
            }
            return status;
        }
    }
    if (strcmp(flag, "--connect") == 0) {
        snprintf(s->connect, sizeof s->connect, "%s", value);
    } else if (strcmp(flag, "--openflow") == 0) {
        return choice(c, flag, value, "1.0", "1.3", &s->of13);
    } else if (strcmp(flag, "--expect") == 0) {
        return choice(c, flag, value, "routed", "same", &s->same);
    } else if (strcmp(flag, "--wait") == 0) {
        bool spin = false;
        int status = choice(c, flag, value, "sleep", "spin", &spin);

        s->wait = spin ? BENCH_SPIN : BENCH_SLEEP;
        return status;
    } else if (strcmp(flag, "--storm") == 0) {
        return choice(c, flag, value, "broadcast", "arp", &s->arp);
    } else if (strcmp(flag, "--source") == 0 || strcmp(flag, "--destination") == 0) {
        s->addressed = true;
        return address(c, flag, value, flag[2] == 's' ? &s->src : &s->dst);
    } else if (strcmp(flag, "--output") == 0) {
        return add_file(c, s, value);
    } else {
        return ctl_usage(c, "%s: unknown flag '%s'", c->argv[0], flag);
    }
    return 0;
}

/* Where ofproxy listens by the configuration: its first listener that is not TLS. */
static void find_listener(const struct ctl *c, struct bench_settings *s)
{
    const char *file = c->config[0] ? c->config : "/etc/causeway.conf", *words, *word;
    char why[400], copy[1000], *save = NULL;
    struct config config;

    config_defaults(&config);
    if (access(file, R_OK) == 0) {
        config_file(&config, file, why, sizeof why);
    }
    words = getenv("CAUSEWAY_OFPROXY_LISTEN");
    snprintf(copy, sizeof copy, "%s", words ? words : config_str(&config, CONFIG_OFPROXY_LISTEN));
    for (word = strtok_r(copy, " \t,", &save); word; word = strtok_r(NULL, " \t,", &save)) {
        const char *address;

        if (strncmp(word, "unix:", 5) == 0) {
            snprintf(s->connect, sizeof s->connect, "%s", word);
            break;
        }
        if (strncmp(word, "tcp:", 4) == 0) {
            address = strchr(word + 4, ':');
            snprintf(s->connect, sizeof s->connect, "tcp:%s:%.*s",
                     address ? address + 1 : "127.0.0.1", address ? (int)(address - word - 4) : 16,
                     word + 4);
            break;
        }
    }
    config_free(&config);
}

/* What a mode has of its own where nothing was given, and what does not go together. */
static int settle(const struct ctl *c, struct bench_settings *s, bool rated)
{
    if (s->mode == BENCH_STORM && !rated) {
        s->rate = 1000;
    }
    if (s->mode == BENCH_RAMP && !s->timed) {
        s->duration_s = 1;
    }
    if (s->switches > 1 && !s->same &&
        (s->addressed || s->destinations > 1 || s->switches > BENCH_ROUTED)) {
        return ctl_usage(c,
                         "%s: --switches is %u, expected at most %d, without --source, "
                         "--destination and --destinations, unless with --expect same",
                         c->argv[0], s->switches, BENCH_ROUTED);
    }
    if (!endpoint_connect(&s->to, s->connect, c->run_dir) || s->to.kind == ENDPOINT_SSL) {
        return ctl_usage(c, "%s: --connect is '%s', expected tcp:ADDRESS:PORT or unix:PATH",
                         c->argv[0], s->connect);
    }
    return 0;
}

static int take_mode(const struct ctl *c, struct bench_settings *s, const char *word)
{
    unsigned m = 0;

    s->config = strcmp(word, "config") == 0;
    while (!s->config && m < BENCH_MODES && strcmp(word, modes[m]) != 0) {
        m++;
    }
    if (m == BENCH_MODES) {
        return ctl_usage(
            c, "%s: '%s' is no mode, expected one of: latency, window, rate, storm, ramp, config",
            c->argv[0], word);
    }
    s->mode = (enum bench_mode)m;
    return 0;
}

int bench_options(struct ctl *c, struct bench_settings *s)
{
    bool rated = false, ping = strcmp(c->argv[0], "ping") == 0, moded = ping;

    *s = (struct bench_settings){.of13 = true,
                                 .switches = 1,
                                 .size = 64,
                                 .window = 64,
                                 .rate = 10000,
                                 .duration_s = 5,
                                 .warmup_s = 0.2,
                                 .timeout_s = ping ? 2 : 10,
                                 .interval_s = 0.2,
                                 .count = 10,
                                 .dpid = 0xbe0001,
                                 .src = 0x0a000164, /* the lab's client and server1 */
                                 .dst = 0xc0a80202,
                                 .destinations = 1};
    find_listener(c, s);
    for (int i = 1; i < c->argc; i++) {
        const char *word = c->argv[i], *equals = strchr(word, '=');
        char flag[24];
        int status;

        if (word[0] != '-') {
            status = moded ? ctl_usage(c, "%s: '%s' is one word too many", c->argv[0], word)
                           : take_mode(c, s, word);
            moded = true;
        } else {
            snprintf(flag, sizeof flag, "%.*s", equals ? (int)(equals - word) : 23, word);
            if (!equals && i + 1 >= c->argc) {
                return ctl_usage(c, "%s: %s needs a value, or is unknown", c->argv[0], flag);
            }
            status = take(c, s, flag, equals ? equals + 1 : c->argv[++i]);
            rated |= strcmp(flag, "--rate") == 0;
            s->timed |= strcmp(flag, "--duration") == 0;
        }
        if (status != 0) {
            return status;
        }
    }
    return settle(c, s, rated);
}
