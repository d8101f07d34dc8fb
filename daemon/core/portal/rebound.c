#include "daemon/core/portal/rebound.h"
#include "daemon/core/custody/spoil.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/ledger/act.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/serial.h"
#include <string.h>

/* The face code of the card that was begun elsewhere: no begin of this ledger names it. */
static const char foreign_sql[] =
        "SELECT k.face_code FROM card k WHERE k.application=?1 AND NOT EXISTS(SELECT 1 FROM intent i WHERE i.card=k.id "
        "AND i.kind='begin') ORDER BY k.attempt DESC";

static void insert_card(struct ledger *l, const char *application, const char *face_code, const char *issue_date)
{
        char id[UUID_TEXT];

        random_uuid(id);
        ledger_audit(l, "begun_elsewhere", "application", application, NULL, NULL);
        ledger_run(l,
                   "INSERT INTO card(id,application,attempt,line,face_code,issue_date,approval_sha256,layout_sha256,"
                   "profile,qr_sha256,expert,begun_at) VALUES(?1,?2,(SELECT coalesce(max(attempt),0)+1 FROM card WHERE "
                   "application=?2),'',?3,?4,coalesce((SELECT approval_sha256 FROM application WHERE id=?2),''),'','',"
                   "'','former-installation',?5)",
                   "ssssi", id, application, face_code, issue_date, clock_wall_ms());
}

void rebound_note(struct ledger *l, const char *application, const char *face_code, const char *issue_date)
{
        if (ledger_get_int(l, "SELECT count(*) FROM card WHERE face_code=?1", "s", face_code) == 0)
                insert_card(l, application, face_code, issue_date);
}

void rebound_open(struct ledger *l, const char *application)
{
        if (ledger_get_int(l, "SELECT count(*) FROM intent WHERE application=?1 AND kind='begin'", "s", application) >
            0)
                return; /* what was begun here is in this ledger */
        ledger_move(l, ENTITY_APPLICATION, application, "dispute", NULL, NULL);
        case_open(l, REBOUND_CASE, application, NULL, NULL,
                  "begun by a former installation of this station: is there a card? look in printer, tray and drawers");
}

static bool is_asked(struct ledger *l, const char *application)
{
        return ledger_get_int(l,
                              "SELECT count(*) FROM dispute WHERE kind='" REBOUND_CASE
                              "' AND application=?1 AND closed_at IS NULL",
                              "s", application) > 0;
}

static void close_case(struct ledger *l, const char *application, const json_t *body)
{
        ledger_audit(l, "case_closed", "application", application, NULL, body);
        ledger_run(l,
                   "UPDATE dispute SET closed_at=?2, closed_by=?3 WHERE kind='" REBOUND_CASE
                   "' AND application=?1 AND closed_at IS NULL",
                   "sis", application, clock_wall_ms(), l->who.person);
}

bool rebound_end(struct ledger *l, const char *application, const char *found)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "found", found);

        if (!is_asked(l, application))
                return false;
        close_case(l, application, body);
        return ledger_get_int(l, "SELECT count(*) FROM dispute WHERE application=?1 AND closed_at IS NULL", "s",
                              application) == 0;
}

void rebound_unbound(struct ledger *l, const char *application)
{
        char state[32] = "";

        if (rebound_end(l, application, "unbound") &&
            ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state) && strcmp(state, "disputed") == 0)
                ledger_move(l, ENTITY_APPLICATION, application, "unbind", NULL, NULL);
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */

static bool is_found(const struct rebound_answer *a)
{
        return strcmp(a->found, "card_found") == 0;
}

static int check_serial(struct ledger *l, const char *serial, struct error *err)
{
        char state[32];

        if (!serial_ok(serial))
                return err_input(err, REASON_BAD_SERIAL, "%s is no serial", serial);
        if (ledger_state(l, ENTITY_BLANK, serial, state, sizeof state) && strcmp(state, "room") != 0 &&
            strcmp(state, "hopper") != 0)
                return err_input(err, REASON_SERIAL_USED, "serial %s is %s here", serial, state);
        return 0;
}

