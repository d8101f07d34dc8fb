/* print: one card through the gate. The core has committed the intent before it sends this task. */
#include "daemon/work/print/printing.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <string.h>

struct run {
        struct worker *w;
        struct printing *p;
        char intent[GATE_INTENT_LEN + 1];
        int64_t counter_before; /* -1: the printer gives none */
        struct queue_job job;
        bool released;
        enum reason told;     /* the progress word shown last */
        int64_t unsettled_at; /* since when silent, or contradictory; 0 = neither */
        bool unsettled_known; /* contradictory, not silent: each has its own patience */
};

static int check_queue(struct run *run, struct error *err)
{
        struct queue_state state;
        struct print_check check;
        struct error ignored;

        if (queue_describe(run->p->queue, &state, err) < 0)
                return -1;
        run->counter_before = state.counter;
        printing_check(run->p, &state, &check);
        if (check.n_problems > 0)
                return err_own(err, ERR_OPERATOR, REASON_QUEUE_WRONG, "%s", check.problems[0]);
        /* Reasons stay until cleared. An old "forgot the job" would spoil this print's evidence, the rest only show. */
        if (!state.any_reason || queue_clear_reasons(run->p->queue, state.history_missing ? err : &ignored) == 0)
                return 0;
        return state.history_missing ? -1 : 0;
}

/* A second submission of one intent starts nothing; it says no more than that. */
static int issue(struct run *run, struct error *err)
{
        struct gate_state state;
        struct error look;
        bool running;

        if (token_issue(run->p->gate, run->intent, err) == 0)
                return 0;
        if (err->code != EEXIST)
                return -1;
        if (token_look(run->p->gate, run->intent, &state, &running, &look) == 0 && state.phase == GATE_REVOKED)
                return err_own(err, ERR_OPERATOR, REASON_PRINT_REFUSED, "this print was called off before");
        return err_own(err, ERR_UNKNOWN, REASON_PRINT_REFUSED, "this print was submitted before");
}

static int unknown(struct error *err, const char *why)
{
        return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_PRINT, "%s", why);
}

/* Proves that nothing started and then answers with the error that led here; 0 when the gate was first. */
static int fail_unstarted(struct run *run, const struct error *cause, struct error *err)
{
        struct gate_state state;
        int r = printing_call_off(run->p, run->intent, &state, err);

        if (r <= 0)
                return r;
        *err = *cause;
        return -1;
}

static int submit(struct run *run, int blob, struct error *err)
{
        cleanup(blob_unmap) struct bytes pdf = { 0 };
        struct error cause;

        if (blob_map(blob, &pdf, err) < 0)
                return -1;
        if (pdf.n < 5 || memcmp(pdf.p, "%PDF-", 5) != 0) /* ISO 32000-1 7.5.2 */
                return err_input(err, REASON_BAD_REQUEST, "the blob is no PDF");
        if (check_queue(run, err) < 0 || issue(run, err) < 0)
                return -1;
        if (queue_submit(run->p->queue, run->intent, pdf, &run->job, &cause) == 0)
                return 0;
        return fail_unstarted(run, &cause, err) < 0 ? -1 : unknown(err, "the job started unasked");
}

static int commit(struct run *run, struct error *err)
{
        struct print_submitted submitted = { .job_id = run->job.id, .counter_before = run->counter_before };
        cleanup(json_p) json_t *args = NULL;
        struct error cause;

        memcpy(submitted.job_uuid, run->job.facts.uuid, sizeof submitted.job_uuid);
        args = print_submitted_encode(&submitted);
        FAULT_POINT("print.submitted.before");
        if (worker_checkpoint(run->w, "submitted", args, -1, NULL, NULL, &cause) == 0) {
                FAULT_POINT("print.submitted.after");
                return 0;
        }
        return fail_unstarted(run, &cause, err) < 0 ? -1 : unknown(err, "the job started unasked");
}

