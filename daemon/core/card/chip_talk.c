/* The talk between chip and key worker, carried by the core: at each checkpoint of the one, what the other says. */
#include "daemon/core/card/chip_inside.h"
#include "daemon/core/card/face.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <stdio.h>
#include <string.h>

enum { KEY_WAIT_MS = 10000 };
_Static_assert((int)CHIP_APDU_MAX == (int)KEY_APDU_MAX, "commands and answers fit both ways");

static struct core *core_of(const struct chip_flow *f)
{
        return f->line->core;
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
        chip_give_up(f, &why);
}

static void key_message(struct task *t, struct ipc_message *m, int blob);

static void ask_key(struct chip_flow *f, const char *verb, json_t *args, int blob,
                    void (*answered)(struct chip_flow *, struct ipc_message *, int))
{
        struct core *c = core_of(f);

        f->answered = answered;
        f->key = (struct task){ .message = key_message, .lost = key_lost, .wait_ms = KEY_WAIT_MS };
        work_submit(c->key, &f->key, verb, args, blob, c->config.key.limit_s * 1000);
}

static void key_message(struct task *t, struct ipc_message *m, int blob)
{
        struct chip_flow *f = owner_of(t, struct chip_flow, key);

        if (f->orphan && (m->kind == IPC_FAILED || m->kind == IPC_DONE))
                chip_fail(f, &f->error);
        else if (m->kind == IPC_FAILED)
                chip_give_up(f, &m->error);
        else if (m->kind == IPC_DONE && !f->failing)
                f->answered(f, m, blob);
}

static void close_message(struct task *t, struct ipc_message *m, int blob)
{
        (void)t;
        (void)m;
        (void)blob;
}

static void close_lost(struct task *t, const struct error *err)
{
        (void)t;
        (void)err;
}

void chip_close_session(struct chip_flow *f)
{
        struct core *c = core_of(f);
        struct task *t = &f->line->key_close;

        if (f->session[0] == '\0' || work_task_open(t))
                return;
        *t = (struct task){ .message = close_message, .lost = close_lost, .wait_ms = KEY_WAIT_MS };
        work_submit(c->key, t, "close", key_session_encode(f->session), -1, c->config.key.limit_s * 1000);
        f->session[0] = '\0';
}

static void challenged(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_challenged k;
        struct chip_command command;

        (void)blob;
        if (key_challenged_decode(m->args, &k, &f->error) < 0) {
                chip_give_up(f, &f->error);
                return;
        }
        (void)snprintf(f->session, sizeof f->session, "%s", k.session);
        memcpy(command.apdu, k.apdu, k.n);
        command.n = k.n;
        FAULT_POINT("core.go_init_update.before");
        work_go(&f->chip, chip_command_encode("init_update", &command), -1);
        FAULT_POINT("core.go_init_update.after");
}

static void opened(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_opened k;
        struct chip_command command;

        (void)blob;
        if (key_opened_decode(m->args, &k, &f->error) < 0) {
                chip_give_up(f, &f->error);
                return;
        }
        memcpy(command.apdu, k.apdu, k.n);
        command.n = k.n;
        FAULT_POINT("core.go_authenticate.before");
        work_go(&f->chip, chip_command_encode("external_authenticate", &command), -1);
        FAULT_POINT("core.go_authenticate.after");
}

static void wrapped(struct chip_flow *f, struct ipc_message *m, int blob)
{
        struct key_wrapped k;

        if (key_wrapped_decode(m->args, &k, &f->error) < 0) {
                chip_give_up(f, &f->error);
                return;
        }
        if (blob < 0 || k.personalised != (f->mode == CHIP_WRITE)) {
                (void)err_own(&f->error, ERR_BUG, REASON_INTERNAL, "the key service's script is incomplete");
                chip_give_up(f, &f->error);
                return;
        }
        hex_encode_lower(BYTES(k.sod_sha256), f->sod_sha256, sizeof f->sod_sha256);
        if (!chip_record_script(f, f->sod_sha256)) {
                chip_give_up(f, &f->error);
                return;
        }
        f->released = true;
        FAULT_POINT("core.go_script.before");
        work_go(&f->chip, NULL, blob);
        FAULT_POINT("core.go_script.after");
}

static void answers_checked(struct chip_flow *f, struct ipc_message *m, int blob)
{
        (void)blob;
        if (key_checked_decode(m->args, &f->error) < 0) {
                chip_give_up(f, &f->error);
                return;
        }
        f->session[0] = '\0'; /* over with its check */
        FAULT_POINT("core.go_read_back.before");
        work_go(&f->chip, NULL, -1);
        FAULT_POINT("core.go_read_back.after");
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
                        chip_give_up(f, &f->error);
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
                chip_give_up(f, &f->error);
                return;
        }
        if (f->mode == CHIP_LOCK && f->identity.app == CHIP_APP_LOCKED) {
                f->locked_before = true; /* a former try did it: nothing more to send */
                work_call_off(&f->chip);
                return;
        }
        if (!chip_record_identified(f, &f->identity))
                chip_give_up(f, &f->error);
        else
                begin_challenge(f);
}

static void at_challenged(struct chip_flow *f, const struct ipc_message *m)
{
        struct key_open ask = { .session = f->session };
        struct chip_answer answer;

        if (chip_answer_decode(m->args, &answer, &f->error) < 0) {
                chip_give_up(f, &f->error);
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
                chip_give_up(f, &f->error);
                return;
        }
        memcpy(ask.answer, answer.bytes, answer.n);
        ask.n = answer.n;
        ask_key(f, "wrap", key_wrap_encode(&ask), -1, wrapped);
}

static void at_written(struct chip_flow *f, int blob)
{
        if (!chip_record_written(f))
                chip_give_up(f, &f->error);
        else
                ask_key(f, "check", key_session_encode(f->session), blob, answers_checked);
}

void chip_checkpoint(struct chip_flow *f, const struct ipc_message *m, int blob)
{
        static const char *const order[] = { "identified", "challenged", "opened", "written" };

        if (f->n_checkpoints >= ARRAY_SIZE(order) || strcmp(m->name, order[f->n_checkpoints]) != 0) {
                (void)err_own(&f->error, ERR_BUG, REASON_INTERNAL, "the chip worker is out of step");
                chip_give_up(f, &f->error);
                return;
        }
        (void)snprintf(f->step, sizeof f->step, "%s", m->name);
        switch (f->n_checkpoints++) {
        case 0:
                at_identified(f, m);
                break;
        case 1:
                at_challenged(f, m);
                break;
        case 2:
                at_opened(f, m);
                break;
        default:
                at_written(f, blob);
                break;
        }
}
