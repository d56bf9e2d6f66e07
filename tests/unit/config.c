/* tests/unit/config.c - one table, four places that a setting may come from. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "tests/unit/text_file.h"

TestSuite(config, .timeout = 10);

static struct config load(enum config_section section, char **argv)
{
    struct config c;
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    config_load(&c, section, argc, argv);
    return c;
}

Test(config, flag_beats_environment_beats_file_beats_default)
{
    const char *file = write_file("[router]\nport = 1111\nvhost = fromfile\nuser = fromfile\n");
    char *argv[] = {"router", "--config", (char *)(uintptr_t)file, "-p", "3333", NULL};
    struct config c;

    setenv("CAUSEWAY_ROUTER_PORT", "2222", 1);
    setenv("CAUSEWAY_ROUTER_VHOST", "fromenv", 1);
    c = load(CONFIG_ROUTER, argv);
    cr_expect(config_int(&c, CONFIG_ROUTER_PORT) == 3333);
    cr_expect_str_eq(config_str(&c, CONFIG_ROUTER_VHOST), "fromenv");
    cr_expect_str_eq(config_str(&c, CONFIG_ROUTER_USER), "fromfile");
    cr_expect_str_eq(config_str(&c, CONFIG_STACK_RUN_DIR), "/run/causeway");
    cr_expect(c.given[CONFIG_ROUTER_USER] && !c.given[CONFIG_STACK_RUN_DIR]);
    config_free(&c);
    unlink(file);
}

Test(config, every_mistake_of_a_file_is_named_with_its_line)
{
    static const struct {
        const char *text, *line, *word;
    } cases[] = {
        {"[router]\nprot = 1\n", ":2: ", "unknown key 'prot' in [router]"},
        {"[ruoter]\nport = 1\n", ":2: ", "unknown section [ruoter]"},
        {"[router]\n\nport = 99999\n", ":3: ", "expected a number from 1 to 65535"},
        {"[router]\nport = 12x\n", ":2: ", "port is '12x'"},
        {"[vhost a]\ninterfaces = eth1\n", ":2: ", "unknown key 'interfaces' in [vhost a]"},
        {"# fine\n[vhost ]\nswitch = sw0\n", ":3: ", "needs a name"},
        {"[vhost a ]\nswitch = sw0\n", ":2: ", "without blanks"},
        {"[vhost \xe9]\nswitch = sw0\n", ":2: ", "ASCII characters"},
        {"[router\nport = 1\n", ":1: ", "expected [section] or key = value"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *file = write_file(cases[i].text);
        struct config c;
        char why[1000];

        config_defaults(&c);
        cr_assert(config_file(&c, file, why, sizeof why) == -EINVAL, "case %zu", i);
        cr_expect(strncmp(why, file, strlen(file)) == 0 && strstr(why, cases[i].line) &&
                      strstr(why, cases[i].word),
                  "case %zu: %s", i, why);
        config_free(&c);
        unlink(file);
    }
}

Test(config, an_indented_line_is_a_line_of_its_own)
{
    const char *file = write_file("[router]\n  user = me\n\tport = 77\n    # remark\n"
                                  "[vhost a]\n  switch = sw0\n  interface = eth1 sw0-eth1\n \t ");
    struct config c;
    char why[1000];

    config_defaults(&c);
    cr_assert(config_file(&c, file, why, sizeof why) == 0, "%s", why);
    cr_expect_str_eq(config_str(&c, CONFIG_ROUTER_USER), "me");
    cr_expect(config_int(&c, CONFIG_ROUTER_PORT) == 77);
    cr_assert(c.n_lines == 2);
    cr_expect_str_eq(c.lines[0].value, "sw0");
    cr_expect_str_eq(c.lines[1].key, "interface");
    config_free(&c);
    unlink(file);
}

Test(config, a_line_that_is_too_long_is_named_and_its_rest_is_no_line)
{
    char text[800];
    const char *file;
    struct config c;
    char why[1000];

    snprintf(text, sizeof text, "[router]\nuser = %0190d\nserver = %0186d port = 1\nport = 77\n", 0,
             0);
    file = write_file(text);
    config_defaults(&c);
    cr_assert(config_file(&c, file, why, sizeof why) == -EINVAL);
    cr_expect(strstr(why, ":3: longer than 198 characters") && !strchr(why, '\n'), "%s", why);
    cr_expect(strlen(config_str(&c, CONFIG_ROUTER_USER)) == 190);
    cr_expect(config_int(&c, CONFIG_ROUTER_PORT) == 77);
    config_free(&c);
    unlink(file);
}

Test(config, a_folder_is_no_empty_file)
{
    struct config c;
    char why[1000];

    config_defaults(&c);
    cr_assert(config_file(&c, "/tmp", why, sizeof why) == -EINVAL);
    cr_expect(strstr(why, "/tmp") && strstr(why, "directory"), "%s", why);
    config_free(&c);
}

Test(config, vhost_lines_are_kept_in_order_with_their_places)
{
    const char *file = write_file("[vhost r1]\ninterface = eth1 sw0-eth1 1.2.3.4\n"
                                  "interface = eth2 sw0-eth2 1.2.4.4\n[vhost r2]\nswitch = sw1\n");
    struct config c;
    char why[1000];

    config_defaults(&c);
    cr_assert(config_file(&c, file, why, sizeof why) == 0, "%s", why);
    cr_assert(c.n_lines == 3);
    cr_expect_str_eq(c.lines[1].vhost, "r1");
    cr_expect_str_eq(c.lines[1].value, "eth2 sw0-eth2 1.2.4.4");
    cr_expect(c.lines[1].line == 3);
    cr_expect_str_eq(c.lines[2].vhost, "r2");
    config_free(&c);
    unlink(file);
}

static void run(char **argv)
{
    struct config c = load(CONFIG_ROUTER, argv);

    config_free(&c);
}

Test(config, an_unknown_flag_ends_with_2, .exit_code = 2)
{
    run((char *[]){"router", "--prot", "1", NULL});
}

Test(config, a_flag_of_another_process_ends_with_2, .exit_code = 2)
{
    run((char *[]){"router", "--max-switches", "1", NULL});
}

Test(config, a_flag_without_its_value_ends_with_2, .exit_code = 2)
{
    run((char *[]){"router", "--port", NULL});
}

Test(config, a_bad_word_ends_with_2, .exit_code = 2)
{
    run((char *[]){"router", "--wait", "forever", NULL});
}

Test(config, a_missing_file_ends_with_2, .exit_code = 2)
{
    run((char *[]){"router", "--config", "/nonexistent", NULL});
}

Test(config, help_and_version_end_with_0, .exit_code = 0)
{
    cr_redirect_stdout();
    run((char *[]){"router", "--help", NULL});
}
