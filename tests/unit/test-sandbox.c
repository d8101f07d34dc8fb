/* daemon/work/render/sandbox: each way out, tried in a process of its own, ends with SIGSYS (seccomp(2),
 * SECCOMP_RET_KILL_PROCESS); what a renderer needs still works. */
#define _GNU_SOURCE
#include "daemon/work/render/sandbox.h"
#include "tests/unit/test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_write(void)
{
        (void)!open("/dev/null", O_WRONLY);
}

static void open_read_write(void)
{
        (void)!open("/dev/null", O_RDWR);
}

static void open_create(void)
{
        (void)!open("/tmp/mohr-sandbox-test", O_RDONLY | O_CREAT, 0600);
}

static void open_truncate(void)
{
        (void)!open("/dev/null", O_RDONLY | O_TRUNC);
}

static void make_socket(void)
{
        (void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void make_unix_socket(void)
{
        (void)!socket(AF_UNIX, SOCK_STREAM, 0);
}

static void run_program(void)
{
        (void)!execl("/bin/true", "true", NULL);
}

static void fork_away(void)
{
        if (fork() == 0)
                _exit(0);
}

static void remove_file(void)
{
        (void)!unlink("/tmp/mohr-sandbox-test");
}

static void rename_file(void)
{
        (void)!rename("/tmp/mohr-sandbox-test", "/tmp/mohr-sandbox-test-2");
}

static void map_code(void)
{
        (void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void kill_parent(void)
{
        (void)!kill(getppid(), 0);
}

static void trace(void)
{
        (void)!ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void change_limits(void)
{
        (void)!syscall(SYS_prlimit64, 0, 0, NULL, NULL);
}

/* The status of a child that enters the sandbox and runs act. */
static int status_of(void (*act)(void))
{
        struct error err;
        int status;
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
                if (sandbox_enter(&err) < 0)
                        _exit(3);
                act();
                _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        return status;
}

static void test_escapes(void)
{
        static void (*const escapes[])(void) = { open_write,  open_read_write,  open_create, open_truncate,
                                                 make_socket, make_unix_socket, run_program, fork_away,
                                                 remove_file, rename_file,      map_code,    kill_parent,
                                                 trace,       change_limits };

        for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
                int status = status_of(escapes[i]);

                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
                        fprintf(stderr, "escape %zu: status %x\n", i, (unsigned)status);
                CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        }
}

/* _exit(0) when all holds, else 1: no stream may be needed in there. */
static void honest_work(void)
{
        int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        char *p = malloc(1 << 20);

        if (fd < 0 || write(fd, "abc", 3) != 3 || !p || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0)
                _exit(1);
        memset(p, 1, 1 << 20);
        if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES || access("/etc", F_OK) == 0)
                _exit(1);
        free(p);
}

static void test_limits(void)
{
        int status;
        struct error err;
        pid_t pid = fork();

        if (pid == 0) {
                if (sandbox_enter(&err) < 0)
                        _exit(3);
                _exit(mmap(NULL, (size_t)SANDBOX_MEMORY + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                                      MAP_FAILED
                              ? 0
                              : 1);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (SANDBOX_LIMITS_MEMORY ? 0 : 1));
}

int main(void)
{
        int status = status_of(honest_work);

        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        test_escapes();
        test_limits();
        return 0;
}
