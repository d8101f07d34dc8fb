#include "drivers/print/queue.h"
#include "drivers/print/reasons.h"
#include "drivers/print/request.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int queue_new(const char *name, const char *media, struct queue **ret, struct error *err)
{
        struct queue *q = calloc(1, sizeof *q);

        if (!q)
                return err_set(err, ERR_RETRY, ORIGIN_OS, ENOMEM, REASON_INTERNAL, "no memory");
        (void)snprintf(q->name, sizeof q->name, "%s", name);
        (void)snprintf(q->media, sizeof q->media, "%s", media);
        (void)snprintf(q->resource, sizeof q->resource, "/printers/%s", name);
        (void)httpAssembleURI(HTTP_URI_CODING_ALL, q->uri, sizeof q->uri, "ipp", NULL, "localhost", 0, q->resource);
        cupsSetPasswordCB2(request_no_password, NULL);
        *ret = q;
        return 0;
}

void queue_free(struct queue *q)
{
        if (!q)
                return;
        httpClose(q->http);
        free(q);
}

static const char *text_of(ipp_t *answer, const char *name)
{
        ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_ZERO);
        const char *text = a ? ippGetString(a, 0, NULL) : NULL;

        return text ? text : "";
}

static bool flag_of(ipp_t *answer, const char *name, bool missing)
{
        ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_BOOLEAN);

        return a ? ippGetBoolean(a, 0) != 0 : missing;
}

static int number_of(ipp_t *answer, const char *name, ipp_tag_t tag)
{
        ipp_attribute_t *a = ippFindAttribute(answer, name, tag);

        return a ? ippGetInteger(a, 0) : 0;
}

static void add_reason(struct queue_state *state, enum reason reason)
{
        for (size_t i = 0; i < state->n_reasons; i++)
                if (state->reasons[i] == reason)
                        return;
        if (reason != REASON_NONE && state->n_reasons < PRINT_REASONS_MAX)
                state->reasons[state->n_reasons++] = reason;
}

static void read_reasons(ipp_t *answer, struct queue_state *ret)
{
        ipp_attribute_t *a = ippFindAttribute(answer, "printer-state-reasons", IPP_TAG_KEYWORD);

        for (int i = 0; a && i < ippGetCount(a); i++) {
                const char *keyword = ippGetString(a, i, NULL);

                if (!keyword || strcmp(keyword, "none") == 0)
                        continue;
                ret->any_reason = true;
                ret->history_missing = ret->history_missing || reasons_history_missing(keyword);
                add_reason(ret, reasons_map(keyword));
        }
}

static const char *printer_state_word(int state)
{
        return state == IPP_PSTATE_IDLE ? "idle" : state == IPP_PSTATE_PROCESSING ? "processing" : "stopped";
}

int queue_describe(struct queue *q, struct queue_state *ret, struct error *err)
{
        static const char *const wanted[] = { "device-uri",
                                              "printer-error-policy",
                                              "printer-is-shared",
                                              "printer-state",
                                              "printer-state-reasons",
                                              "printer-is-accepting-jobs",
                                              "printer-impressions-completed" };
        ipp_t *request = request_new(q, IPP_OP_GET_PRINTER_ATTRIBUTES, 0);
        cleanup(ipp_p) ipp_t *answer = NULL;
        struct queue_state state = { 0 };

        request_want(request, ARRAY_SIZE(wanted), wanted);
        if (request_send(q, request, "/", &answer, err) < 0)
                return -1;
        (void)snprintf(state.device_uri, sizeof state.device_uri, "%s", text_of(answer, "device-uri"));
        (void)snprintf(state.error_policy, sizeof state.error_policy, "%s", text_of(answer, "printer-error-policy"));
        (void)snprintf(state.state, sizeof state.state, "%s",
                       printer_state_word(number_of(answer, "printer-state", IPP_TAG_ENUM)));
        state.counter = ippFindAttribute(answer, "printer-impressions-completed", IPP_TAG_INTEGER)
                                ? number_of(answer, "printer-impressions-completed", IPP_TAG_INTEGER)
                                : -1;
        state.shared = flag_of(answer, "printer-is-shared", true);
        state.accepting = flag_of(answer, "printer-is-accepting-jobs", false);
        read_reasons(answer, &state);
        *ret = state;
        return 0;
}

int queue_clear_reasons(struct queue *q, struct error *err)
{
        ipp_t *request = request_new(q, IPP_OP_CUPS_ADD_MODIFY_PRINTER, 0);
        cleanup(ipp_p) ipp_t *answer = NULL;

        (void)ippAddString(request, IPP_TAG_PRINTER, IPP_TAG_KEYWORD, "printer-state-reasons", NULL, "none");
        return request_send(q, request, "/admin/", &answer, err);
}

