/* pause: holds the print gate right before or after it takes its token, until the sweep has struck. Preloaded into
 * mohr-once by cupsd's environment (SetEnv).
 *
 * PAUSE_DIR/before and PAUSE_DIR/after, made by the sweep, hold the name of the file at which to pause; `reached`
 * appears when it does. The pause ends when the file is gone, or after PAUSE_MAX_MS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MAX_MS = 10000, POLL_MS = 5, PATH_LEN = 256 };

static bool wanted(const char *path, const char *name)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[PATH_LEN];
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

        if (fd >= 0)
                (void)close(fd);
        text[n > 0 ? n : 0] = 0;
        return n > 0 && strcmp(text, name) == 0;
}

static void hold(const char *when, const char *name)
{
        const char *dir = getenv("PAUSE_DIR");
        const struct timespec poll = { 0, POLL_MS * 1000000L };
        char path[PATH_LEN], reached[PATH_LEN];
        int fd;

        if (!dir)
                return;
        (void)snprintf(path, sizeof path, "%s/%s", dir, when);
        (void)snprintf(reached, sizeof reached, "%s/reached", dir);
        if (!wanted(path, name))
                return;
        fd = open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd >= 0)
                (void)close(fd);
        for (int ms = 0; ms < PAUSE_MAX_MS && wanted(path, name); ms += POLL_MS)
                (void)nanosleep(&poll, NULL);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        union {
                void *p;
                int (*f)(int, const char *, int, const char *, unsigned);
        } real = { dlsym(RTLD_NEXT, "renameat2") };
        int r;

        hold("before", from);
        r = real.f(from_dir, from, to_dir, to, flags);
        hold("after", from);
        return r;
}
