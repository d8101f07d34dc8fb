#include "daemon/core/desk/cases.h"
#include "daemon/core/desk/cases_inside.h"
#include "daemon/core/ledger/act.h"
#include "daemon/core/ledger/decision.h"
#include "daemon/core/portal/rebound.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/persian.h"
#include <stdio.h>
#include <string.h>

#define GONE "b.state IN ('spoiled','void','dispatched','at_hq')"
#define AT_PORTAL "json_extract(i.evidence,'$.portal.portal_seq') IS NOT NULL"
#define ALONE \
        "NOT EXISTS(SELECT 1 FROM dispute o WHERE o.application=d.application AND o.id<>d.id AND o.closed_at IS NULL)"
#define NO_OPEN_CALL                                                                                     \
        "NOT EXISTS(SELECT 1 FROM intent c WHERE c.application=d.application AND c.state IN ('running'," \
        "'unknown') AND c.kind IN ('claim','begin','release','report','spoil','void'))"
#define TALKED "the application is disputed, or calls to the portal about it are open"

/* Whole statements: the ledger keeps a prepared one by its text's address, so each must live as long as the program. */
#define BEARS(facts)                                                                                        \
        "SELECT count(*) FROM dispute d LEFT JOIN blank b ON b.serial=d.serial LEFT JOIN application a ON " \
        "a.id=d.application LEFT JOIN intent i ON i.id=d.intent WHERE d.id=?1 AND (" facts ")"

const struct finding case_findings[] = {
        { "missing", "found_spoiled", "The card was found, and is spoiled: it lies with the spoiled cards.",
          BEARS(GONE " AND b.cause IS NOT NULL"), "the card is still missing, or found and not yet spoiled", NULL,
          false },
        { "missing", "voided", "The card was not found; headquarters has voided its serial.",
          BEARS(GONE " AND b.cause IS NULL"), "the serial is not void", NULL, false },
        { "none_came_out", "blank_counted", "The blank lies in the hopper or on the shelf; it was counted.",
          BEARS("b.state IN ('vault','transit','room','hopper')"), "the blank is not in stock", NULL, false },
        { "none_came_out", "blank_used", "The blank was there: it has been printed since, and its serial scanned.",
          BEARS("b.state NOT IN ('vault','transit','room','hopper','reserved','printing','printed','missing','found')"),
          "the blank was not seen since: its serial was not scanned", NULL, false },
        { "none_came_out", "blank_missing", "The blank is nowhere; the case of the missing card goes on.",
          BEARS("b.state IN ('missing','found') AND EXISTS(SELECT 1 FROM dispute o WHERE o.serial=d.serial AND "
                "o.kind='missing' AND o.closed_at IS NULL)"),
          "the blank is not missing", NULL, false },
        { "withdrawn", "card_spoiled", "The withdrawn application's card is spoiled or void and put away.", BEARS(GONE),
          "its card is neither spoiled nor void", "withdraw", false },
        { "withdrawn", "no_card", "No card was made: the blank is in stock again.",
          BEARS("b.application IS NOT d.application"), "the serial carries the application's card", "withdraw", false },
        { "report", "settle_issued", "The portal's own ledger shows this serial as issued: the card is good.",
          BEARS("a.state='disputed' AND b.state IN ('issued','post','delivered','returned') AND " AT_PORTAL
                " AND " ALONE),
          "the portal's ledger does not show this report, its card is not issued, or another case is open",
          "settle_issued", false },
        { "report", "settle_bound", "The portal never had this serial, and its card is spoiled: print another.",
          BEARS("a.state='disputed' AND " GONE " AND NOT coalesce(" AT_PORTAL ",0) AND " ALONE),
          "the card is not spoiled, headquarters has a word in it, or another case is open", "settle_bound", false },
        { "report", "card_spoiled", "The card is spoiled or void; headquarters decides about another.",
          BEARS(GONE " AND (a.state<>'disputed' OR " ALONE ")"), "the card is not spoiled, or another case is open",
          "spoil", false },
        { "spoil", "headquarters_told", "Headquarters was told of the spoiled card in another way; the text says how.",
          BEARS(GONE), "the card is not spoiled", NULL, true },
        { "void", "headquarters_told", "Headquarters was told of the void in another way; the text says how.",
          BEARS(GONE), "the card is not void", NULL, true },
        { "stray", "put_right", "The card lies where it belongs now; the text says where it came from.", BEARS("1"), "",
          NULL, true },
        { "claim", "agreed", "Cleared up with headquarters; the text says how.", BEARS(NO_OPEN_CALL), TALKED, NULL,
          true },
        { "begin", "agreed", "Cleared up with headquarters; the text says how.",
          BEARS(NO_OPEN_CALL " AND a.state<>'disputed'"), TALKED, NULL, true },
        { "release", "agreed", "Cleared up with headquarters; the text says how.", BEARS(NO_OPEN_CALL), TALKED, NULL,
          true },
        { "anchor", "head_agreed", "The portal has taken a later head of the audit chain.",
          BEARS("EXISTS(SELECT 1 FROM intent n WHERE n.kind='anchor' AND n.state='done' AND n.rowid>i.rowid)"),
          "the portal has taken no later head yet", NULL, false },
        { REBOUND_CASE, "no_card", "A former installation made no card.", BEARS("0"), "answered with: mohr rebound",
          NULL, false },
        { REBOUND_CASE, "card_found", "The card of a former installation was found.", BEARS("0"),
          "answered with: mohr rebound", NULL, false },
        { 0 },
};

