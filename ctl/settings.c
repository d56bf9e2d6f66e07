/* ctl/settings.c - every mistake in a configuration file and in the files that it names.
 *
 * The processes read those files too, and stop at the first mistake; here they are checked line by
 * line for form, so that all can be mended at once. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/endpoint.h"
#include "common/proto/pkt.h"
#include "ctl/ctl.h"

#define KEY_LEN 64
#define WORDS 5

static void mistake(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void mistake(json_t *list, const char *format, ...)
{
    char text[2 * PATH_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(list, json_string(text));
}

/* Calls 'check' for each line that says something, cut into words (at most WORDS are kept). */
static void each_line(json_t *list, const char *file,
                      void (*check)(json_t *list, const char *where, char **word, unsigned n))
{
    FILE *f = fopen(file, "re");
    char *line = NULL, where[PATH_MAX + 16];
    unsigned number = 0, lines = 0;
    size_t room = 0;

    if (!f) {
        mistake(list, "%s: cannot be read: %s", file, strerror(errno));
        return;
    }
    while (getline(&line, &room, f) > 0) {
        char *word[WORDS], *save = NULL, *at;
        unsigned n = 0;

        number++;
        line[strcspn(line, "#")] = '\0';
        for (at = strtok_r(line, " \t\r\n\v\f", &save); at;
             at = strtok_r(NULL, " \t\r\n\v\f", &save)) {
            if (n < WORDS) {
                word[n] = at;
            }
            n++;
        }
        if (n > 0) {
            snprintf(where, sizeof where, "%s:%u", file, number);
            check(list, where, word, n);
            lines++;
        }
    }
    if (ferror(f)) {
        mistake(list, "%s: cannot be read: %s", file, strerror(errno));
    } else if (lines == 0) {
        mistake(list, "%s: holds no line that says anything", file);
    }
    free(line);
    fclose(f);
}

/* "192.168.2.1" or "192.168.2.1/24" */
static bool is_address(const char *text)
{
    char dotted[PKT_IP_TEXT];
    size_t n = strcspn(text, "/");
    uint32_t ip;

    if (n >= sizeof dotted ||
        (text[n] == '/' &&
         (!isdigit((unsigned char)text[n + 1]) || strspn(text + n + 1, "0123456789") > 2 ||
          text[n + 1 + strspn(text + n + 1, "0123456789")] || atoi(text + n + 1) > 32))) {
        return false;
    }
    memcpy(dotted, text, n);
    dotted[n] = '\0';
    return pkt_ip_parse(dotted, &ip) && ip != 0;
}

static void ip_config_line(json_t *list, const char *where, char **word, unsigned n)
{
    const char *dash = strrchr(word[0], '-');

    if (n != 2) {
        mistake(list,
                "%s: %u word%s, expected 2: switch port and address, as in: sw0-eth1 "
                "192.168.2.1",
                where, n, n == 1 ? "" : "s");
    } else if (strlen(dash ? dash + 1 : word[0]) > 15 || strlen(word[0]) > 25) {
        mistake(list,
                "%s: switch port '%.60s' is too long, expected at most 25 characters, at most "
                "15 of them after its last '-'",
                where, word[0]);
    } else if (!is_address(word[1])) {
        mistake(list, "%s: '%.60s' is no address, expected one such as 192.168.2.1 or 10.0.1.1/24",
                where, word[1]);
    }
}

void settings_check_ip_config(json_t *list, const char *file)
{
    each_line(list, file, ip_config_line);
}

