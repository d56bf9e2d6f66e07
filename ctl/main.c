/* ctl/main.c - `causeway`: global flags, then the command.
 *
 * Called by the name "run" it is a service's run script (service.c): the run directory may be on a
 * file system mounted noexec, where a script could not be started but a link to a program can. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beside.h"
#include "common/config.h"
#include "common/log.h"
#include "ctl/ctl.h"
#include "ctl/service.h"
#include "shm/fault.h"

struct command {
    const char *name;
    int (*call)(struct ctl *c);
    const char *words, *text;
};
static const struct command commands[] = {
#define CMD(name, function, words, text) {name, function, words, text},
#include "ctl/commands.def"
#undef CMD
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_settings(void)
{
    struct config c;
    const char *section = "";

    config_defaults(&c);
    printf(
        "Settings.  Each has a key in its section of the configuration file, a flag (--key) of "
        "its\n"
        "process, and an environment variable (CAUSEWAY_SECTION_KEY; CAUSEWAY_KEY for [stack]).\n");
    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        if (strcmp(section, config_section_name(k)) != 0) {
            section = config_section_name(k);
            printf("\n[%s]\n", section);
        }
        printf("%s = %s\n    %s\n", config_key_name(k), config_str(&c, k), config_key_text(k));
    }
    printf("\n[vhost NAME]   a virtual host; may be repeated under other names\n"
           "switch, interface, ip-config, auth-key, rtable   see docs/causeway.conf.example\n");
    config_free(&c);
}

static json_t *help_json(void)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < N_COMMANDS; i++) {
        json_array_append_new(list, json_pack("{s:s s:s s:s}", "command", commands[i].name, "words",
                                              commands[i].words, "text", commands[i].text));
    }
    return list;
}

int cmd_help(struct ctl *c)
{
    if (c->argc > 1 && strcmp(c->argv[1], "config") == 0) {
        print_settings();
        return 0;
    }
    if (c->argc > 1) {
        return ctl_usage(c, "there is no help on '%s', expected: help, or help config", c->argv[1]);
    }
    if (c->json) {
        ctl_print_json(c, help_json());
        return 0;
    }
    printf("Usage: causeway COMMAND [WORD]... [--run-dir DIR] [--config FILE] [--json]\n\n");
    for (unsigned i = 0; i < N_COMMANDS; i++) {
        printf("  %s%s%s\n      %s\n", commands[i].name, commands[i].words[0] ? " " : "",
               commands[i].words, commands[i].text);
    }
    printf(
        "\nFlags, anywhere:\n"
        "  --run-dir DIR   folder of the stack (CAUSEWAY_RUN; default: the file's, /run/causeway)\n"
        "  --config FILE   configuration file (CAUSEWAY_CONFIG; default: /etc/causeway.conf)\n"
        "  --json          the answer as JSON\n"
        "  --watch N       status and show: again every N seconds\n"
        "Exit status: 0 done, 1 failed, 2 used wrongly.\n");
    return 0;
}

int cmd_version(struct ctl *c)
{
    if (c->json) {
        ctl_print_json(c, json_pack("{s:s s:i}", "version", CAUSEWAY_VERSION, "shm_abi", SHM_ABI));
    } else {
        printf("causeway (Causeway) %s\n", CAUSEWAY_VERSION);
    }
    return 0;
}

/* The value of the global flag "--name VALUE" or "--name=VALUE" at argv[*i], or NULL: not this one.
 */
static const char *flag_value(struct ctl *c, const char *name, char **argv, int argc, int *i)
{
    size_t n = strlen(name);

    if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] != '\0' && argv[*i][n] != '=')) {
        return NULL;
    }
    if (argv[*i][n] == '=') {
        return argv[*i] + n + 1;
    }
    if (*i + 1 >= argc) {
        exit(ctl_usage(c, "%s needs a value", name));
    }
    return argv[++*i];
}

