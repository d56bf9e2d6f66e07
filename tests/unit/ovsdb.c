/* OVSDB's JSON-RPC: messages are cut out of any stream, bad ones are named, rows follow changes. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/proto/ovsdb.h"
#include "common/proto/ovsdb_rows.h"

TestSuite(ovsdb, .timeout = 20);

/* Braces, quotes and backslashes in strings, blanks between, a message in the next one's piece. */
static const char stream[] =
    "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]} \n\t"
    "{\"id\":null,\"method\":\"update3\",\"params\":[\"rows\",\"t\",{\"a}}}}}{\\\"][[\\\\\":{}}]}"
    "{\"id\":7,\"result\":{\"x\":[1,[2,{}]]},\"error\":null}\r\n"
    "{\"id\":8,\"result\":null,\"error\":\"unknown method\"}";

/* The kinds and ids of what was cut out, as text. */
#define SAME(a, b) (strcmp((a), (b)) == 0)
#define NOTHING(p) ((p) == NULL)

static void drain(struct ovsdb_in *in, char *said, size_t size)
{
    struct ovsdb_msg m;

    while (ovsdb_in_get(in, &m)) {
        size_t n = strlen(said);
        char *id = json_dumps(m.id, JSON_ENCODE_ANY);

        snprintf(said + n, size - n, "%d:%s:%s;", (int)m.kind, id, m.method ? m.method : "-");
        free(id);
        ovsdb_msg_free(&m);
    }
}

Test(ovsdb, every_cut_of_a_stream_gives_the_same_messages)
{
    static const char expected[] = "0:\"echo\":echo;1:null:update3;2:7:-;2:8:-;";
    size_t len = sizeof stream - 1;

    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b += 1 + (b - a) / 8) {
            struct ovsdb_in in;
            char said[200] = "";

            ovsdb_in_open(&in, 4096, 16);
            ovsdb_in_put(&in, stream, a);
            drain(&in, said, sizeof said);
            ovsdb_in_put(&in, stream + a, b - a);
            drain(&in, said, sizeof said);
            ovsdb_in_put(&in, stream + b, len - b);
            drain(&in, said, sizeof said);
            cr_assert(SAME(said, expected), "cut at %zu and %zu: %s", a, b, in.why);
            cr_assert(SAME(in.why, ""));
            ovsdb_in_close(&in);
        }
    }
}

Test(ovsdb, byte_by_byte_too)
{
    struct ovsdb_in in;
    char said[200] = "";

    ovsdb_in_open(&in, 4096, 16);
    for (size_t i = 0; i < sizeof stream - 1; i++) {
        ovsdb_in_put(&in, stream + i, 1);
        drain(&in, said, sizeof said);
    }
    cr_assert(SAME(said, "0:\"echo\":echo;1:null:update3;2:7:-;2:8:-;"));
    ovsdb_in_close(&in);
}

