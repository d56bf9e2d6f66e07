/* tests/unit/webterm_buttons.c - a teacher's file becomes buttons, or a sentence that says where it
 * is wrong. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/text_file.h"
#include "webterm/buttons.h"

TestSuite(webterm_buttons, .timeout = 10);

static const char *name; /* of the last file */

static json_t *read_text(const char *text, char *why, size_t size)
{
    json_t *all;
    char *json;

    name = write_file(text);
    json = buttons_read(name, why, size);
    all = json ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(json);
    unlink(name);
    return all;
}

static const char *member(const json_t *all, size_t at, const char *key)
{
    return json_string_value(json_object_get(json_array_get(all, at), key));
}

Test(webterm_buttons, keep_their_order_and_their_lines)
{
    char why[300];
    json_t *all =
        read_text("# a comment\n[b]\nlabel = B \xc3\xa4\n  group = g\ncommand = client ping "
                  "server1\ncommand = pingall\nhint = \"0%\"\n\n[a]\nlabel=A\ncommand=nodes ; c\n",
                  why, sizeof why);

    cr_assert_not_null(all, "%s", why);
    cr_expect_eq(json_array_size(all), 2);
    cr_expect_str_eq(member(all, 0, "id"), "b");
    cr_expect_str_eq(member(all, 0, "label"), "B \xc3\xa4");
    cr_expect_str_eq(member(all, 0, "group"), "g");
    cr_expect_str_eq(member(all, 0, "command"), "client ping server1\npingall");
    cr_expect_str_eq(member(all, 0, "hint"), "\"0%\"");
    cr_expect_str_eq(member(all, 1, "id"), "a");
    cr_expect_str_eq(member(all, 1, "command"), "nodes");
    cr_expect_str_eq(member(all, 1, "group"), "");
    cr_expect_str_eq(member(all, 1, "hint"), "");
    json_decref(all);
}

Test(webterm_buttons, none_is_a_file_without_buttons)
{
    char why[300];
    json_t *all = read_text("", why, sizeof why);

    cr_assert(json_is_array(all) && json_array_size(all) == 0, "%s", why);
    json_decref(all);
}

Test(webterm_buttons, each_mistake_is_named_with_its_line)
{
    static const struct {
        const char *text, *sentence;
    } mistakes[] = {
        {"label = x\n", ":1: a key before any [section]"},
        {"[a]\nlabel = x\ncolour = red\ncommand = y\n", ":3: unknown key 'colour', expected label"},
        {"[a]\nlabel = x\nlabel = y\ncommand = z\n", ":3: given twice"},
        {"[a]\nlabel = x\n", ":2: the button [a] before this line has no command"},
        {"[a]\ncommand = x\n[b]\nlabel = y\ncommand = z\n",
         ":4: the button [a] before this line has no label"},
        {"[a]\nlabel = x\ncommand =\n", ":3: nothing behind the '='"},
        {"[A b]\nlabel = x\ncommand = y\n", ":2: a button's name, expected 1 to 40 of a-z"},
        {"[a]\nlabel = x\ncommand = y\n[b]\nlabel = x\ncommand = y\n[a]\nhint = z\n",
         ":8: a second button"},
        {"[a]\nlabel = \xff\ncommand = y\n", ":2: not UTF-8"},
        {"[a]\nlabel = a\x1b[2J\ncommand = y\n", ":2: a control character"},
        {"[a]\nlabel = x\nwhat is this\ncommand = y\n", ":3: expected [name] or key = value"},
    };
    char why[300];

    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        json_t *all = read_text(mistakes[i].text, why, sizeof why);

        cr_expect_null(all, "taken: %s", mistakes[i].text);
        cr_expect_not_null(strstr(why, mistakes[i].sentence), "%s instead of %s", why,
                           mistakes[i].sentence);
        cr_expect_eq(strncmp(why, name, strlen(name)), 0, "%s", why);
    }
}

Test(webterm_buttons, a_long_line_and_many_buttons_are_refused)
{
    static char text[16384];
    char why[300];
    size_t n = (size_t)snprintf(text, sizeof text, "[a]\nlabel = ");

    memset(text + n, 'x', 300);
    snprintf(text + n + 300, sizeof text - n - 300, "\ncommand = y\n");
    cr_expect_null(read_text(text, why, sizeof why));
    cr_expect_not_null(strstr(why, ":2: longer than 198 characters"), "%s", why);

    n = 0;
    for (int i = 0; i <= BUTTONS_MOST; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "[b%d]\nlabel = x\ncommand = y\n", i);
    }
    cr_expect_null(read_text(text, why, sizeof why));
    cr_expect_not_null(strstr(why, "over 64 buttons"), "%s", why);
}

Test(webterm_buttons, a_file_that_is_not_there_is_named)
{
    char why[300];

    cr_expect_null(buttons_read("/nonexistent/buttons.ini", why, sizeof why));
    cr_expect_str_eq(why, "/nonexistent/buttons.ini: cannot be read: No such file or directory");
    cr_expect_null(buttons_read("/tmp", why, sizeof why));
    cr_expect_str_eq(why, "/tmp: cannot be read: Is a directory");
}
