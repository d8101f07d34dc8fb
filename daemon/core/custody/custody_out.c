/* Out of use for good: voids, and the way to headquarters. */
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/custody/custody.h"
#include "daemon/core/ledger/act.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/persian.h"
#include <stdlib.h>
#include <string.h>

static bool number_ok(const char *text)
{
        return text[0] && strlen(text) <= CUSTODY_NUMBER_MAX && persian_check_text(text) == PERSIAN_OK;
}

/* ---- void (I-9 note 4) --------------------------------------------------------------------------------------------
 */

static int check_void(struct core *c, const struct spoil_ask *ask, struct error *err)
{
        char state[32] = "";

        if (!ledger_state(&c->ledger, ENTITY_BLANK, ask->serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", ask->serial);
        if (!machine_next(ENTITY_BLANK, state, "void"))
                return err_input(err, REASON_WRONG_STATE, "serial %s is %s and cannot be voided", ask->serial, state);
        if (!number_ok(ask->minutes))
                return err_input(err, REASON_BAD_REQUEST, "a void needs the number of the board's minutes");
        if (strlen(ask->minutes_sha256) != 64 || strspn(ask->minutes_sha256, "0123456789abcdef") != 64)
                return err_input(err, REASON_BAD_REQUEST, "a void needs the SHA-256 of the signed minutes");
        if (strlen(ask->text) > SPOIL_TEXT_MAX || (ask->text[0] && persian_check_text(ask->text) != PERSIAN_OK))
                return err_input(err, REASON_BAD_TEXT, "the description is too long or holds control characters");
        if (spoil_in_work(c, ask->serial))
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "card %s is in work; wait for its outcome",
                               ask->serial);
        return 0;
}

/* The assessment office voids: it asks, another office confirms. */
static void check_office(struct ledger *l, enum act_turn turn)
{
        if (turn == ACT_FIRST && strncmp(l->who.role, "assessment_", strlen("assessment_")) != 0)
                ledger_refuse(l, ERR_INPUT, REASON_NOT_PERMITTED, "the assessment office asks for a void first");
}

static json_t *void_body(const struct spoil_ask *ask)
{
        return json_pack("{s:s,s:s,s:s,s:s,s:b}", "serial", ask->serial, "minutes", ask->minutes, "sha256",
                         ask->minutes_sha256, "text", ask->text, "no_chip", ask->no_chip);
}

struct signers {
        char first[65], second[65];
};

/* 1 when both have signed, perhaps before (their lock failed then), 0 after the first, -1 and *err. */
static int sign_void(struct core *c, const struct spoil_ask *ask, struct signers *ret, struct error *err)
{
        cleanup(json_p) json_t *body = void_body(ask);
        struct ledger *l = &c->ledger;
        enum act_turn turn;

        if (act_signers(l, "void", body, ret->first, ret->second, sizeof ret->first))
                return 1;
        ledger_begin(l, &ask->who);
        turn = act_turn(l, "void", body);
        check_office(l, turn);
        FAULT_COMMIT("core.void_signed");
        if (!core_commit(c, err))
                return -1;
        return turn == ACT_SECOND && act_signers(l, "void", body, ret->first, ret->second, sizeof ret->first);
}

int custody_void(struct core *c, struct line *line, struct spoil_ask *ask, enum voided *ret, const char **ret_fate,
                 struct error *err)
{
        bool written = spoil_needs_chip(c, ask->serial);
        struct signers signers = { 0 };
        char state[32] = "";
        int r;

        (void)ledger_state(&c->ledger, ENTITY_BLANK, ask->serial, state, sizeof state);
        if (strcmp(state, "missing") == 0)
                ask->no_chip = true; /* nobody can insert it */
        if (check_void(c, ask, err) < 0)
                return -1;
        if (written && !ask->no_chip && !line)
                return err_input(err, REASON_BAD_REQUEST, "name the line whose reader takes the card");
        r = sign_void(c, ask, &signers, err);
        *ret = r > 0 ? written && !ask->no_chip ? VOID_LOCKING : VOID_DONE : VOID_SECOND_NEEDED;
        if (r <= 0)
                return r;
        ask->first = signers.first;
        ask->second = signers.second;
        *ret_fate = written ? "withdrawn_list" : "unwritten";
        r = *ret == VOID_LOCKING ? chip_flow_lock(line, ask, err) : spoil_record(c, ask, *ret_fate, NULL, err);
        ask->first = ask->second = NULL;
        return r;
}

/* ---- to headquarters (I-8.1.1) ------------------------------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What both sign: the serials in order, so that the order of the scans does not matter. */
static json_t *dispatch_body(const char *const *serials, size_t n, const char *letter, bool acknowledged)
{
        const char *sorted[CUSTODY_SERIALS_MAX];
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                sorted[i] = serials[i];
        qsort(sorted, n, sizeof sorted[0], by_text);
        for (size_t i = 0; i < n; i++)
                (void)json_array_append_new(list, json_string(sorted[i]));
        return json_pack("{s:o,s:s,s:b}", "serials", list, "letter", letter, "acknowledged", acknowledged);
}

static int check_dispatch(const char *const *serials, size_t n, const char *letter, struct error *err)
{
        if (n == 0 || n > CUSTODY_SERIALS_MAX)
                return err_input(err, REASON_BAD_REQUEST, "name 1 to %d serials", CUSTODY_SERIALS_MAX);
        if (!number_ok(letter))
                return err_input(err, REASON_BAD_REQUEST, "name the number of the director general's letter");
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(serials[i], serials[k]) == 0)
                                return err_input(err, REASON_BAD_REQUEST, "serial %s is named twice", serials[i]);
        return 0;
}

