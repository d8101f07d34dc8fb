/* daemon/core/loop and timer: order of deadlines, one event at a time, children, signals, silence when idle. */
#define _GNU_SOURCE
#include "daemon/core/loop/log.h"
#include "daemon/core/loop/loop.h"
#include "daemon/core/loop/notify.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct loop loop;
static char order[32];

struct named {
        struct timer timer;
        struct deferred deferred;
        struct source source;
        struct child child;
        char name;
        struct named *other;
        int status;
};

static void note(char c)
{
        order[strlen(order)] = c;
}

static void fired(struct timer *t)
{
        struct named *n = owner_of(t, struct named, timer);

        note(n->name);
        if (n->other)
                loop_timer_clear(&loop, &n->other->timer);
}

static void test_timers(void)
{
        struct named a = { .timer.fired = fired, .name = 'a' }, b = a, c = a, d = a;
        struct timers all = { 0 };

        b.name = 'b', c.name = 'c', d.name = 'd';
        timers_set(&all, &b.timer, 20);
        timers_set(&all, &a.timer, 10);
        timers_set(&all, &c.timer, 20);
        timers_set(&all, &d.timer, 30);
        timers_set(&all, &d.timer, 15); /* moves */
        CHECK(timers_due(&all) == 10 && !timers_take(&all, 9));
        CHECK(timers_take(&all, 100) == &a.timer && timers_take(&all, 100) == &d.timer);
        timers_clear(&all, &b.timer);
        timers_clear(&all, &b.timer);
        CHECK(timers_take(&all, 100) == &c.timer && !timers_take(&all, 100) && timers_due(&all) == 0);
}

static void step(int ms)
{
        struct error err;

        CHECK(loop_step(&loop, ms, &err) == 0);
}

static void test_deadlines(void)
{
        struct named a = { .timer.fired = fired, .name = 'a' }, b = a, c = a;
        int64_t start = now_boot_ms();

        b.name = 'b', c.name = 'c';
        a.other = &c; /* the first clears the last: it must not fire */
        memset(order, 0, sizeof order);
        loop_timer_set(&loop, &b.timer, start + 40);
        loop_timer_set(&loop, &c.timer, start + 60);
        loop_timer_set(&loop, &a.timer, start + 20);
        while (strlen(order) < 2)
                step(10);
        CHECK(strcmp(order, "ab") == 0 && now_boot_ms() - start >= 40 && now_boot_ms() - start < 3000);
        step(60);
        step(0);
        CHECK(strcmp(order, "ab") == 0);
}

static void run(struct deferred *d)
{
        struct named *n = owner_of(d, struct named, deferred);

        note(n->name);
        if (n->other)
                loop_defer_clear(&loop, &n->other->deferred);
}

static void test_deferred(void)
{
        struct named a = { .deferred.run = run, .name = 'a' }, b = a, c = a;

        b.name = 'b', c.name = 'c';
        a.other = &b;
        memset(order, 0, sizeof order);
        loop_defer(&loop, &a.deferred);
        loop_defer(&loop, &b.deferred);
        loop_defer(&loop, &c.deferred);
        loop_defer(&loop, &a.deferred);
        step(0);
        CHECK(strcmp(order, "ac") == 0);
        step(0);
        CHECK(strcmp(order, "ac") == 0);
}

/* The first to be called removes the other, whose event is due as well. */
static void ready(struct source *s, uint32_t events)
{
        struct named *n = owner_of(s, struct named, source);

        CHECK(events & EPOLLIN);
        note(n->name);
        loop_source_del(&loop, s);
        loop_source_del(&loop, &n->other->source);
}

static void test_sources(void)
{
        struct named a = { .source.ready = ready, .name = 'a' }, b = a;
        int pipes[2][2];
        struct error err;

        b.name = 'b';
        a.other = &b, b.other = &a;
        CHECK(pipe2(pipes[0], O_CLOEXEC) == 0 && pipe2(pipes[1], O_CLOEXEC) == 0);
        a.source.fd = pipes[0][0], b.source.fd = pipes[1][0];
        CHECK(loop_source_add(&loop, &a.source, EPOLLIN, &err) == 0);
        CHECK(loop_source_add(&loop, &b.source, EPOLLIN, &err) == 0);
        CHECK(write(pipes[0][1], "x", 1) == 1 && write(pipes[1][1], "x", 1) == 1);
        memset(order, 0, sizeof order);
        step(0);
        step(0);
        CHECK(strlen(order) == 1);
        for (int i = 0; i < 4; i++)
                CHECK(close(pipes[i / 2][i % 2]) == 0);
}

static void ended(struct child *c, int status)
{
        struct named *n = owner_of(c, struct named, child);

        n->status = status;
        note(n->name);
}