static void absolute(struct ctl *c, char *to, const char *path, const char *what)
{
    char cwd[PATH_MAX / 2] = "";
    int n;

    if (path[0] != '/' && !getcwd(cwd, sizeof cwd)) {
        exit(ctl_fail("the current folder cannot be named (%s): give an absolute %s",
                      strerror(errno), what));
    }
    n = snprintf(to, PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", path);
    while (n > 1 && n < PATH_MAX && to[n - 1] == '/') {
        to[--n] = '\0';
    }
    if (path[0] == '\0' || n >= PATH_MAX) {
        exit(ctl_usage(c, "%s '%s' is empty or too long", what, path));
    }
}

/* Takes the global flags out of the words; *run_dir and *config are what was given. */
static void take_flags(struct ctl *c, int argc, char **argv, const char **run_dir,
                       const char **config)
{
    bool help = false;

    for (int i = 1; i < argc; i++) {
        const char *value;

        if ((value = flag_value(c, "--run-dir", argv, argc, &i))) {
            *run_dir = value;
        } else if ((value = flag_value(c, "--config", argv, argc, &i))) {
            *config = value;
        } else if ((value = flag_value(c, "--watch", argv, argc, &i))) {
            if (!ctl_seconds(c, "--watch", value, 0.1, &c->watch_s)) {
                exit(2);
            }
        } else if (strcmp(argv[i], "--json") == 0) {
            c->json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            exit(cmd_version(c));
        } else {
            c->argv[c->argc++] = argv[i];
        }
    }
    if (help) {
        c->argc = 0;
        exit(cmd_help(c));
    }
}

/* Which processes the stack has: by the environment, else the file.  A bad word in the file stops
 * the commands that need it: 'strict'. */
static void find_starts(struct ctl *c, const struct config *config, bool strict)
{
    const char *env = getenv("CAUSEWAY_START"), *words = config_str(config, CONFIG_STACK_START);
    char why[300];

    if (env && !ctl_starts(c->starts, env, why, sizeof why)) {
        exit(ctl_fail("environment variable CAUSEWAY_START: %s", why) + 1);
    }
    if (!env && !ctl_starts(c->starts, words, why, sizeof why)) {
        if (strict) {
            exit(ctl_fail("%s: [stack] %s", config->file, why) + 1);
        }
        memset(c->starts, true, sizeof c->starts);
    }
}

/* The run directory: flag, then environment, then the file, then the default.  Where it is given, a
 * file that cannot be read hinders nobody but `up`, which reads it again. */
static void find_run_dir(struct ctl *c, const char *flag)
{
    const char *dir = flag ? flag : getenv("CAUSEWAY_RUN_DIR");
    const char *file = c->config[0] ? c->config : "/etc/causeway.conf";
    bool strict, bad;
    struct config config;
    char why[2000];

    dir = dir ? dir : getenv("CAUSEWAY_RUN");
    strict = !dir && strcmp(c->argc ? c->argv[0] : "", "check-config") != 0;
    config_defaults(&config);
    bad = (c->config[0] || access(file, F_OK) == 0) &&
          config_file(&config, file, why, sizeof why) != 0;
    if (bad && strict) {
        fprintf(stderr, "causeway: %s\n", why);
        exit(2);
    }
    find_starts(c, &config, strict);
    absolute(c, c->run_dir, dir ? dir : config_str(&config, CONFIG_STACK_RUN_DIR), "run directory");
    config_free(&config);
    if (strlen(c->run_dir) >= sizeof((struct topo *)0)->run_dir) {
        exit(ctl_usage(c, "run directory '%s' has over %zu characters, expected a shorter one",
                       c->run_dir, sizeof((struct topo *)0)->run_dir - 1));
    }
}

int main(int argc, char **argv)
{
    struct ctl c = {0};
    const char *run_dir = NULL, *config = getenv("CAUSEWAY_CONFIG");
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;

    if (argc > 0 && strcmp(slash ? slash + 1 : argv[0], "run") == 0) {
        return service_exec();
    }
    log_open("causeway", LOG_TEXT);
    fault_open(); /* a file that its owner cuts short is no reason to die (shm/guard.h) */
    c.argv = calloc((size_t)argc + 1, sizeof *c.argv);
    if (!c.argv) {
        return ctl_fail("out of memory");
    }
    c.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    take_flags(&c, argc, argv, &run_dir, &config);
    if (config && config[0]) {
        absolute(&c, c.config, config, "configuration file");
    }
    if (c.argc == 0) {
        cmd_help(&c);
        return 2;
    }
    beside_folder(c.bin_dir, sizeof c.bin_dir);
    find_run_dir(&c, run_dir);
    for (unsigned i = 0; i < N_COMMANDS; i++) {
        if (strcmp(c.argv[0], commands[i].name) == 0) {
            int status = commands[i].call(&c);

            free(c.argv);
            return fflush(stdout) == 0 ? status : ctl_fail("cannot write: %s", strerror(errno));
        }
    }
    ctl_usage(&c, "unknown command '%s'", c.argv[0]);
    free(c.argv);
    return 2;
}