static int check_found(struct ledger *l, const char *application, const struct rebound_answer *a, struct error *err)
{
        char face[FACE_CODE_TEXT] = "";

        if (!a->serial || !a->face)
                return err_input(err, REASON_BAD_REQUEST, "scan the found card: its serial and its face code");
        if (ledger_get_text(l, face, sizeof face, foreign_sql, "s", application)
                    ? strcmp(face, a->face) != 0
                    : ledger_get_int(l, "SELECT count(*) FROM card WHERE face_code=?1", "s", a->face) > 0)
                return err_input(err, REASON_FACE_MISMATCH, "that is not the card begun for %s", application);
        return check_serial(l, a->serial, err);
}

static int check(struct ledger *l, const char *application, const struct rebound_answer *a, struct error *err)
{
        if (!is_asked(l, application))
                return err_input(err, REASON_NOT_FOUND, "nothing is asked about %s", application);
        if (is_found(a))
                return check_found(l, application, a, err);
        if (strcmp(a->found, "no_card") != 0 || a->serial || a->face)
                return err_input(err, REASON_BAD_REQUEST, "the answers are no_card, and card_found with both scans");
        return 0;
}

/* The plastic carries that face: it is a printed card from now on, whatever this ledger took it for. */
static void bind_found(struct core *c, const char *application, const struct rebound_answer *a)
{
        struct ledger *l = &c->ledger;
        char face[FACE_CODE_TEXT], state[32] = "", today[11];

        if (!ledger_get_text(l, face, sizeof face, foreign_sql, "s",
                             application)) { /* hello told of too many to name */
                core_today(c, today);
                insert_card(l, application, a->face, today);
        }
        if (!ledger_state(l, ENTITY_BLANK, a->serial, state, sizeof state)) {
                ledger_born(l, ENTITY_BLANK, a->serial, "room", NULL, NULL);
                ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,'room')", "s", a->serial);
        }
        ledger_move_set(l, ENTITY_BLANK, a->serial, "found_printed", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, application=?3, card=(SELECT id FROM card WHERE "
                        "face_code=?4), printed_at=?5 WHERE serial=?1",
                        "ssi", application, a->face, clock_wall_ms());
}

static void settle(struct core *c, const char *application, const struct rebound_answer *a)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body = json_pack("{s:s,s:s*}", "found", a->found, "serial", a->serial);
        char state[32] = "";

        if (is_found(a))
                bind_found(c, application, a);
        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state);
        if (strcmp(state, "disputed") == 0) /* else withdrawn meanwhile */
                ledger_move(l, ENTITY_APPLICATION, application, "settle_bound", NULL, NULL);
        close_case(l, application, body);
}

/* A former installation may have written anything on its chip: verifiers are told by the serial. */
static int spoil_found(struct core *c, const struct who *who, const char *serial, struct error *err)
{
        struct spoil_ask ask = {
                .serial = serial, .who = *who, .cause = "other", .text = "printed by a former installation"
        };

        return spoil_record(c, &ask, "withdrawn_list", NULL, err);
}

int rebound_decide(struct core *c, const struct who *who, const char *application, const struct rebound_answer *answer,
                   bool *ret_second_needed, struct error *err)
{
        cleanup(json_p) json_t *body = json_pack("{s:s,s:s,s:s*,s:s*}", "application", application, "found",
                                                 answer->found, "serial", answer->serial, "face", answer->face);
        struct ledger *l = &c->ledger;
        enum act_turn turn;

        if (check(l, application, answer, err) < 0)
                return -1;
        ledger_begin(l, who);
        turn = act_turn(l, REBOUND_CASE, body);
        if (turn == ACT_SECOND)
                settle(c, application, answer);
        FAULT_COMMIT("core.rebound");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(c, "queue", NULL);
        return turn == ACT_SECOND && is_found(answer) ? spoil_found(c, who, answer->serial, err) : 0;
}
