#include "daemon/core/card/inspect.h"
#include "daemon/core/card/pick.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/core/portal/portal_calls.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/qr.h"
#include "proto/text/serial.h"
#include <ctype.h>
#include <string.h>

static int check_worksheet(const struct approval_file *f, const char *number, struct error *err)
{
        unsigned differences = approval_worksheet_differences(&f->approval);

        if (strcmp(f->approval.worksheet.number, number) != 0)
                return err_input(err, REASON_WORKSHEET_DIFFERS, "the portal names worksheet %s",
                                 f->approval.worksheet.number);
        for (unsigned i = 0; i < WORKSHEET_FIELDS; i++)
                if (differences & 1u << i)
                        return err_input(err, REASON_WORKSHEET_DIFFERS, "%s differs between worksheet and certificate",
                                         worksheet_field_word((enum worksheet_field)i));
        return 0;
}

int worksheet_confirm(struct core *c, const struct who *who, const char *application, const char *number,
                      struct error *err)
{
        cleanup(approval_file_done) struct approval_file f = { 0 };
        cleanup(json_p) json_t *body = json_pack("{s:s}", "worksheet", number);
        struct ledger *l = &c->ledger;

        if (approval_load(c, application, &f, err) < 0 || check_worksheet(&f, number, err) < 0)
                return -1;
        ledger_begin(l, who);
        if (ledger_get_int(l,
                           "SELECT count(*) FROM application WHERE id=?1 AND state IN ('offered','released','claimed',"
                           "'bound','authorised')",
                           "s", application) == 0)
                ledger_refuse(l, ERR_INPUT, REASON_WRONG_STATE, "application %s is not waiting to be printed",
                              application);
        ledger_audit(l, "worksheet", "application", application, NULL, body);
        ledger_run(l, "UPDATE application SET worksheet_no=?2, worksheet_by=?3, worksheet_at=?4 WHERE id=?1", "sssi",
                   application, number, who->person, clock_wall_ms());
        FAULT_COMMIT("core.worksheet");
        if (!core_commit(c, err))
                return -1;
        core_publish(c, "application", json_pack("{s:s}", "application", application));
        return 0;
}

static bool from_qr(const char *text, char ret[FACE_CODE_TEXT])
{
        struct qr_statement statement;
        uint8_t signature[QR_SIGNATURE_SIZE];

        if (!qr_parse(text, &statement, signature))
                return false;
        memcpy(ret, statement.face_code, FACE_CODE_TEXT - 1);
        ret[FACE_CODE_TEXT - 1] = '\0';
        return true;
}

