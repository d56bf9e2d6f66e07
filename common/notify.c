/* common/notify.c */
#include "common/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void tell_s6(const char *number)
{
    char *end;
    long fd = strtol(number, &end, 10);

    if (*number == '\0' || *end != '\0' || fd <= STDERR_FILENO || fd > 1023) {
        return;
    }
    if (write((int)fd, "\n", 1) == 1) {
        close((int)fd);
    }
}

/* Its socket; -1: none, or not any more. */
static int systemd_fd = -1;

void notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;

    if (systemd_fd >= 0 || len == 0 || len >= sizeof a.sun_path) {
        return;
    }
    memcpy(a.sun_path, path, len);
    if (path[0] == '@') {
        a.sun_path[0] = '\0'; /* an abstract name */
    }
    systemd_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (systemd_fd >= 0 &&
        connect(systemd_fd, (struct sockaddr *)&a,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        close(systemd_fd);
        systemd_fd = -1;
    }
}

static void tell_systemd(void)
{
    if (systemd_fd >= 0 && write(systemd_fd, "READY=1", 7) == 7) {
        close(systemd_fd);
        systemd_fd = -1;
    }
}

void notify_up(void)
{
    static bool told;
    const char *s6 = getenv("CAUSEWAY_NOTIFY_FD");

    if (told) {
        return;
    }
    told = true;
    if (s6) {
        tell_s6(s6);
    }
    tell_systemd();
}

bool notify_supervised(void)
{
    return getenv("CAUSEWAY_NOTIFY_FD") || getenv("NOTIFY_SOCKET") || getenv("CAUSEWAY_SUPERVISED");
}
