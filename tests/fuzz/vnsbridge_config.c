/* Virtual hosts: an input is a configuration file, then, each after a byte 0x01, the IP_CONFIG file
 * "ip", the routing table "rt" and the key file "key" that it may name.
 *
 * What is taken can be told to a VNS client and printed; what is refused, with a sentence. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "vnsbridge/vhost.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    log_set_level(LOG_ERROR);
    fuzz_check(chdir(fuzz_dir()) == 0);
    return 0;
}

static void write_part(struct fuzz *f, const char *name)
{
    const uint8_t *end = f->left > 0 ? memchr(f->p, 1, f->left) : NULL;
    size_t len = end ? (size_t)(end - f->p) : f->left, one = 1;
    const uint8_t *bytes = fuzz_bytes(f, &len);

    fuzz_file(name, bytes, len);
    fuzz_bytes(f, &one);
}

/* A name that a terminal, JSON and a VNS client take. */
static void check_name(const char *name, size_t size)
{
    fuzz_check(memchr(name, '\0', size) && name[0]);
    for (; *name; name++) {
        fuzz_check(*name > 0x20 && *name < 0x7f, "byte 0x%02x in a name", (unsigned char)*name);
    }
}

static void check_vhost(const struct vhost *h)
{
    char names[256];

    check_name(h->name, sizeof h->name);
    fuzz_check(h->n_interfaces > 0 && h->n_interfaces <= VNS_HW_INTERFACES && h->rtable &&
               h->rtable_len <= VHOST_RTABLE_MAX);
    for (unsigned i = 0; i < h->n_interfaces; i++) {
        const struct vhost_interface *f = &h->interface[i];

        check_name(f->name, sizeof f->name);
        fuzz_check(memchr(f->port_name, '\0', sizeof f->port_name) && f->ip != 0);
        if (f->match == VHOST_BY_NAME) {
            check_name(f->port_name, sizeof f->port_name);
        }
    }
    vhost_names(h, names, sizeof names);
    fuzz_check(strlen(names) < sizeof names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    struct config c;
    struct vhosts v;
    char why[2000];

    write_part(&f, "conf");
    write_part(&f, "ip");
    write_part(&f, "rt");
    write_part(&f, "key");
    config_defaults(&c);
    if (config_file(&c, "conf", why, sizeof why) != 0) {
        fuzz_check_sentence(why, sizeof why);
    } else {
        if (vhosts_load(&v, &c, why, sizeof why) != 0) {
            fuzz_check_sentence(why, sizeof why);
        } else {
            fuzz_check(v.n > 0 && v.n <= VHOSTS);
            for (unsigned i = 0; i < v.n; i++) {
                check_vhost(&v.list[i]);
            }
        }
        vhosts_free(&v);
    }
    config_free(&c);
    return 0;
}
