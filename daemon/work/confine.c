#define _GNU_SOURCE
#include "daemon/work/confine.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const int forbidden[] = {
        SCMP_SYS(execve),        SCMP_SYS(execveat),
        SCMP_SYS(fork),          SCMP_SYS(vfork),
        SCMP_SYS(ptrace),        SCMP_SYS(process_vm_readv),
        SCMP_SYS(mount),         SCMP_SYS(process_vm_writev),
        SCMP_SYS(umount2),       SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),        SCMP_SYS(setns),
        SCMP_SYS(unshare),       SCMP_SYS(init_module),
        SCMP_SYS(finit_module),  SCMP_SYS(kexec_load),
        SCMP_SYS(bpf),           SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),   SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),        SCMP_SYS(add_key),
        SCMP_SYS(setuid),        SCMP_SYS(setgid),
        SCMP_SYS(setresuid),     SCMP_SYS(setresgid),
        SCMP_SYS(setgroups),     SCMP_SYS(capset),
        SCMP_SYS(personality),   SCMP_SYS(reboot),
        SCMP_SYS(swapon),        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime), SCMP_SYS(acct),
        SCMP_SYS(quotactl),      SCMP_SYS(open_by_handle_at),
};

/* Every right that changes something in a file system, as of Landlock's first version (Linux 5.13). */
static const __u64 writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE;

static int os_error(struct error *err, const char *doing)
{
        return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "cannot %s: %s", doing,
                       strerror(errno));
}

static int filter_calls(struct error *err)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int r = filter ? 0 : -1;

        for (size_t i = 0; i < ARRAY_SIZE(forbidden) && r == 0; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, forbidden[i], 0);
        if (r == 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r == 0 ? 0 : os_error(err, "filter system calls");
}

static int allow_below(int ruleset, const char *folder)
{
        cleanup(close_p) int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct landlock_path_beneath_attr rule = { .allowed_access = writing & ~(__u64)LANDLOCK_ACCESS_FS_EXECUTE,
                                                   .parent_fd = fd };

        if (fd < 0)
                return -1;
        return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int restrict_files(const char *writable, struct error *err)
{
        struct landlock_ruleset_attr attr = { .handled_access_fs = writing };
        cleanup(close_p) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

        if (ruleset < 0) /* ENOSYS, EOPNOTSUPP: a kernel without it */
                return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : os_error(err, "restrict files");
        if (writable && allow_below(ruleset, writable) < 0)
                return os_error(err, "keep the writable folder");
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? os_error(err, "restrict files") : 0;
}

int confine_calls(struct error *err)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return os_error(err, "give up new privileges");
        return filter_calls(err);
}

int confine_worker(const char *writable, struct error *err)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return os_error(err, "give up new privileges");
        return restrict_files(writable, err) < 0 || filter_calls(err) < 0 ? -1 : 0;
}
