/* The outbox: portal-bound intents until each has a definite answer (DESIGN 2, 5).
 *
 * Every call carries its intent's id and its stored bytes, so the portal applies it once however often it is sent; that
 * is why a timer may repeat these and no other intent. Ordered per application only; one conflict blocks no other.
 * A call that the portal cannot judge rests alone; when the connection is down everything rests.
 * Back-off 1 s to 15 min with jitter, on CLOCK_BOOTTIME; Retry-After is honoured. */
#pragma once
#include "daemon/core/supervise/supervise.h"

struct core;

enum { OUTBOX_RESTING_MAX = 32 };

struct outbox {
        struct core *core;
        struct task task;
        struct timer timer;
        char intent[37];   /* on its way; "" when none */
        unsigned failures; /* consecutive, of the connection as a whole */
        struct {
                char intent[37]; /* "" = free */
                unsigned failures;
                int64_t until;         /* now_boot_ms() */
        } resting[OUTBOX_RESTING_MAX]; /* calls that the portal answers, but not definitely */
        bool portal_up;                /* the last call got an answer */
        struct error last;             /* why not */
        int64_t answered_at;           /* wall ms of the last answer */
};

void outbox_open(struct outbox *o, struct core *core);
void outbox_close(struct outbox *o);
/* Something new is pending: send as soon as the connection is free. Harmless at any time. */
void outbox_kick(struct outbox *o);
int64_t outbox_pending(struct core *core); /* portal-bound intents without an answer */
