#define _GNU_SOURCE
#include "daemon/work/service.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int os_error(const char *what, const char *path, struct error *err)
{
        int code = errno;

        return err_set(err, ERR_OPERATOR, ORIGIN_OS, (uint32_t)code, REASON_BAD_CONFIG, "%s %s: %s", what, path,
                       strerror(code));
}

/* A socket that nobody listens on any more is removed; any other file stays and bind fails. */
static void remove_stale(const char *path)
{
        struct stat st;

        if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                (void)unlink(path);
}

static int open_socket(const char *path, struct error *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        cleanup(close_p) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof address.sun_path)
                return err_input(err, REASON_BAD_CONFIG, "socket path longer than %zu", sizeof address.sun_path - 1);
        memcpy(address.sun_path, path, strlen(path) + 1);
        remove_stale(path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return os_error("bind", path, err);
        if (chmod(path, 0660) < 0 || listen(fd, 4) < 0)
                return os_error("listen", path, err);
        return steal_fd(&fd);
}

static bool peer_is(int fd, uid_t peer)
{
        struct ucred credentials;
        socklen_t n = sizeof credentials;

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n) == 0 && credentials.uid == peer;
}

long service_uid(const char *text)
{
        size_t n = strspn(text, "0123456789");
        const struct passwd *user = NULL;
        long uid;

        if (n > 0 && n <= 10 && text[n] == '\0') {
                uid = atol(text);
                return uid < (long)UINT32_MAX ? uid : -1; /* (uid_t)-1 means nobody: chown(2) */
        }
        user = getpwnam(text);
        return user ? (long)user->pw_uid : -1;
}

static bool again(int code)
{
        return code == EINTR || code == ECONNABORTED || code == EPROTO;
}

int service_run(const char *path, uid_t peer, const char *name, const struct worker_task *tasks, void *context,
                struct error *err)
{
        cleanup(close_p) int listener = open_socket(path, err);

        if (listener < 0)
                return -1;
        for (;;) {
                cleanup(close_p) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                struct error broken = { 0 };

                if (fd < 0 && !again(errno))
                        return os_error("accept", path, err);
                if (fd < 0)
                        continue;
                if (!peer_is(fd, peer))
                        (void)fprintf(stderr, "%s: connection of another user refused\n", name);
                else if (worker_run(fd, name, tasks, context, &broken) < 0)
                        (void)fprintf(stderr, "%s: connection ended: %s\n", name, broken.text);
        }
}

int service_setup(struct error *err)
{
        (void)umask(0077);
        (void)signal(SIGPIPE, SIG_IGN);
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return os_error("prctl", "PR_SET_DUMPABLE", err);
        return 0;
}
