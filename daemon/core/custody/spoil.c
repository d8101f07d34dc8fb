#include "daemon/core/custody/spoil.h"
#include "daemon/core/card/pick.h"
#include "daemon/core/portal/portal_calls.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/persian.h"
#include <stdio.h>
#include <string.h>

const char *const spoil_causes[] = {
        "print_shifted",    "print_streaks", "print_colour", "print_ribbon", "print_side", "print_data",
        "print_unreadable", "card_jam",      "card_surface", "card_dust",    "serial_bad", "chip_mute",
        "chip_refused",     "chip_partial",  "power_fault",  "other",        NULL,
};

static bool is_cause(const char *cause)
{
        for (size_t i = 0; spoil_causes[i]; i++)
                if (strcmp(spoil_causes[i], cause) == 0)
                        return true;
        return false;
}

/* A write whose script was released may have left anything on the chip. */
bool spoil_needs_chip(struct core *c, const char *serial)
{
        return ledger_get_int(&c->ledger, "SELECT count(*) FROM blank WHERE serial=?1 AND sod_sha256 IS NOT NULL", "s",
                              serial) > 0;
}

bool spoil_in_work(struct core *c, const char *serial)
{
        return ledger_get_int(&c->ledger,
                              "SELECT count(*) FROM intent WHERE serial=?1 AND state='running' AND kind IN "
                              "('print','write','lock')",
                              "s", serial) > 0;
}

int spoil_check(struct core *c, const struct spoil_ask *ask, struct error *err)
{
        char state[32];

        if (!ledger_state(&c->ledger, ENTITY_BLANK, ask->serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", ask->serial);
        if (!machine_next(ENTITY_BLANK, state, "spoil"))
                return err_input(err, REASON_WRONG_STATE, "serial %s is %s and cannot be spoiled", ask->serial, state);
        if (!is_cause(ask->cause))
                return err_input(err, REASON_BAD_REQUEST, "unknown cause; see mohr spoil --help");
        if (strcmp(ask->cause, "other") == 0 && ask->text[0] == '\0')
                return err_input(err, REASON_BAD_REQUEST, "the cause `other` needs a description");
        if (strlen(ask->text) > SPOIL_TEXT_MAX || (ask->text[0] && persian_check_text(ask->text) != PERSIAN_OK))
                return err_input(err, REASON_BAD_TEXT, "the description is too long or holds control characters");
        if (spoil_in_work(c, ask->serial))
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "card %s is in work; wait for its outcome",
                               ask->serial);
        if (ledger_get_int(&c->ledger,
                           "SELECT count(*) FROM intent WHERE serial=?1 AND state='unknown' AND kind='print'", "s",
                           ask->serial) > 0)
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_OPEN, "settle the unknown print of %s first",
                               ask->serial);
        return 0;
}

/* The card of a withdrawn application is out of the way: nobody waits for another card. Its case waits for two people.
 */
static void end_withdrawal(struct ledger *l, const char *application, const char *state)
{
        if (machine_next(ENTITY_APPLICATION, state, "withdraw"))
                ledger_move(l, ENTITY_APPLICATION, application, "withdraw", NULL, NULL);
}

static void settle_application(struct core *c, const char *application, bool registered)
{
        struct ledger *l = &c->ledger;
        char state[32] = "";

        if (!application[0] || !ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state))
                return;
        if (application_is_withdrawn(l, application)) {
                end_withdrawal(l, application, state);
                return;
        }
        if (!registered && c->config.station.reissue_authorisation == REISSUE_REGISTERED)
                return; /* note 3 to the letter: only a recorded serial needs headquarters */
        if (machine_next(ENTITY_APPLICATION, state, "spoil"))
                ledger_move(l, ENTITY_APPLICATION, application, "spoil", NULL, NULL);
        ledger_run(l, "UPDATE application SET worksheet_no=NULL, worksheet_by=NULL, worksheet_at=NULL WHERE id=?1", "s",
                   application);
}

/* Held because of this very card: with it out of the way the line may go on. */
static void free_line(struct core *c, const char *serial)
{
        char name[CONFIG_NAME_MAX + 1] = "";
        struct line *line;

        if (!ledger_get_text(
                    &c->ledger, name, sizeof name,
                    "SELECT name FROM line WHERE held_serial=?1 AND held IN ('face_mismatch','serial_mismatch')", "s",
                    serial))
                return;
        line = line_by_name(c, name);
        if (line &&
            ledger_get_int(&c->ledger, "SELECT count(*) FROM blank WHERE line=?1 AND state='printed'", "s", name) == 0)
                line_release(line);
}

