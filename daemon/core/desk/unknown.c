#include "daemon/core/desk/unknown.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/ledger/act.h"
#include "daemon/core/ledger/decision.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <stdio.h>
#include <string.h>

enum { EVIDENCE_MAX = 16384 };

struct open_item {
        char id[UUID_TEXT], kind[16], step[IPC_NAME_MAX + 1], serial[SERIAL_TEXT], application[APPLICATION_TEXT];
        char line[CONFIG_NAME_MAX + 1], evidence[EVIDENCE_MAX];
};

static bool find_item(struct ledger *l, const char *intent, struct open_item *ret)
{
        struct db_rows rows;
        bool found;

        *ret = (struct open_item){ 0 };
        if (!ledger_query(l, &rows,
                          "SELECT id, kind, coalesce(step,''), coalesce(serial,''), coalesce(application,''), "
                          "coalesce(line,''), evidence FROM intent WHERE id=?1 AND state='unknown' AND kind IN "
                          "('print','write','lock')",
                          "s", intent))
                return false;
        found = db_next(&rows);
        if (found) {
                (void)snprintf(ret->id, sizeof ret->id, "%s", db_text(&rows, 0));
                (void)snprintf(ret->kind, sizeof ret->kind, "%s", db_text(&rows, 1));
                (void)snprintf(ret->step, sizeof ret->step, "%s", db_text(&rows, 2));
                (void)snprintf(ret->serial, sizeof ret->serial, "%s", db_text(&rows, 3));
                (void)snprintf(ret->application, sizeof ret->application, "%s", db_text(&rows, 4));
                (void)snprintf(ret->line, sizeof ret->line, "%s", db_text(&rows, 5));
                (void)snprintf(ret->evidence, sizeof ret->evidence, "%s", db_text(&rows, 6));
        }
        db_rows_done(&rows);
        return found;
}

/* ---- effects ------------------------------------------------------------------------------------------------------
 */

static json_t *decided(const char *answer)
{
        return json_pack("{s:s}", "decided", answer);
}

/* Not the expected card came out: more than one was fed. Every card since is to be scanned (stock_sort). */
static void hold_line(struct core *c, const struct open_item *item, const char *serial)
{
        struct line *line = line_by_name(c, item->line);

        if (line)
                line_hold(line, REASON_SERIAL_MISMATCH, serial);
}

static void came_out(struct core *c, const struct open_item *item, const char *serial)
{
        cleanup(json_p) json_t *result = decided("came_out");

        print_record_printed(&c->ledger, item->id, item->serial, result);
        if (strcmp(serial, item->serial) != 0)
                hold_line(c, item, serial);
}

static void none_came_out(struct core *c, const struct open_item *item, const char *serial)
{
        cleanup(json_p) json_t *result = decided("none_came_out");

        (void)serial;
        print_record_not_started(&c->ledger, item->id, item->serial, result);
        case_open(&c->ledger, "none_came_out", ledger_or_null(item->application), item->serial, item->id,
                  "two people say that no card came out; the blank must be counted");
}

static void lost(struct core *c, const struct open_item *item, const char *serial)
{
        cleanup(json_p) json_t *result = decided("lost");
        struct ledger *l = &c->ledger;

        (void)serial;
        intent_close_unknown(l, item->serial, result);
        ledger_move(l, ENTITY_BLANK, item->serial, "miss", item->id, NULL);
        case_open(l, "missing", ledger_or_null(item->application), item->serial, item->id,
                  "the card cannot be found; it counts as live until headquarters voids its serial");
}

/* ---- checks -------------------------------------------------------------------------------------------------------
 */

/* Until the probe has looked, a job may still wait in CUPS and print after "no card came out". */
static int check_probed(struct ledger *l, const struct open_item *item, const char *serial, struct error *err)
{
        (void)l, (void)serial;
        if (strcmp(item->kind, "print") != 0 || strcmp(item->step, "probed") == 0)
                return 0;
        return err_own(err, ERR_RETRY, REASON_UNKNOWN_OPEN,
                       "the printer is still being asked what became of %s; ask again shortly", item->serial);
}

