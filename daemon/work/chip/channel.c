/* The three checkpoints before anything is changed, and the script after them. */
#include "daemon/work/chip/job.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"

/* Posts a checkpoint with args (taken) and gets the command that comes back. */
static int ask_command(struct job *job, const char *checkpoint, json_t *args, const char *name,
                       struct chip_command *ret, struct error *err)
{
        cleanup(json_p) json_t *owned = args, *go = NULL;

        if (worker_checkpoint(job->w, checkpoint, owned, -1, &go, NULL, err) < 0)
                return -1;
        return chip_command_decode(go, name, ret, err);
}

static int send_command(struct job *job, const struct chip_command *c, struct chip_answer *ret, uint16_t *ret_sw,
                        struct error *err)
{
        struct writer w = { ret->bytes, 0, sizeof ret->bytes - 2, false };

        if (card_send(job->t, (struct bytes){ c->apdu, c->n }, &w, ret_sw, err) < 0)
                return -1;
        w.max = sizeof ret->bytes;
        write_u16(&w, *ret_sw);
        ret->n = w.n;
        return 0;
}

/* GPCS E.5.2.7, and 6982 in the field: the card counted a failed authentication. */
static int refused(uint16_t sw, struct error *err)
{
        return err_set(err, ERR_CARD, ORIGIN_SW, sw, REASON_CHIP_KEY_REFUSED, "the chip refuses the key: %04X, %s", sw,
                       apdu_sw_text(sw));
}

static int refuse(struct error *err, enum reason reason, const char *what)
{
        return err_own(err, ERR_CARD, reason, "%s", what);
}

/* Before any key is used: is this a chip to be written at all? The core was asked first: it knows whose chip it is. */
static int check_blank(const struct job *job, struct error *err)
{
        switch (job->seen.app) {
        case CHIP_APP_BLANK:
                return 0;
        case CHIP_APP_ABSENT:
                return refuse(err, REASON_CHIP_FOREIGN, "the certificate application is not on the chip");
        case CHIP_APP_PERSONALISED:
                return refuse(err, REASON_CHIP_PERSONALISED, "the chip holds a security object already");
        case CHIP_APP_LOCKED:
                return refuse(err, REASON_CHIP_LOCKED, "the certificate application is locked");
        }
        return refuse(err, REASON_INTERNAL, "unknown state of the application");
}

static int challenge(struct job *job, struct chip_answer *ret, struct error *err)
{
        struct chip_command c;
        uint16_t sw = 0;

        if (ask_command(job, "identified", chip_identity_encode(&job->seen), "init_update", &c, err) < 0 ||
            (job->blank_only && check_blank(job, err) < 0))
                return -1;
        job_show(job, "authenticate", 0, 2);
        if (card_select_isd(job->t, (struct bytes){ job->task.isd_aid, job->task.n_isd_aid }, err) < 0 ||
            FAULT_ERROR("chip.init_update.before", ERR_RETRY, REASON_READER_GONE, err) ||
            send_command(job, &c, ret, &sw, err) < 0 ||
            FAULT_ERROR("chip.init_update.after", ERR_RETRY, REASON_READER_GONE, err))
                return -1;
        return apdu_sw_check(sw, false, "INITIALIZE UPDATE", err);
}

static int authenticate(struct job *job, struct chip_answer *answer, struct error *err)
{
        struct chip_command c;
        uint16_t sw = 0;

        if (ask_command(job, "challenged", chip_answer_encode(answer), "external_authenticate", &c, err) < 0)
                return -1;
        job_show(job, "authenticate", 1, 2);
        if (FAULT_ERROR("chip.authenticate.before", ERR_RETRY, REASON_READER_GONE, err) ||
            send_command(job, &c, answer, &sw, err) < 0 ||
            FAULT_ERROR("chip.authenticate.after", ERR_RETRY, REASON_READER_GONE, err))
                return -1;
        return sw == SW_OK ? 0 : refused(sw, err);
}

