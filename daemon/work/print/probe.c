/* probe and cancel: what became of one print, and making sure that one which never started never will. */
#include "daemon/work/print/printing.h"

static void answer(const struct look *look, enum print_verdict verdict, json_t **ret)
{
        struct print_evidence evidence = { .job = look->evidence.cups_known ? look->job.state : PRINT_JOB_NONE,
                                           .job_id = look->job.id,
                                           .gate = look->evidence.gate,
                                           .running = look->evidence.running,
                                           .verdict = verdict,
                                           .cups = look->evidence.cups_known,
                                           .facts = look->job.facts,
                                           .counter = look->evidence.cups_known ? look->printer.counter : -1 };

        *ret = print_evidence_encode(&evidence);
}

/* 1 answered, 0 look again, -1 error. */
static int call_off(struct printing *p, const char *intent, struct look *look, json_t **ret, struct error *err)
{
        int r = printing_call_off(p, intent, &look->evidence.gate, err);

        if (r <= 0)
                return r;
        answer(look, PRINT_NOT_STARTED, ret);
        return 1;
}

static bool gate_untouched(const struct look *look)
{
        return look->evidence.gate.phase != GATE_CONSUMED && look->evidence.gate.phase != GATE_DONE;
}

/* One look. 1 answered, 0 look again later, -1 error. waited: patience of that kind is over. */
static int step(struct printing *p, const char *intent, bool work_waited, bool silence_waited, json_t **ret,
                struct error *err)
{
        struct look look;

        if (printing_look(p, intent, 0, &look, err) < 0)
                return -1;
        switch (verdict_next(&look.evidence)) {
        case VERDICT_REVOKE:
                return call_off(p, intent, &look, ret, err);
        case VERDICT_WAIT:
                if (gate_untouched(&look)) /* nobody waits for this job any more */
                        return call_off(p, intent, &look, ret, err);
                if (!work_waited)
                        return 0;
                break;
        case VERDICT_SETTLE:
                if (!silence_waited)
                        return 0;
                if (gate_untouched(&look)) { /* cupsd is silent: nothing is known of the job or the queue's device */
                        *err = look.cups_error;
                        return -1;
                }
                break;
        case VERDICT_PRINTED:
                answer(&look, PRINT_PRINTED, ret);
                return 1;
        case VERDICT_UNKNOWN:
                printing_close(p, intent, &look);
                break;
        }
        answer(&look, PRINT_UNKNOWN, ret);
        return 1;
}

static int probe(struct printing *p, const struct print_probe *probe, json_t **ret, struct error *err)
{
        int64_t start = printing_now_ms();
        int r = 0;

        while (r == 0) {
                int64_t waited = printing_now_ms() - start;

                r = step(p, probe->intent, waited >= probe->wait_ms, waited >= p->silence_ms, ret, err);
                if (r == 0)
                        token_wait(p->gate, PRINTING_POLL_MS);
        }
        return r < 0 ? -1 : 0;
}

int task_probe(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct print_probe ask;

        (void)blob, (void)ret_blob;
        return print_probe_decode(args, &ask, err) < 0 ? -1 : probe(w->context, &ask, ret_args, err);
}

/* The token first, so that nothing new starts; then the job, which tells a backend at work to stop. */
int task_cancel(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct printing *p = w->context;
        struct print_probe ask;
        struct gate_state state;

        (void)blob, (void)ret_blob;
        if (print_probe_decode(args, &ask, err) < 0 || printing_call_off(p, ask.intent, &state, err) < 0 ||
            queue_cancel(p->queue, ask.intent, err) < 0)
                return -1;
        return probe(p, &ask, ret_args, err);
}
