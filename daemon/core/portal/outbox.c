#include "daemon/core/card/print_flow.h"
#include "daemon/core/core.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/portal/portal_calls.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/portal/messages.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_MS = 1000, MOST_MS = 15 * 60 * 1000 };

/* Oldest first, but never past an earlier open call about the same application: order is kept per application only.
 * A card's report goes before its spoil that way, and one that waits holds nobody else up. */
static const char next_sql[] =
        "SELECT i.id FROM intent i WHERE i.kind IN ('claim','release','begin','report','spoil','void','anchor') AND "
        "i.state "
        "IN "
        "('running','unknown') AND NOT EXISTS(SELECT 1 FROM intent e WHERE e.application IS NOT NULL AND "
        "e.application=i.application AND e.kind IN ('claim','release','begin','report','spoil','void') AND e.state IN "
        "('running','unknown') AND e.rowid<i.rowid) ORDER BY "
        "i.kind IN ('claim','begin') DESC, i.rowid";

int64_t outbox_pending(struct core *core)
{
        return ledger_get_int(
                &core->ledger,
                "SELECT count(*) FROM intent WHERE kind IN "
                "('claim','release','begin','report','spoil','void','anchor') AND state IN ('running','unknown')",
                "");
}

static int64_t back_off(unsigned failures)
{
        int64_t ms = FIRST_MS << (failures < 10 ? failures : 10);
        uint16_t jitter = 0;

        (void)!getrandom(&jitter, sizeof jitter, 0);
        ms = ms < MOST_MS ? ms : MOST_MS;
        return ms / 2 + ms / 2 * jitter / UINT16_MAX;
}

static void rest(struct outbox *o, int64_t ms)
{
        loop_timer_set(&o->core->loop, &o->timer, now_boot_ms() + ms);
}

static void set_up(struct outbox *o, bool up, const struct error *why)
{
        bool was = o->portal_up;

        o->portal_up = up;
        if (up)
                o->answered_at = clock_wall_ms();
        else
                o->last = *why;
        if (up && !was)
                log_say(LEVEL_INFO, "the portal answers");
        if (!up && was)
                log_error(LEVEL_WARNING, (struct log_at){ .step = "portal" }, why);
        if (up != was)
                core_publish(o->core, "portal", json_pack("{s:b}", "up", up));
}

/* Nobody can be reached, or the portal asks for peace: everything rests. */
static void later(struct outbox *o, const struct error *why, int64_t at_least_ms)
{
        int64_t ms = back_off(o->failures);

        o->failures++;
        o->intent[0] = '\0';
        set_up(o, false, why);
        rest(o, ms > at_least_ms ? ms : at_least_ms);
}

/* Where this call rests, or the place that is free first. */
static size_t resting_place(const struct outbox *o, const char *intent)
{
        size_t oldest = 0;

        for (size_t i = 0; i < OUTBOX_RESTING_MAX; i++) {
                if (strcmp(o->resting[i].intent, intent) == 0)
                        return i;
                if (o->resting[i].until < o->resting[oldest].until)
                        oldest = i;
        }
        return oldest;
}

/* All places taken by calls that still rest: the portal answers nobody, a queue of thousands must not run against it.
 */
static bool no_place_left(const struct outbox *o)
{
        size_t i = resting_place(o, o->intent);

        return strcmp(o->resting[i].intent, o->intent) != 0 && o->resting[i].until > now_boot_ms();
}

/* The portal answers, but not definitely about this call: it rests alone, the others go on. */
static void later_alone(struct outbox *o, const struct error *why, int64_t at_least_ms)
{
        size_t i = resting_place(o, o->intent);
        bool again = strcmp(o->resting[i].intent, o->intent) == 0;
        unsigned failures = again ? o->resting[i].failures : 0;
        int64_t ms = back_off(failures);

        if (no_place_left(o)) {
                later(o, why, at_least_ms);
                return;
        }
        log_error(LEVEL_WARNING, (struct log_at){ .step = "portal" }, why);
        memcpy(o->resting[i].intent, o->intent, sizeof o->intent);
        o->resting[i].failures = failures + 1;
        o->resting[i].until = now_boot_ms() + (ms > at_least_ms ? ms : at_least_ms);
        o->intent[0] = '\0';
        rest(o, 1);
}

static void closed(struct outbox *o)
{
        char intent[UUID_TEXT];
        size_t i;

        memcpy(intent, o->intent, sizeof intent);
        o->intent[0] = '\0';
        o->failures = 0;
        i = resting_place(o, intent);
        if (strcmp(o->resting[i].intent, intent) == 0)
                o->resting[i].intent[0] = '\0';
        core_publish(o->core, "intent", json_pack("{s:s}", "intent", intent));
        print_flow_intent(o->core, intent);
        outbox_kick(o);
}

