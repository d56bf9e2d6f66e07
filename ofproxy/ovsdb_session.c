/* ofproxy/ovsdb_session.c */
#include "ofproxy/ovsdb_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_TXN "00000000-0000-0000-0000-000000000000"
#define STEP_NS                                                                                    \
    20000000000ull /* for the server to answer a step; a large database takes a while              \
                    */

enum { SINCE, COND, PLAIN, METHODS };
static const char *const methods[METHODS] = {"monitor_cond_since", "monitor_cond", "monitor"};

static const char wanted[] =
    "{\"Open_vSwitch\":[\"bridges\",\"ovs_version\"],"
    "\"Bridge\":[\"name\",\"datapath_id\",\"datapath_type\",\"fail_mode\","
    "\"protocols\",\"controller\",\"ports\"],"
    "\"Port\":[\"name\",\"interfaces\"],"
    "\"Interface\":[\"name\",\"type\",\"ofport\",\"mac_in_use\","
    "\"admin_state\",\"link_state\",\"link_speed\",\"statistics\",\"error\"],"
    "\"Controller\":[\"target\",\"is_connected\",\"role\",\"status\","
    "\"external_ids\",\"max_backoff\",\"inactivity_probe\","
    "\"connection_mode\",\"controller_rate_limit\","
    "\"controller_burst_limit\",\"controller_queue_size\"]}";

