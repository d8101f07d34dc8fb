#define _GNU_SOURCE
#include "daemon/work/render/sandbox.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const int allowed[] = {
        /* memory */
        SCMP_SYS(brk),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(memfd_create),
        /* the socket and blobs */
        SCMP_SYS(sendmsg),
        SCMP_SYS(recvmsg),
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(close),
        SCMP_SYS(fcntl),
        SCMP_SYS(fstat),
        SCMP_SYS(lseek),
        SCMP_SYS(ppoll),
        SCMP_SYS(poll),
        /* threads that the libraries have already, signals, end */
        SCMP_SYS(futex),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(sched_yield),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(rseq),
        /* harmless questions */
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(getrandom),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sysinfo),
        SCMP_SYS(uname),
        SCMP_SYS(getrusage),
};
/* Opens and looks for reading: refused, not fatal. */
static const int refused[] = {
        SCMP_SYS(access),   SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),       SCMP_SYS(lstat),
        SCMP_SYS(readlink), SCMP_SYS(statfs),    SCMP_SYS(statx),      SCMP_SYS(readlinkat),
};

static int allow_memory(scmp_filter_ctx filter)
{
        int r = 0;

        r |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        r |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        return r;
}

/* Pango looks fonts up in threads. clone3 hides its flags in memory, so glibc is sent back to clone, whose flags show
 * that the newcomer is a thread of this process: the filter holds for it, and it is no process. */
static int allow_threads(scmp_filter_ctx filter)
{
        const scmp_datum_t thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
        int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

        r |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
        return r | seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                    SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
}

/* An open for reading only: none of the flags that write, create or truncate. */
static int refuse_reading(scmp_filter_ctx filter)
{
        const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
        const uint32_t answer = SCMP_ACT_ERRNO(EACCES);
        int r = 0;

        r |= seccomp_rule_add(filter, answer, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
        r |= seccomp_rule_add(filter, answer, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
                r |= seccomp_rule_add(filter, answer, refused[i], 0);
        return r;
}

/* newfstatat is also how glibc does fstat: with an empty path it looks only at a descriptor we hold. */
static int load(scmp_filter_ctx filter)
{
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
                r |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        r |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                              SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
        r |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1,
                              SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
        r |= allow_memory(filter) | allow_threads(filter) | refuse_reading(filter);
        r |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* the threads that Pango started obey it too */
        return r != 0 ? -1 : seccomp_load(filter);
}

static int limit(int what, rlim_t value)
{
        struct rlimit limit = { value, value };

        return setrlimit((__rlimit_resource_t)what, &limit);
}

static int set_limits(void)
{
        if (SANDBOX_LIMITS_MEMORY && limit(RLIMIT_AS, SANDBOX_MEMORY) < 0)
                return -1;
        return limit(RLIMIT_CPU, SANDBOX_CPU_S) < 0 || limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_FSIZE, 64 << 20) < 0
                       ? -1
                       : 0;
}

int sandbox_enter(struct error *err)
{
        scmp_filter_ctx filter;
        int r;

        (void)mallopt(M_ARENA_MAX, 1); /* or each thread would reserve 64 MiB of the limited address space */
        if (set_limits() < 0)
                return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "cannot set limits");
        filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        r = filter ? load(filter) : -1;
        seccomp_release(filter);
        if (r != 0)
                return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)-r, REASON_INTERNAL, "cannot enter the sandbox");
        return 0;
}
