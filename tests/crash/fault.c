/* The points of proto/base/fault.h at work; linked in a build with -Dfault_points=true alone. */
#define _GNU_SOURCE
#include "proto/base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum action { ACTION_NONE, ACTION_KILL, ACTION_ERROR, ACTION_SLEEP };

struct order {
        char name[100];
        long nth, passed;
        enum action action;
        int error;
        long sleep_ms;
};

enum { ORDERS_MAX = 4 };

/* Set before main: a program that empties its environment, or is confined, still knows. */
static struct {
        struct order orders[ORDERS_MAX];
        size_t n;
        int once_fd, trace_fd, error;
        const char *before, *after;
} fault = { .once_fd = -1, .trace_fd = -1 };

/* The section exists in a program without points too. */
static const char *const no_point __attribute__((section("fault_points"), used)) = NULL;
extern const char *const __start_fault_points[], *const __stop_fault_points[];

static void bad_order(const char *text)
{
        fprintf(stderr, "MOHR_FAULT: '%s': wanted NAME[:N][:kill|eio|enospc|sleep:MS][,...]\n", text);
        _exit(2);
}

/* One word after the name; rest: what follows it. */
static void take_word(struct order *order, const char *word, char **rest)
{
        char *end;

        if (strcmp(word, "kill") == 0) {
                order->action = ACTION_KILL;
        } else if (strcmp(word, "eio") == 0 || strcmp(word, "enospc") == 0) {
                order->action = ACTION_ERROR;
                order->error = word[1] == 'i' ? EIO : ENOSPC;
        } else if (strcmp(word, "sleep") == 0) {
                const char *ms = strsep(rest, ":");

                order->action = ACTION_SLEEP;
                order->sleep_ms = ms ? strtol(ms, NULL, 10) : 0;
        } else {
                order->nth = strtol(word, &end, 10);
                if (*end || order->nth < 1)
                        bad_order(word);
        }
}

static void take_order(char *text)
{
        struct order *order = &fault.orders[fault.n];
        const char *word = strsep(&text, ":");

        if (fault.n == ORDERS_MAX || snprintf(order->name, sizeof order->name, "%s", word) >= (int)sizeof order->name)
                bad_order(word);
        fault.n++;
        order->action = ACTION_KILL;
        order->nth = 1;
        while ((word = strsep(&text, ":")))
                take_word(order, word, &text);
}

static void take_orders(const char *text)
{
        char copy[500], *rest = copy, *one;

        if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
                bad_order(text);
        while ((one = strsep(&rest, ",")))
                if (*one)
                        take_order(one);
}

/* Opened for any of the station's uids; the test makes it beforehand where folders are closed to them. */
static int open_shared(const char *variable)
{
        const char *path = getenv(variable);

        return path ? open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
}

static void print_points(void)
{
        for (const char *const *p = __start_fault_points; p < __stop_fault_points; p++)
                if (*p)
                        puts(*p);
        (void)fflush(stdout);
        _exit(0);
}

__attribute__((constructor)) static void fault_begin(int argc, char **argv)
{
        const char *order = getenv("MOHR_FAULT");

        if (argc == 2 && strcmp(argv[1], "--fault-points") == 0)
                print_points();
        fault.once_fd = open_shared("MOHR_FAULT_ONCE");
        fault.trace_fd = open_shared("MOHR_FAULT_TRACE");
        if (order)
                take_orders(order);
}

/* The first to write the name into the shared file is the one that acts. */
static bool first_time(const struct order *order)
{
        char acted[1000] = "", line[120];
        int n = snprintf(line, sizeof line, "%s\n", order->name);

        if (fault.once_fd < 0)
                return true;
        return pread(fault.once_fd, acted, sizeof acted - 1, 0) >= 0 && !strstr(acted, line) &&
               write(fault.once_fd, line, (size_t)n) == n;
}

static void die(void)
{
        (void)kill(getpid(), SIGKILL);
        _exit(137);
}

static enum action act(const struct order *order)
{
        struct timespec wait = { order->sleep_ms / 1000, order->sleep_ms % 1000 * 1000000 };

        if (order->action == ACTION_KILL)
                die();
        if (order->action == ACTION_SLEEP)
                (void)nanosleep(&wait, NULL);
        fault.error = order->error;
        return order->action;
}

/* ACTION_ERROR is for the caller; all else was done here. */
static enum action pass(const char *name)
{
        if (fault.trace_fd >= 0)
                (void)dprintf(fault.trace_fd, "%s\n", name);
        for (size_t i = 0; i < fault.n; i++) {
                struct order *order = &fault.orders[i];

                if (strcmp(name, order->name) == 0 && ++order->passed == order->nth && first_time(order))
                        return act(order);
        }
        return ACTION_NONE;
}

/* The strings live in the environment, which this process does not change. */
void fault_env(char *ret[])
{
        static const char *const names[FAULT_ENV_MAX] = { "MOHR_FAULT=", "MOHR_FAULT_ONCE=", "MOHR_FAULT_TRACE=" };

        for (size_t i = 0; i < FAULT_ENV_MAX; i++)
                for (char **e = environ; *e; e++)
                        if (strncmp(*e, names[i], strlen(names[i])) == 0) {
                                *ret++ = *e;
                                break;
                        }
        *ret = NULL;
}

void fault_pass(const char *name)
{
        if (pass(name) == ACTION_ERROR)
                die();
}

bool fault_errno(const char *name)
{
        if (pass(name) != ACTION_ERROR)
                return false;
        errno = fault.error;
        return true;
}

bool fault_error(const char *name, enum error_kind kind, enum reason reason, struct error *err)
{
        if (!fault_errno(name))
                return false;
        (void)err_set(err, kind, ORIGIN_OS, (uint32_t)errno, errno == ENOSPC ? REASON_DISK_FULL : reason, "%s: %s",
                      name, strerror(errno));
        return true;
}

void fault_name_commit(const char *before, const char *after)
{
        fault.before = before;
        fault.after = after;
}

bool fault_commit(bool after, enum error_kind kind, struct error *err)
{
        const char *name = after ? fault.after : fault.before;

        if (after)
                fault.before = fault.after = NULL;
        return name && fault_error(name, kind, REASON_LEDGER, err);
}
