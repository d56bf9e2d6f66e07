/* common/config.c - the table of config.def, read from flags, environment and one INI file. */
#include "common/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum config_type { STRING, NUMBER };

struct setting {
    enum config_section section;
    const char *key;
    char flag; /* short flag, or 0 */
    enum config_type type;
    long low, high;
    const char *value, *text;
};
static const struct setting settings[] = {
#define S(SECTION, NAME, key, flag, type, low, high, value, text)                                  \
    {CONFIG_##SECTION, key, flag, type, low, high, value, text},
#include "common/config.def"
#undef S
};
static const char *const section_names[] = {"stack",   "ofproxy", "vnsbridge", "router",
                                            "ptyhost", "webterm", "lab"};
static const char *const vhost_keys[] = {"switch", "interface", "ip-config", "auth-key", "rtable"};
static const char default_file[] = "/etc/causeway.conf";

const char *config_key_name(enum config_key key)
{
    return settings[key].key;
}

const char *config_section_name(enum config_key key)
{
    return section_names[settings[key].section];
}

const char *config_key_text(enum config_key key)
{
    return settings[key].text;
}

const char *config_str(const struct config *c, enum config_key key)
{
    return c->value[key];
}

long config_int(const struct config *c, enum config_key key)
{
    return strtol(c->value[key], NULL, 10);
}

static char *copy(const char *s)
{
    char *to = strdup(s);

    if (!to) {
        die("out of memory while reading the configuration");
    }
    return to;
}

/* Settings that are one of a few words. */
static const struct {
    enum config_key key;
    const char *words, *sentence;
} choices[] = {
    {CONFIG_STACK_LOG_FORMAT, " text json ", "text or json"},
    {CONFIG_STACK_LOG_LEVEL, " error warn info debug ", "error, warn, info or debug"},
    {CONFIG_STACK_SANDBOX, " yes no ", "yes or no"},
    {CONFIG_STACK_WAIT, " auto yield poll sleep ", "auto, yield, poll or sleep"},
    {CONFIG_LAB_CONSOLE, " restricted full ", "restricted or full"},
    {CONFIG_LAB_CREATE, " lab ofproxy ", "lab or ofproxy"},
    {CONFIG_OFPROXY_METERING, " on off ", "on or off"},
    {CONFIG_OFPROXY_TLS_VERIFY, " yes no ", "yes or no"},
    {CONFIG_LAB_OPENFLOW, " 1.0 1.3 both ", "1.0, 1.3 or both"},
    {CONFIG_OFPROXY_ROLE, " equal master slave ", "equal, master or slave"},
    {CONFIG_OFPROXY_PACKET_IN_FORMAT, " standard nxt_packet_in nxt_packet_in2 ",
     "standard, nxt_packet_in or nxt_packet_in2"},
};

/* Returns what was expected, or NULL: the value is one of the key's words, or the key has none. */
static const char *other_word(unsigned key, const char *value)
{
    for (unsigned i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        char spaced[32];
        int n = snprintf(spaced, sizeof spaced, " %s ", value);

        if (choices[i].key == key) {
            bool one = n < (int)sizeof spaced && n > 2 && !strchr(value, ' ');

            return one && strstr(choices[i].words, spaced) ? NULL : choices[i].sentence;
        }
    }
    return NULL;
}

/* Sets a value after checking it.  Returns false with a sentence in 'why'. */
static bool assign(struct config *c, unsigned key, const char *value, char *why, size_t size)
{
    const struct setting *s = &settings[key];
    const char *expected = other_word(key, value);
    char *end;
    long n;

    if (expected) {
        snprintf(why, size, "%s is '%.60s', expected %s", s->key, value, expected);
        return false;
    }
    if (s->type == NUMBER) {
        errno = 0;
        n = strtol(value, &end, 10);
        if (errno != 0 || end == value || *end != '\0' || n < s->low || n > s->high) {
            snprintf(why, size, "%s is '%.60s', expected a number from %ld to %ld", s->key, value,
                     s->low, s->high);
            return false;
        }
    }
    free(c->value[key]);
    c->value[key] = copy(value);
    return true;
}

bool config_is_name(const char *name, size_t most)
{
    size_t len = 0;

    while (name[len] > 0x20 && name[len] < 0x7f) {
        len++;
    }
    return name[len] == '\0' && len > 0 && len <= most;
}

void config_defaults(struct config *c)
{
    *c = (struct config){0};
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        c->value[k] = copy(settings[k].value);
    }
}

void config_free(struct config *c)
{
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        free(c->value[k]);
    }
    for (size_t i = 0; i < c->n_lines; i++) {
        free(c->lines[i].vhost);
        free(c->lines[i].key);
        free(c->lines[i].value);
    }
    free(c->lines);
    free(c->file);
    *c = (struct config){0};
}

