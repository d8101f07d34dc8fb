/* What the tasks of mohr-print share: the queue, the gate, and looking at both.
 *
 * printing_look never fails for a silent cupsd (cups_known false); only the gate's disk can make it fail, and then
 * nothing may be concluded: the error's kind is UNKNOWN. */
#pragma once
#include "daemon/work/print/verdict.h"
#include "daemon/work/worker.h"
#include "drivers/print/queue.h"
#include "drivers/print/token.h"

enum { PRINTING_POLL_MS = 250, PRINTING_POLL_FAST_MS = 10 };

struct printing {
        struct queue *queue;
        struct token_dir *gate;
        const char *queue_name;
        const char *cupsd_conf; /* NULL: not on this machine */
        int64_t silence_ms;     /* how long silence or contradiction is borne */
};

struct look {
        struct evidence evidence;
        struct queue_job job;
        struct queue_state printer;
        struct error cups_error; /* when !cups_known */
};

int64_t printing_now_ms(void);
/* job_id 0: look the job up by name. A job that went is looked up by name again. Blocks as drivers/print/queue.h. */
int printing_look(struct printing *p, const char *intent, int job_id, struct look *ret, struct error *err);
/* Revokes the token; when that wins, cancels the job too and answers 1; 0 when the gate was first; -1 and *err. */
int printing_call_off(struct printing *p, const char *intent, struct gate_state *ret, struct error *err);
/* For an outcome that is unknown although the gate let nothing through (somebody put the queue's device before
 * it): from here on it does not start either, and CUPS does not start it again. What cannot be revoked stays so. */
void printing_close(struct printing *p, const char *intent, const struct look *look);
/* The set-up the gate's promise rests on: appends what is wrong to check (may reach the gate's disk). */
void printing_check(struct printing *p, const struct queue_state *state, struct print_check *ret);

int task_check(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_print(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_probe(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_cancel(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