void case_open(struct ledger *l, const char *kind, const char *application, const char *serial, const char *intent,
               const char *text)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "kind", kind);
        const char *const about[][2] = {
                { "blank", serial }, { "intent", intent }, { "application", application }, { "stock", kind }
        };
        size_t i = 0;

        while (!about[i][1])
                i++;
        ledger_audit(l, "case", about[i][0], about[i][1], intent, body);
        ledger_run(l, "INSERT INTO dispute(kind,application,serial,intent,text,opened_at) VALUES(?1,?2,?3,?4,?5,?6)",
                   "sssssi", kind, application, serial, intent, text, clock_wall_ms());
}

/* The case that holds this card already, or has seen it put away. */
#define WITHDRAWN_CASE                                                                                      \
        "kind='withdrawn' AND application=?1 AND serial=?2 AND (closed_at IS NULL OR EXISTS(SELECT 1 FROM " \
        "blank b WHERE b.serial=?2 AND " GONE "))"

void case_withdrawn(struct ledger *l, const char *application, const char *serial, const char *intent)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "kind", "withdrawn");

        if (ledger_get_int(l, "SELECT count(*) FROM dispute WHERE " WITHDRAWN_CASE, "ss", application, serial) == 0) {
                case_open(l, "withdrawn", application, serial, intent,
                          "withdrawn by the portal after its card was begun");
        } else if (intent) {
                ledger_audit(l, "case", "blank", serial, intent, body);
                ledger_run(l, "UPDATE dispute SET intent=?3 WHERE " WITHDRAWN_CASE, "sss", application, serial, intent);
        }
}

bool case_holds_card(struct ledger *l, const char *serial)
{
        return ledger_get_int(l,
                              "SELECT count(*) FROM dispute d LEFT JOIN blank b ON b.serial=?1 WHERE d.closed_at IS "
                              "NULL AND (d.serial=?1 OR (d.serial IS NULL AND d.application=b.application))",
                              "s", serial) > 0;
}

bool case_bears(struct ledger *l, const struct finding *f, int64_t id)
{
        return ledger_get_int(l, f->bears, "i", id) > 0;
}

/* ---- closing ------------------------------------------------------------------------------------------------------
 */

struct open_case {
        int64_t id;
        char kind[16], application[APPLICATION_TEXT], serial[SERIAL_TEXT], intent[UUID_TEXT], seen[16384];
};

static bool read_case(struct ledger *l, int64_t id, struct open_case *ret)
{
        struct db_rows rows;
        bool found;

        *ret = (struct open_case){ .id = id };
        if (!ledger_query(l, &rows,
                          "SELECT d.kind, coalesce(d.application,''), coalesce(d.serial,''), coalesce(d.intent,''), "
                          "d.text||coalesce(b.state,'')||coalesce(i.evidence,'') FROM dispute d LEFT JOIN blank b ON "
                          "b.serial=d.serial LEFT JOIN intent i ON i.id=d.intent WHERE d.id=?1 AND d.closed_at IS NULL",
                          "i", id))
                return false;
        found = db_next(&rows);
        if (found) {
                (void)snprintf(ret->kind, sizeof ret->kind, "%s", db_text(&rows, 0));
                (void)snprintf(ret->application, sizeof ret->application, "%s", db_text(&rows, 1));
                (void)snprintf(ret->serial, sizeof ret->serial, "%s", db_text(&rows, 2));
                (void)snprintf(ret->intent, sizeof ret->intent, "%s", db_text(&rows, 3));
                (void)snprintf(ret->seen, sizeof ret->seen, "%s", db_text(&rows, 4));
        }
        db_rows_done(&rows);
        return found;
}

