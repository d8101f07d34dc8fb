#define _GNU_SOURCE
#include "daemon/core/card/chip_inside.h"
#include "daemon/core/card/outcome.h"
#include "daemon/core/card/recover.h"
#include "daemon/core/desk/desk_chip.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { START_WAIT_MS = 10000 };
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
        chip_close_session(f);
        flow_free(f);
        outcome_set(line, &line->chipped, what, application, serial, intent, err ? &why : NULL);
        if (err && intent[0])
                recover_later(line->core);
        chip_watch_begin(line, true);
}

void chip_fail(struct chip_flow *f, const struct error *why)
{
        struct error err = *why;

        if (!chip_record_failed(f, &err))
                err = f->error;
        flow_end(f, &err);
}

void chip_give_up(struct chip_flow *f, const struct error *why)
{
        if (f->orphan) {
                chip_fail(f, &f->error);
                return;
        }
        if (f->failing)
                return;
        f->error = *why;
        f->failing = true;
        work_call_off(&f->chip);
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
                chip_fail(f, &err);
                return;
        }
        if (chip_check_content(f, &content, &err) < 0) {
                if (f->mode == CHIP_READ && err.kind == ERR_CARD && f->intent[0] && !chip_record_incomplete(f))
                        err = f->error;
                if (f->mode == CHIP_READ)
                        flow_end(f, &err);
                else
                        chip_fail(f, &err);
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

        if (f->minutes[0]) {
                ask.minutes = f->minutes;
                ask.minutes_sha256 = f->minutes_sha256;
                ask.first = f->first;
                ask.second = f->second;
        }

        if (spoil_record(core_of(f), &ask, "unverifiable", f->intent, &f->error) < 0)
                chip_fail(f, &f->error);
        else
                flow_end(f, NULL);
}

/* A foreign chip is unverifiable too: it must be the one that was written. */
static void lock_told(struct chip_flow *f, const json_t *args)
{
        struct chip_locked locked;
        struct error err;

        if (chip_locked_decode(args, &locked, &err) < 0 || chip_check_same(f, locked.chip_id, &err) < 0) {
                chip_fail(f, &err);
                return;
        }
        lock_done(f);
}

static void start_task(struct chip_flow *f);

/* A chip that refuses SET STATUS still takes an empty security object: same end, another session. */
static bool try_fallback(struct chip_flow *f, const struct error *err)
{
        if (f->mode != CHIP_LOCK || f->fallback || err->kind != ERR_CARD || err->reason != REASON_CHIP_STATUS)
                return false;
        chip_close_session(f);
        f->fallback = true;
        f->failing = f->released = false;
        f->n_checkpoints = 0;
        start_task(f);
        return true;
}

static void chip_failed(struct chip_flow *f, const struct error *err)
{
        struct error why = f->failing ? f->error : *err;

        if (f->locked_before)
                lock_done(f);
        else if (!try_fallback(f, &why))
                chip_fail(f, &why);
}

static void chip_message(struct task *t, struct ipc_message *m, int blob)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, chip);

        if (m->kind == IPC_CHECKPOINT) {
                chip_checkpoint(f, m, blob);
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
                        lock_told(f, m->args);
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
                chip_fail(f, &f->error);
}

static struct chip_task task_of(const struct core *c, int64_t wait_ms, bool with_ca)
{
        const struct config *config = &c->config;
        struct chip_task task = { .wait_ms = wait_ms, .ca_pem = with_ca ? (const char *)c->chip_ca.p : NULL };

        (void)hex_decode(config->chip.aid, task.aid, sizeof task.aid, &task.n_aid);
        (void)hex_decode(config->chip.isd_aid, task.isd_aid, sizeof task.isd_aid, &task.n_isd_aid);
        return task;
}

void chip_submit_read(struct line *line, struct task *t, const char *verb, int64_t wait_ms, bool fresh)
{
        struct chip_task task = task_of(line->core, wait_ms, true);

        task.fresh = fresh;
        work_submit(line->chip, t, verb, chip_task_encode(&task), -1, wait_ms + line->core->config.chip.limit_s * 1000);
}

static void start_task(struct chip_flow *f)
{
        struct core *c = core_of(f);
        const struct config *config = &c->config;
        struct chip_task task = task_of(c, config->chip.insert_s * 1000, f->mode != CHIP_LOCK);

        chip_watch_yield(f->line);
        f->chip = (struct task){ .message = chip_message, .lost = chip_lost, .wait_ms = START_WAIT_MS };
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
        *f = (struct chip_flow){ .line = line, .mode = mode, .who = *who };
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

        if (attempt_of_serial(c, f->serial, &f->attempt, err) < 0 ||
            (f->mode != CHIP_READ && card_check_application(c, f->attempt.application, err) < 0))
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
        (void)snprintf(f->cause, sizeof f->cause, "%s", ask->cause ? ask->cause : "");
        (void)snprintf(f->text, sizeof f->text, "%s", ask->text);
        if (ask->minutes) {
                (void)snprintf(f->minutes, sizeof f->minutes, "%s", ask->minutes);
                (void)snprintf(f->minutes_sha256, sizeof f->minutes_sha256, "%s", ask->minutes_sha256);
                (void)snprintf(f->first, sizeof f->first, "%s", ask->first);
                (void)snprintf(f->second, sizeof f->second, "%s", ask->second);
        }
        (void)attempt_of_serial(line->core, ask->serial, &f->attempt, &ignored);
        return begin(f, err);
}

bool chip_flow_runs(const struct line *line, const char *intent)
{
        return line->chip_flow && strcmp(line->chip_flow->intent, intent) == 0;
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
