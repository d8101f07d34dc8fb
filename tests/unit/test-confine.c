/* daemon/work/confine: what a confined process tries is refused or ends it; each attempt in a child of its own. */
#define _GNU_SOURCE
#include "daemon/work/confine.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/mohr-confine-XXXXXX", inside[64], outside[64];

static int run(int (*attempt)(void), const char *writable)
{
        struct error err;
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
                if (confine_worker(writable, &err) < 0)
                        _exit(99);
                _exit(attempt());
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        return status;
}

static int try_exec(void)
{
        (void)execl("/bin/true", "true", (char *)NULL);
        return 1;
}

static int try_trace(void)
{
        return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_create(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        return fd < 0 ? 1 : 0;
}

static int try_inside(void)
{
        return try_create(inside);
}

static int try_outside(void)
{
        return try_create(outside);
}

static int try_read(void)
{
        return open("/proc/self/status", O_RDONLY | O_CLOEXEC) < 0;
}

static bool killed(int status)
{
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static bool exited(int status, int with)
{
        return WIFEXITED(status) && WEXITSTATUS(status) == with;
}

/* landlock(7): asking for the version is answered with an error where the kernel has none. */
static bool has_landlock(void)
{
        return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

int main(void)
{
        CHECK(mkdtemp(folder));
        (void)snprintf(inside, sizeof inside, "%s/inside", folder);
        (void)snprintf(outside, sizeof outside, "%s.outside", folder);
        CHECK(killed(run(try_exec, NULL)) && killed(run(try_trace, NULL)));
        CHECK(exited(run(try_read, NULL), 0));
        CHECK(exited(run(try_inside, folder), 0));
        CHECK(exited(run(try_outside, folder), has_landlock() ? 1 : 0));
        (void)unlink(inside);
        (void)unlink(outside);
        (void)rmdir(folder);
        return 0;
}
