#define _GNU_SOURCE
#include "daemon/core/web/web_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 64 };

static int listen_error(struct error *err, const char *what)
{
        return err_set(err, ERR_OPERATOR, ORIGIN_OS, (uint32_t)errno, REASON_BAD_CONFIG, "cannot listen on %.100s: %s",
                       what, strerror(errno));
}

/* Bound beside its place and moved there when it listens: a client never meets a socket that refuses. */
int web_listen_unix(const char *path, mode_t mode, struct error *err)
{
        cleanup(close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int n = snprintf(at.sun_path, sizeof at.sun_path, "%s.new", path);

        if (n < 0 || (size_t)n >= sizeof at.sun_path) {
                errno = ENAMETOOLONG;
                return listen_error(err, path);
        }
        (void)unlink(at.sun_path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || chmod(at.sun_path, mode) < 0 ||
            listen(fd, BACKLOG) < 0 || rename(at.sun_path, path) < 0)
                return listen_error(err, path);
        return steal_fd(&fd);
}

int web_listen_tcp(uint16_t port, uint16_t *ret_port, struct error *err)
{
        cleanup(close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
        socklen_t n = sizeof at;
        int one = 1;

        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
            bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *)&at, &n) < 0)
                return listen_error(err, "127.0.0.1");
        *ret_port = ntohs(at.sin_port);
        return steal_fd(&fd);
}