int job_open(struct job *job, int *ret_script, struct error *err)
{
        struct chip_answer answer;
        cleanup(json_p) json_t *args = NULL;
        cleanup(close_p) int script = -1;

        if (challenge(job, &answer, err) < 0 || authenticate(job, &answer, err) < 0)
                return -1;
        args = chip_answer_encode(&answer);
        FAULT_POINT("chip.opened.before");
        if (worker_checkpoint(job->w, "opened", args, -1, NULL, &script, err) < 0)
                return -1;
        FAULT_POINT("chip.opened.after");
        if (script < 0)
                return err_input(err, REASON_BAD_REQUEST, "no script came with 'opened'");
        *ret_script = steal_fd(&script);
        return 0;
}

/* A refused command before the last: nothing was committed. The last one may have been: reading decides. */
static int check_status(uint16_t sw, size_t at, size_t n, struct error *err)
{
        if (apdu_sw_check(sw, false, "the script", err) == 0)
                return 0;
        if (at + 1 == n)
                err->kind = ERR_UNKNOWN;
        return -1;
}

/* The loss of a reader at the first, a middle and the last command of the script. */
static bool lost_before(size_t i, size_t n, struct error *err)
{
        (void)i, (void)n, (void)err;
        return (i == 0 && FAULT_ERROR("chip.script_first.before", ERR_UNKNOWN, REASON_READER_GONE, err)) ||
               (i == n / 2 && FAULT_ERROR("chip.script_middle.before", ERR_UNKNOWN, REASON_READER_GONE, err)) ||
               (i + 1 == n && FAULT_ERROR("chip.script_last.before", ERR_UNKNOWN, REASON_READER_GONE, err));
}

static bool lost_after(size_t i, size_t n, struct error *err)
{
        (void)i, (void)n, (void)err;
        return (i == 0 && FAULT_ERROR("chip.script_first.after", ERR_UNKNOWN, REASON_READER_GONE, err)) ||
               (i == n / 2 && FAULT_ERROR("chip.script_middle.after", ERR_UNKNOWN, REASON_READER_GONE, err)) ||
               (i + 1 == n && FAULT_ERROR("chip.script_last.after", ERR_UNKNOWN, REASON_READER_GONE, err));
}

static int send_all(struct job *job, struct bytes list, size_t n, struct writer *answers, struct error *err)
{
        struct bytes command;

        job->t->changing = true;
        for (size_t i = 0; apdu_list_next(&list, &command) > 0; i++) {
                uint16_t sw = 0;

                job_show(job, "write", (int64_t)i, (int64_t)n);
                if (lost_before(i, n, err) || card_send_listed(job->t, command, answers, &sw, err) < 0 ||
                    lost_after(i, n, err) || check_status(sw, i, n, err) < 0)
                        return -1;
        }
        job_show(job, "write", (int64_t)n, (int64_t)n);
        return 0;
}

static int post_written(struct job *job, size_t n, struct bytes answers, struct error *err)
{
        struct chip_written written = { (int64_t)n, job_ms_device(job) };
        cleanup(json_p) json_t *args = chip_written_encode(&written);
        cleanup(close_p) int blob = blob_new(answers, err);

        FAULT_POINT("chip.written.before");
        if (blob >= 0 && worker_checkpoint(job->w, "written", args, blob, NULL, NULL, err) == 0) {
                FAULT_POINT("chip.written.after");
                return 0;
        }
        err->kind = ERR_UNKNOWN; /* the script has run */
        return -1;
}

int job_run_script(struct job *job, int script, int64_t *ret_n, struct error *err)
{
        cleanup(blob_unmap) struct bytes list = { 0 };
        cleanup(free_p) uint8_t *buffer = NULL;
        struct writer answers = { 0 };
        size_t n = 0;

        if (blob_map(script, &list, err) < 0 || chip_script_check(list, &n, err) < 0)
                return -1;
        answers.max = n * (2 + APDU_ANSWER_MAX);
        answers.p = buffer = malloc(answers.max);
        if (!buffer)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (send_all(job, list, n, &answers, err) < 0 || post_written(job, n, writer_bytes(&answers), err) < 0)
                return -1;
        *ret_n = (int64_t)n;
        return 0;
}
