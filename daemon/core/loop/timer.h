/* Deadlines in order: an intrusive list, earliest first. Pure: the clock is the caller's (daemon/core/loop/loop.h). */
#pragma once
#include <stdint.h>

struct timer {
        int64_t due_ms; /* 0 = not set */
        void (*fired)(struct timer *t);
        struct timer *prev, *next;
};

struct timers {
        struct timer *first;
};

/* due_ms >= 1 (asserted). A timer that is set already moves. Equal deadlines fire in the order they were set. */
void timers_set(struct timers *all, struct timer *t, int64_t due_ms);
void timers_clear(struct timers *all, struct timer *t); /* harmless when not set */
/* The earliest deadline, 0 for none. */
int64_t timers_due(const struct timers *all);
/* Takes the earliest timer that is due at now_ms off the list: it is no longer set. NULL when none is. */
struct timer *timers_take(struct timers *all, int64_t now_ms);
