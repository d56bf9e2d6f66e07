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

static void tell_systemd(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd;

    if (len == 0 || len >= sizeof a.sun_path) {
        return;
    }
    memcpy(a.sun_path, path, len);
    if (path[0] == '@') {
        a.sun_path[0] = '\0'; /* an abstract name */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&a,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

void notify_up(void)
{
    static bool told;
    const char *s6 = getenv("CAUSEWAY_NOTIFY_FD"), *systemd = getenv("NOTIFY_SOCKET");

    if (told) {
        return;
    }
    told = true;
    if (s6) {
        tell_s6(s6);
    }
    if (systemd) {
        tell_systemd(systemd);
    }
}

bool notify_supervised(void)
{
    return getenv("CAUSEWAY_NOTIFY_FD") || getenv("NOTIFY_SOCKET") || getenv("CAUSEWAY_SUPERVISED");
}