/* The portal knows a card that was lost by where it was lost. */
static void went_out_of(struct ledger *l, const char *serial, char *ret, size_t max)
{
        (void)ledger_state(l, ENTITY_BLANK, serial, ret, max);
        if (strcmp(ret, "found") == 0 || strcmp(ret, "missing") == 0)
                (void)ledger_get_text(l, ret, max,
                                      "SELECT from_state FROM audit WHERE entity='blank' AND subject=?1 AND "
                                      "event='miss' ORDER BY seq DESC LIMIT 1",
                                      "s", serial);
}

static void record_spoil(struct ledger *l, const struct spoil_ask *ask, const struct call_gone *gone,
                         const char *lock_intent, const json_t *body)
{
        ledger_move_set(l, ENTITY_BLANK, ask->serial, "spoil", lock_intent, body,
                        "UPDATE blank SET state=?2, version=version+1, cause=?3, cause_text=?4, spoiled_at=?5, "
                        "spoiled_from=?6, chip_fate=?7 WHERE serial=?1",
                        "ssiss", ask->cause, ask->text, clock_wall_ms(), gone->from, gone->fate);
}

static void record_void(struct ledger *l, const struct spoil_ask *ask, const struct call_gone *gone,
                        const char *lock_intent, const json_t *body)
{
        ledger_move_set(l, ENTITY_BLANK, ask->serial, "void", lock_intent, body,
                        "UPDATE blank SET state=?2, version=version+1, cause_text=?3, voided_at=?4, minutes=?5, "
                        "minutes_sha256=?6, chip_fate=?7 WHERE serial=?1",
                        "sisss", ask->text, clock_wall_ms(), ask->minutes, ask->minutes_sha256, gone->fate);
}

/* A void is a matter of issued cards: the portal hears of any other one as of a spoiled one, with the minutes. */
static void tell_portal(struct ledger *l, struct call_gone *gone)
{
        char text[SPOIL_TEXT_MAX + 64];

        if (gone->minutes && gone->registered && !application_is_withdrawn(l, gone->application)) {
                call_void(l, gone);
                return;
        }
        if (gone->minutes && gone->text[0] == '\0') {
                (void)snprintf(text, sizeof text, "void by minutes %s", gone->minutes);
                gone->text = text;
        }
        call_spoil(l, gone);
}

int spoil_record(struct core *c, const struct spoil_ask *ask, const char *fate, const char *lock_intent,
                 struct error *err)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body = json_pack("{s:s*,s:s,s:s*}", "cause", ask->minutes ? NULL : ask->cause, "chip",
                                                 fate, "minutes", ask->minutes);
        cleanup(json_p) json_t *why = json_pack("{s:s}", "decided", "the card was spoiled");
        char application[APPLICATION_TEXT] = "", from[32] = "";
        struct call_gone gone = { .serial = ask->serial,
                                  .from = from,
                                  .cause = ask->minutes ? "other" : ask->cause,
                                  .text = ask->text,
                                  .fate = fate,
                                  .minutes = ask->minutes,
                                  .minutes_sha256 = ask->minutes_sha256,
                                  .first = ask->first,
                                  .second = ask->second };

        ledger_begin(l, &ask->who);
        went_out_of(l, ask->serial, from, sizeof from);
        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM blank WHERE serial=?1", "s",
                              ask->serial);
        gone.application = application[0] ? application : NULL;
        gone.registered = ledger_get_int(l,
                                         "SELECT count(*) FROM intent WHERE serial=?1 AND kind='report' AND state IN "
                                         "('running','unknown','done')",
                                         "s", ask->serial) > 0;
        if (lock_intent)
                intent_close(l, lock_intent, "done", body);
        intent_close_unknown(l, ask->serial, why);
        (ask->minutes ? record_void : record_spoil)(l, ask, &gone, lock_intent, body);
        settle_application(c, application, gone.registered);
        tell_portal(l, &gone);
        free_line(c, ask->serial);
        if (ask->minutes)
                FAULT_COMMIT("core.void");
        else
                FAULT_COMMIT("core.spoil");
        if (!core_commit(c, err))
                return -1;
        outbox_kick(&c->outbox);
        core_publish(c, ask->minutes ? "voided" : "spoiled",
                     json_pack("{s:s,s:s}", "serial", ask->serial, "application", application));
        return 0;
}
