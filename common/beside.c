/* common/beside.c */
#include "common/beside.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

void beside_folder(char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    snprintf(path, size, "%s", dirname(self));
}

void beside_find(char *path, size_t size, const char *name, int mode)
{
    static const char *const places[] = {"../..", "../lib/causeway"};
    char folder[PATH_MAX];

    beside_folder(folder, sizeof folder);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, size, "%s/%s/%s", folder, places[i], name);
        if (access(path, mode) == 0) {
            return;
        }
    }
}
