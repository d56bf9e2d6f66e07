/* common/config.h - every setting of every process, from one table (config.def).
 *
 * A setting has a key in the configuration file ([section] key), a flag (--key), an environment
 * variable (CAUSEWAY_SECTION_KEY, upper case, '-' as '_'; the section "stack" is left out) and a
 * default.  The flag wins over the environment, the environment over the file, the file over the
 * default.  A process takes the flags of its own section and of "stack".
 *
 *     struct config c;
 *     config_load(&c, CONFIG_ROUTER, argc, argv);      exits on --help, --version, and mistakes
 *     config_str(&c, CONFIG_ROUTER_RTABLE)
 *
 * In the file, a line may be indented, ends at " ;", and has room for 198 characters; of a key
 * given twice the last counts.  Sections "[vhost NAME]" may repeat, hold the keys listed in
 * config.c and are kept as lines. All strings belong to the config and live until config_free(). */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_section {
    CONFIG_STACK,
    CONFIG_OFPROXY,
    CONFIG_VNSBRIDGE,
    CONFIG_ROUTER,
    CONFIG_PTYHOST,
    CONFIG_WEBTERM,
    CONFIG_LAB,
    CONFIG_SECTIONS
};

/* CONFIG_STACK_RUN_DIR, CONFIG_OFPROXY_LISTEN, ... */
#define CONFIG_ENUM(SECTION, NAME, key, flag, type, lo, hi, value, text) CONFIG_##SECTION##_##NAME,
enum config_key {
#define S CONFIG_ENUM
#include "common/config.def"
#undef S
    CONFIG_KEYS
};

/* A line of a "[vhost NAME]" section, in file order. */
struct config_line {
    char *vhost, *key, *value;
    const char *file;
    int line;
};

struct config {
    char *value[CONFIG_KEYS];
    bool given[CONFIG_KEYS]; /* by flag, environment or file, not by default */
    struct config_line *lines;
    size_t n_lines;
    char *file; /* the configuration file that was read, or NULL */
};

/* Reads flags, environment and file for the process that owns 'section'.  The file is --config
 * FILE, else $CAUSEWAY_CONFIG, else /etc/causeway.conf where that exists.  --help and --version
 * print and exit 0; a mistake prints one sentence that names the flag, variable, or file and line,
 * and what was expected, and exits 2.  Words that are not flags are a mistake. */
void config_load(struct config *c, enum config_section section, int argc, char **argv);

/* Reads one file into 'c' (which config_defaults() or config_load() has filled).  Returns 0, or
 * -EINVAL with every mistake as "file:line: sentence" lines in 'why' (cut at 'size'). */
int config_file(struct config *c, const char *file, char *why, size_t size);
void config_defaults(struct config *c);
/* Is it a name that a terminal, JSON and a VNS client all take: 1 to 'most' printable ASCII
 * characters, and no blanks? */
bool config_is_name(const char *name, size_t most);
void config_free(struct config *c);

const char *config_str(const struct config *c, enum config_key key);
/* The value of a number setting; it was checked against its range when it was read. */
long config_int(const struct config *c, enum config_key key);

/* For documentation and check-config: the section's and key's names and the sentence. */
const char *config_key_name(enum config_key key);
const char *config_section_name(enum config_key key);
const char *config_key_text(enum config_key key);

#endif
