/* Claim and begin: portal-bound intents, carried by the outbox; the flow waits for their answers. */
#include "daemon/core/card/print_inside.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <stdio.h>
#include <string.h>

enum { PORTAL_WAIT_MS = 20000 };

static void patience_over(struct timer *t)
{
        struct print_flow *f = owner_of(t, struct print_flow, patience);

        (void)err_own(&f->error, ERR_RETRY, REASON_PORTAL_DOWN,
                      "no answer from the portal yet; the %s goes on by itself", print_stage_name(f));
        print_flow_end(f, &f->error);
}

static bool is_open(struct core *c, const char *intent)
{
        return ledger_get_int(&c->ledger, "SELECT count(*) FROM intent WHERE id=?1 AND state IN ('running','unknown')",
                              "s", intent) > 0;
}

static void begin_bind(struct print_flow *f);

static void intent_answered(struct print_flow *f, const char *intent)
{
        if (attempt_refused(print_core(f), intent, &f->error))
                print_flow_end(f, &f->error);
        else if (f->stage == STAGE_CLAIM)
                begin_bind(f);
        else
                print_job_begin(f);
}

/* The answer may have come while this flow was still drawing: then there is nothing to wait for. */
static void wait_for(struct print_flow *f, const char *intent)
{
        struct core *c = print_core(f);

        if (!is_open(c, intent)) {
                intent_answered(f, intent);
                return;
        }
        (void)snprintf(f->waits_for, sizeof f->waits_for, "%s", intent);
        f->patience.fired = patience_over;
        loop_timer_set(&c->loop, &f->patience, now_boot_ms() + PORTAL_WAIT_MS);
        outbox_kick(&c->outbox);
}

static void begin_bind(struct print_flow *f)
{
        struct core *c = print_core(f);
        char today[11];

        print_flow_enter(f, STAGE_BEGIN);
        core_today(c, today);
        if (f->attempt.bound) {
                print_job_begin(f);
                return;
        }
        if (f->attempt.begin[0] == '\0') {
                ledger_begin(&c->ledger, &f->who);
                if (strcmp(today, f->attempt.issue_date) != 0)
                        ledger_refuse(&c->ledger, ERR_RETRY, REASON_STALE, "the day changed; print again");
                attempt_recheck(&c->ledger, &f->attempt, f->file.sha256, false);
                attempt_begin(c, &f->attempt, f->line->config->name, f->layout_sha256, f->qr);
                FAULT_COMMIT("core.begin_intent");
                if (!core_commit(c, &f->error)) {
                        print_flow_end(f, &f->error);
                        return;
                }
        }
        wait_for(f, f->attempt.begin);
}

void print_bind_begin(struct print_flow *f)
{
        struct core *c = print_core(f);
        char intent[UUID_TEXT];

        print_flow_enter(f, STAGE_CLAIM);
        if (!attempt_needs_claim(c, &f->attempt)) {
                begin_bind(f);
                return;
        }
        ledger_begin(&c->ledger, &f->who);
        attempt_claim(c, &f->attempt, intent);
        FAULT_COMMIT("core.claim_intent");
        if (!core_commit(c, &f->error)) {
                print_flow_end(f, &f->error);
                return;
        }
        wait_for(f, intent);
}

void print_flow_intent(struct core *c, const char *intent)
{
        for (size_t i = 0; i < c->n_lines; i++) {
                struct print_flow *f = c->lines[i].print_flow;

                if (!f || strcmp(f->waits_for, intent) != 0)
                        continue;
                loop_timer_clear(&c->loop, &f->patience);
                f->waits_for[0] = '\0';
                intent_answered(f, intent);
                return;
        }
}
