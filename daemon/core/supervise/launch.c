#define _GNU_SOURCE
#include "daemon/core/supervise/launch.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>

enum { CHILD_SOCKET = 3 };

static char **make_env(const char *const *more)
{
        size_t n = 0;
        char **env;

        while (more && more[n])
                n++;
        env = calloc(n + 3 + FAULT_ENV_MAX, sizeof *env);
        if (!env)
                return NULL;
        env[0] = (char *)(uintptr_t) "PATH=/usr/bin:/bin";
        env[1] = (char *)(uintptr_t) "LANG=C.UTF-8";
        for (size_t i = 0; i < n; i++)
                env[2 + i] = (char *)(uintptr_t)more[i];
        fault_env(env + 2 + n);
        return env;
}

static int set_actions(posix_spawn_file_actions_t *actions, int fd)
{
        int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, fd, CHILD_SOCKET);
        return r == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, CHILD_SOCKET + 1) : r;
}

/* The signalfd's blocked mask and an ignored PIPE would be inherited; a terminal's Ctrl-C is the core's alone. */
static void set_attributes(posix_spawnattr_t *attr)
{
        sigset_t none, all;

        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        (void)posix_spawnattr_setsigmask(attr, &none);
        (void)posix_spawnattr_setsigdefault(attr, &all);
        (void)posix_spawnattr_setpgroup(attr, 0);
        (void)posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int start(const char *const *argv, char **env, int fd, pid_t *ret_pid)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return r;
        (void)posix_spawnattr_init(&attr);
        set_attributes(&attr);
        r = set_actions(&actions, fd);
        if (r == 0)
                r = posix_spawn(ret_pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, env);
        (void)posix_spawnattr_destroy(&attr);
        (void)posix_spawn_file_actions_destroy(&actions);
        return r;
}

int launch_worker(const char *const *argv, const char *const *env, pid_t *ret_pid, int *ret_fd, struct error *err)
{
        int pair[2] = { -1, -1 }, r;
        cleanup(free_p) char **full_env = make_env(env);

        if (!full_env || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "cannot start %.80s: %s",
                               argv[0], strerror(errno));
        cleanup(close_p) int ours = pair[0];
        cleanup(close_p) int theirs = pair[1];

        r = fcntl(ours, F_SETFL, O_NONBLOCK) < 0 ? errno : start(argv, full_env, theirs, ret_pid); /* theirs blocks */
        if (r != 0)
                return err_set(err, r == EAGAIN || r == ENOMEM ? ERR_RETRY : ERR_OPERATOR, ORIGIN_OS, (uint32_t)r,
                               REASON_INTERNAL, "cannot start %.80s: %s", argv[0], strerror(r));
        *ret_fd = steal_fd(&ours);
        return 0;
}
