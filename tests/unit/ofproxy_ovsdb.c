/* ofproxy's client of ovsdb-server: what is asked in which order, which servers are refused, and
 * what a plan changes, and what not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ofproxy/ovsdb_link.h"
#include "ofproxy/ovsdb_session.h"
#include "ofproxy/ovsdb_tend.h"
#include "ofproxy/ovsdb_view.h"

TestSuite(ofproxy_ovsdb, .timeout = 20);

#define SECOND 1000000000ull
#define TXN "11111111-2222-3333-4444-555555555555"
#define ZERO "00000000-0000-0000-0000-000000000000"

/* JSON with ' for ", and $ for the id of the last request. */
static char *words(const struct ovsdb_session *s, const char *text)
{
    char *out = malloc(strlen(text) * 8 + 1), *o = out;

    for (const char *c = text; *c; c++) {
        if (*c == '$') {
            o += sprintf(o, "%lld", (long long)s->last_id);
        } else {
            *o++ = *c == '\'' ? '"' : *c;
        }
    }
    *o = '\0';
    return out;
}

static bool hear(struct ovsdb_session *s, const char *text, uint64_t now)
{
    char *bytes = words(s, text);
    bool ok = ovsdb_session_take(s, bytes, strlen(bytes), now);

    free(bytes);
    return ok;
}

/* Names of the methods asked since the last look, separated by blanks. */
static const char *asked(struct ovsdb_session *s)
{
    static char names[400];
    struct ovsdb_in in;
    struct ovsdb_msg m;

    names[0] = '\0';
    ovsdb_in_open(&in, OVSDB_LONGEST, OVSDB_DEEPEST);
    ovsdb_in_put(&in, s->out.bytes + s->out.at, s->out.len - s->out.at);
    while (ovsdb_in_get(&in, &m)) {
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? " " : "",
                 m.method ? m.method : "answer");
        ovsdb_msg_free(&m);
    }
    cr_expect_str_empty(in.why);
    ovsdb_in_close(&in);
    ovsdb_session_sent(s, s->out.len - s->out.at);
    return names;
}

static const char schema[] =
    "{'id':$,'error':null,'result':{'tables':{"
    "'Open_vSwitch':{'columns':{'bridges':{'type':{'key':'uuid','min':0,'max':'unlimited'}}}},"
    "'Bridge':{'columns':{'name':{'type':'string'},'fail_mode':{'type':{'key':'string','min':0}},"
    "'protocols':{'type':{'key':'string','min':0,'max':'unlimited'}},"
    "'controller':{'type':{'key':'uuid','min':0,'max':'unlimited'}}}},"
    "'Controller':{'columns':{'target':{'type':'string'},'max_backoff':{'type':{'key':'integer',"
    "'min':0}},'inactivity_probe':{'type':{'key':'integer','min':0}},'controller_rate_limit':{"
    "'type':{'key':'integer','min':0}},'connection_mode':{'type':{'key':'string','min':0}},"
    "'external_ids':{'type':{'key':'string','value':'string','min':0,'max':'unlimited'}},"
    "'status':{'type':{'key':'string','value':'string','min':0,'max':'unlimited'}}}}}}}";

static const char server[] = "{'id':$,'error':null,'result':{'Database':{'d':{'initial':{'name':"
                             "'Open_vSwitch','model':'clustered','connected':%s,'leader':%s,"
                             "'index':%d,'cid':['uuid','" TXN "']}}}}}";

/* Up to the answer to _Server. */
static bool hear_server(struct ovsdb_session *s, const char *connected, const char *leader,
                        int index)
{
    char text[500];

    ovsdb_session_start(s, SECOND);
    cr_assert_str_eq(asked(s), "set_db_change_aware list_dbs");
    cr_assert(hear(s, "{'id':$,'error':null,'result':['_Server','Open_vSwitch']}", SECOND));
    cr_assert_str_eq(asked(s), "monitor_cond");
    snprintf(text, sizeof text, server, connected, leader, index);
    return hear(s, text, SECOND);
}

