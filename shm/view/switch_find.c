/* shm/view/switch_find.c - from an operator's word to one of the connected switches. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/board.h"
#include "shm/view/switch.h"
#include "shm/view/topics.h"

#define LOCAL13 UINT32_C(0xfffffffe)
#define LOCAL10 0xfffe

static const char *word_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? text : "";
}

json_t *switch_list(const char *run_dir, char *why, size_t size)
{
    json_t *all = view_call(run_dir, "ofproxy", "switches", NULL, why, size), *list, *one;
    size_t i;

    if (!all) {
        return NULL;
    }
    list = json_array();
    json_array_foreach(all, i, one)
    {
        if (json_integer_value(json_object_get(one, "auxiliary")) == 0 &&
            json_object_get(one, "port_list")) {
            json_array_append(list, one);
        }
    }
    json_decref(all);
    return list;
}

uint64_t switch_dpid(const json_t *s)
{
    return strtoull(word_of(s, "dpid"), NULL, 16);
}

bool switch_is13(const json_t *s)
{
    return strstr(word_of(s, "version"), "1.3") != NULL;
}

bool switch_is_nicira(const json_t *s)
{
    return strstr(word_of(json_object_get(s, "description"), "manufacturer"), "Nicira") != NULL;
}

/* ---- ports -------------------------------------------------------------------------------- */

static uint32_t wide(uint32_t port)
{
    return port >= 0xff00 && port <= 0xffff ? port | 0xffff0000u : port;
}

static const json_t *port_of(const json_t *s, uint32_t port)
{
    json_t *list = json_object_get(s, "port_list"), *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (wide((uint32_t)json_integer_value(json_object_get(one, "port"))) == port) {
            return one;
        }
    }
    return NULL;
}

/* ovs-ofctl quotes a name that is not a letter followed by letters and digits. */
static bool is_plain(const char *name)
{
    bool plain = isalpha((unsigned char)*name) != 0;

    for (; *name && plain; name++) {
        plain = isalnum((unsigned char)*name) != 0;
    }
    return plain;
}

const char *switch_port_name(const json_t *s, uint32_t port, char *text, size_t size)
{
    const char *name = word_of(port_of(s, wide(port)), "name");

    if (!name[0]) {
        return NULL;
    }
    snprintf(text, size, is_plain(name) ? "%s" : "\"%s\"", name);
    return text;
}

bool switch_port_number(const json_t *s, const char *name, uint32_t *port)
{
    static const char *const reserved[] = {"IN_PORT", "TABLE",      "NORMAL", "FLOOD",
                                           "ALL",     "CONTROLLER", "LOCAL",  "ANY"};
    json_t *list = json_object_get(s, "port_list"), *one;
    size_t i, len = strlen(name);
    char *end;

    if (len >= 2 && name[0] == '"' && name[len - 1] == '"') {
        name++;
        len -= 2;
    }
    json_array_foreach(list, i, one)
    {
        if (strlen(word_of(one, "name")) == len && strncmp(word_of(one, "name"), name, len) == 0) {
            *port = wide((uint32_t)json_integer_value(json_object_get(one, "port")));
            return true;
        }
    }
    for (i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            *port = 0xfffffff8u + (uint32_t)i;
            return true;
        }
    }
    *port = wide((uint32_t)strtoul(name, &end, 0));
    return end != name && *end == '\0';
}

/* ---- names -------------------------------------------------------------------------------- */

/* The name of its own port, else its description of the datapath, if that is a name. */
static const char *own_name(const json_t *s)
{
    const char *name = word_of(port_of(s, LOCAL13), "name");
    const char *told = word_of(json_object_get(s, "description"), "datapath");

    return name[0]                                                          ? name
           : told[0] && !strchr(told, ' ') && strcasecmp(told, "none") != 0 ? told
                                                                            : "";
}

const char *switch_name(const json_t *s, char *text, size_t size)
{
    const char *name = own_name(s);

    snprintf(text, size, "%s", name[0] ? name : word_of(s, "dpid"));
    return board_text(text, size);
}

