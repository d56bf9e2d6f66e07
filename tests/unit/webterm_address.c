/* tests/unit/webterm_address.c */
#include "webterm/address.h"

#include <criterion/criterion.h>

TestSuite(webterm_address, .timeout = 20);

Test(webterm_address, a_listener_is_an_address_to_type)
{
    static const struct {
        const char *listen, *address;
    } cases[] = {{"tcp:8070:127.0.0.1", "http://127.0.0.1:8070/"},
                 {"tcp:8070", "http://127.0.0.1:8070/"},
                 {"tcp:80:0.0.0.0", "http://127.0.0.1:80/"},
                 {"ssl:8443:192.0.2.7 tcp:8070:127.0.0.1", "https://192.0.2.7:8443/"},
                 {" tcp:9000:[::1]", "http://[::1]:9000/"},
                 {"ssl:9000", "https://127.0.0.1:9000/"},
                 {"unix:web.sock", "unix:web.sock"},
                 {"none", "none"},
                 {"", ""}};
    char text[80];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        address_say(text, sizeof text, cases[i].listen, "/run/x");
        cr_expect_str_eq(text, cases[i].address, "%s: %s", cases[i].listen, text);
    }
}