static const struct finding *find(const char *kind, const char *word)
{
        for (const struct finding *f = case_findings; f->kind; f++)
                if (strcmp(f->kind, kind) == 0 && strcmp(f->word, word) == 0)
                        return f;
        return NULL;
}

static int check(struct ledger *l, const struct open_case *c, const struct finding *f, const char *finding,
                 const char *text, struct error *err)
{
        if (!f)
                return err_input(err, REASON_BAD_REQUEST, "'%s' is no finding of a case of kind %s", finding, c->kind);
        if (f->needs_text && text[0] == '\0')
                return err_input(err, REASON_BAD_REQUEST, "the finding %s needs a text", finding);
        if (strlen(text) > CASE_TEXT_MAX || (text[0] && persian_check_text(text) != PERSIAN_OK))
                return err_input(err, REASON_BAD_TEXT, "the text is too long or holds control characters");
        if (!case_bears(l, f, c->id))
                return err_input(err, REASON_WRONG_STATE, "the ledger does not bear this out: %s", f->lacks);
        return 0;
}

/* What becomes of the application, and of a serial that the portal has after all. */
static void settle(struct ledger *l, const struct open_case *c, const struct finding *f, const char *decision)
{
        char state[32] = "";

        if (f->event && ledger_state(l, ENTITY_APPLICATION, c->application, state, sizeof state) &&
            strcmp(state, "disputed") == 0)
                ledger_move(l, ENTITY_APPLICATION, c->application, f->event, decision, NULL);
        if (f->event && strcmp(f->event, "settle_issued") == 0)
                ledger_run(l, "UPDATE blank SET registered=1 WHERE serial=?1", "s", c->serial);
}

static void close_now(struct ledger *l, const struct open_case *c, const struct finding *f, const char *first)
{
        cleanup(json_p) json_t *body = json_pack("{s:s,s:s}", "kind", c->kind, "finding", f->word);
        char id[24], decision[UUID_TEXT];
        struct decision d = { .application = ledger_or_null(c->application),
                              .serial = ledger_or_null(c->serial),
                              .of = id,
                              .first = first,
                              .seen = c->seen };

        (void)snprintf(id, sizeof id, "%lld", (long long)c->id);
        d.facts = json_pack("{s:I,s:s,s:s}", "case", (json_int_t)c->id, "kind", c->kind, "finding", f->word);
        decision_begin(l, &d, decision);
        settle(l, c, f, decision);
        ledger_audit(l, "case_closed", "case", id, decision, body);
        ledger_run(l, "UPDATE dispute SET closed_at=?2, closed_by=?3 WHERE id=?1", "iis", c->id, clock_wall_ms(),
                   l->who.person);
        decision_end(l, decision);
}

int case_close(struct core *core, const struct who *who, int64_t id, const char *finding, const char *text,
               bool *ret_second_needed, struct error *err)
{
        struct ledger *l = &core->ledger;
        cleanup(json_p)
                json_t *body = json_pack("{s:I,s:s,s:s}", "case", (json_int_t)id, "finding", finding, "text", text);
        const struct finding *f;
        struct open_case c;
        enum act_turn turn;
        char first[64];

        if (!read_case(l, id, &c))
                return err_input(err, REASON_NOT_FOUND, "no open case %lld", (long long)id);
        f = find(c.kind, finding);
        if (check(l, &c, f, finding, text, err) < 0)
                return -1;
        ledger_begin(l, who);
        turn = act_turn(l, "case", body);
        if (turn == ACT_SECOND) {
                act_first_person(l, "case", body, first, sizeof first);
                close_now(l, &c, f, first);
        }
        FAULT_COMMIT("core.case_close");
        if (!core_commit(core, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(core, "case", json_pack("{s:I}", "case", (json_int_t)id));
        return 0;
}