static void rtable_line(json_t *list, const char *where, char **word, unsigned n)
{
    static const char *const names[] = {"destination", "gateway", "mask"};
    uint32_t ip[3];

    if (n != 4) {
        mistake(list, "%s: %u word%s, expected 4: destination gateway mask interface", where, n,
                n == 1 ? "" : "s");
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!pkt_ip_parse(word[i], &ip[i])) {
            mistake(list, "%s: '%.60s' is no %s, expected an address such as 10.0.1.100", where,
                    word[i], names[i]);
            return;
        }
    }
    if ((~ip[2] & (~ip[2] + 1)) != 0) {
        mistake(list, "%s: mask %s has ones after a zero, expected one such as 255.255.255.0",
                where, word[2]);
    }
    if (strlen(word[3]) > 15) {
        mistake(list, "%s: interface '%.60s' is too long, expected at most 15 characters", where,
                word[3]);
    }
}

void settings_check_rtable(json_t *list, const char *file)
{
    each_line(list, file, rtable_line);
}

void settings_check_key(json_t *list, const char *file)
{
    char key[KEY_LEN];
    FILE *f = fopen(file, "re");

    if (!f) {
        mistake(list, "%s: the key cannot be read: %s", file, strerror(errno));
        return;
    }
    if (fread(key, 1, sizeof key, f) < sizeof key || memchr(key, '\n', sizeof key)) {
        mistake(list, "%s: the key's first line is too short, expected %d characters", file,
                KEY_LEN);
    }
    fclose(f);
}

/* vnsbridge's: "tcp:PORT[:ADDRESS]", or "none" */
static void check_listen(json_t *list, const char *file, const char *text)
{
    char *copy = strdup(text), *save = NULL, *word;
    unsigned n = 0;

    for (word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save), n++) {
        char *end = word;
        long port = strncmp(word, "tcp:", 4) == 0 && isdigit((unsigned char)word[4])
                        ? strtol(word + 4, &end, 10)
                        : 0;

        if ((port < 1 || port > 65535 || (*end && *end != ':')) && strcmp(word, "none") != 0) {
            mistake(list,
                    "%s: [vnsbridge] listen is '%.60s', expected tcp:PORT or tcp:PORT:ADDRESS, "
                    "PORT from 1 to 65535, or none",
                    file, word);
        }
    }
    if (n == 0) {
        mistake(list, "%s: [vnsbridge] listen is empty, expected tcp:PORT or tcp:PORT:ADDRESS",
                file);
    }
    free(copy);
}

/* Words of ofproxy's listen or connect, or of webterm's listen. */
static void check_endpoints(json_t *list, const char *file, const struct config *c,
                            enum config_key key, const char *expected)
{
    bool listen = key != CONFIG_OFPROXY_CONNECT, web = key == CONFIG_WEBTERM_LISTEN;
    enum config_key tls_key = web ? CONFIG_WEBTERM_TLS_KEY : CONFIG_OFPROXY_TLS_KEY;
    const char *section = config_section_name(key);
    char *copy = strdup(config_str(c, key)), *save = NULL, *word;
    const char *run_dir = config_str(c, CONFIG_STACK_RUN_DIR);
    struct endpoint e;
    unsigned n = 0;

    for (word = strtok_r(copy, " \t,", &save); word; word = strtok_r(NULL, " \t,", &save), n++) {
        if (!(listen ? endpoint_listen(&e, word, run_dir) : endpoint_connect(&e, word, run_dir)) &&
            !(listen && strcmp(word, "none") == 0)) {
            mistake(list, "%s: [%s] %s is '%.60s', expected %s", file, section,
                    config_key_name(key), word, expected);
        } else if (strncmp(word, "ssl:", 4) == 0 && !config_str(c, tls_key)[0]) {
            mistake(list, "%s: [%s] %s is '%.60s', which needs tls-key%s", file, section,
                    config_key_name(key), word, web ? " and tls-cert" : ", tls-cert and tls-ca");
        }
    }
    if (n == 0 && listen) {
        mistake(list, "%s: [%s] listen is empty, expected %s", file, section, expected);
    }
    free(copy);
}