static void answered(struct outbox *o, struct ipc_message *m, int blob)
{
        cleanup(blob_unmap) struct bytes body = { 0 };
        enum call_verdict verdict;
        struct net_answer answer;
        int64_t wait_ms;
        struct error err;

        if (net_decode_answer(m->args, &answer, &err) < 0 || (blob >= 0 && blob_map(blob, &body, &err) < 0)) {
                later_alone(o, &err, 0);
                return;
        }
        wait_ms = answer.retry_after_s > 0 ? answer.retry_after_s * 1000 : 0;
        if (answer.status == 429 || answer.status == 503) {
                (void)portal_refusal(answer.status, body, &err);
                later(o, &err, wait_ms);
                return;
        }
        set_up(o, true, NULL);
        verdict = call_answered(o->core, o->intent, &answer, body, &err);
        if (verdict == CALL_CLOSED)
                closed(o);
        else if (verdict == CALL_LATER)
                later_alone(o, &err, wait_ms);
        else
                o->intent[0] = '\0';
}

static void message(struct task *t, struct ipc_message *m, int blob)
{
        struct outbox *o = owner_of(t, struct outbox, task);

        if (m->kind == IPC_DONE)
                answered(o, m, blob);
        else if (m->kind == IPC_FAILED)
                later(o, &m->error, 0);
}

static void lost(struct task *t, const struct error *err)
{
        later(owner_of(t, struct outbox, task), err, 0);
}

static int read_call(struct outbox *o, struct net_call *ret, int *ret_blob, struct error *err)
{
        struct db_rows rows;

        *ret = (struct net_call){ 0 };
        *ret_blob = -1;
        (void)err_own(err, ERR_BUG, REASON_INTERNAL, "the call has gone"); /* unless something else is said below */
        if (db_query(&o->core->ledger.db, &rows, err, "SELECT method, path, payload FROM intent WHERE id=?1", "s",
                     o->intent) < 0)
                return -1;
        if (db_next(&rows)) {
                ret->method = strcmp(db_text(&rows, 0), "PUT") == 0 ? NET_PUT : NET_POST;
                (void)snprintf(ret->path, sizeof ret->path, "%s", db_text(&rows, 1));
                memcpy(ret->key, o->intent, sizeof ret->key);
                *ret_blob = blob_new(db_bytes(&rows, 2), err);
        }
        return db_end(&rows) < 0 || *ret_blob < 0 ? -1 : 0;
}

/* An intent found open at the start is unknown; sending it again is a committed step like any other. */
static bool mark_sent(struct outbox *o, struct error *err)
{
        struct ledger *l = &o->core->ledger;
        char state[32] = "";

        ledger_begin(l, &who_station);
        (void)ledger_state(l, ENTITY_INTENT, o->intent, state, sizeof state);
        if (strcmp(state, "unknown") == 0)
                intent_close(l, o->intent, "repeat", NULL);
        ledger_run(l, "UPDATE intent SET tries=tries+1 WHERE id=?1", "s", o->intent);
        FAULT_COMMIT("core.call_sent");
        return core_commit(o->core, err);
}

/* Until when this call rests; 0 when it does not. */
static int64_t rests_until(const struct outbox *o, const char *intent, int64_t now)
{
        size_t i = resting_place(o, intent);

        return strcmp(o->resting[i].intent, intent) == 0 && o->resting[i].until > now ? o->resting[i].until : 0;
}

/* The first call that does not rest into o->intent; when all do, the timer is set for the first to wake. */
static bool pick(struct outbox *o)
{
        int64_t now = now_boot_ms(), wake = INT64_MAX;
        struct db_rows rows;

        o->intent[0] = '\0';
        if (!ledger_query(&o->core->ledger, &rows, next_sql, ""))
                return false;
        while (o->intent[0] == '\0' && db_next(&rows)) {
                const char *intent = db_text(&rows, 0);
                int64_t until = rests_until(o, intent, now);

                if (until == 0)
                        (void)snprintf(o->intent, sizeof o->intent, "%s", intent);
                else if (until < wake)
                        wake = until;
        }
        db_rows_done(&rows);
        if (o->intent[0] == '\0' && wake < INT64_MAX)
                rest(o, wake - now);
        return o->intent[0] != '\0';
}

static void send_next(struct outbox *o)
{
        cleanup(close_p) int blob = -1;
        struct net_call call;
        struct error err;

        if (!pick(o))
                return;
        if (!mark_sent(o, &err) || read_call(o, &call, &blob, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "outbox" }, &err);
                o->intent[0] = '\0';
                rest(o, back_off(o->failures++));
                return;
        }
        o->task = (struct task){ .message = message, .lost = lost, .wait_ms = 10000 };
        work_submit(o->core->net, &o->task, "call", net_encode_call(&call), blob,
                    o->core->config.portal.limit_s * 1000);
}

static void timer_fired(struct timer *t)
{
        struct outbox *o = owner_of(t, struct outbox, timer);

        assert(o->intent[0] == '\0'); /* nobody sets the timer while a call is on its way */
        send_next(o);
}

void outbox_open(struct outbox *o, struct core *core)
{
        *o = (struct outbox){ .core = core, .timer = { .fired = timer_fired } };
        rest(o, 1);
}

void outbox_close(struct outbox *o)
{
        loop_timer_clear(&o->core->loop, &o->timer);
}

void outbox_kick(struct outbox *o)
{
        if (o->intent[0] == '\0')
                rest(o, 1);
}
