/* One task of mohr-chip: the card in the reader, from insertion to read-back.
 *
 * Every function blocks as long as reader, card and core do. Nothing here decides about keys: the commands that
 * authenticate come from the core, and so does the script. */
#pragma once
#include "daemon/work/worker.h"
#include "drivers/chip/card.h"
#include "proto/ipc/chip.h"

/* The worker's context. */
struct reader {
        const char *name;
        int64_t work_ms; /* what a card may take in all its answers; > 0 */
};

struct job {
        struct worker *w;
        struct transport *t;
        struct chip_task task;
        struct chip_identity seen;
        uint64_t worked_ns; /* when the card was there */
        bool silent;        /* waits without a word, and for the reader too */
        bool blank_only;    /* refuse any other chip after `identified`, before a key is used */
        uint64_t shown_ns;  /* of the last progress message, and what it said */
        const char *shown_step;
        int64_t shown_done, shown_of;
};

/* Decodes args, waits for a card, takes it, and finds out what it is: job->seen. */
int job_begin(struct job *job, struct worker *w, const json_t *args, bool with_ca, struct error *err);
/* Lets the card and the reader go; accepts a zeroed one; fits cleanup(). */
void job_done(struct job *job);
int64_t job_ms_device(const struct job *job);
int64_t job_ms_total(const struct job *job); /* since the card was there */
/* Progress, but at most some twenty times a second; always at done == 0 and done == of. The last one is said again
 * before a command when a second has passed, so that a slow card does not look like a hung one. step is kept. */
void job_show(struct job *job, const char *step, int64_t done, int64_t of);

/* Checkpoints identified, challenged, opened: authenticates with the core's commands. *ret_script: the script's
 * blob; the caller closes it. */
int job_open(struct job *job, int *ret_script, struct error *err);
/* Sends the script and posts checkpoint written. From its first command on every loss is UNKNOWN. *ret_n: commands. */
int job_run_script(struct job *job, int script, int64_t *ret_n, struct error *err);
int job_sha256(struct bytes data, uint8_t ret[32], struct error *err);
/* Power off and on; the chip must be the one that was identified. */
int job_reset(struct job *job, struct error *err);

/* Reads all files over the keyless path and asks the public verifier; ret is filled but for n_apdus. When verified,
 * sends part photo. */
int job_read_content(struct job *job, struct chip_content *ret, struct error *err);
/* Whether EF.SOD can still be read whole and holds anything; without it nothing verifies. */
int job_sod_readable(struct job *job, bool *ret, struct error *err);

int task_write(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_watch(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_read(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
int task_lock(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
