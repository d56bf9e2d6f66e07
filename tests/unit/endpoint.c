/* tests/unit/endpoint.c - words that say where to listen, or what to connect to. */
#include "common/endpoint.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

TestSuite(endpoint, .timeout = 10);

static const struct word {
    const char *word, *said; /* NULL: refused */
    bool any, local;
} listens[] =
    {
        {"tcp:6653", "tcp:[::]:6653", true, false},
        {"ssl:1", "ssl:[::]:1", true, false},
        {"tcp:6653:127.0.0.1", "tcp:127.0.0.1:6653", false, true},
        {"ssl:6653:[::1]", "ssl:[::1]:6653", false, true},
        {"tcp:6653:[::ffff:1.2.3.4]", "tcp:1.2.3.4:6653", false, false},
        {"unix:/a/b.sock", "unix:/a/b.sock", false, true},
        {"unix:b.sock", "unix:/run/x/b.sock", false, true},
        {.word = "udp:6653"},
        {.word = "tcp:"},
        {.word = "tcp"},
        {.word = "tcp:0"},
        {.word = "tcp:65536"},
        {.word = "tcp:+5"},
        {.word = "tcp: 5"},
        {.word = "tcp:5:"},
        {.word = "tcp:5:::1"},
        {.word = "tcp:5:[::1"},
        {.word = "tcp:5:[]"},
        {.word = "tcp:5:[1.2.3.4]"},
        {.word = "tcp:5:localhost"},
        {.word = "unix:"},
        {.word = "ptcp:6653"},
},
  connects[] = {
      {"tcp:192.168.0.7:6653", "tcp:192.168.0.7:6653", false, false},
      {"ssl:127.1.2.3:6653", "ssl:127.1.2.3:6653", false, true},
      {"tcp:[fe80::1]:65535", "tcp:[fe80::1]:65535", false, false},
      {"tcp:[::1]:1", "tcp:[::1]:1", false, true},
      {"unix:/run/openvswitch/br0.mgmt", "unix:/run/openvswitch/br0.mgmt", false, true},
      {"unix:m", "unix:/run/x/m", false, true},
      {.word = "tcp:192.168.0.7"},
      {.word = "tcp:6653"},
      {.word = "tcp:192.168.0.7:0"},
      {.word = "tcp:192.168.0.7:66530"},
      {.word = "tcp:192.168.0.7:6653x"},
      {.word = "tcp:fe80::1:6653"},
      {.word = "tcp:host:6653"},
      {.word = "tcp::6653"},
      {.word = "unix:"},
      {.word = "punix:/x"},
};

static void check(const struct word *w,
                  bool (*parse)(struct endpoint *, const char *, const char *))
{
    char text[ENDPOINT_TEXT];
    struct endpoint e;
    bool good = parse(&e, w->word, "/run/x");

    cr_expect_eq(good, w->said != NULL, "%s", w->word);
    if (good && w->said) {
        endpoint_say(text, e.kind, &e.addr);
        cr_expect_str_eq(text, w->said);
        cr_expect_eq(e.any, w->any, "%s", w->word);
        cr_expect_eq(e.local, w->local, "%s", w->word);
    }
}

Test(endpoint, words_mean_what_they_say_and_others_are_refused)
{
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        check(&listens[i], endpoint_listen);
    }
    for (size_t i = 0; i < sizeof connects / sizeof connects[0]; i++) {
        check(&connects[i], endpoint_connect);
    }
}

Test(endpoint, a_path_must_fit_a_socket_s_address)
{
    char word[200] = "unix:/";
    struct endpoint e;

    memset(word + 6, 'x', 106);
    cr_expect(endpoint_listen(&e, word, ""));
    cr_expect_eq(strlen(endpoint_path(&e)), 107u);
    word[112] = 'x';
    cr_expect(!endpoint_listen(&e, word, ""));
    cr_expect(!endpoint_connect(&e, "unix:y", word + 5), "with the run directory in front");
}

Test(endpoint, the_address_of_a_peer_is_what_follows_its_kind)
{
    cr_expect_str_eq(endpoint_address("tcp:1.2.3.4:5"), "1.2.3.4:5");
    cr_expect_str_eq(endpoint_address("ssl:[::1]:5"), "[::1]:5");
    cr_expect_str_eq(endpoint_address("unix:/a"), "unix:/a");
    cr_expect_str_eq(endpoint_address("tc"), "tc");
}
