#define _GNU_SOURCE
#include "daemon/core/card/print_flow.h"
#include "daemon/core/card/face.h"
#include "daemon/core/card/outcome.h"
#include "daemon/core/card/pick.h"
#include "daemon/core/card/recover.h"
#include "daemon/core/portal/approvals.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/ipc/key.h"
#include "proto/ipc/print.h"
#include "proto/ipc/render.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { PORTAL_WAIT_MS = 20000, CHECK_MS = 10000 };

enum print_stage { STAGE_QUEUE, STAGE_SIGN, STAGE_DRAW, STAGE_CLAIM, STAGE_BEGIN, STAGE_PRINT };
static const char *const stage_names[] = { "queue", "sign", "draw", "claim", "begin", "print" };

struct print_flow {
        struct line *line;
        struct task task;
        struct timer patience; /* for the portal's answer */
        struct deferred again;
        enum print_stage stage;
        struct who who;
        struct approval_file file;
        struct attempt attempt;
        struct error error; /* why it ended, or ends */
        char qr[KEY_QR_MAX + 1], layout_sha256[SHA256_TEXT];
        char waits_for[UUID_TEXT]; /* claim or begin intent */
        char serial[SERIAL_TEXT], intent[UUID_TEXT];
        char step[IPC_NAME_MAX + 1];
        int64_t done, of;
        bool called_off; /* at its checkpoint, because of `error` */
        int pdf;
};

static struct core *core_of(const struct print_flow *f)
{
        return f->line->core;
}

static void flow_free(struct print_flow *f)
{
        struct core *c = core_of(f);

        loop_timer_clear(&c->loop, &f->patience);
        f->line->print_flow = NULL;
        approval_file_done(&f->file);
        attempt_done(&f->attempt);
        if (f->pdf >= 0)
                (void)close(f->pdf);
        free(f);
}

static void flow_end(struct print_flow *f, const struct error *err)
{
        struct line *line = f->line;
        struct error why = err ? *err : (struct error){ 0 };
        char application[APPLICATION_TEXT], serial[SERIAL_TEXT], intent[UUID_TEXT];

        memcpy(application, f->attempt.application, sizeof application);
        memcpy(serial, f->serial, sizeof serial);
        memcpy(intent, f->intent, sizeof intent);
        flow_free(f);
        outcome_set(line, &line->printed, "print", application, serial, intent, err ? &why : NULL);
        if (err && intent[0])
                recover_later(line->core);
        print_flow_probe(line); /* an outcome that came open meanwhile waited for the printer */
}

static void enter(struct print_flow *f, enum print_stage stage)
{
        f->stage = stage;
        (void)snprintf(f->step, sizeof f->step, "%s", stage_names[stage]);
        f->done = f->of = 0;
        line_tell(f->line);
}

/* ---- print ------------------------------------------------------------------------------------------------------ */

/* These say that nothing was printed and nothing will be; any other failure is a question for the probe. */
static bool is_unstarted(const struct error *err)
{
        return err->kind == ERR_RETRY || err->kind == ERR_OPERATOR || err->kind == ERR_INPUT;
}

static void print_ended(struct print_flow *f, const struct error *err, const json_t *result)
{
        struct core *c = core_of(f);
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
                flow_end(f, &f->error);
                return;
        }
        if (open)
                why.kind = ERR_UNKNOWN;
        flow_end(f, err ? &why : NULL);
}

static void print_submitted(struct print_flow *f, const struct ipc_message *m)
{
        struct core *c = core_of(f);

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
        struct core *c = core_of(f);
        struct error err;

        if (line_check(f->line, &err) < 0 || core_clock_check(c, &err) < 0)
                ledger_refuse(&c->ledger, err.kind, err.reason, "%s", err.text);
        if (c->sync.fenced)
                ledger_refuse(&c->ledger, ERR_OPERATOR, REASON_FENCED, "the portal has fenced this station");
        attempt_recheck(&c->ledger, &f->attempt, f->file.sha256, true);
}

