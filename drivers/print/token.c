#define _GNU_SOURCE
#include "drivers/print/token.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

struct token_dir {
        int fd, watch;
};

static int os_error(struct error *err, const char *what)
{
        enum error_kind kind = errno == ENOSPC || errno == EDQUOT || errno == EINTR ? ERR_RETRY : ERR_OPERATOR;
        enum reason reason = errno == ENOSPC || errno == EDQUOT ? REASON_DISK_FULL : REASON_QUEUE_WRONG;

        return err_set(err, kind, ORIGIN_OS, (uint32_t)errno, reason, "print gate: %s: %s", what, strerror(errno));
}

/* 1, 0, or -1 and *err when the disk does not tell: silence must not pass for "no token". */
static int exists(const struct token_dir *dir, const char *intent, enum gate_phase phase, struct error *err)
{
        char name[GATE_NAME_MAX];
        struct stat st;

        gate_name(intent, phase, name);
        if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return 1;
        return errno == ENOENT ? 0 : os_error(err, "a token cannot be looked at");
}

int token_dir_new(const char *path, struct token_dir **ret, struct error *err)
{
        struct token_dir *dir = malloc(sizeof *dir);

        if (!dir)
                return os_error(err, "no memory");
        dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir->fd < 0) {
                free(dir);
                return os_error(err, "its directory cannot be opened");
        }
        dir->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* without it token_wait only sleeps */
        if (dir->watch >= 0 && inotify_add_watch(dir->watch, path, IN_MOVED_TO | IN_CREATE) < 0) {
                (void)close(dir->watch);
                dir->watch = -1;
        }
        *ret = dir;
        return 0;
}

void token_dir_free(struct token_dir *dir)
{
        if (!dir)
                return;
        if (dir->watch >= 0)
                (void)close(dir->watch);
        (void)close(dir->fd);
        free(dir);
}

/* A new empty file with this name, synced, readable for the backends' group. */
static int create(const struct token_dir *dir, const char *name)
{
        cleanup(close_p) int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

        return fd < 0 || fchmod(fd, 0640) < 0 || fsync(fd) < 0 || fsync(dir->fd) < 0 ? -1 : 0;
}

int token_dir_check(struct token_dir *dir, struct error *err)
{
        static const char from[] = "check.new", to[] = "check.done";
        struct stat st;

        if (fstat(dir->fd, &st) < 0 || (st.st_mode & 02770) != 02770) {
                errno = EPERM;
                return os_error(err, "its directory must have mode 2770 and the group of the CUPS backends");
        }
        (void)unlinkat(dir->fd, from, 0); /* of a check that was cut off */
        (void)unlinkat(dir->fd, to, 0);
        if (create(dir, from) < 0 || FAULT_ERRNO("print.gate_check.before") ||
            renameat2(dir->fd, from, dir->fd, to, RENAME_NOREPLACE) < 0 || FAULT_ERRNO("print.gate_check.after") ||
            unlinkat(dir->fd, to, 0) < 0)
                return os_error(err, "a token cannot be made in its directory");
        return 0;
}

int token_issue(struct token_dir *dir, const char *intent, struct error *err)
{
        struct gate_state state;
        char name[GATE_NAME_MAX];
        bool running;

        if (token_look(dir, intent, &state, &running, err) < 0)
                return -1;
        if (state.phase != GATE_NONE) {
                errno = EEXIST;
                return os_error(err, "this print has a token already");
        }
        gate_name(intent, GATE_ISSUED, name);
        if (FAULT_ERRNO("print.token.before") || create(dir, name) < 0 || FAULT_ERRNO("print.token.after"))
                return os_error(err, "the token cannot be made");
        return 0;
}

static int read_result(const struct token_dir *dir, const char *intent, struct gate_state *ret, struct error *err)
{
        char name[GATE_NAME_MAX];
        uint8_t text[GATE_TEXT_MAX];
        cleanup(close_p) int fd = -1;
        ssize_t n;

        gate_name(intent, GATE_DONE, name);
        fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof text);
        if (n < 0)
                return os_error(err, "its result cannot be read");
        ret->phase = GATE_DONE;
        if (gate_record_decode((struct bytes){ text, (size_t)n }, &ret->result))
                return 0;
        errno = EBADMSG;
        return os_error(err, "its result is malformed");
}

/* A shared lock is refused while the gate or the backend that inherited its descriptor holds the exclusive one. */
static bool is_locked(const struct token_dir *dir, const char *intent)
{
        char name[GATE_NAME_MAX];
        cleanup(close_p) int fd = -1;

        gate_name(intent, GATE_CONSUMED, name);
        fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* The lock is looked at before the result: the gate writes the result first and lets go last, so "not locked" and
 * then "no result" is final. */
static int look_consumed(struct token_dir *dir, const char *intent, struct gate_state *ret, bool *ret_running,
                         struct error *err)
{
        bool running = is_locked(dir, intent);
        int done = exists(dir, intent, GATE_DONE, err);

        if (done < 0 || (done && read_result(dir, intent, ret, err) < 0))
                return -1;
        if (!done)
                *ret = (struct gate_state){ GATE_CONSUMED, 0 };
        *ret_running = running && !done;
        return 0;
}

int token_look(struct token_dir *dir, const char *intent, struct gate_state *ret, bool *ret_running, struct error *err)
{
        /* issued before the two it can be renamed to, or a rename in between would show none of them */
        int issued = exists(dir, intent, GATE_ISSUED, err);
        int consumed = issued < 0 ? -1 : exists(dir, intent, GATE_CONSUMED, err);
        int revoked = consumed < 0 ? -1 : exists(dir, intent, GATE_REVOKED, err);

        if (revoked < 0)
                return -1;
        if (consumed)
                return look_consumed(dir, intent, ret, ret_running, err);
        *ret = (struct gate_state){ revoked ? GATE_REVOKED : issued ? GATE_ISSUED : GATE_NONE, 0 };
        *ret_running = false;
        return 0;
}

static int revoke_issued(struct token_dir *dir, const char *intent)
{
        char from[GATE_NAME_MAX], to[GATE_NAME_MAX];

        gate_name(intent, GATE_ISSUED, from);
        gate_name(intent, GATE_REVOKED, to);
        if (FAULT_ERRNO("print.revoke.before"))
                return -1;
        if (renameat(dir->fd, from, dir->fd, to) < 0)
                return errno == ENOENT ? 0 : -1;
        return FAULT_ERRNO("print.revoke.after") ? -1 : fsync(dir->fd);
}

int token_revoke(struct token_dir *dir, const char *intent, struct gate_state *ret, struct error *err)
{
        char name[GATE_NAME_MAX];
        bool running;

        if (revoke_issued(dir, intent) < 0)
                return os_error(err, "the token cannot be revoked");
        if (token_look(dir, intent, ret, &running, err) < 0)
                return -1;
        if (ret->phase != GATE_NONE)
                return 0;
        gate_name(intent, GATE_REVOKED, name); /* a tombstone: an order still under way finds it */
        if (FAULT_ERRNO("print.tombstone.before") || create(dir, name) < 0 || FAULT_ERRNO("print.tombstone.after"))
                return os_error(err, "the token cannot be revoked");
        ret->phase = GATE_REVOKED;
        return 0;
}

void token_wait(struct token_dir *dir, int timeout_ms)
{
        struct pollfd watch = { dir->watch, POLLIN, 0 };
        char events[4096];

        if (poll(&watch, 1, timeout_ms) > 0)
                while (read(dir->watch, events, sizeof events) > 0)
                        ;
}
