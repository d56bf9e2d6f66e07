/* ofproxy/of_port.c - what a switch says of its ports, in no version's words. */
#include <string.h>

#include "common/log.h"
#include "ofproxy/of_conn.h"
#include "ofproxy/ofproxy.h"

void port_name(char name[26], const uint8_t wire[16])
{
    size_t len = strnlen((const char *)wire, 16);

    memset(name, 0, 26);
    for (size_t i = 0; i < len; i++) {
        name[i] = wire[i] > 0x20 && wire[i] < 0x7f && wire[i] != '"' ? (char)wire[i] : '?';
    }
}

/* Only a port that a frame can be sent to by number has a row: not LOCAL, not 0. */
static bool is_real(const struct of_conn *c, uint32_t port)
{
    return port > 0 && port <= c->dialect->last_port;
}

void port_put(struct of_conn *c, const struct port_news *news)
{
    if (is_real(c, news->port) && !ports_put(&c->proxy->ports, c->dpid, c->session, news)) {
        peer_log(c->proxy, LOG_WARN,
                 "port ignored %s port=%u cause=\"all %d rows of the ports board are in use\"",
                 conn_name(c), news->port, PORTS_ROWS);
    }
}

void ports_told(struct of_conn *c)
{
    ports_sweep(&c->proxy->ports, c->dpid, c->session);
    ports_publish(&c->proxy->ports);
    c->ports_told = true;
}

void port_changed(struct of_conn *c, const struct port_news *news, bool deleted)
{
    struct ports *ports = &c->proxy->ports;
    bool there = is_real(c, news->port);

    if (there && deleted) {
        there = ports_gone(ports, c->dpid, news->port);
    } else if (there) {
        port_put(c, news);
    }
    if (ports->changed) {
        peer_log(c->proxy, LOG_INFO, "port changed %s port=%u name=%s state=%s", conn_name(c),
                 news->port, news->name,
                 deleted    ? "gone"
                 : news->up ? "up"
                            : "down");
    }
    ports_publish(ports);
    if (!there && news->port <= c->dialect->last_port) {
        peer_log(c->proxy, LOG_WARN, "port status ignored %s port=%u cause=\"no such port\"",
                 conn_name(c), news->port);
    }
}
