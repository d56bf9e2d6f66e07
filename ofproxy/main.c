/* ofproxy/main.c - the switches' side of the stack: OpenFlow to records and back.
 *
 *     switch ══OpenFlow══ [ on_PACKET_IN    ] --PKT_IN--> vnsbridge
 *                         [ send_packet_out ] <-PKT_OUT-- */
#include <inttypes.h>
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "ofproxy/ofproxy.h"
#include "ofproxy/status.h"

static void open_log(const struct config *c)
{
    const char *format = config_str(c, CONFIG_STACK_LOG_FORMAT);
    const char *word = config_str(c, CONFIG_STACK_LOG_LEVEL);
    enum log_level level;

    if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0) {
        die_usage("log-format is '%s': expected text or json", format);
    }
    log_open("ofproxy", strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT);
    if (!log_level_parse(word, &level)) {
        die_usage("log-level is '%s': expected error, warn, info or debug", word);
    }
    log_set_level(level);
}

int main(int argc, char **argv)
{
    static struct ofproxy p;
    struct config c;

    log_open("ofproxy", LOG_TEXT);
    config_load(&c, CONFIG_OFPROXY, argc, argv);
    open_log(&c);
    ofproxy_open(&p, &c, config_str(&c, CONFIG_STACK_RUN_DIR));
    if (loop_catch_signals(&p.loop) != 0) {
        die("cannot catch signals");
    }
    of_listen(&p, config_str(&c, CONFIG_OFPROXY_LISTEN));
    status_open(&p);
    log_info("listening on=\"%s\"", p.listening);
    while (loop_running(&p.loop)) {
        ofproxy_turn(&p);
    }
    log_info("stopped received=%" PRIu64 " forwarded=%" PRIu64 " answered=%" PRIu64
             " dropped=%" PRIu64,
             counter_get(OFPROXY_RECEIVED), counter_get(OFPROXY_FORWARDED),
             counter_get(OFPROXY_ANSWERED), counter_get(OFPROXY_DROPPED));
    ofproxy_close(&p);
    config_free(&c);
    return 0;
}