static enum print_job job_state(int state)
{
        switch (state) {
        case IPP_JSTATE_PENDING:
                return PRINT_JOB_PENDING;
        case IPP_JSTATE_HELD:
                return PRINT_JOB_HELD;
        case IPP_JSTATE_PROCESSING:
                return PRINT_JOB_PROCESSING;
        case IPP_JSTATE_STOPPED:
                return PRINT_JOB_STOPPED;
        case IPP_JSTATE_CANCELED:
                return PRINT_JOB_CANCELED;
        case IPP_JSTATE_ABORTED:
                return PRINT_JOB_ABORTED;
        case IPP_JSTATE_COMPLETED:
                return PRINT_JOB_COMPLETED;
        default: /* a foreign enum: what cupsd may add later is taken for "at work" */
                return PRINT_JOB_PROCESSING;
        }
}

static int create_job(struct queue *q, const char *intent, int *ret_id, struct error *err)
{
        ipp_t *request = request_new(q, IPP_OP_CREATE_JOB, 0);
        cleanup(ipp_p) ipp_t *answer = NULL;

        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, intent);
        (void)ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-hold-until", NULL, "indefinite");
        (void)ippAddInteger(request, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies", 1);
        (void)ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "media", NULL, q->media);
        (void)ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "sides", NULL, "two-sided-long-edge");
        (void)ippAddString(request, IPP_TAG_JOB, IPP_TAG_KEYWORD, "print-scaling", NULL, "none");
        if (request_send(q, request, q->resource, &answer, err) < 0)
                return -1;
        *ret_id = number_of(answer, "job-id", IPP_TAG_INTEGER);
        if (*ret_id <= 0)
                return err_own(err, ERR_RETRY, REASON_QUEUE_GONE, "cupsd answered without a job id");
        return 0;
}

static int send_document(struct queue *q, int job_id, struct bytes pdf, struct error *err)
{
        ipp_t *request = request_new(q, IPP_OP_SEND_DOCUMENT, job_id);

        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, "application/pdf");
        (void)ippAddBoolean(request, IPP_TAG_OPERATION, "last-document", 1);
        return request_send_document(q, request, pdf, err);
}

int queue_release(struct queue *q, int job_id, struct error *err)
{
        cleanup(ipp_p) ipp_t *answer = NULL;

        if (FAULT_ERROR("print.release.before", ERR_RETRY, REASON_QUEUE_GONE, err) ||
            request_send(q, request_new(q, IPP_OP_RELEASE_JOB, job_id), "/jobs/", &answer, err) < 0)
                return -1;
        return FAULT_ERROR("print.release.after", ERR_RETRY, REASON_QUEUE_GONE, err) ? -1 : 0;
}

static const char *const job_wanted[] = { "job-id",
                                          "job-name",
                                          "job-state",
                                          "job-uuid",
                                          "job-state-reasons",
                                          "time-at-creation",
                                          "time-at-processing",
                                          "time-at-completed",
                                          "job-impressions-completed" };

/* cupsd answers a time it has not come to with no-value: then it is not an integer (RFC 8011 5.1.1). */
static int64_t integer_of(ipp_attribute_t *a)
{
        return ippGetValueTag(a) == IPP_TAG_INTEGER ? ippGetInteger(a, 0) : 0;
}

static void add_job_reasons(struct print_job_facts *f, ipp_attribute_t *a)
{
        for (int i = 0; i < ippGetCount(a) && f->n_reasons < PRINT_JOB_REASONS_MAX; i++) {
                const char *word = ippGetString(a, i, NULL);

                if (word && word[0] && strlen(word) <= PRINT_KEYWORD_MAX)
                        (void)snprintf(f->reasons[f->n_reasons++], sizeof f->reasons[0], "%s", word);
        }
}

static void take_fact(struct print_job_facts *f, const char *name, ipp_attribute_t *a)
{
        if (strcmp(name, "job-uuid") == 0)
                (void)snprintf(f->uuid, sizeof f->uuid, "%s", ippGetString(a, 0, NULL));
        else if (strcmp(name, "job-state-reasons") == 0)
                add_job_reasons(f, a);
        else if (strcmp(name, "time-at-creation") == 0)
                f->created_at = integer_of(a);
        else if (strcmp(name, "time-at-processing") == 0)
                f->processing_at = integer_of(a);
        else if (strcmp(name, "time-at-completed") == 0)
                f->completed_at = integer_of(a);
        else if (strcmp(name, "job-impressions-completed") == 0 && ippGetValueTag(a) == IPP_TAG_INTEGER)
                f->impressions = ippGetInteger(a, 0);
}

/* One job out of an answer: Get-Jobs parts its groups by separators (RFC 8011 4.2.6.2). */
struct job_walk {
        struct queue_job job;
        const char *name;
};
static const struct job_walk new_walk = { .job.facts.impressions = -1 };

static void walk_attribute(struct job_walk *walk, ipp_attribute_t *a)
{
        const char *name = ippGetName(a);

        if (strcmp(name, "job-id") == 0)
                walk->job.id = ippGetInteger(a, 0);
        else if (strcmp(name, "job-state") == 0)
                walk->job.state = job_state(ippGetInteger(a, 0));
        else if (strcmp(name, "job-name") == 0)
                walk->name = ippGetString(a, 0, NULL);
        else
                take_fact(&walk->job.facts, name, a);
}

