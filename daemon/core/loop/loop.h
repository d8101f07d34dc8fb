/* The core's one event loop: epoll, one signalfd, one timerfd. No threads; every callback runs in it.
 *
 * Sources: epoll(7), signalfd(2), timerfd_create(2) with CLOCK_BOOTTIME, so that deadlines go on while the machine
 * sleeps. The loop takes ONE event per epoll_wait: a callback may therefore free itself and any other source, timer,
 * deferred call or child. Nothing here blocks but the wait itself; with nothing due it waits without limit. */
#pragma once
#include "daemon/core/loop/timer.h"
#include "proto/base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor inside its owner (owner_of). The owner closes fd after loop_source_del. */
struct source {
        int fd;
        void (*ready)(struct source *s, uint32_t events); /* EPOLLIN ... */
};

/* Something to do once before the next wait; zeroed = not queued. */
struct deferred {
        void (*run)(struct deferred *d);
        struct deferred *next;
        bool queued;
};

/* Something to look at before every wait (libmicrohttpd needs that); answers the longest wait it allows in ms,
 * 0 = at once again, -1 = no limit. It may run callbacks, which may set timers or defer. */
struct turn {
        int (*run)(struct turn *t);
        struct turn *next;
};

/* A process of ours. `ended` comes once, after it was reaped (status as of waitpid(2)) and taken from the list. */
struct child {
        pid_t pid;
        void (*ended)(struct child *c, int status);
        struct child *next;
};

struct loop {
        int epoll;
        bool quit; /* TERM and INT set it; any callback may */
        struct source signals, clock;
        struct timers timers;
        int64_t armed_ms;
        struct deferred *deferred;
        struct turn *turns;
        struct child *children;
        void (*hangup)(struct loop *loop); /* HUP; NULL = ignored */
};

/* Blocks TERM, INT, HUP and CHLD for the process, ignores PIPE, and readies the descriptors. 0, or -1 and *err. */
int loop_init(struct loop *loop, struct error *err);
void loop_done(struct loop *loop); /* accepts a zeroed one; sources must be gone */
/* Runs until `quit`. 0, or -1 and *err when the kernel refuses to wait. */
int loop_run(struct loop *loop, struct error *err);
/* One round: turns, deferred calls, due timers, then at most one event within max_ms (-1 = no limit). */
int loop_step(struct loop *loop, int max_ms, struct error *err);

int loop_source_add(struct loop *loop, struct source *s, uint32_t events, struct error *err);
void loop_source_del(struct loop *loop, struct source *s); /* before the descriptor is closed; harmless twice */
void loop_timer_set(struct loop *loop, struct timer *t, int64_t due_ms); /* on now_boot_ms(); set anew when set */
void loop_timer_clear(struct loop *loop, struct timer *t);               /* harmless when not set */
void loop_defer(struct loop *loop, struct deferred *d);                  /* once, however often asked */
void loop_defer_clear(struct loop *loop, struct deferred *d);
void loop_turn_add(struct loop *loop, struct turn *t);
void loop_turn_del(struct loop *loop, struct turn *t);
void loop_child_add(struct loop *loop, struct child *c);
void loop_child_del(struct loop *loop, struct child *c); /* the caller reaps it itself */
void loop_children_reap(struct loop *loop);              /* asks each child's pid, never blocks; for shutdown */

/* CLOCK_BOOTTIME in ms; at least 1. */
int64_t now_boot_ms(void);
