#include "daemon/core/card/chip_inside.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <string.h>

static struct core *core_of(const struct chip_flow *f)
{
        return f->line->core;
}

static bool commit(struct chip_flow *f)
{
        return core_commit(core_of(f), &f->error);
}

bool chip_record_begin(struct chip_flow *f)
{
        struct ledger *l = &core_of(f)->ledger;
        struct intent_spec spec = { .kind = f->mode == CHIP_LOCK ? "lock" : "write",
                                    .application = f->attempt.application[0] ? f->attempt.application : NULL,
                                    .card = f->attempt.card[0] ? f->attempt.card : NULL,
                                    .serial = f->serial,
                                    .line = f->line->config->name };

        ledger_begin(l, &f->who);
        intent_new(l, &spec, f->intent);
        if (f->mode == CHIP_WRITE)
                ledger_move(l, ENTITY_BLANK, f->serial, "write", f->intent, NULL);
        FAULT_COMMIT("core.chip_begin");
        return commit(f);
}

/* The attempt is durable before the chip hears of it: a power cut must never make it forgotten (DESIGN 1.7). */
bool chip_record_identified(struct chip_flow *f, const struct chip_identity *id)
{
        struct ledger *l = &core_of(f)->ledger;
        cleanup(json_p) json_t *evidence = json_object();

        hex_encode_lower(BYTES(id->chip_id), f->chip_id, sizeof f->chip_id);
        (void)json_object_set_new(evidence, "chip_id", json_string(f->chip_id));
        ledger_begin(l, &who_station);
        ledger_run(l,
                   "INSERT INTO chip(id,serial,attempts) VALUES(?1,?2,1) ON CONFLICT(id) DO UPDATE SET "
                   "attempts=attempts+1",
                   "ss", f->chip_id, f->serial);
        if (f->mode == CHIP_WRITE)
                ledger_run(l, "UPDATE blank SET chip_id=?2 WHERE serial=?1 AND chip_id IS NULL", "ss", f->serial,
                           f->chip_id);
        intent_step(l, f->intent, "identified", evidence);
        FAULT_COMMIT("core.chip_identified");
        return commit(f);
}

bool chip_record_script(struct chip_flow *f, const char *sod_sha256)
{
        struct ledger *l = &core_of(f)->ledger;
        cleanup(json_p) json_t *evidence = json_object();

        ledger_begin(l, &who_station);
        ledger_run(l, "UPDATE chip SET attempts=0 WHERE id=?1", "s", f->chip_id);
        if (f->mode == CHIP_WRITE) {
                (void)json_object_set_new(evidence, "sod_sha256", json_string(sod_sha256));
                ledger_run(l, "UPDATE blank SET sod_sha256=?2 WHERE serial=?1", "ss", f->serial, sod_sha256);
                ledger_run(l, "UPDATE line SET mismatches=0 WHERE name=?1", "s", f->line->config->name);
        }
        intent_step(l, f->intent, "script", evidence);
        FAULT_COMMIT("core.chip_script");
        return commit(f);
}

bool chip_record_written(struct chip_flow *f)
{
        struct ledger *l = &core_of(f)->ledger;

        ledger_begin(l, &who_station);
        intent_step(l, f->intent, "written", NULL);
        if (f->mode == CHIP_WRITE)
                ledger_move_set(l, ENTITY_BLANK, f->serial, "written", f->intent, NULL,
                                "UPDATE blank SET state=?2, version=version+1, written_at=?3 WHERE serial=?1", "i",
                                clock_wall_ms());
        FAULT_COMMIT("core.chip_written");
        return commit(f);
}

bool chip_record_verified(struct chip_flow *f)
{
        struct ledger *l = &core_of(f)->ledger;
        char state[32] = "";

        ledger_begin(l, &who_station);
        (void)ledger_state(l, ENTITY_BLANK, f->serial, state, sizeof state);
        if (strcmp(state, "writing") == 0)
                ledger_move_set(l, ENTITY_BLANK, f->serial, "written", f->intent, NULL,
                                "UPDATE blank SET state=?2, version=version+1, written_at=?3 WHERE serial=?1", "i",
                                clock_wall_ms());
        intent_step(l, f->intent, "verified", NULL);
        ledger_move_set(l, ENTITY_BLANK, f->serial, "verify", f->intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, verified_at=?3 WHERE serial=?1", "i",
                        clock_wall_ms());
        intent_close(l, f->intent, "done", NULL);
        FAULT_COMMIT("core.chip_verified");
        return commit(f);
}

