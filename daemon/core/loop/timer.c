#include "daemon/core/loop/timer.h"
#include <assert.h>
#include <stddef.h>

void timers_clear(struct timers *all, struct timer *t)
{
        if (t->due_ms == 0)
                return;
        if (t->next)
                t->next->prev = t->prev;
        if (t->prev)
                t->prev->next = t->next;
        else
                all->first = t->next;
        t->due_ms = 0;
        t->prev = t->next = NULL;
}

void timers_set(struct timers *all, struct timer *t, int64_t due_ms)
{
        struct timer *before = NULL, *after;

        assert(due_ms >= 1);
        timers_clear(all, t);
        for (after = all->first; after && after->due_ms <= due_ms; after = after->next)
                before = after;
        t->due_ms = due_ms;
        t->prev = before;
        t->next = after;
        if (after)
                after->prev = t;
        if (before)
                before->next = t;
        else
                all->first = t;
}

int64_t timers_due(const struct timers *all)
{
        return all->first ? all->first->due_ms : 0;
}

struct timer *timers_take(struct timers *all, int64_t now_ms)
{
        struct timer *t = all->first;

        if (!t || t->due_ms > now_ms)
                return NULL;
        timers_clear(all, t);
        return t;
}
