#include "daemon/core/portal/inherit.h"
#include "daemon/core/portal/rebound.h"
#include "proto/text/serial.h"
#include <string.h>

/* The card that carries the face and that nothing of this ledger uses. */
static const char card_sql[] =
        "SELECT k.id FROM card k WHERE k.application=?1 AND k.face_code=?2 AND NOT EXISTS(SELECT 1 FROM intent i WHERE "
        "i.card=k.id) AND NOT EXISTS(SELECT 1 FROM blank b WHERE b.card=k.id)";

static void take_over(struct ledger *l, const char *application, const char *serial, const char *card)
{
        char state[32];

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state)) {
                ledger_born(l, ENTITY_BLANK, serial, "spoiled", NULL, NULL);
                ledger_run(l,
                           "INSERT INTO blank(serial,state,application,card,cause,cause_text,spoiled_at,spoiled_from) "
                           "VALUES(?1,'spoiled',?2,?3,'other','by a former installation',?4,'elsewhere')",
                           "sssi", serial, application, card, clock_wall_ms());
        } else {
                ledger_move_set(l, ENTITY_BLANK, serial, "spoiled_elsewhere", NULL, NULL,
                                "UPDATE blank SET state=?2, version=version+1, application=?3, card=?4, cause='other', "
                                "cause_text='by a former installation', spoiled_at=?5, spoiled_from='elsewhere' WHERE "
                                "serial=?1",
                                "ssi", application, card, clock_wall_ms());
        }
        ledger_run(l, "DELETE FROM meta WHERE key='cursor.reissues'", ""); /* what came before it was in vain */
}

void inherit_spoiled(struct ledger *l, const char *application, const char *serial, const char *face_code)
{
        char state[32], card[UUID_TEXT];

        if (!serial_ok(serial) || !ledger_get_text(l, card, sizeof card, card_sql, "ss", application, face_code))
                return;
        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state) ||
            machine_next(ENTITY_BLANK, state, "spoiled_elsewhere"))
                take_over(l, application, serial, card);
}

static bool is_begun_here(struct ledger *l, const char *application)
{
        return ledger_get_int(l, "SELECT count(*) FROM intent WHERE application=?1 AND kind='begin'", "s",
                              application) > 0;
}

static bool is_taken_over(struct ledger *l, const char *application)
{
        return ledger_get_int(l, "SELECT count(*) FROM blank WHERE application=?1 AND spoiled_from='elsewhere'", "s",
                              application) > 0;
}

/* For what the expert confirmed before, another card is made: she confirms again (I-6.6). */
static void spoil_application(struct ledger *l, const char *application)
{
        ledger_move(l, ENTITY_APPLICATION, application, "spoil", NULL, NULL);
        ledger_run(l, "UPDATE application SET worksheet_no=NULL, worksheet_by=NULL, worksheet_at=NULL WHERE id=?1", "s",
                   application);
}

bool inherit_wait(struct ledger *l, const char *application)
{
        char state[32] = "";

        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state);
        if (is_begun_here(l, application))
                return true;
        if (!is_taken_over(l, application))
                return false;
        if (strcmp(state, "offered") == 0)
                ledger_move(l, ENTITY_APPLICATION, application, "bind", NULL, NULL);
        if (strcmp(state, "offered") == 0 || strcmp(state, "bound") == 0 ||
            (strcmp(state, "disputed") == 0 && rebound_end(l, application, "spoiled")))
                spoil_application(l, application);
        return true;
}
