/* A clock that a test can set, for programs it starts with LD_PRELOAD: wall and boot time are the real ones plus what
 * stands in the file that MOHR_TEST_CLOCK names, two signed 64-bit numbers of nanoseconds. They may be changed while
 * the program runs; who waits for a timer then needs a SIGSTOP and SIGCONT, like a machine that slept (signal(7):
 * epoll_wait fails with EINTR). CLOCK_MONOTONIC stays: it does not run while a machine sleeps. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { WALL, BOOT, N_SHIFTS };
static const int64_t second = 1000000000;
static volatile const int64_t *shift;

static int64_t shift_of(int which)
{
        return shift ? shift[which] : 0;
}

/* Before main, which may empty the environment and give up the right to open files. */
__attribute__((constructor)) static void open_clock(void)
{
        const char *path = getenv("MOHR_TEST_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *p = fd >= 0 ? mmap(NULL, N_SHIFTS * sizeof *shift, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (fd >= 0)
                (void)close(fd);
        if (p == MAP_FAILED)
                abort(); /* a test with the wrong clock would prove nothing */
        shift = p;
}

static void add(struct timespec *t, int64_t ns)
{
        int64_t all = t->tv_sec * second + t->tv_nsec + ns;

        t->tv_sec = all / second;
        t->tv_nsec = all % second;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
        long r = syscall(SYS_clock_gettime, id, t);

        if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
                add(t, shift_of(WALL));
        if (r == 0 && id == CLOCK_BOOTTIME)
                add(t, shift_of(BOOT));
        return (int)r;
}

time_t time(time_t *ret)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        if (ret)
                *ret = t.tv_sec;
        return t.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
        struct timespec t;

        (void)zone;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        *ret = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
        return 0;
}

/* The product's timers are absolute ones of CLOCK_BOOTTIME alone. 0 would disarm. */
int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *was)
{
        struct itimerspec real = *to;

        if ((flags & TFD_TIMER_ABSTIME) && (to->it_value.tv_sec || to->it_value.tv_nsec)) {
                add(&real.it_value, -shift_of(BOOT));
                if (real.it_value.tv_sec < 0 || (real.it_value.tv_sec == 0 && real.it_value.tv_nsec <= 0))
                        real.it_value = (struct timespec){ 0, 1 };
        }
        return (int)syscall(SYS_timerfd_settime, fd, flags, &real, was);
}