static int check_came_out(struct ledger *l, const struct open_item *item, const char *serial, struct error *err)
{
        if (!serial)
                return err_input(err, REASON_BAD_REQUEST, "scan the serial of the card that came out");
        if (strcmp(serial, item->serial) == 0 ||
            ledger_get_int(l, "SELECT count(*) FROM blank WHERE serial=?1 AND state='hopper' AND line=?2", "ss", serial,
                           item->line) > 0)
                return 0;
        return err_input(err, REASON_SERIAL_MISMATCH, "the card sent to the printer was %s, not %s", item->serial,
                         serial);
}

static int check_none_came_out(struct ledger *l, const struct open_item *item, const char *serial, struct error *err)
{
        if (!serial)
                return err_input(err, REASON_BAD_REQUEST,
                                 "scan the serial of the blank in the hopper; when it is nowhere, the answer is lost");
        if (strcmp(serial, item->serial) != 0)
                return err_input(err, REASON_SERIAL_MISMATCH, "the blank sent to the printer was %s, not %s",
                                 item->serial, serial);
        return check_probed(l, item, serial, err);
}

static int check_lost(struct ledger *l, const struct open_item *item, const char *serial, struct error *err)
{
        if (serial)
                return err_input(err, REASON_BAD_REQUEST, "a card whose serial can be scanned is not lost");
        return check_probed(l, item, serial, err);
}

static const struct answer {
        const char *kind, *word;
        bool two_people;
        int (*check)(struct ledger *l, const struct open_item *item, const char *serial, struct error *err);
        void (*act)(struct core *c, const struct open_item *item, const char *serial);
} answers[] = {
        { "print", "came_out", false, check_came_out, came_out },
        { "print", "none_came_out", true, check_none_came_out, none_came_out },
        { "print", "lost", true, check_lost, lost },
        { "write", "lost", true, check_lost, lost },
        { "lock", "lost", true, check_lost, lost },
};

static const struct answer *find_answer(const struct open_item *item, const char *word, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
                if (strcmp(answers[i].kind, item->kind) == 0 && strcmp(answers[i].word, word) == 0)
                        return &answers[i];
        if (strcmp(word, "insert") == 0 && strcmp(item->kind, "print") != 0)
                (void)err_input(err, REASON_BAD_REQUEST,
                                "the chip answers for itself: insert card %s with the command that the desk names",
                                item->serial);
        else
                (void)err_input(err, REASON_BAD_REQUEST, "'%s' does not answer the question about a %s", word,
                                item->kind);
        return NULL;
}

/* ---- the decision -------------------------------------------------------------------------------------------------
 */

/* Its row stands before what it does. */
static void decide_now(struct core *c, const struct open_item *item, const struct answer *answer, const char *serial,
                       const char *first)
{
        struct ledger *l = &c->ledger;
        struct decision d = { .application = ledger_or_null(item->application),
                              .serial = item->serial,
                              .line = ledger_or_null(item->line),
                              .of = item->id,
                              .first = first,
                              .seen = item->evidence };
        char id[UUID_TEXT];

        d.facts = json_pack("{s:s,s:s,s:s*}", "kind", item->kind, "answer", answer->word, "scanned", serial);
        decision_begin(l, &d, id);
        answer->act(c, item, serial);
        decision_end(l, id);
}

int unknown_decide(struct core *c, const struct who *who, const char *intent, const char *word, const char *serial,
                   bool *ret_second_needed, struct error *err)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body =
                json_pack("{s:s,s:s,s:s}", "intent", intent, "answer", word, "serial", serial ? serial : "");
        enum act_turn turn = ACT_SECOND;
        const struct answer *answer;
        struct open_item item;
        char first[64] = "";

        if (!find_item(l, intent, &item))
                return err_input(err, REASON_NOT_FOUND, "no unknown outcome %s", intent);
        answer = find_answer(&item, word, err);
        if (!answer || answer->check(l, &item, serial, err) < 0)
                return -1;
        ledger_begin(l, who);
        if (answer->two_people)
                turn = act_turn(l, "unknown", body);
        if (turn == ACT_SECOND) {
                if (answer->two_people)
                        act_first_person(l, "unknown", body, first, sizeof first);
                decide_now(c, &item, answer, serial, ledger_or_null(first));
        }
        FAULT_COMMIT("core.decide");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(c, "unknown", json_pack("{s:s}", "intent", intent));
        return 0;
}