static bool fault(struct ovsdb_session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool fault(struct ovsdb_session *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    return false;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* Takes over 'text'. */
static bool put(struct ovsdb_session *s, char *text)
{
    struct ovsdb_out *o = &s->out;
    size_t len = text ? strlen(text) : 0;
    char *more = o->bytes;

    if (!text || o->len - o->at > OVSDB_UNSENT) {
        free(text);
        return fault(s, text ? "it does not read what it is sent" : "no memory for a message");
    }
    if (o->at > 0) {
        memmove(o->bytes, o->bytes + o->at, o->len - o->at);
        o->len -= o->at;
        o->at = 0;
    }
    if (o->room - o->len < len) {
        more = realloc(o->bytes, o->len + len);
        if (!more) {
            free(text);
            return fault(s, "no memory for a message");
        }
        o->room = o->len + len;
    }
    o->bytes = more;
    memcpy(o->bytes + o->len, text, len);
    o->len += len;
    free(text);
    return true;
}

void ovsdb_session_sent(struct ovsdb_session *s, size_t n)
{
    s->out.at += n;
}

/* Returns the id of the request, or 0 with s->why. */
static json_int_t ask(struct ovsdb_session *s, const char *method, json_t *params)
{
    json_t *id = json_integer(s->last_id + 1);
    bool ok = put(s, ovsdb_request(method, params, id));

    json_decref(id);
    return ok ? ++s->last_id : 0;
}

static bool ask_step(struct ovsdb_session *s, enum ovsdb_step step, const char *method,
                     json_t *params)
{
    s->step = step;
    s->step_id = ask(s, method, params);
    s->step_ns = s->heard_ns;
    return s->step_id != 0;
}

static bool ask_server(struct ovsdb_session *s)
{
    return ask_step(s, OVSDB_ASK_SERVER, methods[s->method == PLAIN ? PLAIN : COND],
                    json_pack("[s,s,{s:[{s:[s,s,s,s,s,s]}]}]", "_Server", "server", "Database",
                              "columns", "name", "model", "connected", "leader", "index", "cid"));
}

static bool ask_schema(struct ovsdb_session *s)
{
    return ask_step(s, OVSDB_ASK_SCHEMA, "get_schema", json_pack("[s]", OVSDB_DATABASE));
}

static bool ask_rows(struct ovsdb_session *s)
{
    json_t *params = json_pack("[s,s,O]", OVSDB_DATABASE, "rows", s->requests);

    if (s->method == SINCE) {
        json_array_append_new(params, json_string(s->last_txn[0] ? s->last_txn : NO_TXN));
    }
    return ask_step(s, OVSDB_ASK_ROWS, methods[s->method], params);
}

void ovsdb_session_transact(struct ovsdb_session *s, json_t *operations)
{
    json_array_insert_new(operations, 0, json_string(OVSDB_DATABASE));
    s->txn_id = ask(s, "transact", operations);
    s->txn = s->txn_id ? OVSDB_TXN_SENT : OVSDB_TXN_NONE;
}

/* ---- the database of the server about itself ------------------------------------------------ */

static json_t *our_database(const struct ovsdb_session *s)
{
    const char *uuid;
    json_t *row;

    json_object_foreach(ovsdb_rows_table(&s->server, "Database"), uuid, row)
    {
        if (strcmp(ovsdb_text(row, "name"), OVSDB_DATABASE) == 0) {
            return row;
        }
    }
    return NULL;
}

/* A server of a cluster that lost the others, or is behind what we have seen, would tell old news.
 */
static bool check_server(struct ovsdb_session *s)
{
    const json_t *row = our_database(s);
    json_int_t index = ovsdb_number(row, "index", 0);
    const char *cluster = ovsdb_set_uuid(json_object_get(row, "cid"), 0);

    if (!row) {
        return fault(s, "its database %s was removed", OVSDB_DATABASE);
    }
    if (strcmp(ovsdb_text(row, "model"), "clustered") != 0) {
        return true;
    }
    if (!ovsdb_truth(row, "connected")) {
        return fault(s, "it has lost the other servers of its cluster");
    }
    if (s->step != OVSDB_LOADED && s->want_leader && !ovsdb_truth(row, "leader")) {
        return fault(s, "it is not the leader of its cluster");
    }
    if (cluster && strcmp(cluster, s->cluster) == 0 && index < s->index) {
        return fault(s, "its data is older than what was seen of its cluster before");
    }
    snprintf(s->cluster, sizeof s->cluster, "%s", cluster ? cluster : "");
    s->index = index;
    return true;
}

/* ---- answers to the steps ------------------------------------------------------------------- */

static bool updates(struct ovsdb_session *s, struct ovsdb_rows *rows, bool differences,
                    const json_t *all)
{
    char why[120];

    if (!(differences ? ovsdb_rows_update2 : ovsdb_rows_update)(rows, all, why, sizeof why)) {
        s->last_txn[0] = '\0';
        return fault(s, "an update that cannot be: %s", why);
    }
    s->touched = true;
    return true;
}

static bool on_databases(struct ovsdb_session *s, const json_t *result)
{
    bool ours = false, server = false;

    for (size_t i = 0; i < json_array_size(result); i++) {
        const char *name = json_string_value(json_array_get(result, i));

        ours |= name && strcmp(name, OVSDB_DATABASE) == 0;
        server |= name && strcmp(name, "_Server") == 0;
    }
    if (!ours) {
        return fault(s, "it has no database %s: is it the ovsdb-server of Open vSwitch?",
                     OVSDB_DATABASE);
    }
    return server ? ask_server(s) : ask_schema(s); /* without: from before clusters */
}

static bool on_server(struct ovsdb_session *s, const json_t *result)
{
    return updates(s, &s->server, s->method != PLAIN, result) && check_server(s) && ask_schema(s);
}

static bool on_schema(struct ovsdb_session *s, const json_t *result)
{
    size_t before = s->rows.n;

    json_decref(s->requests);
    s->requests = ovsdb_rows_ask(&s->rows, result, s->wanted);
    if (!json_object_get(s->requests, "Bridge") || !json_object_get(s->requests, "Open_vSwitch")) {
        return fault(s, "its schema of %s has no bridges", OVSDB_DATABASE);
    }
    if (s->rows.n != before) {
        s->last_txn[0] = '\0';
    }
    return ask_rows(s);
}

static void keep_txn(struct ovsdb_session *s, const json_t *id)
{
    const char *text = json_string_value(id);

    snprintf(s->last_txn, sizeof s->last_txn, "%s",
             text && strcmp(text, NO_TXN) != 0 && strlen(text) == sizeof NO_TXN - 1 ? text : "");
}

static bool on_rows(struct ovsdb_session *s, const json_t *result)
{
    const json_t *all = s->method == SINCE ? json_array_get(result, 2) : result;

    s->resumed = s->method == SINCE && json_is_true(json_array_get(result, 0));
    if (!s->resumed) {
        ovsdb_rows_clear(&s->rows);
    }
    if (!updates(s, &s->rows, s->method != PLAIN, all)) {
        return false;
    }
    if (s->method == SINCE) {
        keep_txn(s, json_array_get(result, 1));
    }
    s->step = OVSDB_LOADED;
    s->step_id = 0;
    return true;
}

/* An older server, or one told so, knows fewer ways to monitor. */
static bool on_step_error(struct ovsdb_session *s, const json_t *error)
{
    static const char *const names[] = {"list_dbs", "monitoring _Server", "get_schema",
                                        "monitoring the rows", ""};
    char text[120];

    if (ovsdb_unknown_method(error) && s->step == OVSDB_ASK_ROWS && s->method < PLAIN) {
        s->method++;
        s->last_txn[0] = '\0';
        return ask_rows(s);
    }
    if (ovsdb_unknown_method(error) && s->step == OVSDB_ASK_SERVER && s->method < PLAIN) {
        s->method = PLAIN;
        return ask_server(s);
    }
    return fault(s, "it refuses %s: %s", names[s->step],
                 ovsdb_error_text(error, text, sizeof text));
}

static bool on_step(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    static bool (*const on[])(struct ovsdb_session *, const json_t *) = {on_databases, on_server,
                                                                         on_schema, on_rows};

    return m->error ? on_step_error(s, m->error) : on[s->step](s, m->result);
}

/* Of the operations' results the first that failed says why; the last may be the commit's. */
static void on_txn(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    json_t *one;
    size_t i;

    s->txn = OVSDB_TXN_DONE;
    s->txn_id = 0;
    if (m->error || !json_is_array(m->result)) {
        s->txn = OVSDB_TXN_FAILED;
        ovsdb_error_text(m->error, s->txn_why, sizeof s->txn_why);
        return;
    }
    json_array_foreach(m->result, i, one)
    {
        if (json_object_get(one, "error") && !json_is_null(json_object_get(one, "error"))) {
            s->txn = OVSDB_TXN_FAILED;
            ovsdb_error_text(one, s->txn_why, sizeof s->txn_why);
            return;
        }
    }
}

/* ---- messages ------------------------------------------------------------------------------- */

static bool on_response(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    json_int_t id = json_integer_value(m->id);

    if (id != 0 && id == s->step_id) {
        return on_step(s, m);
    }
    if (id != 0 && id == s->txn_id) {
        on_txn(s, m);
        return true;
    }
    if (id != 0 && id == s->echo_id) {
        s->echo_id = 0;
        return true;
    }
    if (id != 0 && id == s->aware_id) {
        s->aware_id = 0; /* whether it knows the method or not */
        return true;
    }
    return fault(s, "an answer to what was not asked");
}

static bool on_update(struct ovsdb_session *s, unsigned method, const json_t *params)
{
    const char *id = json_string_value(json_array_get(params, 0));
    const json_t *all = json_array_get(params, method == SINCE ? 2 : 1);

    if (id && strcmp(id, "server") == 0) {
        return updates(s, &s->server, method != PLAIN, all) && check_server(s);
    }
    if (!id || strcmp(id, "rows") != 0 || s->step != OVSDB_LOADED) {
        return fault(s, "an update of what is not monitored");
    }
    if (!updates(s, &s->rows, method != PLAIN, all)) {
        return false;
    }
    if (method == SINCE) {
        keep_txn(s, json_array_get(params, 1));
    }
    return true;
}

static bool on_notification(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    static const char *const names[METHODS] = {"update3", "update2", "update"};

    for (unsigned i = 0; i < METHODS; i++) {
        if (strcmp(m->method, names[i]) == 0) {
            return on_update(s, i, m->params);
        }
    }
    if (strcmp(m->method, "monitor_canceled") == 0) {
        s->last_txn[0] = '\0';
        return fault(s, "its database was removed or converted");
    }
    return true; /* another's notification: "locked", "stolen" */
}

static bool on_request(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    if (strcmp(m->method, "echo") == 0) {
        return put(s, ovsdb_reply(m->id, json_incref(m->params), NULL));
    }
    return put(s, ovsdb_reply(m->id, NULL, "unknown method"));
}

static bool on_message(struct ovsdb_session *s, const struct ovsdb_msg *m)
{
    switch (m->kind) {
    case OVSDB_REQUEST:
        return on_request(s, m);
    case OVSDB_NOTIFICATION:
        return on_notification(s, m);
    default:
        return on_response(s, m);
    }
}

bool ovsdb_session_take(struct ovsdb_session *s, const void *bytes, size_t len, uint64_t now)
{
    struct ovsdb_msg m;
    bool ok = true;

    s->heard_ns = now;
    ovsdb_in_put(&s->in, bytes, len);
    while (ok && ovsdb_in_get(&s->in, &m)) {
        ok = on_message(s, &m);
        ovsdb_msg_free(&m);
    }
    return ok && (!s->in.why[0] || fault(s, "%s", s->in.why));
}

bool ovsdb_session_tick(struct ovsdb_session *s, uint64_t now)
{
    if (s->step != OVSDB_LOADED && now - s->step_ns > STEP_NS) {
        return fault(s, "it does not answer");
    }
    if (s->echo_id != 0 && now - s->asked_ns > s->patience_ns &&
        now - s->heard_ns > s->patience_ns) {
        return fault(s, "it does not answer an echo");
    }
    if (s->echo_id == 0 && now - s->heard_ns > s->patience_ns) {
        s->echo_id = ask(s, "echo", json_array());
        s->asked_ns = now;
        return s->echo_id != 0;
    }
    return true;
}

/* ---- a connection's beginning --------------------------------------------------------------- */

void ovsdb_session_start(struct ovsdb_session *s, uint64_t now)
{
    ovsdb_in_close(&s->in);
    ovsdb_in_open(&s->in, OVSDB_LONGEST, OVSDB_DEEPEST);
    ovsdb_rows_clear(&s->server);
    s->out.at = s->out.len = 0;
    s->method = SINCE;
    s->resumed = false;
    s->echo_id = s->txn_id = 0;
    s->txn = OVSDB_TXN_NONE;
    s->why[0] = '\0';
    s->heard_ns = s->step_ns = now;
    s->aware_id = ask(s, "set_db_change_aware", json_pack("[b]", 1));
    ask_step(s, OVSDB_ASK_DATABASES, "list_dbs", json_array());
}

void ovsdb_session_open(struct ovsdb_session *s, uint64_t patience_ns)
{
    *s = (struct ovsdb_session){.patience_ns = patience_ns};
    ovsdb_rows_open(&s->rows);
    ovsdb_rows_open(&s->server);
    json_object_set_new(s->server.many, "Database", json_object());
    s->wanted = json_loads(wanted, 0, NULL);
}

void ovsdb_session_close(struct ovsdb_session *s)
{
    ovsdb_in_close(&s->in);
    free(s->out.bytes);
    ovsdb_rows_close(&s->rows);
    ovsdb_rows_close(&s->server);
    json_decref(s->wanted);
    json_decref(s->requests);
}

const char *ovsdb_session_method(const struct ovsdb_session *s)
{
    return methods[s->method];
}