/* A server that stands alone, loaded with these rows. */
static void load(struct ovsdb_session *s, const char *found, const char *txn, const char *rows)
{
    char text[4000];

    ovsdb_session_start(s, SECOND);
    asked(s);
    cr_assert(hear(s, "{'id':$,'error':null,'result':['Open_vSwitch']}", SECOND));
    cr_assert_str_eq(asked(s), "get_schema");
    cr_assert(hear(s, schema, SECOND));
    cr_assert_str_eq(asked(s), "monitor_cond_since");
    snprintf(text, sizeof text, "{'id':$,'error':null,'result':[%s,'%s',%s]}", found, txn, rows);
    cr_assert(hear(s, text, SECOND), "%s", s->why);
    cr_assert_eq(s->step, OVSDB_LOADED);
}

Test(ofproxy_ovsdb, servers_of_a_cluster_that_would_tell_old_news_are_refused)
{
    struct ovsdb_session s;

    ovsdb_session_open(&s, 5 * SECOND);
    cr_expect(hear_server(&s, "true", "false", 7), "%s", s.why);
    cr_expect_str_eq(asked(&s), "get_schema");
    cr_expect(!hear_server(&s, "false", "false", 8));
    cr_expect_str_eq(s.why, "it has lost the other servers of its cluster");
    cr_expect(!hear_server(&s, "true", "true", 6));
    cr_expect_str_eq(s.why, "its data is older than what was seen of its cluster before");
    s.want_leader = true;
    cr_expect(!hear_server(&s, "true", "false", 9));
    cr_expect_str_eq(s.why, "it is not the leader of its cluster");
    cr_expect(hear_server(&s, "true", "true", 9), "%s", s.why);
    /* and one that loses the others later */
    cr_expect(!hear(&s,
                    "{'id':null,'method':'update2','params':['server',{'Database':{'d':{'modify':{"
                    "'connected':false}}}}]}",
                    2 * SECOND));
    ovsdb_session_close(&s);
}

Test(ofproxy_ovsdb, of_several_servers_the_leader_is_wanted_until_each_was_tried)
{
    struct ovsdb_link l;

    ovsdb_link_open(&l, "tcp:10.0.0.1:6640 tcp:10.0.0.2:6640 tcp:[fd00::3]:6640");
    for (unsigned i = 0; i < 3; i++) {
        cr_expect(ovsdb_link_want_leader(&l), "%u", i);
        cr_expect_eq(l.current, i);
        ovsdb_link_shut(&l, false, SECOND);
        cr_expect_geq(l.next_ns, SECOND + SECOND / 20);
        cr_expect_leq(l.next_ns, SECOND + 16 * SECOND);
    }
    cr_expect(!ovsdb_link_want_leader(&l));
    ovsdb_link_shut(&l, true, SECOND);
    cr_expect(ovsdb_link_want_leader(&l));
}

Test(ofproxy_ovsdb, what_was_known_is_kept_and_asked_for_from_there)
{
    struct ovsdb_session s;

    ovsdb_session_open(&s, 5 * SECOND);
    load(&s, "false", TXN, "{'Bridge':{'b':{'initial':{'name':'one'}},'c':{'initial':{}}}}");
    cr_expect(!s.resumed && s.rows.n == 2);
    cr_expect_str_eq(s.last_txn, TXN);
    /* found: what has changed; not found: all of it */
    load(&s, "true", TXN, "{'Bridge':{'c':{'delete':null}}}");
    cr_expect(s.resumed && s.rows.n == 1);
    cr_expect_str_eq(ovsdb_text(ovsdb_rows_find(&s.rows, "Bridge", "b"), "name"), "one");
    load(&s, "false", ZERO, "{'Bridge':{'e':{'initial':{}}}}");
    cr_expect(!s.resumed && s.rows.n == 1 && !ovsdb_rows_find(&s.rows, "Bridge", "b"));
    cr_expect_str_empty(s.last_txn);
    ovsdb_session_close(&s);
}

Test(ofproxy_ovsdb, after_an_update_that_cannot_be_all_is_asked_for_anew)
{
    struct ovsdb_session s;

    ovsdb_session_open(&s, 5 * SECOND);
    load(&s, "false", TXN, "{}");
    cr_expect(!hear(&s,
                    "{'id':null,'method':'update3','params':['rows','" TXN
                    "',{'Bridge':{'x':{'modify':{}}}}]}",
                    SECOND));
    cr_expect_str_empty(s.last_txn);
    load(&s, "false", TXN, "{}");
    cr_expect(!hear(&s, "{'id':null,'method':'monitor_canceled','params':['rows']}", SECOND));
    cr_expect_str_empty(s.last_txn);
    ovsdb_session_close(&s);
}