void chip_record_untouched(struct ledger *l, const char *serial, const char *intent)
{
        char state[32] = "";

        (void)ledger_state(l, ENTITY_BLANK, serial, state, sizeof state);
        if (strcmp(state, "writing") != 0)
                return;
        ledger_move(l, ENTITY_BLANK, serial, "abort", intent, NULL);
        ledger_run(l, "UPDATE blank SET chip_id=NULL WHERE serial=?1 AND sod_sha256 IS NULL", "s", serial);
}

static void back_to_accepted(struct ledger *l, const struct chip_flow *f)
{
        char state[32] = "";

        (void)ledger_state(l, ENTITY_BLANK, f->serial, state, sizeof state);
        if (strcmp(state, "writing") == 0)
                chip_record_untouched(l, f->serial, f->intent);
        else if (strcmp(state, "written") == 0)
                ledger_move(l, ENTITY_BLANK, f->serial, "rewrite", f->intent, NULL);
}

bool chip_record_incomplete(struct chip_flow *f)
{
        struct ledger *l = &core_of(f)->ledger;
        cleanup(json_p) json_t *result = json_pack("{s:s}", "proof", "read back without a whole certificate");

        ledger_begin(l, &who_station);
        intent_close(l, f->intent, "fail", result);
        back_to_accepted(l, f);
        FAULT_COMMIT("core.chip_incomplete");
        return commit(f);
}

/* One refused key parks the chip; two chips in a row stop the line: wrong master key or wrong scheme. */
static void record_mismatch(struct chip_flow *f)
{
        struct ledger *l = &core_of(f)->ledger;
        const char *line = f->line->config->name;

        ledger_audit(l, "key_refused", "chip", f->chip_id, f->intent, NULL);
        ledger_run(l, "UPDATE chip SET mismatches=mismatches+1, parked='chip_key_refused' WHERE id=?1", "s",
                   f->chip_id);
        ledger_run(l,
                   "INSERT INTO line(name,mismatches) VALUES(?1,1) ON CONFLICT(name) DO UPDATE SET "
                   "mismatches=mismatches+1",
                   "s", line);
        if (ledger_get_int(l, "SELECT mismatches FROM line WHERE name=?1", "s", line) >= 2)
                line_hold(f->line, REASON_LINE_STOPPED, f->serial);
}

bool chip_record_failed(struct chip_flow *f, const struct error *why)
{
        struct ledger *l = &core_of(f)->ledger;
        cleanup(json_p) json_t *result = ipc_encode_error(why);
        bool open = f->released && why->kind != ERR_CARD;

        if (f->intent[0] == '\0')
                return true;
        ledger_begin(l, &who_station);
        if (f->mode == CHIP_READ) {
                ledger_audit(l, "read_failed", "intent", f->intent, f->intent, result);
        } else {
                intent_close(l, f->intent, open ? "lose" : "fail", result);
                if (!open && f->mode == CHIP_WRITE)
                        back_to_accepted(l, f);
        }
        if (why->reason == REASON_CHIP_KEY_REFUSED && f->chip_id[0]) /* tried just now, not parked since before */
                record_mismatch(f);
        FAULT_COMMIT("core.chip_failed");
        return commit(f);
}

/* ---- judging -------------------------------------------------------------------------------------------------------
 */

static int check_app(const struct chip_flow *f, const struct chip_identity *id, struct error *err)
{
        if (id->app == CHIP_APP_ABSENT)
                return err_own(err, ERR_CARD, REASON_CHIP_FOREIGN, "the certificate's program is not on this chip");
        if (f->mode == CHIP_LOCK)
                return 0;
        if (id->app == CHIP_APP_LOCKED)
                return err_own(err, ERR_CARD, REASON_CHIP_LOCKED, "this chip is locked");
        if (id->app == CHIP_APP_PERSONALISED)
                return err_own(err, ERR_CARD, REASON_CHIP_PERSONALISED, "this chip holds a certificate already");
        return 0;
}

