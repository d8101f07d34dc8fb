#include "daemon/work/chip/job.h"
#include "drivers/chip/pcsc.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

enum { SHOW_EVERY_MS = 50, SAY_AGAIN_MS = 1000 };

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(struct job *job)
{
        job->shown_ns = now_ns();
        worker_progress(job->w, job->shown_step, job->shown_done, job->shown_of);
}

void job_show(struct job *job, const char *step, int64_t done, int64_t of)
{
        job->shown_step = step;
        job->shown_done = done;
        job->shown_of = of;
        if (done == 0 || done == of || now_ns() - job->shown_ns >= SHOW_EVERY_MS * 1000000u)
                say(job);
}

static void say_again(void *context)
{
        struct job *job = context;

        if (job->shown_step && now_ns() - job->shown_ns >= SAY_AGAIN_MS * 1000000u)
                say(job);
}

int64_t job_ms_device(const struct job *job)
{
        return (int64_t)(job->t->ns_device / 1000000u);
}

int64_t job_ms_total(const struct job *job)
{
        return (int64_t)((now_ns() - job->worked_ns) / 1000000u);
}

int job_sha256(struct bytes data, uint8_t ret[32], struct error *err)
{
        if (EVP_Digest(data.p, data.n, ret, NULL, EVP_sha256(), NULL) == 1)
                return 0;
        return err_own(err, ERR_RETRY, REASON_INTERNAL, "libcrypto refuses SHA-256");
}

void job_done(struct job *job)
{
        if (job->t)
                transport_close(job->t);
        job->t = NULL;
}

static int show_waiting(void *context, int64_t ms)
{
        struct job *job = context;

        job_show(job, reason_word(REASON_NO_CARD), ms, job->task.wait_ms);
        return 0;
}

static struct bytes isd_aid(const struct job *job)
{
        return (struct bytes){ job->task.isd_aid, job->task.n_isd_aid };
}

static void fill_identity(struct job *job, const struct card_identity *c)
{
        struct chip_identity *seen = &job->seen;

        *seen = (struct chip_identity){ .n_atr = job->t->n_atr, .n_isd_aid = c->n_isd_aid, .n_keys = c->n_keys };
        memcpy(seen->chip_id, c->chip_id, sizeof seen->chip_id);
        memcpy(seen->atr, job->t->atr, job->t->n_atr);
        memcpy(seen->isd_aid, c->isd_aid, c->n_isd_aid);
        memcpy(seen->keys, c->keys, c->n_keys * sizeof c->keys[0]);
        seen->n_cplc = c->has_cplc ? sizeof c->cplc : 0;
        memcpy(seen->cplc, c->cplc, seen->n_cplc);
        seen->scp = seen->i = -1;
        for (size_t i = 0; i < c->n_scps; i++) { /* SCP03 before an older one */
                if (seen->scp == 0x03)
                        break;
                seen->scp = c->scps[i].scp;
                seen->i = c->scps[i].i;
        }
        seen->max_command = c->max_lc;
}

static int look_at_app(struct job *job, struct error *err)
{
        struct chip_identity *seen = &job->seen;
        cleanup(free_p) uint8_t *buffer = malloc(CARD_FILE_MAX);
        struct writer sod = { buffer, 0, buffer ? CARD_FILE_MAX : 0, false };
        unsigned max_lc = (unsigned)seen->max_command;
        enum card_app app;
        enum card_file file;

        if (card_select_app(job->t, (struct bytes){ job->task.aid, job->task.n_aid }, &app, &max_lc, err) < 0)
                return -1;
        seen->max_command = max_lc;
        seen->app = app == CARD_APP_ABSENT ? CHIP_APP_ABSENT : CHIP_APP_LOCKED;
        if (app != CARD_APP_SELECTED)
                return 0;
        if (card_read_file(job->t, LDS_FID_SOD, NULL, NULL, &sod, &file, err) < 0)
                return -1;
        seen->app = file == CARD_FILE_ABSENT ? CHIP_APP_BLANK : CHIP_APP_PERSONALISED;
        seen->has_sod = file == CARD_FILE_READ;
        return seen->has_sod ? job_sha256(writer_bytes(&sod), seen->sod_sha256, err) : 0;
}

static int identify(struct job *job, struct error *err)
{
        struct card_identity c;

        job_show(job, "identify", 0, 1);
        if (FAULT_ERROR("chip.connect.before", ERR_RETRY, REASON_READER_GONE, err) ||
            job->t->ops->connect(job->t, err) < 0 ||
            FAULT_ERROR("chip.connect.after", ERR_RETRY, REASON_READER_GONE, err) ||
            card_identify(job->t, isd_aid(job), &c, err) < 0)
                return -1;
        fill_identity(job, &c);
        return look_at_app(job, err);
}

int job_begin(struct job *job, struct worker *w, const json_t *args, bool with_ca, struct error *err)
{
        const struct reader *reader = w->context;

        job->w = w;
        if (chip_task_decode(args, with_ca, &job->task, err) < 0)
                return -1;
        job->t = pcsc_new(reader->name);
        if (!job->t)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        job->t->ns_limit = (uint64_t)reader->work_ms * 1000000u;
        job->t->before = say_again;
        job->t->context = job;
        job->t->fresh = job->task.fresh;
        job->t->patient = job->silent;
        if (job->t->ops->wait(job->t, job->task.wait_ms, job->silent ? NULL : show_waiting, job, err) < 0)
                return -1;
        job->worked_ns = now_ns();
        return identify(job, err);
}

int job_reset(struct job *job, struct error *err)
{
        uint8_t chip_id[GP_CHIP_ID_SIZE];

        job_show(job, "reset", 0, 1);
        if (FAULT_ERROR("chip.reset.before", ERR_UNKNOWN, REASON_READER_GONE, err) ||
            job->t->ops->reset(job->t, err) < 0 ||
            FAULT_ERROR("chip.reset.after", ERR_UNKNOWN, REASON_READER_GONE, err) ||
            card_chip_id(job->t, isd_aid(job), chip_id, err) < 0)
                return -1;
        if (memcmp(chip_id, job->seen.chip_id, sizeof chip_id) != 0)
                return err_own(err, job->t->changing ? ERR_UNKNOWN : ERR_OPERATOR, REASON_CARD_REMOVED,
                               "another chip is in the reader now");
        return 0;
}
