#define _GNU_SOURCE
#include "daemon/work/print/printing.h"
#include "drivers/print/conf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t printing_now_ms(void)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int look_job(struct printing *p, const char *intent, int job_id, struct queue_job *ret, struct error *err)
{
        if (job_id > 0 && queue_job(p->queue, job_id, ret, err) < 0)
                return -1;
        return job_id > 0 && ret->id > 0 ? 0 : queue_find(p->queue, intent, ret, err);
}

/* cupsd first and the gate last: a job seen finished before the gate is looked at has its result there by then. */
int printing_look(struct printing *p, const char *intent, int job_id, struct look *ret, struct error *err)
{
        struct look look = { 0 };
        struct evidence *e = &look.evidence;
        char scheme[GATE_SCHEME_MAX];

        e->cups_known = look_job(p, intent, job_id, &look.job, &look.cups_error) == 0 &&
                        queue_describe(p->queue, &look.printer, &look.cups_error) == 0;
        e->job = look.job.state;
        e->history_missing = look.printer.history_missing;
        e->behind_gate = gate_real_uri(look.printer.device_uri, scheme) != NULL;
        if (token_look(p->gate, intent, &e->gate, &e->running, err) < 0) {
                err->kind = ERR_UNKNOWN;
                return -1;
        }
        *ret = look;
        return 0;
}

int printing_call_off(struct printing *p, const char *intent, struct gate_state *ret, struct error *err)
{
        struct error ignored;

        if (token_revoke(p->gate, intent, ret, err) < 0) {
                err->kind = ERR_UNKNOWN;
                return -1;
        }
        if (ret->phase != GATE_REVOKED)
                return 0;
        /* tidiness only: without its token the job is refused whenever CUPS gets to it */
        (void)queue_cancel(p->queue, intent, &ignored);
        return 1;
}

void printing_close(struct printing *p, const char *intent, const struct look *look)
{
        struct gate_state ignored;
        struct error err;

        if (look->evidence.gate.phase == GATE_NONE || look->evidence.gate.phase == GATE_ISSUED)
                (void)printing_call_off(p, intent, &ignored, &err);
}

__attribute__((format(printf, 2, 3))) static void problem(struct print_check *check, const char *format, ...)
{
        va_list args;

        if (check->n_problems == PRINT_REASONS_MAX)
                return;
        va_start(args, format);
        (void)vsnprintf(check->problems[check->n_problems++], sizeof check->problems[0], format, args);
        va_end(args);
}

void printing_check(struct printing *p, const struct queue_state *state, struct print_check *ret)
{
        struct print_check c = { .accepting = state->accepting, .n_reasons = state->n_reasons };
        char scheme[GATE_SCHEME_MAX];
        struct error err;

        (void)snprintf(c.queue, sizeof c.queue, "%s", p->queue_name);
        (void)snprintf(c.device_uri, sizeof c.device_uri, "%s", state->device_uri);
        (void)snprintf(c.error_policy, sizeof c.error_policy, "%s", state->error_policy);
        (void)snprintf(c.state, sizeof c.state, "%s", state->state);
        memcpy(c.reasons, state->reasons, sizeof c.reasons);
        c.behind_gate = gate_real_uri(state->device_uri, scheme) != NULL;
        c.gate_writable = token_dir_check(p->gate, &err) == 0;
        if (!c.behind_gate)
                problem(&c, "the queue's device is not behind the print gate (mohr-once:REAL-URI)");
        if (strcmp(c.error_policy, "abort-job") != 0)
                problem(&c, "the queue's error policy is not abort-job");
        if (state->shared)
                problem(&c, "the queue is shared");
        if (p->cupsd_conf && conf_keeps_files(p->cupsd_conf))
                problem(&c, "cupsd keeps the printed cards' pictures: PreserveJobFiles No is missing in cupsd.conf");
        if (!c.accepting)
                problem(&c, "the queue does not accept jobs");
        if (strcmp(c.state, "stopped") == 0)
                problem(&c, "the queue is paused");
        if (!c.gate_writable)
                problem(&c, "%.*s", PRINT_TEXT_MAX, err.text);
        *ret = c;
}