/* Intent before effect: the blank leaves the hopper in the ledger before anything may move. */
static void begin_print(struct print_flow *f)
{
        struct core *c = core_of(f);
        struct ledger *l = &c->ledger;
        struct print_ask ask = { 0 };
        struct intent_spec spec = { .kind = "print",
                                    .application = f->attempt.application,
                                    .card = f->attempt.card,
                                    .serial = f->serial,
                                    .line = f->line->config->name };

        enter(f, STAGE_PRINT);
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
                flow_end(f, &f->error);
                return;
        }
        memcpy(ask.intent, f->intent, sizeof ask.intent);
        f->task = (struct task){ .message = print_message, .lost = print_lost, .wait_ms = CHECK_MS };
        work_submit(f->line->print, &f->task, "print", print_ask_encode(&ask), f->pdf, c->config.print.limit_s * 1000);
}

/* ---- claim and begin: portal-bound intents, carried by the outbox --------------------------------------------------
 */

static void patience_over(struct timer *t)
{
        struct print_flow *f = owner_of(t, struct print_flow, patience);

        (void)err_own(&f->error, ERR_RETRY, REASON_PORTAL_DOWN,
                      "no answer from the portal yet; the %s goes on by itself", stage_names[f->stage]);
        flow_end(f, &f->error);
}

static bool is_open(struct core *c, const char *intent)
{
        return ledger_get_int(&c->ledger, "SELECT count(*) FROM intent WHERE id=?1 AND state IN ('running','unknown')",
                              "s", intent) > 0;
}

static void begin_bind(struct print_flow *f);

static void intent_answered(struct print_flow *f, const char *intent)
{
        if (attempt_refused(core_of(f), intent, &f->error))
                flow_end(f, &f->error);
        else if (f->stage == STAGE_CLAIM)
                begin_bind(f);
        else
                begin_print(f);
}

/* The answer may have come while this flow was still drawing: then there is nothing to wait for. */
static void wait_for(struct print_flow *f, const char *intent)
{
        struct core *c = core_of(f);

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
        struct core *c = core_of(f);
        char today[11];

        enter(f, STAGE_BEGIN);
        core_today(c, today);
        if (f->attempt.bound) {
                begin_print(f);
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
                        flow_end(f, &f->error);
                        return;
                }
        }
        wait_for(f, f->attempt.begin);
}