Test(ofproxy_ovsdb, silence_is_followed_by_an_echo_and_then_by_the_end)
{
    struct ovsdb_session s;

    ovsdb_session_open(&s, 5 * SECOND);
    load(&s, "false", ZERO, "{}");
    asked(&s);
    cr_expect(ovsdb_session_tick(&s, 5 * SECOND));
    cr_expect_str_eq(asked(&s), "");
    cr_expect(ovsdb_session_tick(&s, 7 * SECOND));
    cr_expect_str_eq(asked(&s), "echo");
    cr_expect(hear(&s, "{'id':$,'error':null,'result':[]}", 8 * SECOND));
    cr_expect(ovsdb_session_tick(&s, 14 * SECOND));
    cr_expect_str_eq(asked(&s), "echo");
    cr_expect(ovsdb_session_tick(&s, 18 * SECOND));
    cr_expect(!ovsdb_session_tick(&s, 20 * SECOND));
    cr_expect_str_eq(s.why, "it does not answer an echo");
    ovsdb_session_start(&s, 30 * SECOND);
    cr_expect(hear(&s, "{'id':'e','method':'echo','params':[1]}", 30 * SECOND));
    cr_expect_str_eq(asked(&s), "set_db_change_aware list_dbs answer");
    cr_expect(ovsdb_session_tick(&s, 49 * SECOND));
    cr_expect(!ovsdb_session_tick(&s, 51 * SECOND));
    cr_expect_str_eq(s.why, "it does not answer");
    ovsdb_session_close(&s);
}

/* ---- plans --------------------------------------------------------------------------------- */

static struct tend_wish wish(void)
{
    return (struct tend_wish){.n = 1,
                              .bridge = {"br0"},
                              .datapath_type = "netdev",
                              .controller = "tcp:127.0.0.1:6633",
                              .rate = 100,
                              .max_backoff_ms = 1000,
                              .probe_ms = 5000};
}

/* "what it does | op table, op table, ..." */
static const char *plan(const struct ovsdb_session *s, const struct tend_wish *w)
{
    static char said[600];
    char what[300];
    json_t *operations = tend_plan(w, &s->rows, what, sizeof what), *one;
    size_t i;

    snprintf(said, sizeof said, "%s |", what);
    json_array_foreach(operations, i, one)
    {
        const char *table = json_string_value(json_object_get(one, "table"));
        size_t n = strlen(said);

        if (table) {
            snprintf(said + n, sizeof said - n, " %s %s",
                     json_string_value(json_object_get(one, "op")), table);
        }
    }
    json_decref(operations);
    return said;
}

#define OURS                                                                                       \
    "'external_ids':['map',[['causeway','ofproxy']]],'max_backoff':1000,'inactivity_probe':5000,"  \
    "'controller_rate_limit':100,'connection_mode':'out-of-band'"

#define SPELLED                                                                                    \
    "'external_ids':['map',[['causeway','ofproxy']]],'max_backoff':['set',[1000]],"                \
    "'inactivity_probe':['set',[5000]],'controller_rate_limit':['set',[100]],'connection_mode':["  \
    "'set',['out-of-band']]"

