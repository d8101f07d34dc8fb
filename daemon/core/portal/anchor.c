#include "daemon/core/core.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/portal/portal_calls.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <string.h>

enum { SOON_MS = 5000 }; /* several reports in a row share one */

static void rest(struct anchor *a)
{
        loop_timer_set(&a->core->loop, &a->timer, now_boot_ms() + a->core->config.portal.anchor_s * 1000);
}

static bool is_open(struct ledger *l)
{
        return ledger_get_int(l, "SELECT count(*) FROM intent WHERE kind='anchor' AND state IN ('running','unknown')",
                              "") > 0;
}

/* Rows since the last anchor that are not about the anchor itself; else an idle station would anchor its anchors. */
static bool has_news(struct anchor *a)
{
        return ledger_get_int(
                       &a->core->ledger,
                       "SELECT EXISTS(SELECT 1 FROM audit WHERE seq>?1 AND NOT (entity='intent' AND subject=?2))", "is",
                       a->seq, a->intent) > 0;
}

static void make(struct anchor *a)
{
        struct ledger *l = &a->core->ledger;
        char intent[UUID_TEXT] = "";
        int64_t seq = l->seq;
        struct error err;

        ledger_begin(l, &who_station);
        call_anchor(l, intent);
        FAULT_COMMIT("core.anchor");
        if (!core_commit(a->core, &err)) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "anchor" }, &err);
                return;
        }
        memcpy(a->intent, intent, sizeof a->intent);
        a->seq = seq;
        outbox_kick(&a->core->outbox);
}

static void timer_fired(struct timer *t)
{
        struct anchor *a = owner_of(t, struct anchor, timer);

        rest(a);
        if (!a->core->sync.fenced && !is_open(&a->core->ledger) && has_news(a))
                make(a);
}

void anchor_open(struct anchor *a, struct core *core)
{
        *a = (struct anchor){ .core = core, .timer = { .fired = timer_fired } };
        rest(a);
}

void anchor_close(struct anchor *a)
{
        loop_timer_clear(&a->core->loop, &a->timer);
}

void anchor_soon(struct anchor *a)
{
        if (a->timer.due_ms > now_boot_ms() + SOON_MS)
                loop_timer_set(&a->core->loop, &a->timer, now_boot_ms() + SOON_MS);
}