int face_code_parse(const char *text, char ret[FACE_CODE_TEXT], struct error *err)
{
        unsigned n = 0;

        if (from_qr(text, ret))
                return 0;
        for (; *text && n < FACE_CODE_TEXT - 1; text++)
                if (*text != '-' && *text != ' ')
                        ret[n++] = (char)toupper((unsigned char)*text);
        ret[n] = '\0';
        if (*text || n != FACE_CODE_TEXT - 1 || strspn(ret, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != n)
                return err_input(err, REASON_FACE_MISMATCH, "this is no face code and no QR text of a card");
        return 0;
}

/* What belongs to a face in the ledger's expectation: the serial and line its card was sent to. */
struct expected {
        char card[UUID_TEXT], line[CONFIG_NAME_MAX + 1], serial[SERIAL_TEXT], state[32];
};

static bool expect(struct ledger *l, const char *face, struct expected *ret)
{
        *ret = (struct expected){ 0 };
        if (!ledger_get_text(l, ret->card, sizeof ret->card, "SELECT id FROM card WHERE face_code=?1", "s", face))
                return false;
        (void)ledger_get_text(l, ret->line, sizeof ret->line, "SELECT line FROM card WHERE face_code=?1", "s", face);
        (void)ledger_get_text(l, ret->serial, sizeof ret->serial, "SELECT serial FROM blank WHERE card=?1", "s",
                              ret->card);
        (void)ledger_get_text(l, ret->state, sizeof ret->state, "SELECT state FROM blank WHERE card=?1", "s",
                              ret->card);
        return true;
}

static int hold(struct core *c, const struct who *who, const char *line, enum reason reason, const char *serial,
                struct error *err)
{
        struct line *at = line_by_name(c, line);
        struct error why = *err;

        ledger_begin(&c->ledger, who);
        if (at)
                line_hold(at, reason, serial);
        FAULT_COMMIT("core.hold");
        if (core_commit(c, err))
                *err = why;
        if (at)
                line_tell(at);
        return -1;
}

int inspect_accept(struct core *c, const struct who *who, const char *face, const char *serial, struct error *err)
{
        struct ledger *l = &c->ledger;
        struct expected e;
        char state[32] = "", application[APPLICATION_TEXT] = "";

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        if (!expect(l, face, &e))
                return err_input(err, REASON_FACE_MISMATCH, "no card with face %s was made here", face);
        if (strcmp(e.serial, serial) != 0 &&
            (!e.serial[0] || strcmp(e.state, "printed") == 0 || strcmp(e.state, "printing") == 0)) {
                bool face_known = strcmp(state, "printed") == 0;

                (void)err_input(err, face_known ? REASON_FACE_MISMATCH : REASON_SERIAL_MISMATCH,
                                "face %s was sent to serial %s, not %s", face, e.serial[0] ? e.serial : "-", serial);
                return hold(c, who, e.line, err->reason, serial, err);
        }
        if (strcmp(e.serial, serial) != 0)
                return err_input(err, REASON_FACE_MISMATCH, "face %s does not belong to serial %s", face, serial);
        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM card WHERE id=?1", "s",
                              e.card);
        if (strcmp(state, "printed") == 0 && card_check_application(c, application, err) < 0)
                return -1;
        ledger_begin(l, who);
        ledger_move_set(l, ENTITY_BLANK, serial, "accept", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, accepted_by=?3, accepted_at=?4 WHERE serial=?1",
                        "si", who->person, clock_wall_ms());
        FAULT_COMMIT("core.accept");
        if (!core_commit(c, err))
                return -1;
        core_publish(c, "blank", json_pack("{s:s}", "serial", serial));
        return 0;
}

static struct line *showing(struct core *c, const char *serial)
{
        for (size_t i = 0; i < c->n_lines; i++)
                if (c->lines[i].shown.holder && strcmp(c->lines[i].shown.serial, serial) == 0)
                        return &c->lines[i];
        return NULL;
}

int inspect_confirm(struct core *c, const struct who *who, const char *serial, bool match, struct error *err)
{
        struct ledger *l = &c->ledger;
        struct line *line = showing(c, serial);
        char application[APPLICATION_TEXT] = "", state[32] = "";

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        if (strcmp(state, "verified") != 0)
                return err_input(err, REASON_WRONG_STATE, "serial %s is %s, not verified", serial, state);
        if (!line)
                return err_own(err, ERR_OPERATOR, REASON_NO_CARD,
                               "insert card %s once more: what its chip says must be seen first", serial);
        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM blank WHERE serial=?1", "s",
                              serial);
        if (!match) {
                (void)err_input(err, REASON_FACE_MISMATCH,
                                "the chip of %s holds another person's data than the plastic", serial);
                return hold(c, who, line->config->name, REASON_FACE_MISMATCH, serial, err);
        }
        if (card_check_application(c, application, err) < 0)
                return -1;
        ledger_begin(l, who);
        ledger_move_set(l, ENTITY_BLANK, serial, "issue", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, confirmed_by=?3, issued_at=?4 WHERE serial=?1",
                        "si", who->person, clock_wall_ms());
        ledger_move(l, ENTITY_APPLICATION, application, "issue", NULL, NULL);
        call_report(l, application, serial);
        FAULT_COMMIT("core.issue");
        if (!core_commit(c, err))
                return -1;
        shown_clear(&line->shown);
        outbox_kick(&c->outbox);
        core_publish(c, "issued", json_pack("{s:s,s:s}", "serial", serial, "application", application));
        return 0;
}
