/* ctl/page.c - where the page is, for people and for what opens a browser.
 *
 * A ready webterm says where in its role.  A password that it made lies in the run directory for
 * those who may act as it (webterm/secret.h); behind the '#' it logs in. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

/* The one line of TOPO_LOGIN, or "". */
static void read_login(const struct ctl *c, char login[128])
{
    char path[PATH_MAX + 32];
    FILE *f;

    snprintf(path, sizeof path, "%s/" TOPO_LOGIN, c->run_dir);
    login[0] = '\0';
    f = fopen(path, "re");
    if (!f) {
        return; /* none was made, or it is not ours to know */
    }
    if (!fgets(login, 128, f)) {
        login[0] = '\0';
    }
    login[strcspn(login, "\n")] = '\0';
    fclose(f);
}

/* The seconds to wait.  False: a word is wrong, and was named. */
static bool read_words(const struct ctl *c, double *seconds)
{
    *seconds = 30;
    for (int i = 1; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--timeout") != 0 || i + 1 == c->argc) {
            ctl_usage(c, "page: unknown word '%s'", c->argv[i]);
            return false;
        }
        if (!ctl_seconds(c, "--timeout", c->argv[++i], 0, seconds)) {
            return false;
        }
    }
    return true;
}

int cmd_page(struct ctl *c)
{
    struct role_row row = {0};
    char login[128];
    double seconds;
    bool alive;

    if (!read_words(c, &seconds)) {
        return 2;
    }
    if (role_wait(c->run_dir, "webterm", (int)(seconds * 1000)) != 0) {
        return ctl_fail("webterm is not ready in %s after %g s: see causeway status and its log",
                        c->run_dir, seconds);
    }
    role_look(c->run_dir, "webterm", &row, &alive);
    if (strncmp(row.text, "http", 4) != 0) {
        return ctl_fail(
            "webterm listens on %.100s, where no browser comes: see listen of [webterm]", row.text);
    }
    read_login(c, login);
    if (c->json) {
        ctl_print_json(
            c, json_pack("{s:s, s:s?}", "address", row.text, "login", login[0] ? login : NULL));
    } else {
        printf("%s%s%s\n", row.text, login[0] ? "#login=" : "", login);
    }
    return 0;
}
