/* Requests of operators: the letters between the control thread's methods and the packet thread,
 * with the test as both threads and as the switch. */
#include <sys/mman.h>

#include "common/base64.h"
#include "ofproxy/view.h"
#include "tests/unit/ofproxy_rig.h"

TestSuite(ofproxy_view, .timeout = 30);

static uint8_t bytes[OF_LONGEST], body[OF_LONGEST];
static char why[512];

static json_t *kept; /* all answers; they are borrowed by the tests */

static json_t *keep(json_t *answer)
{
    kept = kept ? kept : json_array();
    if (answer) {
        json_array_append_new(kept, answer);
    }
    return answer;
}

static json_t *ask(struct view *v, const char *dpid, int version, int type)
{
    json_t *params = json_pack("{s:s s:i s:s s:i}", "dpid", dpid, "version", version, "message",
                               "statistics", "type", type);
    json_t *answer;

    why[0] = '\0';
    answer = keep(view_ask(v, params, why, sizeof why));
    json_decref(params);
    return answer;
}

/* A question that is taken; its number. */
static json_int_t asked(struct view *v, const char *dpid)
{
    json_t *answer = ask(v, dpid, OF10_VERSION, OF13_MULTIPART_TABLE);

    cr_assert(answer, "%s", why);
    return json_integer_value(json_object_get(answer, "request"));
}

static json_t *answer(struct view *v, json_int_t id, size_t from)
{
    json_t *params = json_pack("{s:I s:I}", "request", id, "from", (json_int_t)from);
    json_t *a;

    why[0] = '\0';
    a = keep(view_answer(v, params, why, sizeof why));
    json_decref(params);
    return a;
}

static const char *state(json_t *a)
{
    const char *text = json_string_value(json_object_get(a, "state"));

    return text ? text : why;
}

/* The next request for statistics of tables that the switch gets. */
static struct of_header request(struct rig *r, int fd)
{
    struct of_header h;

    do {
        h = rig_await(r, fd, OF10_TYPE_STATS_REQUEST, bytes);
    } while (bytes[9] != OF13_MULTIPART_TABLE);
    return h;
}

/* A part of a reply to the STATS_REQUEST 'xid'. */
static void part(struct rig *r, int fd, uint32_t xid, size_t len, bool more)
{
    memset(body, 0, sizeof body);
    body[1] = OF13_MULTIPART_TABLE;
    body[3] = more;
    rig_send(r, fd, OF10_TYPE_STATS_REPLY, xid, body, 4 + len);
}

static struct view *open_both(struct rig *r, int *fd)
{
    rig_open(r);
    *fd = rig_connect(r);
    rig_shake(r, *fd, 7, 1);
    return view_open(r->p);
}

static void close_both(struct rig *r, struct view *v, int fd)
{
    json_decref(kept);
    view_close(v);
    close(fd);
    rig_close(r);
}

Test(ofproxy_view, the_switch_s_own_messages_come_back_whole)
{
    static uint8_t got[3 * (4 + OF_HEADER + 64)];
    struct rig r;
    int fd;
    struct view *v = open_both(&r, &fd);
    json_int_t id = asked(v, "7");
    struct of_header h;
    json_t *a, *text;
    size_t len;

    cr_expect_str_eq(state(answer(v, id, 0)), "waiting");
    rig_turn(&r);
    h = request(&r, fd);
    part(&r, fd, h.xid, 64, true);
    part(&r, fd, h.xid, 64, true);
    cr_expect_str_eq(state(answer(v, id, 0)), "waiting");
    part(&r, fd, h.xid, 64, false);
    a = answer(v, id, 0);
    cr_expect_str_eq(state(a), "done");
    text = json_object_get(a, "messages");
    cr_assert(base64_get(got, sizeof got, json_string_value(text), json_string_length(text), &len));
    cr_expect_eq(len, sizeof got);
    for (unsigned i = 0; i < 3; i++) {
        h = of_header_at(got + i * sizeof got / 3);
        cr_expect_eq(h.type, OF10_TYPE_STATS_REPLY);
        cr_expect_eq(h.length, sizeof got / 3);
    }
    cr_expect_null(answer(v, id, 0), "the answer was there twice");
    cr_expect_eq(view_look(v), -1, "something is left of it");
    close_both(&r, v, fd);
}

Test(ofproxy_view, a_large_answer_comes_in_pieces_and_one_too_large_is_cut)
{
    static const size_t most = VIEW_ROOM_OTHERS;
    struct rig r;
    int fd;
    struct view *v = open_both(&r, &fd);
    json_int_t id = asked(v, "0x7");
    struct of_header h;
    size_t from = 0, pieces = 0, len = 0;
    json_t *a;

    rig_turn(&r);
    h = request(&r, fd);
    for (size_t sent = 0; sent < most + 64000; sent += 64000) {
        part(&r, fd, h.xid, 63936, true); /* rows of 64 bytes */
    }
    part(&r, fd, h.xid, 64, false);
    do {
        a = answer(v, id, from);
        cr_assert(a, "%s", why);
        len = json_string_length(json_object_get(a, "messages"));
        cr_assert(len > 0 && len <= base64_len(VIEW_PIECE));
        from += len / 4 * 3;
        pieces++;
    } while (strcmp(state(a), "more") == 0);
    cr_expect_str_eq(state(a), "done");
    cr_expect(json_is_true(json_object_get(a, "cut")));
    cr_expect_eq(pieces, 3);
    cr_expect_eq(from, most / 63948 * 63948, "%zu bytes: what follows a part that is cut goes, too",
                 from); /* 12 bytes before the rows of each part */
    close_both(&r, v, fd);
}

