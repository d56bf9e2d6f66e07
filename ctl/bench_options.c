/* ctl/bench_options.c - the words of `causeway bench`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/proto/pkt.h"
#include "ctl/bench.h"

static const char *const modes[BENCH_MODES] = {"latency", "window", "rate"};

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
        return ctl_usage(c, "bench: %s is '%s', expected a number from %.10g to %.10g", flag, text,
                         low, high);
    }
    return 0;
}

static int address(const struct ctl *c, const char *flag, const char *text, uint32_t *ip)
{
    return pkt_ip_parse(text, ip) ? 0
                                  : ctl_usage(c,
                                              "bench: %s is '%s', expected an address such as "
                                              "192.168.2.2",
                                              flag, text);
}

static int choice(const struct ctl *c, const char *flag, const char *text, const char *no,
                  const char *yes, bool *value)
{
    *value = strcmp(text, yes) == 0;
    return *value || strcmp(text, no) == 0
               ? 0
               : ctl_usage(c, "bench: %s is '%s', expected %s or %s", flag, text, no, yes);
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
                   {"--duration", 0.01, 86400, NULL, NULL, &s->duration_s},
                   {"--warmup", 0, 3600, NULL, NULL, &s->warmup_s},
                   {"--timeout", 0.1, 3600, NULL, NULL, &s->timeout_s},
                   {"--dpid", 1, 9e15, NULL, &s->dpid, NULL}};
    double v;

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
    } else if (strcmp(flag, "--source") == 0) {
        return address(c, flag, value, &s->src);
    } else if (strcmp(flag, "--destination") == 0) {
        return address(c, flag, value, &s->dst);
    } else {
        return ctl_usage(c, "bench: unknown flag '%s'", flag);
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

int bench_options(struct ctl *c, struct bench_settings *s)
{
    bool moded = false;

    *s = (struct bench_settings){.of13 = true,
                                 .switches = 1,
                                 .size = 64,
                                 .window = 64,
                                 .rate = 10000,
                                 .duration_s = 5,
                                 .warmup_s = 0.2,
                                 .timeout_s = 10,
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
            unsigned m = 0;

            while (m < BENCH_MODES && strcmp(word, modes[m]) != 0) {
                m++;
            }
            if (m == BENCH_MODES || moded) {
                return ctl_usage(
                    c, "bench: '%s' is no mode, expected one of: latency, window, rate", word);
            }
            s->mode = (enum bench_mode)m;
            moded = true;
            continue;
        }
        snprintf(flag, sizeof flag, "%.*s", equals ? (int)(equals - word) : 23, word);
        if (!equals && i + 1 >= c->argc) {
            return ctl_usage(c, "bench: %s needs a value, or is unknown", flag);
        }
        status = take(c, s, flag, equals ? equals + 1 : c->argv[++i]);
        if (status != 0) {
            return status;
        }
    }
    if (!endpoint_connect(&s->to, s->connect, c->run_dir) || s->to.kind == ENDPOINT_SSL) {
        return ctl_usage(c, "bench: --connect is '%s', expected tcp:ADDRESS:PORT or unix:PATH",
                         s->connect);
    }
    return 0;
}
