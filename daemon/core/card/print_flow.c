#include "daemon/core/card/print_inside.h"
#include "daemon/core/card/recover.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/print.h"
#include <stdio.h>
#include <string.h>

static const char *const stage_names[] = { "queue", "sign", "draw", "claim", "begin", "print" };

const char *print_stage_name(const struct print_flow *f)
{
        return stage_names[f->stage];
}

static void flow_free(struct print_flow *f)
{
        struct core *c = print_core(f);

        loop_timer_clear(&c->loop, &f->patience);
        f->line->print_flow = NULL;
        approval_file_done(&f->file);
        attempt_done(&f->attempt);
        if (f->pdf >= 0)
                (void)close(f->pdf);
        free(f);
}

void print_flow_end(struct print_flow *f, const struct error *err)
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

void print_flow_enter(struct print_flow *f, enum print_stage stage)
{
        f->stage = stage;
        (void)snprintf(f->step, sizeof f->step, "%s", stage_names[stage]);
        f->done = f->of = 0;
        line_tell(f->line);
}

void print_stage_lost(struct task *t, const struct error *err)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct error why = *err;

        if (why.kind == ERR_UNKNOWN) /* no outside effect in these stages: the same step again is safe */
                why.kind = ERR_RETRY;
        print_flow_end(f, &why);
}

static void checked(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct print_check check;

        (void)blob;
        if (m->kind == IPC_FAILED)
                print_flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (print_check_decode(m->args, &check, &f->error) < 0) {
                print_flow_end(f, &f->error);
        } else if (check.n_problems > 0) {
                (void)err_own(&f->error, ERR_OPERATOR, REASON_QUEUE_WRONG, "%s", check.problems[0]);
                print_flow_end(f, &f->error);
        } else {
                print_face_begin(f);
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
        print_flow_enter(f, STAGE_QUEUE);
        f->task = (struct task){ .message = checked, .lost = print_stage_lost, .wait_ms = PRINT_CHECK_MS };
        work_submit(line->print, &f->task, "check", NULL, -1, PRINT_CHECK_MS);
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
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "stage", print_stage_name(f), "step", f->step, "application",
                         f->attempt.application, "serial", f->serial, "intent", f->intent, "done", (json_int_t)f->done,
                         "of", (json_int_t)f->of);
}