static struct queue_job read_job(ipp_t *answer)
{
        struct job_walk walk = new_walk;

        for (ipp_attribute_t *a = ippFirstAttribute(answer); a; a = ippNextAttribute(answer))
                if (ippGetGroupTag(a) == IPP_TAG_JOB && ippGetName(a))
                        walk_attribute(&walk, a);
        return walk.job;
}

int queue_job(struct queue *q, int job_id, struct queue_job *ret, struct error *err)
{
        ipp_t *request = request_new(q, IPP_OP_GET_JOB_ATTRIBUTES, job_id);
        cleanup(ipp_p) ipp_t *answer = NULL;

        request_want(request, ARRAY_SIZE(job_wanted), job_wanted);
        if (request_send(q, request, "/jobs/", &answer, err) < 0) {
                if (err->code != IPP_STATUS_ERROR_NOT_FOUND)
                        return -1;
                *ret = (struct queue_job){ 0 };
                return 0;
        }
        *ret = read_job(answer);
        return 0;
}

/* The answer to Create-Job does not tell the job-uuid (CUPS 2.4.2), hence the look afterwards. */
int queue_submit(struct queue *q, const char *intent, struct bytes pdf, struct queue_job *ret, struct error *err)
{
        struct queue_job job = { 0 };
        int id = 0;

        if (FAULT_ERROR("print.create_job.before", ERR_RETRY, REASON_QUEUE_GONE, err) ||
            create_job(q, intent, &id, err) < 0 ||
            FAULT_ERROR("print.create_job.after", ERR_RETRY, REASON_QUEUE_GONE, err) ||
            FAULT_ERROR("print.send_document.before", ERR_RETRY, REASON_QUEUE_GONE, err) ||
            send_document(q, id, pdf, err) < 0 ||
            FAULT_ERROR("print.send_document.after", ERR_RETRY, REASON_QUEUE_GONE, err) ||
            queue_job(q, id, &job, err) < 0)
                return -1;
        if (job.id != id || job.state != PRINT_JOB_HELD)
                return err_own(err, ERR_RETRY, REASON_QUEUE_GONE, "the print service did not keep the job held");
        *ret = job;
        return 0;
}

/* The next job of this name from *at on; false at the end. */
static bool next_named(ipp_t *answer, ipp_attribute_t **at, const char *intent, struct queue_job *ret)
{
        while (*at) {
                struct job_walk walk = new_walk;

                for (; *at && ippGetGroupTag(*at) == IPP_TAG_JOB && ippGetName(*at); *at = ippNextAttribute(answer))
                        walk_attribute(&walk, *at);
                if (*at)
                        *at = ippNextAttribute(answer);
                *ret = walk.job;
                if (walk.name && strcmp(walk.name, intent) == 0 && walk.job.id > 0)
                        return true;
        }
        return false;
}

static int get_jobs(struct queue *q, const char *which, ipp_t **ret, struct error *err)
{
        ipp_t *request = request_new(q, IPP_OP_GET_JOBS, 0);

        (void)ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, which);
        request_want(request, ARRAY_SIZE(job_wanted), job_wanted);
        return request_send(q, request, "/", ret, err);
}

int queue_find(struct queue *q, const char *intent, struct queue_job *ret, struct error *err)
{
        cleanup(ipp_p) ipp_t *answer = NULL;
        struct queue_job best = { 0 }, job;
        ipp_attribute_t *at;

        if (get_jobs(q, "all", &answer, err) < 0)
                return -1;
        at = ippFirstAttribute(answer);
        while (next_named(answer, &at, intent, &job))
                if (best.id == 0 || job.state > best.state)
                        best = job;
        *ret = best;
        return 0;
}

static int cancel_job(struct queue *q, int job_id, struct error *err)
{
        cleanup(ipp_p) ipp_t *answer = NULL;

        if (request_send(q, request_new(q, IPP_OP_CANCEL_JOB, job_id), "/jobs/", &answer, err) == 0)
                return 0;
        /* it ended, or went, meanwhile */
        return err->code == IPP_STATUS_ERROR_NOT_POSSIBLE || err->code == IPP_STATUS_ERROR_NOT_FOUND ? 0 : -1;
}

int queue_cancel(struct queue *q, const char *intent, struct error *err)
{
        cleanup(ipp_p) ipp_t *answer = NULL;
        struct queue_job job;
        ipp_attribute_t *at;

        if (get_jobs(q, "not-completed", &answer, err) < 0)
                return -1;
        at = ippFirstAttribute(answer);
        while (next_named(answer, &at, intent, &job))
                if (FAULT_ERROR("print.cancel.before", ERR_RETRY, REASON_QUEUE_GONE, err) ||
                    cancel_job(q, job.id, err) < 0 ||
                    FAULT_ERROR("print.cancel.after", ERR_RETRY, REASON_QUEUE_GONE, err))
                        return -1;
        return 0;
}
