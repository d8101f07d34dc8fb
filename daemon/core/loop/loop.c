#define _GNU_SOURCE
#include "daemon/core/loop/loop.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

int64_t now_boot_ms(void)
{
        struct timespec t;
        int64_t ms;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
        return ms > 0 ? ms : 1;
}

static int os_error(struct error *err, const char *what)
{
        return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "%s: %s", what, strerror(errno));
}

int loop_source_add(struct loop *loop, struct source *s, uint32_t events, struct error *err)
{
        struct epoll_event e = { .events = events, .data.ptr = s };

        return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, s->fd, &e) < 0 ? os_error(err, "cannot watch a descriptor") : 0;
}

void loop_source_del(struct loop *loop, struct source *s)
{
        if (s->fd >= 0)
                (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
}

void loop_timer_set(struct loop *loop, struct timer *t, int64_t due_ms)
{
        timers_set(&loop->timers, t, due_ms);
}

void loop_timer_clear(struct loop *loop, struct timer *t)
{
        timers_clear(&loop->timers, t);
}

void loop_defer(struct loop *loop, struct deferred *d)
{
        struct deferred **at = &loop->deferred;

        if (d->queued)
                return;
        while (*at)
                at = &(*at)->next;
        d->queued = true;
        d->next = NULL;
        *at = d;
}

void loop_defer_clear(struct loop *loop, struct deferred *d)
{
        struct deferred **at = &loop->deferred;

        if (!d->queued)
                return;
        while (*at != d)
                at = &(*at)->next;
        *at = d->next;
        d->queued = false;
}

void loop_turn_add(struct loop *loop, struct turn *t)
{
        t->next = loop->turns;
        loop->turns = t;
}

void loop_turn_del(struct loop *loop, struct turn *t)
{
        for (struct turn **at = &loop->turns; *at; at = &(*at)->next) {
                if (*at == t) {
                        *at = t->next;
                        return;
                }
        }
}

void loop_child_add(struct loop *loop, struct child *c)
{
        c->next = loop->children;
        loop->children = c;
}

void loop_child_del(struct loop *loop, struct child *c)
{
        for (struct child **at = &loop->children; *at; at = &(*at)->next) {
                if (*at == c) {
                        *at = c->next;
                        return;
                }
        }
}

/* One that has ended, or NULL. One SIGCHLD may stand for several, so each pid is asked. */
static struct child *ended_child(struct loop *loop, int *ret_status)
{
        for (struct child *c = loop->children; c; c = c->next)
                if (waitpid(c->pid, ret_status, WNOHANG) == c->pid)
                        return c;
        return NULL;
}

void loop_children_reap(struct loop *loop)
{
        struct child *c;
        int status = 0;

        while ((c = ended_child(loop, &status))) { /* anew from the start: `ended` may change the list */
                loop_child_del(loop, c);
                c->ended(c, status);
        }
}

static void on_signal(struct source *s, uint32_t events)
{
        struct loop *loop = owner_of(s, struct loop, signals);
        struct signalfd_siginfo info;

        (void)events;
        if (read(s->fd, &info, sizeof info) != (ssize_t)sizeof info)
                return;
        if (info.ssi_signo == SIGCHLD)
                loop_children_reap(loop);
        else if (info.ssi_signo == SIGHUP && loop->hangup)
                loop->hangup(loop);
        else if (info.ssi_signo != SIGHUP)
                loop->quit = true;
}

static void on_clock(struct source *s, uint32_t events)
{
        struct loop *loop = owner_of(s, struct loop, clock);
        uint64_t n;

        (void)events;
        (void)!read(s->fd, &n, sizeof n); /* the timers themselves run at the head of the next step */
        loop->armed_ms = 0;
}

static int open_signals(struct loop *loop)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        (void)sigaddset(&set, SIGCHLD);
        (void)signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -1;
        loop->signals = (struct source){ signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal };
        loop->clock = (struct source){ timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), on_clock };
        return loop->signals.fd < 0 || loop->clock.fd < 0 ? -1 : 0;
}

int loop_init(struct loop *loop, struct error *err)
{
        *loop = (struct loop){ .epoll = epoll_create1(EPOLL_CLOEXEC), .signals.fd = -1, .clock.fd = -1 };
        if (loop->epoll < 0 || open_signals(loop) < 0) {
                (void)os_error(err, "cannot set up the loop");
        } else if (loop_source_add(loop, &loop->signals, EPOLLIN, err) == 0 &&
                   loop_source_add(loop, &loop->clock, EPOLLIN, err) == 0) {
                return 0;
        }
        loop_done(loop);
        return -1;
}

void loop_done(struct loop *loop)
{
        close_p(&(int){ loop->epoll > 0 ? loop->epoll : -1 });
        close_p(&(int){ loop->signals.fd > 0 ? loop->signals.fd : -1 });
        close_p(&(int){ loop->clock.fd > 0 ? loop->clock.fd : -1 });
        *loop = (struct loop){ .epoll = -1, .signals.fd = -1, .clock.fd = -1 };
}

static void run_deferred(struct loop *loop)
{
        struct deferred *d;

        while ((d = loop->deferred)) {
                loop_defer_clear(loop, d);
                d->run(d);
        }
}

static void run_timers(struct loop *loop)
{
        int64_t now = now_boot_ms();
        struct timer *t;

        while ((t = timers_take(&loop->timers, now)))
                t->fired(t);
}

static int run_turns(struct loop *loop)
{
        int least = -1;

        for (struct turn *t = loop->turns; t; t = t->next) {
                int ms = t->run(t);

                if (ms >= 0 && (least < 0 || ms < least))
                        least = ms;
        }
        return least;
}

/* Armed for the earliest deadline alone and disarmed when there is none: idle means no wake-ups. */
static void arm_clock(struct loop *loop)
{
        int64_t due = timers_due(&loop->timers);
        struct itimerspec t = { .it_value = { due / 1000, due % 1000 * 1000000 } };

        if (due == loop->armed_ms)
                return;
        (void)timerfd_settime(loop->clock.fd, TFD_TIMER_ABSTIME, &t, NULL);
        loop->armed_ms = due;
}

static int shorter(int a_ms, int b_ms)
{
        return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

int loop_step(struct loop *loop, int max_ms, struct error *err)
{
        struct epoll_event e;
        struct source *s;
        int wait_ms, n;

        run_timers(loop);
        run_deferred(loop);
        wait_ms = shorter(max_ms, run_turns(loop));
        if (loop->deferred || loop->quit) /* a turn may have asked for more */
                wait_ms = 0;
        arm_clock(loop);
        n = epoll_wait(loop->epoll, &e, 1, wait_ms);
        if (n < 0 && errno != EINTR)
                return os_error(err, "cannot wait for events");
        if (n > 0) {
                s = e.data.ptr;
                s->ready(s, e.events);
        }
        return 0;
}

int loop_run(struct loop *loop, struct error *err)
{
        while (!loop->quit)
                if (loop_step(loop, -1, err) < 0)
                        return -1;
        return 0;
}
