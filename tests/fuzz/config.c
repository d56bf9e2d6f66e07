/* Settings: an input is a configuration file, or the words of a command line.
 *
 *     1 byte    bits 0-2: the section whose process reads them; bit 7: words, each ended by a NUL
 *     then      the text
 *
 * Whatever is refused is refused with a sentence; what is taken is within its range. */
#include "common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/fuzz/fuzz.h"

#define WORDS 16

static struct config c;
static const char *path;
static char file[256];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    snprintf(file, sizeof file, "%s", fuzz_file("fuzz.conf", "", 0));
    fuzz_check(setenv("CAUSEWAY_CONFIG", file, 1) == 0);
    path = file;
    return 0;
}

/* Numbers are numbers, and words that people read are words. */
static void check_values(void)
{
    enum log_level level;

    for (unsigned k = 0; k < CONFIG_KEYS; k++) {
        fuzz_check(config_str(&c, (enum config_key)k) != NULL);
    }
    fuzz_check(log_level_parse(config_str(&c, CONFIG_STACK_LOG_LEVEL), &level));
    fuzz_check(config_int(&c, CONFIG_ROUTER_PORT) >= 1 &&
               config_int(&c, CONFIG_ROUTER_PORT) <= 65535);
    fuzz_check(config_int(&c, CONFIG_STACK_WAIT_WINDOW) >= 0 &&
               config_int(&c, CONFIG_STACK_WAIT_WINDOW) <= 10000);
    for (size_t i = 0; i < c.n_lines; i++) {
        const struct config_line *l = &c.lines[i];

        fuzz_check(l->vhost[0] && strlen(l->vhost) < 32 && l->key[0] && l->line > 0 &&
                   l->file == c.file);
    }
}

/* Every line of it begins with the file and a line's number, but for the last that was cut. */
static void check_refusal(const char *why, size_t size)
{
    size_t len = strlen(path);
    const char *line = why;

    fuzz_check_sentence(why, size);
    while (line && strlen(why) < size - 1) {
        char *end;

        fuzz_check(strncmp(line, path, len) == 0 && line[len] == ':', "\"%s\"", line);
        fuzz_check(strtol(line + len + 1, &end, 10) > 0 && strncmp(end, ": ", 2) == 0 &&
                       strlen(end) > 10,
                   "\"%s\"", line);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
}

static void read_file(struct fuzz *f)
{
    char why[2000];

    fuzz_file("fuzz.conf", f->p, f->left);
    config_defaults(&c);
    if (config_file(&c, path, why, sizeof why) != 0) {
        check_refusal(why, sizeof why);
    }
    check_values();
    fuzz_file("fuzz.conf", "", 0);
}

/* Not taken: what prints and exits, and names of other files. */
static bool harmless(const char *word)
{
    return strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0 &&
           strcmp(word, "--version") != 0 && strncmp(word, "--config", 8) != 0;
}

static void read_words(struct fuzz *f, enum config_section section)
{
    char *words = calloc(1, f->left + 1), *argv[WORDS + 2] = {(char *)(uintptr_t) "fuzz"};
    int argc = 1;

    fuzz_check(words != NULL);
    memcpy(words, f->p, f->left);
    for (char *at = words; at < words + f->left && argc <= WORDS; at += strlen(at) + 1) {
        if (harmless(at)) {
            argv[argc++] = at;
        }
    }
    if (fuzz_try()) {
        config_load(&c, section, argc, argv);
        check_values();
    }
    fuzz_tried();
    free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    uint8_t choice = fuzz_u8(&f);

    memset(&c, 0, sizeof c);
    if (choice & 0x80) {
        read_words(&f, (enum config_section)((choice & 7) % CONFIG_SECTIONS));
    } else {
        read_file(&f);
    }
    config_free(&c);
    log_set_level(LOG_ERROR);
    return 0;
}