/* Three end while nobody looks: one SIGCHLD may stand for all. */
static void test_children(void)
{
        struct named kids[3];

        memset(order, 0, sizeof order);
        for (int i = 0; i < 3; i++) {
                kids[i] = (struct named){ .child.ended = ended, .name = (char)('a' + i), .status = -1 };
                kids[i].child.pid = fork();
                CHECK(kids[i].child.pid >= 0);
                if (kids[i].child.pid == 0)
                        _exit(10 + i);
                loop_child_add(&loop, &kids[i].child);
        }
        while (strlen(order) < 3)
                step(1000);
        for (int i = 0; i < 3; i++)
                CHECK(WIFEXITED(kids[i].status) && WEXITSTATUS(kids[i].status) == 10 + i);
        CHECK(!loop.children);
}

static int hangups;

static void hangup(struct loop *l)
{
        (void)l;
        hangups++;
}

static void test_signals(void)
{
        struct error err;

        CHECK(kill(getpid(), SIGHUP) == 0);
        step(1000);
        CHECK(!loop.quit && hangups == 0);
        loop.hangup = hangup;
        CHECK(kill(getpid(), SIGHUP) == 0);
        step(1000);
        CHECK(!loop.quit && hangups == 1);
        CHECK(kill(getpid(), SIGTERM) == 0);
        CHECK(loop_run(&loop, &err) == 0 && loop.quit);
        loop.quit = false;
}

/* With nothing due the wait has no end of its own: only the given limit ends it. */
static void test_idle(void)
{
        int64_t start = now_boot_ms();

        step(80);
        CHECK(now_boot_ms() - start >= 78);
}

static void test_log(void)
{
        char text[700];
        int pipes[2], old = dup(STDERR_FILENO);
        ssize_t n;

        CHECK(pipe(pipes) == 0 && dup2(pipes[1], STDERR_FILENO) >= 0);
        log_at(LEVEL_WARNING, (struct log_at){ "1", "SC-1405-000123", "print" }, "ribbon %d%%\nforged", 3);
        log_say(LEVEL_DEBUG, "dropped");
        log_say(LEVEL_INFO, "%600s", "x");
        CHECK(dup2(old, STDERR_FILENO) >= 0);
        n = read(pipes[0], text, sizeof text);
        CHECK(n > 64 && n < (ssize_t)sizeof text);
        text[n] = '\0';
        CHECK(strncmp(text, "<4>line=1 card=SC-1405-000123 step=print: ribbon 3%?forged\n<6>  ", 64) == 0);
        CHECK(text[n - 1] == '\n');
        CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0 && close(old) == 0);
}

static bool told(int fd, const char *wanted)
{
        char text[200];
        ssize_t n = recv(fd, text, sizeof text - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return strcmp(text, wanted) == 0;
}

/* sd_notify(3): datagrams to NOTIFY_SOCKET; the watchdog's beat comes at half of WATCHDOG_USEC. */
static void test_notify(void)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        socklen_t n = sizeof(sa_family_t);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        char name[32];
        struct notify notify = { 0 };

        notify_ready(&notify, &loop); /* nobody to tell: nothing armed */
        CHECK(timers_due(&loop.timers) == 0);
        CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0); /* autobind: unix(7) */
        n = sizeof at;
        CHECK(getsockname(fd, (struct sockaddr *)&at, &n) == 0 && n == sizeof(sa_family_t) + 6);
        (void)snprintf(name, sizeof name, "@%.5s", at.sun_path + 1);
        CHECK(setenv("NOTIFY_SOCKET", name, 1) == 0 && setenv("WATCHDOG_USEC", "40000", 1) == 0);
        notify_ready(&notify, &loop);
        CHECK(told(fd, "READY=1") && told(fd, "WATCHDOG=1") && told(fd, ""));
        for (int i = 0; i < 6; i++)
                step(10);
        CHECK(told(fd, "WATCHDOG=1"));
        notify_status("two lines idle");
        while (!told(fd, "STATUS=two lines idle"))
                ;
        notify_stopping(&notify);
        CHECK(told(fd, "STOPPING=1") && timers_due(&loop.timers) == 0);
        CHECK(unsetenv("NOTIFY_SOCKET") == 0 && unsetenv("WATCHDOG_USEC") == 0 && close(fd) == 0);
}

int main(void)
{
        struct error err;

        test_timers();
        CHECK(loop_init(&loop, &err) == 0);
        test_deadlines();
        test_deferred();
        test_sources();
        test_children();
        test_signals();
        test_idle();
        test_log();
        test_notify();
        loop_done(&loop);
        return 0;
}
