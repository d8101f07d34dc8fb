#define _GNU_SOURCE
#include "daemon/core/chip_inside.h"
#include "daemon/core/face.h"
#include "daemon/core/outcome.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { KEY_WAIT_MS = 10000 };
static const char *const mode_names[] = { "write", "read", "lock" };

static struct core *core_of(const struct chip_flow *f)
{
        return f->line->core;
}

static void flow_free(struct chip_flow *f)
{
        f->line->chip_flow = NULL;
        approval_file_done(&f->file);
        attempt_done(&f->attempt);
        free(f->photo);
        free(f);
}

static void flow_end(struct chip_flow *f, const struct error *err)
{
        struct line *line = f->line;
        const char *what = mode_names[f->mode];
        struct error why = err ? *err : (struct error){ 0 };
        char application[APPLICATION_TEXT], serial[SERIAL_TEXT], intent[UUID_TEXT];

        memcpy(application, f->attempt.application, sizeof application);
        memcpy(serial, f->serial, sizeof serial);
        memcpy(intent, f->intent, sizeof intent);
        flow_free(f);
        outcome_set(line, &line->chipped, what, application, serial, intent, err ? &why : NULL);
}

static void fail(struct chip_flow *f, const struct error *why)
{
        struct error err = *why;

        if (!chip_record_failed(f, &err))
                err = f->error;
        flow_end(f, &err);
}

/* The chip worker waits at a checkpoint: it is called off, and its last message ends the flow with this error. */
static void fail(struct chip_flow *f, const struct error *why);

static void give_up(struct chip_flow *f, const struct error *why)
{
        if (f->orphan) {
                fail(f, &f->error);
                return;
        }
        if (f->failing)
                return;
        f->error = *why;
        f->failing = true;
        work_call_off(&f->chip);
}

/* ---- the key worker's part
 * -------------------------------------------------------------------------------------------- */

static void key_lost(struct task *t, const struct error *err)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, key);
        struct error why = *err;

        if (why.kind == ERR_UNKNOWN) /* the key service only computes; the chip was not touched by this */
                why.kind = ERR_RETRY;
        why.reason = REASON_KEY_DOWN;
        give_up(f, &why);
}

static void ask_key(struct chip_flow *f, const char *verb, json_t *args, int blob,
                    void (*answered)(struct chip_flow *, struct ipc_message *, int))
{
        struct core *c = core_of(f);

        f->answered = answered;
        f->key = (struct task){ .message = f->key_message, .lost = key_lost, .wait_ms = KEY_WAIT_MS };
        work_submit(c->key, &f->key, verb, args, blob, c->config.key.limit_s * 1000);
}

static void key_message(struct task *t, struct ipc_message *m, int blob)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, key);

        if (f->orphan && (m->kind == IPC_FAILED || m->kind == IPC_DONE))
                fail(f, &f->error);
        else if (m->kind == IPC_FAILED)
                give_up(f, &m->error);
        else if (m->kind == IPC_DONE && !f->failing)
                f->answered(f, m, blob);
}

