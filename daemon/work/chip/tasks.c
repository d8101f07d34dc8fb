/* The verbs of mohr-chip. */
#include "daemon/work/chip/job.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"

static int not_verified(const struct chip_content *c, struct error *err)
{
        return err_own(err, ERR_CARD, c->complete ? REASON_VERIFY_FAILED : REASON_NOT_ISSUED,
                       "read back after writing: %s (file %04X)", c->why, c->fid);
}

int task_write(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        cleanup(job_done) struct job job = { 0 };
        cleanup(close_p) int script = -1;
        struct chip_content content;
        int64_t n = 0;

        (void)blob;
        (void)ret_blob;
        job.blank_only = true;
        if (job_begin(&job, w, args, true, err) < 0 || job_open(&job, &script, err) < 0 ||
            job_run_script(&job, script, &n, err) < 0 || job_reset(&job, err) < 0 ||
            job_read_content(&job, &content, err) < 0)
                return -1;
        if (!content.verified)
                return not_verified(&content, err);
        FAULT_POINT("chip.read_back.after");
        content.n_apdus = n;
        *ret_args = chip_content_encode(&content);
        return 0;
}

static int read_card(struct worker *w, const json_t *args, bool silent, json_t **ret_args, struct error *err)
{
        cleanup(job_done) struct job job = { .silent = silent };
        struct chip_content content;

        if (job_begin(&job, w, args, true, err) < 0 || job_read_content(&job, &content, err) < 0)
                return -1;
        *ret_args = chip_content_encode(&content);
        return 0;
}

int task_read(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        (void)blob;
        (void)ret_blob;
        return read_card(w, args, false, ret_args, err);
}

int task_watch(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        (void)blob;
        (void)ret_blob;
        return read_card(w, args, true, ret_args, err);
}

/* Nothing to lock: the application is not there, or it is locked already. */
static bool nothing_to_lock(const struct job *job)
{
        return job->seen.app == CHIP_APP_ABSENT || job->seen.app == CHIP_APP_LOCKED;
}

static int lock(struct job *job, struct error *err)
{
        cleanup(close_p) int script = -1;
        int64_t n;

        if (job_open(job, &script, err) < 0)
                return -1;
        return job_run_script(job, script, &n, err);
}

int task_lock(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        cleanup(job_done) struct job job = { 0 };
        struct chip_locked locked = { .unverifiable = false };
        bool readable = false;

        (void)blob;
        (void)ret_blob;
        if (job_begin(&job, w, args, false, err) < 0 || (!nothing_to_lock(&job) && lock(&job, err) < 0) ||
            job_reset(&job, err) < 0 || job_sod_readable(&job, &readable, err) < 0)
                return -1;
        for (unsigned i = 0; i < sizeof locked.chip_id; i++)
                locked.chip_id[i] = job.seen.chip_id[i];
        FAULT_POINT("chip.lock_proof.after");
        locked.unverifiable = !readable;
        *ret_args = chip_locked_encode(&locked);
        return 0;
}