/* What the processes refuse at their start; the rest of the values config_file has checked. */
static void check_lengths(json_t *list, const char *file, const struct config *c)
{
    const char *run_dir = config_str(c, CONFIG_STACK_RUN_DIR);
    bool starts[TOPO_PROCESSES];
    char why[300];

    if (run_dir[0] == '\0' || strlen(run_dir) > 95) {
        mistake(list, "%s: [stack] run-dir is '%s', expected 1 to 95 characters", file, run_dir);
    }
    if (!ctl_starts(starts, config_str(c, CONFIG_STACK_START), why, sizeof why)) {
        mistake(list, "%s: [stack] %s", file, why);
    }
    if (strlen(config_str(c, CONFIG_ROUTER_VHOST)) > 31) {
        mistake(list, "%s: [router] vhost is '%s', expected at most 31 characters", file,
                config_str(c, CONFIG_ROUTER_VHOST));
    }
    check_endpoints(list, file, c, CONFIG_OFPROXY_LISTEN, ENDPOINT_LISTEN_WORDS ", or none");
    check_endpoints(list, file, c, CONFIG_OFPROXY_CONNECT, ENDPOINT_CONNECT_WORDS);
    check_listen(list, file, config_str(c, CONFIG_VNSBRIDGE_LISTEN));
    check_endpoints(list, file, c, CONFIG_WEBTERM_LISTEN, ENDPOINT_LISTEN_WORDS ", or none");
}

static void check_readable(json_t *list, const char *file)
{
    if (access(file, R_OK) != 0) {
        mistake(list, "%s: cannot be read: %s", file, strerror(errno));
    }
}

static void check_files(json_t *list, const struct config *c)
{
    static const struct {
        enum config_key key;
        void (*check)(json_t *list, const char *file);
    } files[] = {{CONFIG_OFPROXY_TLS_KEY, check_readable},
                 {CONFIG_OFPROXY_TLS_CERT, check_readable},
                 {CONFIG_OFPROXY_TLS_CA, check_readable},
                 {CONFIG_VNSBRIDGE_IP_CONFIG, settings_check_ip_config},
                 {CONFIG_VNSBRIDGE_AUTH_KEY, settings_check_key},
                 {CONFIG_ROUTER_RTABLE, settings_check_rtable},
                 {CONFIG_ROUTER_AUTH_KEY, settings_check_key},
                 {CONFIG_WEBTERM_PASSWORD_FILE, check_readable},
                 {CONFIG_WEBTERM_VIEWER_PASSWORD_FILE, check_readable},
                 {CONFIG_WEBTERM_TOKEN_FILE, check_readable},
                 {CONFIG_WEBTERM_TLS_KEY, check_readable},
                 {CONFIG_WEBTERM_TLS_CERT, check_readable},
                 {CONFIG_WEBTERM_BUTTONS, check_readable}};

    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (c->given[files[i].key] && config_str(c, files[i].key)[0]) {
            files[i].check(list, config_str(c, files[i].key));
        }
    }
    for (size_t i = 0; i < c->n_lines; i++) {
        const struct config_line *l = &c->lines[i];

        if (strcmp(l->key, "ip-config") == 0) {
            settings_check_ip_config(list, l->value);
        } else if (strcmp(l->key, "rtable") == 0) {
            settings_check_rtable(list, l->value);
        } else if (strcmp(l->key, "auth-key") == 0) {
            settings_check_key(list, l->value);
        }
    }
}

json_t *settings_check(const char *file)
{
    json_t *list = json_array();
    char why[16384], *save = NULL, *line;
    struct config c;

    config_defaults(&c);
    if (!file && access("/etc/causeway.conf", F_OK) == 0) {
        file = "/etc/causeway.conf";
    }
    if (file && config_file(&c, file, why, sizeof why) != 0) {
        for (line = strtok_r(why, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            mistake(list, "%s", line);
        }
    }
    if (file) {
        check_lengths(list, file, &c);
        check_files(list, &c);
    }
    config_free(&c);
    return list;
}
