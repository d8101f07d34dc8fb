/* Reading a card as anyone can, and the public verifier on it. */
#include "daemon/work/chip/job.h"
#include "proto/base/cleanup.h"
#include <string.h>
#include <time.h>

enum { EMPTY_FILE = 2 }; /* bytes of a file that is a tag and a zero length */

struct files {
        struct lds_file list[LDS_N_FILES];
        size_t n;
        struct writer store;
};

static void show_reading(void *context, size_t n)
{
        job_show(context, "read", (int64_t)n, 0);
}

static int read_files(struct job *job, struct files *files, struct error *err)
{
        for (size_t i = 0; i < LDS_N_FILES; i++) {
                size_t before = files->store.n;
                enum card_file file;

                if (card_read_file(job->t, lds_fids[i], show_reading, job, &files->store, &file, err) < 0)
                        return -1;
                if (file != CARD_FILE_READ)
                        continue;
                files->list[files->n++] =
                        (struct lds_file){ lds_fids[i], { files->store.p + before, files->store.n - before } };
        }
        return 0;
}

static void take_result(struct chip_content *c, const struct lds_result *result)
{
        c->verified = result->verdict == LDS_VERIFIED;
        c->fid = result->fid;
        (void)strncpy(c->why, lds_verdict_word(result->verdict), CHIP_WHY_MAX);
        if (!c->verified)
                return;
        c->signed_at = result->signed_at;
        memcpy(c->signer_sha256, result->signer_sha256, sizeof c->signer_sha256);
        c->record = result->record;
        c->has_token = result->has_token;
        memcpy(c->face_code, result->face_code, sizeof c->face_code);
        memcpy(c->data_sha256, result->data_sha256, sizeof c->data_sha256);
}

static int verify(struct job *job, const struct files *files, struct chip_content *c, struct error *err)
{
        struct lds_input in = {
                .files = files->list,
                .n_files = files->n,
                .chip_id = job->seen.chip_id,
                .ca_pem = { (const uint8_t *)job->task.ca_pem, strlen(job->task.ca_pem) },
                .now = (int64_t)time(NULL),
        };
        cleanup(free_p) struct lds_result *result = calloc(1, sizeof *result);

        if (!result)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        job_show(job, "verify", 0, 1);
        (void)lds_verify(&in, result);
        take_result(c, result);
        return c->verified ? worker_part(job->w, "photo", result->record.photo, err) : 0;
}

static int read_and_verify(struct job *job, struct chip_content *c, struct error *err)
{
        cleanup(free_p) uint8_t *buffer = malloc(LDS_N_FILES * (size_t)CARD_FILE_MAX);
        struct files files = { .store = { buffer, 0, buffer ? LDS_N_FILES * (size_t)CARD_FILE_MAX : 0, false } };

        if (!buffer)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (read_files(job, &files, err) < 0)
                return -1;
        c->complete = files.n == LDS_N_FILES;
        for (size_t i = 0; i < files.n; i++) {
                if (files.list[i].fid != LDS_FID_SOD)
                        continue;
                c->has_sod = true;
                if (job_sha256(files.list[i].content, c->sod_sha256, err) < 0)
                        return -1;
        }
        return verify(job, &files, c, err);
}

int job_read_content(struct job *job, struct chip_content *ret, struct error *err)
{
        enum card_app app;

        *ret = (struct chip_content){ .app = CHIP_APP_PERSONALISED };
        memcpy(ret->chip_id, job->seen.chip_id, sizeof ret->chip_id);
        job_show(job, "read", 0, 0);
        if (card_select_app(job->t, (struct bytes){ job->task.aid, job->task.n_aid }, &app, NULL, err) < 0)
                return -1;
        if (app != CARD_APP_SELECTED)
                ret->app = app == CARD_APP_ABSENT ? CHIP_APP_ABSENT : CHIP_APP_LOCKED;
        else if (read_and_verify(job, ret, err) < 0)
                return -1;
        else if (!ret->has_sod)
                ret->app = job->seen.app == CHIP_APP_PERSONALISED ? CHIP_APP_PERSONALISED : CHIP_APP_BLANK;
        if (!ret->has_sod && ret->app != CHIP_APP_PERSONALISED)
                (void)strncpy(ret->why, chip_app_word(ret->app), CHIP_WHY_MAX);
        ret->ms_device = job_ms_device(job);
        ret->ms_total = job_ms_total(job);
        return 0;
}

int job_sod_readable(struct job *job, bool *ret, struct error *err)
{
        cleanup(free_p) uint8_t *buffer = malloc(CARD_FILE_MAX);
        struct writer sod = { buffer, 0, buffer ? CARD_FILE_MAX : 0, false };
        enum card_app app;
        enum card_file file = CARD_FILE_ABSENT;

        if (card_select_app(job->t, (struct bytes){ job->task.aid, job->task.n_aid }, &app, NULL, err) < 0)
                return -1;
        if (app == CARD_APP_SELECTED && card_read_file(job->t, LDS_FID_SOD, NULL, NULL, &sod, &file, err) < 0)
                return -1;
        *ret = file == CARD_FILE_READ && sod.n > EMPTY_FILE;
        return 0;
}