static void challenged(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_challenged k;
        struct chip_command command;

        (void)blob;
        if (key_challenged_decode(m->args, &k, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        (void)snprintf(f->session, sizeof f->session, "%s", k.session);
        memcpy(command.apdu, k.apdu, k.n);
        command.n = k.n;
        work_go(&f->chip, chip_command_encode("init_update", &command), -1);
}

static void opened(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_opened k;
        struct chip_command command;

        (void)blob;
        if (key_opened_decode(m->args, &k, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        memcpy(command.apdu, k.apdu, k.n);
        command.n = k.n;
        work_go(&f->chip, chip_command_encode("external_authenticate", &command), -1);
}

static void wrapped(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_wrapped k;

        if (key_wrapped_decode(m->args, &k, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        hex_encode_lower(BYTES(k.sod_sha256), f->sod_sha256, sizeof f->sod_sha256);
        if (!chip_record_script(f, f->sod_sha256)) {
                give_up(f, &f->error);
                return;
        }
        f->released = true;
        work_go(&f->chip, NULL, blob);
}

static void answers_checked(struct chip_flow *f, struct ipc_message *m, int blob)
{
        (void)blob;
        if (key_checked_decode(m->args, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        work_go(&f->chip, NULL, -1);
}

static void begin_challenge(struct chip_flow *f)
{
        cleanup(close_p) int photo = -1;
        struct key_challenge ask = { .purpose = f->mode == CHIP_LOCK ? KEY_LOCK : KEY_PERSONALISE,
                                     .serial = f->serial,
                                     .max_command = f->identity.max_command,
                                     .scp = f->identity.scp,
                                     .i = f->identity.i };

        memcpy(ask.chip_id, f->identity.chip_id, sizeof ask.chip_id);
        for (; ask.n_infos < f->identity.n_keys && ask.n_infos < KEY_INFOS_MAX; ask.n_infos++) {
                const struct gp_key_info *k = &f->identity.keys[ask.n_infos];

                ask.infos[ask.n_infos] = (struct key_info){ k->kid, k->kvn, k->type, k->n_bytes };
        }
        if (f->mode == CHIP_WRITE) {
                ask.subject = attempt_subject(&f->attempt, f->file.jws);
                photo = photo_blob(core_of(f), &f->file.approval, &f->error);
                if (photo < 0) {
                        give_up(f, &f->error);
                        return;
                }
        }
        ask_key(f, "challenge", key_challenge_encode(&ask), photo, challenged);
}

/* ---- the chip worker's checkpoints
 * ------------------------------------------------------------------------------------- */

static void at_identified(struct chip_flow *f, const struct ipc_message *m)
{
        if (chip_identity_decode(m->args, &f->identity, &f->error) < 0 ||
            chip_check_identity(f, &f->identity, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        if (f->mode == CHIP_LOCK && f->identity.app == CHIP_APP_LOCKED) {
                f->locked_before = true; /* a former try did it: nothing more to send */
                work_call_off(&f->chip);
                return;
        }
        if (!chip_record_identified(f, &f->identity))
                give_up(f, &f->error);
        else
                begin_challenge(f);
}

static void at_challenged(struct chip_flow *f, const struct ipc_message *m)
{
        struct key_open ask = { .session = f->session };
        struct chip_answer answer;

        if (chip_answer_decode(m->args, &answer, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        memcpy(ask.answer, answer.bytes, answer.n);
        ask.n = answer.n;
        ask_key(f, "open", key_open_encode(&ask), -1, opened);
}

static void at_opened(struct chip_flow *f, const struct ipc_message *m)
{
        struct key_wrap ask = { .session = f->session, .fallback = f->fallback };
        struct chip_answer answer;

        if (chip_answer_decode(m->args, &answer, &f->error) < 0) {
                give_up(f, &f->error);
                return;
        }
        memcpy(ask.answer, answer.bytes, answer.n);
        ask.n = answer.n;
        ask_key(f, "wrap", key_wrap_encode(&ask), -1, wrapped);
}

static void at_written(struct chip_flow *f, int blob)
{
        if (!chip_record_written(f))
                give_up(f, &f->error);
        else
                ask_key(f, "check", key_session_encode(f->session), blob, answers_checked);
}

static void checkpoint(struct chip_flow *f, const struct ipc_message *m, int blob)
{
        (void)snprintf(f->step, sizeof f->step, "%s", m->name);
        if (strcmp(m->name, "identified") == 0)
                at_identified(f, m);
        else if (strcmp(m->name, "challenged") == 0)
                at_challenged(f, m);
        else if (strcmp(m->name, "opened") == 0)
                at_opened(f, m);
        else
                at_written(f, blob);
}

static void keep_photo(struct chip_flow *f, int blob)
{
        cleanup(blob_unmap) struct bytes bytes = { 0 };
        struct error err;

        if (f->photo || blob < 0 || blob_map(blob, &bytes, &err) < 0)
                return;
        f->photo = malloc(bytes.n);
        if (f->photo)
                memcpy(f->photo, bytes.p, bytes.n);
        f->n_photo = f->photo ? bytes.n : 0;
}

static void show(struct chip_flow *f, const json_t *args)
{
        struct shown *shown = &f->line->shown;

        shown_clear(shown);
        memcpy(shown->serial, f->serial, sizeof shown->serial);
        shown->holder = json_incref((json_t *)(uintptr_t)args);
        shown->photo = steal(&f->photo);
        shown->n_photo = f->n_photo;
}

static void content_done(struct chip_flow *f, const json_t *args)
{
        struct chip_content content;
        struct error err;

        if (chip_content_decode(args, &content, &err) < 0) {
                fail(f, &err);
                return;
        }
        if (chip_check_content(f, &content, &err) < 0) {
                if (f->mode == CHIP_READ && err.kind == ERR_CARD && f->intent[0] && !chip_record_incomplete(f))
                        err = f->error;
                if (f->mode == CHIP_READ)
                        flow_end(f, &err);
                else
                        fail(f, &err);
                return;
        }
        if (f->intent[0] && !chip_record_verified(f)) {
                flow_end(f, &f->error);
                return;
        }
        show(f, args);
        flow_end(f, NULL);
}

static void lock_done(struct chip_flow *f)
{
        struct spoil_ask ask = { .serial = f->serial, .cause = f->cause, .text = f->text, .who = f->who };

        if (spoil_record(core_of(f), &ask, "unverifiable", f->intent, &f->error) < 0)
                fail(f, &f->error);
        else
                flow_end(f, NULL);
}

static void start_task(struct chip_flow *f);

/* A chip that refuses SET STATUS still takes an empty security object: same end, another session. */
static bool try_fallback(struct chip_flow *f, const struct error *err)
{
        if (f->mode != CHIP_LOCK || f->fallback || err->kind != ERR_CARD || err->reason != REASON_CHIP_STATUS)
                return false;
        f->fallback = true;
        f->failing = f->released = false;
        start_task(f);
        return true;
}

static void chip_failed(struct chip_flow *f, const struct error *err)
{
        struct error why = f->failing ? f->error : *err;

        if (f->locked_before)
                lock_done(f);
        else if (!try_fallback(f, &why))
                fail(f, &why);
}

static void chip_message(struct task *t, struct ipc_message *m, int blob)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, chip);

        if (m->kind == IPC_CHECKPOINT) {
                checkpoint(f, m, blob);
        } else if (m->kind == IPC_PROGRESS) {
                memcpy(f->step, m->name, sizeof f->step);
                f->done = m->done;
                f->of = m->of;
        } else if (m->kind == IPC_PART) {
                keep_photo(f, blob);
        } else if (m->kind == IPC_FAILED) {
                chip_failed(f, &m->error);
                return;
        } else if (m->kind == IPC_DONE) {
                if (f->mode == CHIP_LOCK)
                        lock_done(f);
                else
                        content_done(f, m->args);
                return;
        }
        line_tell(f->line);
}

static void chip_lost(struct task *t, const struct error *err)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, chip);

        if (!f->failing)
                f->error = *err;
        if (!f->released && f->error.kind == ERR_UNKNOWN)
                f->error.kind = ERR_RETRY; /* no script left: nothing on the chip was changed */
        if (work_task_open(&f->key) && !work_cancel(&f->key))
                f->orphan = true; /* the key worker's answer still names this flow: end when it came */
        else
                fail(f, &f->error);
}

static void start_task(struct chip_flow *f)
{
        struct core *c = core_of(f);
        const struct config *config = &c->config;
        struct chip_task task = { .wait_ms = config->chip.insert_s * 1000,
                                  .ca_pem = f->mode == CHIP_LOCK ? NULL : (const char *)c->chip_ca.p };

        (void)hex_decode(config->chip.aid, task.aid, sizeof task.aid, &task.n_aid);
        (void)hex_decode(config->chip.isd_aid, task.isd_aid, sizeof task.isd_aid, &task.n_isd_aid);
        f->chip = (struct task){ .message = chip_message, .lost = chip_lost, .wait_ms = KEY_WAIT_MS };
        work_submit(f->line->chip, &f->chip, mode_names[f->mode], chip_task_encode(&task), -1,
                    (config->chip.insert_s + config->chip.limit_s) * 1000);
        line_tell(f->line);
}

/* ---- start
 * ------------------------------------------------------------------------------------------------------------- */

static struct chip_flow *flow_new(struct line *line, enum chip_mode mode, const struct who *who, const char *serial,
                                  struct error *err)
{
        struct chip_flow *f;

        if (line->chip_flow) {
                (void)err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "the reader of line %s has card %s",
                              line->config->name, line->chip_flow->serial);
                return NULL;
        }
        f = calloc(1, sizeof *f);
        if (!f) {
                (void)err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
                return NULL;
        }
        *f = (struct chip_flow){ .line = line, .mode = mode, .who = *who, .key_message = key_message };
        (void)snprintf(f->serial, sizeof f->serial, "%s", serial);
        return f;
}

static int begin(struct chip_flow *f, struct error *err)
{
        struct line *line = f->line;

        if (f->mode != CHIP_READ && !chip_record_begin(f)) {
                *err = f->error;
                flow_free(f);
                return -1;
        }
        line->chip_flow = f;
        shown_clear(&line->shown);
        start_task(f);
        return 0;
}

static int check_line(struct line *line, struct error *err)
{
        if (ledger_get_int(&line->core->ledger, "SELECT count(*) FROM line WHERE name=?1 AND held='line_stopped'", "s",
                           line->config->name) > 0)
                return err_own(err, ERR_OPERATOR, REASON_LINE_STOPPED, "line %s is stopped", line->config->name);
        return 0;
}

static int prepare_write(struct chip_flow *f, struct error *err)
{
        struct core *c = core_of(f);

        if (attempt_of_serial(c, f->serial, &f->attempt, err) < 0)
                return -1;
        return approval_load(c, f->attempt.application, &f->file, err);
}

int chip_flow_write(struct line *line, const struct who *who, const char *serial, struct error *err)
{
        struct ledger *l = &line->core->ledger;
        char state[32] = "", intent[UUID_TEXT] = "";
        struct chip_flow *f;
        enum chip_mode mode;

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        (void)ledger_get_text(l, intent, sizeof intent,
                              "SELECT id FROM intent WHERE serial=?1 AND kind='write' AND state='unknown'", "s",
                              serial);
        if (strcmp(state, "accepted") != 0 && strcmp(state, "verified") != 0 && !intent[0])
                return err_input(err, REASON_WRONG_STATE, "serial %s is %s; it is written after a good inspection",
                                 serial, state);
        if (check_line(line, err) < 0)
                return -1;
        mode = strcmp(state, "accepted") == 0 ? CHIP_WRITE : CHIP_READ;
        f = flow_new(line, mode, who, serial, err);
        if (!f)
                return -1;
        memcpy(f->intent, intent, sizeof intent);
        if (prepare_write(f, err) < 0) {
                flow_free(f);
                return -1;
        }
        return begin(f, err);
}

int chip_flow_lock(struct line *line, const struct spoil_ask *ask, struct error *err)
{
        struct chip_flow *f = flow_new(line, CHIP_LOCK, &ask->who, ask->serial, err);
        struct error ignored;

        if (!f)
                return -1;
        (void)snprintf(f->cause, sizeof f->cause, "%s", ask->cause);
        (void)snprintf(f->text, sizeof f->text, "%s", ask->text);
        (void)attempt_of_serial(line->core, ask->serial, &f->attempt, &ignored);
        return begin(f, err);
}

void chip_flow_drop(struct line *line)
{
        if (line->chip_flow)
                flow_free(line->chip_flow);
}

json_t *chip_flow_json(const struct line *line)
{
        const struct chip_flow *f = line->chip_flow;

        if (!f)
                return json_null();
        return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "mode", mode_names[f->mode], "step", f->step, "serial", f->serial,
                         "intent", f->intent, "done", (json_int_t)f->done, "of", (json_int_t)f->of);
}
