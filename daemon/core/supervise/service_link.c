#define _GNU_SOURCE
#include "daemon/core/supervise/service_link.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int service_connect(const char *path, int *ret_fd, struct error *err)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        cleanup(close_p) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (strlen(path) >= sizeof to.sun_path)
                return err_input(err, REASON_BAD_CONFIG, "socket path too long");
        memcpy(to.sun_path, path, strlen(path) + 1);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_WORKER_LOST, "%.100s: %s", path,
                               strerror(errno));
        *ret_fd = steal_fd(&fd);
        return 0;
}