Test(ofproxy_ovsdb, a_plan_changes_what_differs_and_nothing_else)
{
    static const struct {
        const char *rows, *plan;
    } cases[] = {
        /* nobody has initialised the database: a bridge would not be kept */
        {"{}", " |"},
        {"{'Open_vSwitch':{'o':{'initial':{}}}}",
         "br0: bridge made, with its controller | wait Bridge insert Controller insert Interface "
         "insert Port insert Bridge mutate Open_vSwitch"},
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "'secure','controller':['uuid','c']}}},'Controller':{'c':{'initial':{'target':"
         "'tcp:127.0.0.1:6633'," OURS "}}}}",
         " |"},
        /* sets of one in their other spelling are no difference */
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "['set',['secure']],'controller':['set',[['uuid','c']]],'protocols':['set',['OpenFlow13',"
         "'OpenFlow10']]}}},'Controller':{'c':{'initial':{'target':'tcp:127.0.0.1:6633'," SPELLED
         "}}}}",
         " |"},
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "'standalone','controller':['uuid','c'],'protocols':'OpenFlow13'}}},'Controller':{'c':{"
         "'initial':{'target':'tcp:127.0.0.1:6633'," OURS "}}}}",
         "br0: fail_mode is secure; br0: OpenFlow10 and OpenFlow13 are allowed | wait Bridge "
         "update "
         "Bridge mutate Bridge"},
        /* our row, with an older target: it is changed; with somebody else's first in the set */
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "'secure','controller':['set',[['uuid','d'],['uuid','c']]]}}},'Controller':{'c':{'initial'"
         ":{'target':'tcp:127.0.0.1:1'," OURS "}},'d':{'initial':{'target':'tcp:10.0.0.1:6633'}}}}",
         "br0: our controller is put right | wait Controller update Controller"},
        /* somebody else's row with our target will do; with another, ours comes beside it */
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "'secure','controller':['uuid','c']}}},'Controller':{'c':{'initial':{'target':"
         "'tcp:127.0.0.1:6633'}}}}",
         " |"},
        {"{'Open_vSwitch':{'o':{'initial':{}}},'Bridge':{'b':{'initial':{'name':'br0','fail_mode':"
         "'secure','controller':['uuid','c']}}},'Controller':{'c':{'initial':{'target':"
         "'tcp:10.0.0.1:6633'}}}}",
         "br0: controller set | wait Bridge insert Controller mutate Bridge"},
    };
    struct tend_wish w = wish(), nothing = {.datapath_type = "", .controller = ""};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ovsdb_session s;

        ovsdb_session_open(&s, 5 * SECOND);
        load(&s, "false", ZERO, cases[i].rows);
        cr_expect_str_eq(plan(&s, &w), cases[i].plan, "%zu: %s", i, plan(&s, &w));
        cr_expect_str_eq(plan(&s, &nothing), " |", "%zu", i);
        ovsdb_session_close(&s);
    }
}

Test(ofproxy_ovsdb, changes_that_are_undone_become_rarer_and_calm_ends_that)
{
    struct tend_pace p = {0};
    uint64_t now = 100 * SECOND, pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};

    for (unsigned i = 0; i < 8; i++) {
        cr_expect_eq(tend_paced(&p, now), pauses[i] * SECOND, "%u", i);
        now = p.next_ns;
    }
    cr_expect_eq(tend_paced(&p, now + 121 * SECOND), SECOND);
}

/* ---- packet-ins dropped before us -------------------------------------------------------------
 */

Test(ofproxy_ovsdb, drops_in_the_switch_only_grow_whatever_its_own_count_does)
{
    static const struct {
        const char *status;
        uint64_t dropped;
    } looks[] = {
        {"[['packet-in-miss-dropped','50'],['packet-in-action-dropped','7']]", 0}, /* before us */
        {"[['packet-in-miss-dropped','60'],['packet-in-action-dropped','8']]", 11},
        {"[['packet-in-miss-dropped','60'],['packet-in-action-dropped','8']]", 11},
        {"[]", 11}, /* the switch connects again, and counts from 0 */
        {"[['packet-in-miss-dropped','3']]", 14},
        {"[['packet-in-miss-dropped','-9'],['packet-in-action-dropped','x']]", 14},
    };
    struct tend_wish w = wish();
    struct view_drops d;

    view_drops_open(&d);
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        struct ovsdb_session s;
        char rows[600];

        snprintf(
            rows, sizeof rows,
            "{'Bridge':{'b':{'initial':{'name':'br0','controller':['set',[['uuid','c'],['uuid',"
            "'d']]]}}},'Controller':{'c':{'initial':{'target':'tcp:127.0.0.1:6633','status':["
            "'map',%s]}},'d':{'initial':{'target':'tcp:10.0.0.1:6633','status':['map',[["
            "'packet-in-miss-dropped','%zu']]]}}}}",
            looks[i].status, i * 1000);
        ovsdb_session_open(&s, 5 * SECOND);
        load(&s, "false", ZERO, rows);
        view_drops_count(&d, &w, &s.rows);
        cr_expect_eq(d.dropped, looks[i].dropped, "%zu: %llu", i, (unsigned long long)d.dropped);
        ovsdb_session_close(&s);
    }
    cr_expect_str_eq(d.where, "br0");
    view_drops_close(&d);
}