/* ---- the file ----------------------------------------------------------------------------- */

struct reading {
    struct config *c;
    FILE *f;
    const char *file;
    int line;
    char *why;
    size_t size, used;
    bool bad;
};

static void complain(struct reading *r, const char *sentence)
{
    r->bad = true;
    if (r->used < r->size) {
        r->used += (size_t)snprintf(r->why + r->used, r->size - r->used, "%s%s:%d: %s",
                                    r->used ? "\n" : "", r->file, r->line, sentence);
    }
}

/* One whole line, without its indentation: libinih takes an indented line for more of the value
 * above, and the rest of a long one for a line of its own. */
static char *next_line(char *buffer, int size, void *context)
{
    struct reading *r = context;
    int n = 0, most = size - 2, c;
    char why[80];

    r->line++;
    while ((c = getc(r->f)) != EOF && c != '\n') {
        if (n == 0 && isblank(c)) {
            continue;
        }
        if (n < most) {
            buffer[n] = (char)c;
        }
        n += n <= most;
    }
    if (n > most) {
        snprintf(why, sizeof why, "longer than %d characters: shorten it", most);
        complain(r, why);
        n = 0;
    }
    buffer[n] = '\0';
    return n == 0 && c == EOF ? NULL : buffer;
}

static bool known_vhost_key(const char *key)
{
    for (unsigned i = 0; i < sizeof vhost_keys / sizeof vhost_keys[0]; i++) {
        if (strcmp(key, vhost_keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void vhost_line(struct reading *r, const char *vhost, const char *key, const char *value)
{
    struct config *c = r->c;
    struct config_line *more;
    char why[200];

    if (!config_is_name(vhost, 31)) {
        complain(r,
                 "a [vhost NAME] section needs a name of 1 to 31 ASCII characters without blanks");
        return;
    }
    if (!known_vhost_key(key)) {
        snprintf(why, sizeof why,
                 "unknown key '%.60s' in [vhost %s], expected switch, interface, ip-config, "
                 "auth-key or rtable",
                 key, vhost);
        complain(r, why);
        return;
    }
    more = realloc(c->lines, (c->n_lines + 1) * sizeof *more);
    if (!more) {
        die("out of memory while reading the configuration");
    }
    c->lines = more;
    c->lines[c->n_lines++] =
        (struct config_line){copy(vhost), copy(key), copy(value), c->file, r->line};
}

static int find_section(const char *section)
{
    for (int i = 0; i < CONFIG_SECTIONS; i++) {
        if (strcmp(section, section_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static int on_line(void *context, const char *section, const char *key, const char *value)
{
    struct reading *r = context;
    int at = find_section(section);
    char why[400], wrong[300];

    if (strncmp(section, "vhost ", 6) == 0) {
        vhost_line(r, section + 6 + strspn(section + 6, " "), key, value);
        return 1;
    }
    if (section[0] == '\0') {
        complain(r, "a key before any [section], expected a line like [router] first");
        return 1;
    }
    if (at < 0) {
        snprintf(why, sizeof why,
                 "unknown section [%.60s], expected [stack], [ofproxy], [vnsbridge], [router], "
                 "[ptyhost], [webterm], [lab] or [vhost NAME]",
                 section);
        complain(r, why);
        return 1;
    }
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        if ((int)settings[k].section == at && strcmp(settings[k].key, key) == 0) {
            if (!assign(r->c, k, value, wrong, sizeof wrong)) {
                complain(r, wrong);
            } else {
                r->c->given[k] = true;
            }
            return 1;
        }
    }
    snprintf(why, sizeof why, "unknown key '%.60s' in [%s] (see 'causeway help config')", key,
             section);
    complain(r, why);
    return 1;
}

static int unreadable(const char *file, int err, char *why, size_t size)
{
    snprintf(why, size, "%s: cannot be read: %s: give another with --config or CAUSEWAY_CONFIG",
             file, strerror(err));
    return -EINVAL;
}

int config_file(struct config *c, const char *file, char *why, size_t size)
{
    struct reading r = {.c = c, .file = file, .why = why, .size = size};
    int bad_line;

    why[0] = '\0';
    free(c->file);
    c->file = copy(file);
    r.file = c->file;
    r.f = fopen(file, "re");
    if (!r.f) {
        return unreadable(file, errno, why, size);
    }
    bad_line = ini_parse_stream(next_line, &r, on_line, &r);
    if (ferror(r.f)) {
        int err = errno; /* a folder, for one, opens but cannot be read */

        fclose(r.f);
        return unreadable(file, err, why, size);
    }
    fclose(r.f);
    if (bad_line > 0) {
        r.line = bad_line;
        complain(&r, "expected [section] or key = value");
    }
    return r.bad ? -EINVAL : 0;
}

/* ---- flags and environment ---------------------------------------------------------------- */

static void env_name(char *name, size_t size, const struct setting *s)
{
    snprintf(name, size, "CAUSEWAY_%s%s%s",
             s->section == CONFIG_STACK ? "" : section_names[s->section],
             s->section == CONFIG_STACK ? "" : "_", s->key);
    for (char *c = name; *c; c++) {
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    }
}

static bool takes(enum config_section section, unsigned key)
{
    return settings[key].section == section || settings[key].section == CONFIG_STACK;
}

static void help(enum config_section section)
{
    const char *me = section_names[section];

    printf("Usage: %s [--config FILE] [--SETTING VALUE]...\n\nSettings (also in the [%s] and "
           "[stack] sections of the file, and as environment variables):\n",
           me, me);
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        const struct setting *s = &settings[k];
        char env[80], shortly[8] = "";

        if (!takes(section, k)) {
            continue;
        }
        env_name(env, sizeof env, s);
        if (s->flag) {
            snprintf(shortly, sizeof shortly, "-%c, ", s->flag);
        }
        printf("  %s--%s VALUE   (%s; default: %s)\n      %s\n", shortly, s->key, env,
               s->value[0] ? s->value : "empty", s->text);
    }
    printf("  --config FILE   (CAUSEWAY_CONFIG; default: %s where it exists)\n"
           "  -h, --help      print this\n  --version       print the version\n",
           default_file);
}

static void from_environment(struct config *c, enum config_section section)
{
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        char name[80], why[300];
        const char *value;

        env_name(name, sizeof name, &settings[k]);
        value = getenv(name);
        if (!value && k == CONFIG_STACK_RUN_DIR) {
            value = getenv("CAUSEWAY_RUN"); /* the short form that people type */
        }
        if (!value || !takes(section, k)) {
            continue;
        }
        if (!assign(c, k, value, why, sizeof why)) {
            die_usage("environment variable %s: %s", name, why);
        }
        c->given[k] = true;
    }
}

static int find_flag(enum config_section section, const char *word, size_t len)
{
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        const struct setting *s = &settings[k];

        if (!takes(section, k)) {
            continue;
        }
        if (len > 2 && word[0] == '-' && word[1] == '-' && strlen(s->key) == len - 2 &&
            strncmp(word + 2, s->key, len - 2) == 0) {
            return (int)k;
        }
        if (len == 2 && word[0] == '-' && s->flag && word[1] == s->flag) {
            return (int)k;
        }
    }
    return -1;
}

/* One flag and its value ("--key value", "--key=value", "-k value"); returns the words used. */
static int take_flag(struct config *c, enum config_section section, char **argv)
{
    const char *word = argv[0], *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const char *value = equals ? equals + 1 : argv[1];
    bool config = len == 8 && strncmp(word, "--config", 8) == 0;
    int key = find_flag(section, word, len);
    char why[300];

    if (key < 0 && !config) {
        die_usage("unknown %s '%s': see '%s --help'", word[0] == '-' ? "flag" : "word", word,
                  section_names[section]);
    }
    if (!value) {
        die_usage("flag %s needs a value: see '%s --help'", word, section_names[section]);
    }
    if (!config && c) {
        if (!assign(c, (unsigned)key, value, why, sizeof why)) {
            die_usage("flag %.*s: %s", (int)len, word, why);
        }
        c->given[key] = true;
    }
    return equals ? 1 : 2;
}

/* First pass: help, version, and which file. */
static const char *early_flags(enum config_section section, int argc, char **argv)
{
    const char *file = getenv("CAUSEWAY_CONFIG");

    file = file && file[0] ? file : NULL; /* set to nothing is not set */
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help(section);
            exit(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s (Causeway) %s\n", section_names[section], CAUSEWAY_VERSION);
            exit(0);
        }
        if (strncmp(argv[i], "--config=", 9) == 0) {
            file = argv[i] + 9;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            file = argv[i + 1];
        }
        i += take_flag(NULL, section, argv + i);
    }
    if (!file && access(default_file, F_OK) == 0) {
        file = default_file;
    }
    return file;
}

void config_load(struct config *c, enum config_section section, int argc, char **argv)
{
    const char *file;
    char why[2000];
    enum log_level level;

    log_open(section_names[section], LOG_TEXT);
    file = early_flags(section, argc, argv);
    config_defaults(c);
    if (file && config_file(c, file, why, sizeof why) != 0) {
        die_usage("%s", why);
    }
    from_environment(c, section);
    for (int i = 1; i < argc;) {
        i += take_flag(c, section, argv + i);
    }
    log_level_parse(c->value[CONFIG_STACK_LOG_LEVEL], &level);
    log_set_level(level);
    log_open(section_names[section],
             strcmp(c->value[CONFIG_STACK_LOG_FORMAT], "json") == 0 ? LOG_JSON : LOG_TEXT);
}
