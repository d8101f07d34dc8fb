/* The blank is fed: one intent, one job, and what became of it. */
#include "daemon/core/card/print_inside.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/ipc/print.h"
#include <stdio.h>
#include <string.h>

/* These say that nothing was printed and nothing will be; any other failure is a question for the probe. */
static bool is_unstarted(const struct error *err)
{
        return err->kind == ERR_RETRY || err->kind == ERR_OPERATOR || err->kind == ERR_INPUT;
}

static void print_ended(struct print_flow *f, const struct error *err, const json_t *result)
{
        struct core *c = print_core(f);
        struct error why = err && f->called_off ? f->error : err ? *err : (struct error){ 0 };
        bool open = err && !is_unstarted(err);

        ledger_begin(&c->ledger, &who_station);
        if (!err)
                print_record_printed(&c->ledger, f->intent, f->serial, result);
        else if (open)
                intent_close(&c->ledger, f->intent, "lose", result);
        else
                print_record_not_started(&c->ledger, f->intent, f->serial, result);
        FAULT_COMMIT("core.print_outcome");
        if (!core_commit(c, &f->error)) {
                print_flow_end(f, &f->error);
                return;
        }
        if (open)
                why.kind = ERR_UNKNOWN;
        print_flow_end(f, err ? &why : NULL);
}

static void print_submitted(struct print_flow *f, const struct ipc_message *m)
{
        struct core *c = print_core(f);

        ledger_begin(&c->ledger, &who_station);
        intent_step(&c->ledger, f->intent, m->name, m->args);
        FAULT_COMMIT("core.print_submitted");
        if (core_commit(c, &f->error)) {
                FAULT_POINT("core.go_release.before");
                work_go(&f->task, NULL, -1);
                FAULT_POINT("core.go_release.after");
                return;
        }
        f->called_off = true;
        work_call_off(&f->task);
}

static void print_done(struct print_flow *f, const json_t *args)
{
        struct print_done done;
        struct error err;

        if (print_done_decode(args, &done, &err) == 0) {
                print_ended(f, NULL, args);
                return;
        }
        err.kind = ERR_UNKNOWN; /* it says done, but not what: the probe asks anew */
        print_ended(f, &err, NULL);
}

static void progress(struct print_flow *f, const struct ipc_message *m)
{
        memcpy(f->step, m->name, sizeof f->step);
        f->done = m->done;
        f->of = m->of;
        line_tell(f->line);
}

static void print_message(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        cleanup(json_p) json_t *failed = NULL;

        (void)blob;
        if (m->kind == IPC_PROGRESS) {
                progress(f, m);
        } else if (m->kind == IPC_CHECKPOINT) {
                print_submitted(f, m);
        } else if (m->kind == IPC_DONE) {
                print_done(f, m->args);
        } else if (m->kind == IPC_FAILED) {
                failed = ipc_encode_error(&m->error);
                print_ended(f, &m->error, failed);
        }
}

static void print_lost(struct task *t, const struct error *err)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        cleanup(json_p) json_t *why = ipc_encode_error(err);
        struct error unsent = *err;

        if (err->kind == ERR_BUG) /* it fits no packet: never handed over */
                unsent.kind = ERR_RETRY;
        print_ended(f, &unsent, why);
}

/* The world may have changed while the face was drawn and the portal was asked: a hold, a fence, a withdrawal. */
static void check_again(struct print_flow *f)
{
        struct core *c = print_core(f);
        struct error err;

        if (line_check(f->line, &err) < 0 || core_clock_check(c, &err) < 0)
                ledger_refuse(&c->ledger, err.kind, err.reason, "%s", err.text);
        if (c->sync.fenced)
                ledger_refuse(&c->ledger, ERR_OPERATOR, REASON_FENCED, "the portal has fenced this station");
        attempt_recheck(&c->ledger, &f->attempt, f->file.sha256, true);
}

/* Intent before effect: the blank leaves the hopper in the ledger before anything may move. */
void print_job_begin(struct print_flow *f)
{
        struct core *c = print_core(f);
        struct ledger *l = &c->ledger;
        struct print_ask ask = { 0 };
        struct intent_spec spec = { .kind = "print",
                                    .application = f->attempt.application,
                                    .card = f->attempt.card,
                                    .serial = f->serial,
                                    .line = f->line->config->name };

        print_flow_enter(f, STAGE_PRINT);
        ledger_begin(l, &f->who);
        check_again(f);
        pick_blank(l, f->line->config->name, f->serial);
        ledger_move_set(l, ENTITY_BLANK, f->serial, "reserve", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, application=?3, card=?4 WHERE serial=?1", "ss",
                        f->attempt.application, f->attempt.card);
        intent_new(l, &spec, f->intent);
        ledger_move(l, ENTITY_BLANK, f->serial, "start", f->intent, NULL);
        FAULT_COMMIT("core.print_intent");
        if (!core_commit(c, &f->error)) {
                f->serial[0] = f->intent[0] = '\0';
                print_flow_end(f, &f->error);
                return;
        }
        memcpy(ask.intent, f->intent, sizeof ask.intent);
        f->task = (struct task){ .message = print_message, .lost = print_lost, .wait_ms = PRINT_CHECK_MS };
        work_submit(f->line->print, &f->task, "print", print_ask_encode(&ask), f->pdf, c->config.print.limit_s * 1000);
}
