/* One CUPS queue through libcups: its set-up, one held job per card, and what became of it (RFC 8011; CUPS 2.4).
 *
 * Each call is one or two IPP requests over the local socket (server: environment CUPS_SERVER). It connects when there
 * is no connection, waits at most QUEUE_CONNECT_MS for that and QUEUE_ANSWER_S for an answer, and drops the connection
 * at any failure, so that the next call finds a restarted cupsd by itself. Never asks for a password. SIGPIPE must be
 * ignored. Errors: RETRY queue_gone (no cupsd, no answer), OPERATOR queue_gone (no such queue), OPERATOR queue_wrong
 * (cupsd refuses); the origin is IPP and the code ipp_status_t. A failed submit or release may have happened: look. */
#pragma once
#include "proto/ipc/print.h"

enum { QUEUE_CONNECT_MS = 2000, QUEUE_ANSWER_S = 5 };

struct queue;

struct queue_state {
        char device_uri[PRINT_URI_MAX + 1], error_policy[64], state[16]; /* state: "idle", "processing", "stopped" */
        bool shared, accepting, history_missing, any_reason;
        size_t n_reasons;
        enum reason reasons[PRINT_REASONS_MAX]; /* each once */
        int64_t counter; /* printer-impressions-completed (PWG 5100.7 8.3.3); -1: this queue gives none, as most do */
};

struct queue_job {
        int id; /* 0 with PRINT_JOB_NONE */
        enum print_job state;
        struct print_job_facts facts;
};

/* Does not connect yet. name: at most PRINT_QUEUE_MAX bytes; media: the job's media keyword; both are copied. */
int queue_new(const char *name, const char *media, struct queue **ret, struct error *err);
void queue_free(struct queue *q); /* accepts NULL */

int queue_describe(struct queue *q, struct queue_state *ret, struct error *err);
/* CUPS keeps printer-state-reasons until told otherwise: empties them (CUPS-Add-Modify-Printer). */
int queue_clear_reasons(struct queue *q, struct error *err);

/* Creates a held job named by the intent (copies 1, media, two-sided-long-edge, print-scaling none; nothing else, and
 * nothing personal) and sends the PDF. *ret is the job. */
int queue_submit(struct queue *q, const char *intent, struct bytes pdf, struct queue_job *ret, struct error *err);
int queue_release(struct queue *q, int job_id, struct error *err);

/* Looks up by id, or by name among all jobs of the queue, finished ones too; PRINT_JOB_NONE when there is none. Of
 * several with one name (an answer was lost) the furthest is told. */
int queue_job(struct queue *q, int job_id, struct queue_job *ret, struct error *err);
int queue_find(struct queue *q, const char *intent, struct queue_job *ret, struct error *err);
/* Cancels every unfinished job of this name; none is no error. A backend at work is told to stop. */
int queue_cancel(struct queue *q, const char *intent, struct error *err);
