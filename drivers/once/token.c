#define _GNU_SOURCE
#include "drivers/once/token.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { LOCK_FD_MIN = 10 }; /* above 3 and 4, which backend(7) gives to the back and side channels */

static int refuse(const char **ret_why, const char *why)
{
        *ret_why = why;
        return -1;
}

int token_dir_open(const char *path, const char **ret_why)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? refuse(ret_why, "the gate directory cannot be opened") : fd;
}

static bool exists(int dir, const char *intent, enum gate_phase phase)
{
        char name[GATE_NAME_MAX];
        struct stat st;

        gate_name(intent, phase, name);
        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* The issued token, locked, on a descriptor that an exec keeps. */
static int open_locked(int dir, const char *name, const char **ret_why)
{
        cleanup(close_p) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        int kept;

        if (fd < 0)
                return refuse(ret_why, errno == ENOENT ? "no token was issued for it" : "its token cannot be read");
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return refuse(ret_why, "its token is no file");
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return refuse(ret_why, "its token is in use");
        kept = fcntl(fd, F_DUPFD, LOCK_FD_MIN);
        return kept < 0 ? refuse(ret_why, "out of descriptors") : kept;
}

int token_consume(int dir, const char *intent, const char **ret_why)
{
        cleanup(close_p) int fd = -1;
        char from[GATE_NAME_MAX], to[GATE_NAME_MAX];

        if (exists(dir, intent, GATE_CONSUMED) || exists(dir, intent, GATE_DONE))
                return refuse(ret_why, "it was already started once");
        if (exists(dir, intent, GATE_REVOKED))
                return refuse(ret_why, "it was called off");
        gate_name(intent, GATE_ISSUED, from);
        gate_name(intent, GATE_CONSUMED, to);
        fd = open_locked(dir, from, ret_why);
        if (fd < 0)
                return -1;
        if (FAULT_ERRNO("once.consume.before") || renameat2(dir, from, dir, to, RENAME_NOREPLACE) < 0)
                return refuse(ret_why, "its token was taken by another or cannot be renamed");
        if (FAULT_ERRNO("once.consume.after") || fsync(fd) < 0 || fsync(dir) < 0)
                return refuse(ret_why, "the disk did not keep its token");
        return steal_fd(&fd);
}

static int write_record(int dir, const char *name, int result)
{
        char text[GATE_TEXT_MAX];
        size_t n = gate_record_encode(result, text);
        cleanup(close_p) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, text, n) != (ssize_t)n)
                return -1;
        /* the station, in no group of ours, must be able to read it whatever cupsd's umask is */
        return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -1 : 0;
}

int token_record(int dir, const char *intent, int result, const char **ret_why)
{
        char name[GATE_NAME_MAX], draft[GATE_NAME_MAX + 4];

        gate_name(intent, GATE_DONE, name);
        (void)snprintf(draft, sizeof draft, "%s.new", name);
        if (FAULT_ERRNO("once.record.before") || write_record(dir, draft, result) < 0 ||
            FAULT_ERRNO("once.keep.before") || renameat(dir, draft, dir, name) < 0 || fsync(dir) < 0 ||
            FAULT_ERRNO("once.record.after"))
                return refuse(ret_why, "its result cannot be recorded");
        return 0;
}