static void begin_claim(struct print_flow *f)
{
        struct core *c = core_of(f);
        char intent[UUID_TEXT];

        enter(f, STAGE_CLAIM);
        if (!attempt_needs_claim(c, &f->attempt)) {
                begin_bind(f);
                return;
        }
        ledger_begin(&c->ledger, &f->who);
        attempt_claim(c, &f->attempt, intent);
        FAULT_COMMIT("core.claim_intent");
        if (!core_commit(c, &f->error)) {
                flow_end(f, &f->error);
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

/* ---- the face ------------------------------------------------------------------------------------------------------
 */

static void lost(struct task *t, const struct error *err)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct error why = *err;

        if (why.kind == ERR_UNKNOWN) /* no outside effect in these stages: the same step again is safe */
                why.kind = ERR_RETRY;
        flow_end(f, &why);
}

static void drawn(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct render_done done;

        if (m->kind == IPC_PART && strcmp(m->name, "pdf") == 0 && f->pdf < 0)
                f->pdf = fcntl(blob, F_DUPFD_CLOEXEC, 3);
        if (m->kind == IPC_FAILED)
                flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (f->pdf < 0 || render_done_decode(m->args, &done, &f->error) < 0) {
                (void)err_own(&f->error, ERR_BUG, REASON_INTERNAL, "the renderer's answer is incomplete");
                flow_end(f, &f->error);
                return;
        }
        hex_encode_lower(BYTES(done.layout_sha256), f->layout_sha256, sizeof f->layout_sha256);
        begin_claim(f);
}

static void begin_draw(struct print_flow *f)
{
        struct core *c = core_of(f);
        cleanup(close_p) int photo = -1;
        struct face face;
        struct render_card card = { .layout = c->config.render.layout, .qr = f->qr };

        enter(f, STAGE_DRAW);
        photo = photo_blob(c, &f->file.approval, &f->error);
        if (photo < 0 ||
            face_fields(&f->file.approval, f->attempt.face_code, f->attempt.issue_date, &face, &f->error) < 0) {
                flow_end(f, &f->error);
                return;
        }
        memcpy(card.fields, face.fields, sizeof card.fields);
        f->task = (struct task){ .message = drawn, .lost = lost, .wait_ms = CHECK_MS * 3 };
        work_submit(c->render, &f->task, "card", render_card_encode(&card), photo, c->config.render.limit_s * 1000);
}

static void signed_face(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct key_statement statement;

        (void)blob;
        if (m->kind == IPC_FAILED)
                flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (key_statement_decode(m->args, &statement, &f->error) < 0) {
                flow_end(f, &f->error);
                return;
        }
        (void)snprintf(f->qr, sizeof f->qr, "%s", statement.qr);
        begin_draw(f);
}

static void begin_sign(struct print_flow *f)
{
        struct core *c = core_of(f);
        struct key_qr ask = { .subject = attempt_subject(&f->attempt, f->file.jws) };

        enter(f, STAGE_SIGN);
        f->task = (struct task){ .message = signed_face, .lost = lost, .wait_ms = CHECK_MS };
        work_submit(c->key, &f->task, "qr", key_qr_encode(&ask), -1, c->config.key.limit_s * 1000);
}

/* ---- start ---------------------------------------------------------------------------------------------------------
 */

static void checked(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct print_check check;

        (void)blob;
        if (m->kind == IPC_FAILED)
                flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (print_check_decode(m->args, &check, &f->error) < 0) {
                flow_end(f, &f->error);
        } else if (check.n_problems > 0) {
                (void)err_own(&f->error, ERR_OPERATOR, REASON_QUEUE_WRONG, "%s", check.problems[0]);
                flow_end(f, &f->error);
        } else {
                begin_sign(f);
        }
}

static int check_start(struct line *line, struct error *err)
{
        if (line->print_flow)
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "line %s prints %s", line->config->name,
                               line->print_flow->attempt.application);
        if (line->core->sync.fenced)
                return err_own(err, ERR_OPERATOR, REASON_FENCED, "the portal has fenced this station");
        return line_check(line, err) < 0 || core_clock_check(line->core, err) < 0 ? -1 : 0;
}

int print_flow_start(struct line *line, const struct print_ask_card *ask, struct error *err)
{
        struct core *c = line->core;
        struct print_flow *f;

        if (check_start(line, err) < 0)
                return -1;
        f = calloc(1, sizeof *f);
        if (!f)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        *f = (struct print_flow){ .line = line, .who = ask->who, .pdf = -1 };
        if (pick_application(c, line->config->name, ask->application, f->attempt.application, err) < 0 ||
            pick_blank_exists(c, line->config->name, err) < 0 ||
            approval_load(c, f->attempt.application, &f->file, err) < 0 ||
            attempt_prepare(c, &f->attempt, &ask->who, err) < 0) {
                approval_file_done(&f->file);
                attempt_done(&f->attempt);
                free(f);
                return -1;
        }
        line->print_flow = f;
        enter(f, STAGE_QUEUE);
        f->task = (struct task){ .message = checked, .lost = lost, .wait_ms = CHECK_MS };
        work_submit(line->print, &f->task, "check", NULL, -1, CHECK_MS);
        return 0;
}

void print_flow_drop(struct line *line)
{
        if (line->print_flow)
                flow_free(line->print_flow);
}

bool print_flow_runs(const struct line *line, const char *intent)
{
        return line->print_flow && strcmp(line->print_flow->intent, intent) == 0;
}

json_t *print_flow_json(const struct line *line)
{
        const struct print_flow *f = line->print_flow;

        if (!f)
                return json_null();
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "stage", stage_names[f->stage], "step", f->step,
                         "application", f->attempt.application, "serial", f->serial, "intent", f->intent, "done",
                         (json_int_t)f->done, "of", (json_int_t)f->of);
}
