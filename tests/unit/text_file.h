/* tests/unit/text_file.h - a file with a test's text. */
#ifndef TESTS_UNIT_TEXT_FILE_H
#define TESTS_UNIT_TEXT_FILE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Its name, until the next one is written; the test unlinks it. */
static inline const char *write_file(const char *text)
{
    static char name[64];
    FILE *f;
    int fd;

    snprintf(name, sizeof name, "/tmp/cw-text-XXXXXX");
    fd = mkstemp(name);
    cr_assert(fd >= 0);
    f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    return name;
}

#endif