/* The machine's own refusal names serial and state, and comes before anybody signs. */
static void check_card(struct ledger *l, const char *serial, const char *letter, bool acknowledged)
{
        char state[32] = "", sent[CUSTODY_NUMBER_MAX + 1] = "";

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state))
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        else if (acknowledged ? strcmp(state, "dispatched") != 0 : !machine_next(ENTITY_BLANK, state, "dispatch"))
                ledger_refuse(l, ERR_INPUT, REASON_WRONG_STATE, "serial %s is %s, not %s", serial, state,
                              acknowledged ? "dispatched" : "spoiled or void");
        (void)ledger_get_text(l, sent, sizeof sent, "SELECT letter FROM blank WHERE serial=?1", "s", serial);
        if (acknowledged && strcmp(sent, letter) != 0)
                ledger_refuse(l, ERR_INPUT, REASON_WRONG_STATE, "serial %s went with letter %s, not %s", serial,
                              sent[0] ? sent : "-", letter);
}

static void move_card(struct ledger *l, const char *serial, const char *letter, bool acknowledged)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "letter", letter);

        if (acknowledged)
                ledger_move_set(l, ENTITY_BLANK, serial, "arrive", NULL, body,
                                "UPDATE blank SET state=?2, version=version+1, at_hq_at=?3 WHERE serial=?1", "i",
                                clock_wall_ms());
        else
                ledger_move_set(l, ENTITY_BLANK, serial, "dispatch", NULL, body,
                                "UPDATE blank SET state=?2, version=version+1, letter=?3, dispatched_at=?4 WHERE "
                                "serial=?1",
                                "si", letter, clock_wall_ms());
}

int custody_dispatch(struct core *c, const struct who *who, const char *const *serials, size_t n, const char *letter,
                     bool acknowledged, bool *ret_second_needed, struct error *err)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body = NULL;
        enum act_turn turn = ACT_REFUSED;

        if (check_dispatch(serials, n, letter, err) < 0)
                return -1;
        body = dispatch_body(serials, n, letter, acknowledged);
        ledger_begin(l, who);
        for (size_t i = 0; i < n; i++)
                check_card(l, serials[i], letter, acknowledged);
        if (ledger_ok(l))
                turn = act_turn(l, "dispatch", body);
        for (size_t i = 0; i < n && turn == ACT_SECOND; i++)
                move_card(l, serials[i], letter, acknowledged);
        FAULT_COMMIT("core.dispatch");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(c, "stock", NULL);
        return 0;
}