Test(ovsdb, what_is_wrong_with_a_stream_is_named)
{
    static const struct {
        const char *bytes, *why;
    } cases[] = {
        {"HTTP/1.1 400", "not JSON-RPC: a message begins with byte 0x48"},
        {"[1]", "not JSON-RPC: a message begins with byte 0x5b"},
        {"}", "not JSON-RPC: a message begins with byte 0x7d"},
        {"{\"id\":1 2}", "not JSON: "},
        {"{\"id\":]", "not JSON: "},
        {"{]", "not JSON: "},
        {"{\"a\":1,\"a\":2}", "not JSON: duplicate"},
        {"{\"a\":\"\xff\"}", "not JSON: "},
        {"{}", "neither request, notification nor response"},
        {"{\"method\":\"echo\",\"id\":1,\"params\":{}}", "neither request"},
        {"{\"id\":1,\"result\":null}", ""}, /* RFC 7047 wants "error" too; nothing is lost */
        {"{\"id\":null,\"result\":{},\"error\":null}", "neither request"},
        {"{\"id\":[[[[[[[[[[[[[[[[[[", "nested deeper than 16"},
        {"{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789\"}",
         "longer than 100 bytes"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ovsdb_in in;
        char said[200] = "";

        ovsdb_in_open(&in, 100, 16);
        ovsdb_in_put(&in, cases[i].bytes, strlen(cases[i].bytes));
        drain(&in, said, sizeof said);
        cr_expect(cases[i].why[0] ? strstr(in.why, cases[i].why) != NULL : !in.why[0], "%s: \"%s\"",
                  cases[i].bytes, in.why);
        ovsdb_in_put(&in, stream, sizeof stream - 1);
        drain(&in, said, sizeof said);
        cr_expect(!cases[i].why[0] || !said[0], "a bad stream goes on: %s", said);
        ovsdb_in_close(&in);
    }
}

Test(ovsdb, an_endless_message_takes_bounded_memory)
{
    static char piece[OVSDB_PIECE];
    struct ovsdb_in in;
    struct ovsdb_msg m;
    unsigned pieces = 0;

    memset(piece, 'x', sizeof piece);
    ovsdb_in_open(&in, 1 << 20, 16);
    ovsdb_in_put(&in, "{\"id\":\"", 7);
    while (!in.why[0] && pieces < 1000) {
        ovsdb_in_put(&in, piece, sizeof piece);
        cr_assert(!(ovsdb_in_get(&in, &m)));
        pieces++;
    }
    cr_assert(pieces <= 17);
    cr_assert(in.room <= 4u << 20);
    ovsdb_in_close(&in);
}

Test(ovsdb, errors_are_understood_in_both_forms)
{
    json_t *text = json_string("unknown method");
    json_t *object = json_pack("{s:s,s:s}", "error", "unknown method", "details", "monitor_cond");
    json_t *other = json_pack("{s:s}", "error", "constraint violation");
    char said[100];

    cr_expect(ovsdb_unknown_method(text));
    cr_expect(ovsdb_unknown_method(object));
    cr_expect(!(ovsdb_unknown_method(other)));
    cr_expect(!(ovsdb_unknown_method(NULL)));
    cr_expect(SAME(ovsdb_error_text(object, said, sizeof said), "unknown method: monitor_cond"));
    cr_expect(SAME(ovsdb_error_text(text, said, sizeof said), "unknown method"));
    json_decref(text);
    json_decref(object);
    json_decref(other);
}

Test(ovsdb, what_we_write_we_read)
{
    json_t *id = json_integer(3);
    char *texts[] = {ovsdb_request("echo", json_array(), id),
                     ovsdb_request("locked", json_array(), NULL),
                     ovsdb_reply(id, json_array(), NULL), ovsdb_reply(id, NULL, "unknown method")};
    struct ovsdb_in in;
    char said[200] = "";

    ovsdb_in_open(&in, 4096, 16);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(!(NOTHING(texts[i])));
        ovsdb_in_put(&in, texts[i], strlen(texts[i]));
        drain(&in, said, sizeof said);
        free(texts[i]);
    }
    cr_assert(SAME(said, "0:3:echo;1:null:locked;2:3:-;2:3:-;"));
    ovsdb_in_close(&in);
    json_decref(id);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static const char schema[] =
    "{'tables':{'Bridge':{'columns':{'name':{'type':'string'},'ports':{'type':{'key':{'type':"
    "'uuid'},'min':0,'max':'unlimited'}},'fail_mode':{'type':{'key':'string','min':0,'max':1}},"
    "'other_config':{'type':{'key':'string','value':'string','min':0,'max':'unlimited'}}}}}}";

/* JSON with ' for ", to be read by people. */
static json_t *json(const char *text)
{
    char *copy = strdup(text);
    json_t *value;

    for (char *c = copy; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    value = json_loads(copy, JSON_DECODE_ANY, NULL);
    cr_assert(!(NOTHING(value)), "%s", text);
    free(copy);
    return value;
}

static void open_rows(struct ovsdb_rows *r)
{
    json_t *s = json(schema),
           *wanted = json("{'Bridge':['name','ports','fail_mode','other_config','from_the_future'],"
                          "'Nothing':['x']}"),
           *requests,
           *expected = json("{'Bridge':[{'columns':['name','ports','fail_mode',"
                            "'other_config']}]}");

    ovsdb_rows_open(r);
    requests = ovsdb_rows_ask(r, s, wanted);
    cr_assert(json_equal(requests, expected));
    cr_assert(ovsdb_rows_has(r, "Bridge", "ports"));
    cr_assert(!(ovsdb_rows_has(r, "Bridge", "from_the_future")));
    json_decref(s);
    json_decref(wanted);
    json_decref(requests);
    json_decref(expected);
}

static bool apply(struct ovsdb_rows *r, bool differences, const char *text, char *why, size_t size)
{
    json_t *updates = json(text);
    bool ok = (differences ? ovsdb_rows_update2 : ovsdb_rows_update)(r, updates, why, size);

    json_decref(updates);
    return ok;
}

static void expect_row(const struct ovsdb_rows *r, const char *uuid, const char *text)
{
    json_t *expected = json(text);
    char *is = json_dumps(ovsdb_rows_find(r, "Bridge", uuid), 0);

    cr_expect(json_equal(ovsdb_rows_find(r, "Bridge", uuid), expected), "%s is %s", uuid, is);
    free(is);
    json_decref(expected);
}

Test(ovsdb, differences_of_sets_maps_and_single_values_are_applied)
{
    struct ovsdb_rows r;
    char why[200];

    open_rows(&r);
    cr_assert(apply(&r, true,
                    "{'Bridge':{'u1':{'initial':{'name':'br','ports':['uuid','p1'],'fail_mode':"
                    "'secure','other_config':['map',[['a','1'],['b','2']]]}},'u2':{'insert':{}}}}",
                    why, sizeof why));
    cr_assert(r.n == 2);
    /* p1 goes, p2 comes; a changes, b goes, c comes; a single value is replaced */
    cr_assert(apply(&r, true,
                    "{'Bridge':{'u1':{'modify':{'ports':['set',[['uuid','p1'],['uuid','p2']]],"
                    "'other_config':['map',[['a','9'],['b','2'],['c','3']]],'fail_mode':['set',[]]"
                    "}},'u2':{'modify':{'ports':['uuid','p3']}}}}",
                    why, sizeof why));
    expect_row(&r, "u1",
               "{'name':'br','ports':['set',[['uuid','p2']]],'fail_mode':['set',[]],"
               "'other_config':['map',[['a','9'],['c','3']]]}");
    expect_row(&r, "u2", "{'ports':['set',[['uuid','p3']]]}");
    cr_assert(apply(&r, true, "{'Bridge':{'u1':{'delete':null}}}", why, sizeof why));
    cr_assert(r.n == 1);
    cr_assert(NOTHING(ovsdb_rows_find(&r, "Bridge", "u1")));
    ovsdb_rows_close(&r);
}

Test(ovsdb, whole_rows_are_applied)
{
    struct ovsdb_rows r;
    char why[200];

    open_rows(&r);
    cr_assert(apply(&r, false, "{'Bridge':{'u1':{'new':{'name':'a','ports':['set',[]]}}}}", why,
                    sizeof why));
    cr_assert(apply(&r, false,
                    "{'Bridge':{'u1':{'old':{'name':'a'},'new':{'name':'b','ports':['set',[]]}}}}",
                    why, sizeof why));
    expect_row(&r, "u1", "{'name':'b','ports':['set',[]]}");
    cr_assert(apply(&r, false, "{'Bridge':{'u1':{'old':{'name':'b'}}}}", why, sizeof why));
    cr_assert(r.n == 0);
    ovsdb_rows_close(&r);
}

Test(ovsdb, updates_that_cannot_be_are_refused)
{
    static const char *const cases[] = {
        "[]",
        "{'Bridge':[]}",
        "{'Other':{}}",
        "{'Bridge':{'u9':{'modify':{'name':'x'}}}}",
        "{'Bridge':{'u1':{}}}",
        "{'Bridge':{'u1':{'insert':7}}}",
        "{'Bridge':{'u1':null}}",
    };
    struct ovsdb_rows r;

    open_rows(&r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[200] = "";

        cr_expect(!(apply(&r, true, cases[i], why, sizeof why)), "%s", cases[i]);
        cr_expect(why[0] != '\0', "%s", cases[i]);
        cr_expect(!(apply(&r, false, cases[i], why, sizeof why)), "%s", cases[i]);
    }
    ovsdb_rows_close(&r);
}

Test(ovsdb, whatever_a_server_says_what_is_kept_has_a_bound)
{
    struct ovsdb_rows r;
    char why[200] = "", *name = malloc((4u << 20) + 1);
    unsigned i;

    open_rows(&r);
    memset(name, 'n', 4u << 20);
    name[4u << 20] = '\0';
    for (i = 0; i < 100 && !why[0]; i++) {
        char uuid[8];
        json_t *updates;

        snprintf(uuid, sizeof uuid, "u%u", i);
        updates = json_pack("{s:{s:{s:{s:s}}}}", "Bridge", uuid, "insert", "name", name);
        ovsdb_rows_update2(&r, updates, why, sizeof why);
        json_decref(updates);
    }
    cr_expect(i == 16, "%u", i);
    cr_expect(strstr(why, "more than is kept") != NULL, "%s", why);
    cr_expect(r.n == 15 && r.bytes <= OVSDB_KEPT);
    /* a row that goes makes room, and so does one that shrinks */
    cr_expect(apply(&r, true,
                    "{'Bridge':{'u0':{'delete':null},'u1':{'insert':{}},'v':{'insert':{}}}}", why,
                    sizeof why));
    cr_expect(r.bytes < 14 * (5u << 20));
    ovsdb_rows_clear(&r);
    cr_expect(r.bytes == 0);
    ovsdb_rows_close(&r);
    free(name);
}

Test(ovsdb, rows_of_another_schema_are_forgotten)
{
    struct ovsdb_rows r;
    json_t *s = json("{'tables':{'Bridge':{'columns':{'name':{'type':'string'}}}}}"),
           *wanted = json("{'Bridge':['name','ports']}");
    char why[200];

    open_rows(&r);
    cr_assert(apply(&r, true, "{'Bridge':{'u1':{'insert':{}}}}", why, sizeof why));
    json_decref(ovsdb_rows_ask(&r, s, wanted));
    cr_assert(r.n == 0);
    json_decref(s);
    json_decref(wanted);
    ovsdb_rows_close(&r);
}

Test(ovsdb, values_are_read_whatever_they_are)
{
    json_t *row =
        json("{'one':'x','none':['set',[]],'two':['set',['a','b']],'map':['map',[['k','v'],"
             "['n',7],[],3]],'id':['uuid','u'],'ids':['set',[['uuid','u1'],['uuid','u2'],"
             "5]],'n':5,'yes':true,'odd':{},'odder':['set'],'nil':null}");

    cr_expect(SAME(ovsdb_text(row, "one"), "x"));
    cr_expect(SAME(ovsdb_text(row, "two"), "a"));
    cr_expect(SAME(ovsdb_text(row, "n"), ""));
    cr_expect(SAME(ovsdb_text(row, "missing"), ""));
    cr_expect(ovsdb_set_size(json_object_get(row, "none")) == 0);
    cr_expect(ovsdb_set_size(json_object_get(row, "one")) == 1);
    cr_expect(ovsdb_set_size(json_object_get(row, "map")) == 0);
    cr_expect(ovsdb_set_size(NULL) == 0);
    cr_expect(ovsdb_set_has(json_object_get(row, "two"), "b"));
    cr_expect(SAME(ovsdb_map_text(json_object_get(row, "map"), "k"), "v"));
    cr_expect(NOTHING(ovsdb_map_text(json_object_get(row, "map"), "n")));
    cr_expect(NOTHING(ovsdb_map_text(json_object_get(row, "one"), "k")));
    cr_expect(SAME(ovsdb_set_uuid(json_object_get(row, "id"), 0), "u"));
    cr_expect(SAME(ovsdb_set_uuid(json_object_get(row, "ids"), 1), "u2"));
    cr_expect(NOTHING(ovsdb_set_uuid(json_object_get(row, "ids"), 2)));
    cr_expect(NOTHING(ovsdb_set_uuid(json_object_get(row, "ids"), 9)));
    cr_expect(ovsdb_number(row, "n", -1) == 5);
    cr_expect(ovsdb_number(row, "odd", -1) == -1);
    cr_expect(ovsdb_truth(row, "yes"));
    cr_expect(!(ovsdb_truth(row, "nil")));
    json_decref(row);
}