static int check_ledger(const struct chip_flow *f, const char *chip, struct error *err)
{
        struct ledger *l = &core_of(f)->ledger;
        char other[SERIAL_TEXT] = "", bound[CHIP_ID_TEXT] = "", parked[64] = "";
        enum reason reason = REASON_CHIP_KEY_REFUSED;

        if (ledger_get_text(l, other, sizeof other, "SELECT serial FROM blank WHERE chip_id=?1", "s", chip) &&
            strcmp(other, f->serial) != 0)
                return err_own(err, ERR_CARD, REASON_CHIP_TAKEN, "this chip belongs to serial %s", other);
        (void)ledger_get_text(l, bound, sizeof bound, "SELECT chip_id FROM blank WHERE serial=?1", "s", f->serial);
        if (bound[0] && strcmp(bound, chip) != 0)
                return err_own(err, ERR_CARD, REASON_CHIP_TAKEN, "serial %s has another chip than this", f->serial);
        (void)ledger_get_text(l, parked, sizeof parked, "SELECT parked FROM chip WHERE id=?1", "s", chip);
        if (parked[0]) {
                (void)reason_parse(parked, &reason);
                return err_own(err, ERR_CARD, reason, "this chip is parked");
        }
        if (ledger_get_int(l, "SELECT attempts FROM chip WHERE id=?1", "s", chip) >= CHIP_ATTEMPTS_MAX)
                return err_own(err, ERR_CARD, REASON_CHIP_BUDGET, "%d unfinished attempts on this chip",
                               CHIP_ATTEMPTS_MAX);
        return 0;
}

int chip_check_identity(struct chip_flow *f, const struct chip_identity *id, struct error *err)
{
        char chip[CHIP_ID_TEXT];

        hex_encode_lower(BYTES(id->chip_id), chip, sizeof chip);
        /* Whose chip it is says more than what is on it: another serial's card was inserted. */
        return check_ledger(f, chip, err) < 0 || check_app(f, id, err) < 0 ? -1 : 0;
}

int chip_check_same(const struct chip_flow *f, const uint8_t chip_id[GP_CHIP_ID_SIZE], struct error *err)
{
        char chip[CHIP_ID_TEXT], bound[CHIP_ID_TEXT] = "";

        hex_encode_lower((struct bytes){ chip_id, GP_CHIP_ID_SIZE }, chip, sizeof chip);
        (void)ledger_get_text(&core_of(f)->ledger, bound, sizeof bound, "SELECT chip_id FROM blank WHERE serial=?1",
                              "s", f->serial);
        if (strcmp(chip, bound) == 0)
                return 0;
        return err_own(err, ERR_OPERATOR, REASON_CHIP_TAKEN, "this is not the chip of serial %s", f->serial);
}

int chip_check_content(struct chip_flow *f, const struct chip_content *content, struct error *err)
{
        struct ledger *l = &core_of(f)->ledger;
        char sod[SHA256_TEXT], wanted[SHA256_TEXT] = "", face[FACE_CODE_TEXT] = "";

        if (chip_check_same(f, content->chip_id, err) < 0)
                return -1;
        hex_encode_lower(BYTES(content->sod_sha256), sod, sizeof sod);
        (void)ledger_get_text(l, wanted, sizeof wanted, "SELECT sod_sha256 FROM blank WHERE serial=?1", "s", f->serial);
        (void)ledger_get_text(l, face, sizeof face,
                              "SELECT k.face_code FROM blank b JOIN card k ON k.id=b.card WHERE b.serial=?1", "s",
                              f->serial);
        if (!content->complete || !content->verified)
                return err_own(err, ERR_CARD, REASON_VERIFY_FAILED, "the chip's content does not verify: %s",
                               content->why);
        if (strcmp(sod, wanted) != 0 || !content->has_token || strcmp(content->face_code, face) != 0)
                return err_own(err, ERR_CARD, REASON_VERIFY_FAILED,
                               "the chip holds another certificate than was written");
        return 0;
}