/* A datapath-id as 1, 0x1, 0000000000000001 or 00:00:00:00:00:00:00:01. */
static bool is_dpid(const char *word, uint64_t dpid)
{
    char digits[20];
    size_t n = 0;
    char *end;

    word += word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 2 : 0;
    for (; *word; word++) {
        if (*word == ':' || *word == '-') {
            continue;
        }
        if (!isxdigit((unsigned char)*word) || n == 16) {
            return false;
        }
        digits[n++] = *word;
    }
    digits[n] = '\0';
    return n > 0 && strtoull(digits, &end, 16) == dpid;
}

/* Of a port named sw0-eth1 a switch may be sw0. */
static bool is_ports_name(const json_t *s, const char *word)
{
    json_t *list = json_object_get(s, "port_list"), *one;
    size_t i, len = strlen(word);

    json_array_foreach(list, i, one)
    {
        const char *name = word_of(one, "name");

        if (len > 0 && strncmp(name, word, len) == 0 && strcmp(word, name) != 0 &&
            name[len] == '-' && !strchr(name + len + 1, '-')) {
            return true;
        }
    }
    return false;
}

static bool is_name(const json_t *s, const char *word)
{
    return word[0] && (strcmp(own_name(s), word) == 0 ||
                       strcmp(word_of(json_object_get(s, "description"), "datapath"), word) == 0);
}

/* Its peer, with or without the port. */
static bool is_peer(const json_t *s, const char *word)
{
    const char *peer = word_of(s, "peer"), *colon = strrchr(peer, ':');
    size_t len = strlen(word);

    return len > 0 && strncmp(peer, word, len) == 0 &&
           (peer[len] == '\0' || (colon && peer + len == colon));
}

/* The decimal number of a datapath-id, which the hex one goes before. */
static bool is_decimal(const json_t *s, const char *word)
{
    char *end;
    unsigned long long v = strtoull(word, &end, 10);

    return isdigit((unsigned char)*word) && *word != '0' && *end == '\0' && v == switch_dpid(s);
}

static bool is_dpid_of(const json_t *s, const char *word)
{
    return is_dpid(word, switch_dpid(s));
}

static bool begins(const json_t *s, const char *word)
{
    const char *dpid = word_of(s, "dpid"), *digits = dpid + strspn(dpid, "0x");
    size_t len = strlen(word);

    return len > 0 &&
           (strncmp(own_name(s), word, len) == 0 || strncmp(word_of(s, "peer"), word, len) == 0 ||
            strncmp(dpid, word, len) == 0 || strncmp(digits, word, len) == 0);
}

static void say_list(const json_t *list, char *to, size_t size)
{
    size_t n = json_array_size(list), used = 0;
    char name[64];

    for (size_t i = 0; i < n && used < size; i++) {
        const json_t *s = json_array_get(list, i);
        int more;

        if (i == 6) {
            snprintf(to + used, size - used, " and %zu more", n - i);
            return;
        }
        more = snprintf(to + used, size - used, "%s%s (%s)", i ? ", " : "",
                        switch_name(s, name, sizeof name), word_of(s, "dpid"));
        used += more > 0 ? (size_t)more : 0;
    }
}

json_t *switch_find(const json_t *list, const char *word, char *why, size_t size)
{
    static bool (*const ways[])(const json_t *, const char *) = {
        is_dpid_of, is_name, is_decimal, is_peer, is_ports_name, begins};
    size_t n = json_array_size(list), found = 0;
    json_t *one = NULL;
    char there[600] = "";

    say_list(list, there, sizeof there);
    if (n == 0) {
        snprintf(why, size,
                 "no switch is connected%s%s: see causeway show switches, and the switch's own log",
                 word ? ", also not " : "", word ? word : "");
        return NULL;
    }
    if (!word && n > 1) {
        snprintf(why, size, "which switch? %zu are connected: name one of %s", n, there);
        return NULL;
    }
    if (!word) {
        return json_array_get(list, 0);
    }
    for (unsigned w = 0; w < sizeof ways / sizeof ways[0] && found == 0; w++) {
        for (size_t i = 0; i < n; i++) {
            if (ways[w](json_array_get(list, i), word)) {
                one = json_array_get(list, i);
                found++;
            }
        }
    }
    if (found != 1) {
        snprintf(why, size, "%s '%.60s': connected are %s",
                 found ? "more than one switch is" : "no switch is", word, there);
        return NULL;
    }
    return one;
}