Test(ofproxy_view, what_else_can_happen_is_a_sentence)
{
    struct rig r;
    int fd, late;
    struct view *v = open_both(&r, &fd);
    struct of_conn *c = conn_find(r.p, 7);
    json_int_t id;
    struct of_header h;
    json_t *a;

    id = asked(v, "8");
    rig_turn(&r);
    cr_expect(strstr(state(answer(v, id, 0)), "is not connected"), "%s", why);
    a = ask(v, "7", OF13_VERSION, 3);
    rig_turn(&r);
    answer(v, json_integer_value(json_object_get(a, "request")), 0);
    cr_expect(strstr(why, "speaks another version"), "%s", why);
    late = rig_connect(&r); /* it says no HELLO */
    id = asked(v, "7");
    rig_turn(&r);
    h = request(&r, fd);
    memcpy(body, (const uint8_t[]){0, 1, 0, 2, 1, 16, 0, 12, 0, 0, 0, 0}, 12);
    rig_send(&r, fd, OF10_TYPE_ERROR, h.xid, body, 12);
    a = answer(v, id, 0);
    cr_expect_str_eq(state(a), "refused");
    cr_expect_eq(json_integer_value(json_object_get(a, "error_code")), 2);
    cr_expect(strstr(json_string_value(json_object_get(a, "text")), "the switch refused: "));
    id = asked(v, "7");
    rig_turn(&r);
    ask_tick(c, loop_now_ns() + ASK_NS + 1);
    answer(v, id, 0);
    cr_expect(strstr(why, "did not answer within 10 s"), "%s", why);
    id = asked(v, "7");
    rig_turn(&r);
    conn_close(c, "the test ends it");
    answer(v, id, 0);
    cr_expect(strstr(why, "left before it had answered"), "%s", why);
    cr_expect_eq(view_look(v), -1);
    close(late);
    close_both(&r, v, fd);
}

Test(ofproxy_view, callers_past_the_bound_are_refused_and_places_come_back)
{
    struct rig r;
    int fd;
    struct view *v = open_both(&r, &fd);
    json_int_t ids[VIEW_SLOTS];
    struct of_header h;

    for (unsigned i = 0; i < VIEW_SLOTS; i++) {
        ids[i] = asked(v, "7");
    }
    cr_expect_null(ask(v, "7", OF10_VERSION, 3));
    cr_expect(strstr(why, "4 requests to switches are under way already"), "%s", why);
    rig_turn(&r);
    for (unsigned i = 0; i < VIEW_SLOTS; i++) {
        h = request(&r, fd);
        part(&r, fd, h.xid, 64 * (i + 1), false);
    }
    for (unsigned i = VIEW_SLOTS; i-- > 0;) {
        json_t *a = answer(v, ids[i], 0);

        cr_expect_str_eq(state(a), "done");
        cr_expect_eq(json_string_length(json_object_get(a, "messages")),
                     base64_len(12 + 64 * (i + 1)), "somebody else's answer");
    }
    cr_expect_eq(view_look(v), -1);
    asked(v, "7");
    rig_turn(&r);
    conn_close(conn_find(r.p, 7), "the test ends it");
    close_both(&r, v, fd);
}

Test(ofproxy_view, parameters_that_make_no_sense_reach_no_switch)
{
    static const struct {
        const char *params, *why;
    } cases[] = {
        {"{}", "parameter dpid is missing"},
        {"{\"dpid\":\"x\"}", "expected a datapath-id in hex"},
        {"{\"dpid\":\"7\",\"version\":1}", "parameter message is missing"},
        {"{\"dpid\":\"7\",\"version\":1,\"message\":\"flow_mod\"}",
         "expected statistics, features"},
        {"{\"dpid\":\"7\",\"version\":1,\"message\":\"statistics\",\"type\":-1}", "are numbers"},
        {"{\"dpid\":\"7\",\"version\":900,\"message\":\"features\"}", "are numbers"},
        {"{\"dpid\":\"7\",\"version\":1,\"message\":\"features\",\"body\":\"?\"}", "not base64"},
        {"{\"dpid\":\"7\",\"version\":1,\"message\":\"features\",\"body\":7}", "not base64"},
        {"{\"dpid\":\"7\",\"version\":4,\"message\":\"statistics\",\"type\":12,\"body\":\"AAAA\"}",
         "not set"},
    };
    struct rig r;
    int fd;
    struct view *v = open_both(&r, &fd);

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *params = json_loads(cases[i].params, 0, NULL);

        cr_assert(params);
        cr_expect_null(view_ask(v, params, why, sizeof why));
        cr_expect(strstr(why, cases[i].why), "%s: %s", cases[i].params, why);
        json_decref(params);
    }
    cr_expect_eq(view_look(v), -1);
    close_both(&r, v, fd);
}

/* What lies before it is somebody else's. */
Test(ofproxy_view, base64_that_is_cut_short_is_refused_from_its_own_bytes)
{
    static const char *const texts[] = {"=", "==", "a", "a=", "===", "abc"};
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t to[8];
    size_t len;

    cr_assert(pages != MAP_FAILED && mprotect(pages, 4096, PROT_NONE) == 0);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        strcpy(pages + 4096, texts[i]);
        cr_expect(!base64_get(to, sizeof to, pages + 4096, strlen(texts[i]), &len), "%s", texts[i]);
    }
    munmap(pages, 8192);
}