/* Shows what the printer waits for, at each change. */
static void tell(struct run *run, const struct look *look)
{
        enum reason now = run->told;

        if (look->evidence.cups_known)
                now = look->printer.n_reasons > 0 ? look->printer.reasons[0] : REASON_NONE;
        if (look->evidence.cups_known && strcmp(look->printer.state, "stopped") == 0)
                now = REASON_QUEUE_WRONG;
        if (now == run->told)
                return;
        run->told = now;
        worker_progress(run->w, now == REASON_NONE ? "printing" : reason_word(now), 0, 1);
}

/* The answer to Release-Job may be lost, or the request: while the job is held and the gate untouched it is sent
 * again. */
static void release(struct run *run, const struct look *look)
{
        struct error ignored;

        if (!run->released && look->evidence.cups_known && look->evidence.job == PRINT_JOB_HELD)
                run->released = queue_release(run->p->queue, run->job.id, &ignored) == 0;
}

static void done(const struct run *run, const struct look *look, json_t **ret)
{
        struct print_done done = { .job_id = run->job.id,
                                   .job_state = look->evidence.job,
                                   .counter = look->evidence.cups_known ? look->printer.counter : -1 };

        *ret = print_done_encode(&done);
}

static struct error unstarted_cause(const struct look *look)
{
        struct error e = look->cups_error;

        if (look->evidence.cups_known)
                (void)err_own(&e, ERR_OPERATOR, REASON_PRINTER_FAILED, "the job ended before the printer was started");
        return e;
}

static int settle(struct run *run, const struct look *look, struct error *err)
{
        struct error cause = unstarted_cause(look);

        if (run->unsettled_at == 0 || run->unsettled_known != look->evidence.cups_known)
                run->unsettled_at = printing_now_ms();
        run->unsettled_known = look->evidence.cups_known;
        if (printing_now_ms() - run->unsettled_at < run->p->silence_ms)
                return 0;
        if (look->evidence.gate.phase == GATE_DONE)
                return unknown(err, "the gate says printed, the print service says nothing or otherwise");
        return fail_unstarted(run, &cause, err);
}

/* 1 printed, 0 look again, -1 and *err. */
static int step(struct run *run, json_t **ret, struct error *err)
{
        struct error cause;
        struct look look;

        if (printing_look(run->p, run->intent, run->job.id, &look, err) < 0)
                return -1;
        tell(run, &look);
        release(run, &look);
        switch (verdict_next(&look.evidence)) {
        case VERDICT_WAIT:
                run->unsettled_at = 0;
                return 0;
        case VERDICT_SETTLE:
                return settle(run, &look, err);
        case VERDICT_REVOKE:
                cause = unstarted_cause(&look);
                return fail_unstarted(run, &cause, err);
        case VERDICT_PRINTED:
                FAULT_POINT("print.done.before");
                done(run, &look, ret);
                return 1;
        case VERDICT_UNKNOWN:
                printing_close(run->p, run->intent, &look);
                return unknown(err, "the printer was started and its success is not proven");
        }
        return unknown(err, "no verdict");
}

/* Soon after the gate's word CUPS finishes the job too: then the looks follow fast, for the first second. */
static int wait_ms(const struct run *run)
{
        bool fresh = run->unsettled_at != 0 && printing_now_ms() - run->unsettled_at < 1000;

        return fresh ? PRINTING_POLL_FAST_MS : PRINTING_POLL_MS;
}

static int follow(struct run *run, json_t **ret, struct error *err)
{
        int r;

        run->told = REASON_NONE;
        worker_progress(run->w, "printing", 0, 1);
        for (;;) {
                r = step(run, ret, err);
                if (r != 0)
                        return r < 0 ? -1 : 0;
                token_wait(run->p->gate, wait_ms(run));
        }
}

int task_print(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct run run = { .w = w, .p = w->context };
        struct print_ask ask;

        (void)ret_blob;
        if (print_ask_decode(args, &ask, err) < 0)
                return -1;
        memcpy(run.intent, ask.intent, sizeof run.intent);
        return submit(&run, blob, err) < 0 || commit(&run, err) < 0 ? -1 : follow(&run, ret_args, err);
}
