#include "daemon/core/unknown.h"
#include "daemon/core/act.h"
#include "daemon/core/print_flow.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <string.h>

static json_t *question(const char *answer, const char *needs, const char *text)
{
        return json_pack("{s:s,s:s,s:s}", "answer", answer, "needs", needs, "text", text);
}

static json_t *questions(const char *kind)
{
        json_t *list = json_array();

        if (strcmp(kind, "print") == 0) {
                (void)json_array_append_new(list,
                                            question("came_out", "serial",
                                                     "Does the card lie in the tray or the printer? Scan its serial."));
                (void)json_array_append_new(list,
                                            question("none_came_out", "serial of the blank, two people",
                                                     "Did no card come out? Scan the blank, still in the hopper."));
        } else {
                bool lock = strcmp(kind, "lock") == 0;

                (void)json_array_append_new(
                        list, question("insert", "card",
                                       lock ? "Insert the same card and spoil it once more: mohr spoil."
                                            : "Scan the serial and insert the same card: mohr write --serial."));
                (void)json_array_append_new(list, question("lost", "two people", "Can the card not be found?"));
        }
        return list;
}

json_t *unknown_list(struct core *c)
{
        json_t *list = json_array();
        struct db_rows rows;

        if (!ledger_query(
                    &c->ledger, &rows,
                    "SELECT id, kind, coalesce(application,''), coalesce(serial,''), coalesce(line,''), started_at, "
                    "coalesce(step,''), evidence FROM intent WHERE state='unknown' AND kind IN "
                    "('print','write','lock') ORDER BY started_at",
                    ""))
                return list;
        while (db_next(&rows))
                (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:o,s:o}", "intent",
                                                            db_text(&rows, 0), "kind", db_text(&rows, 1), "application",
                                                            db_text(&rows, 2), "serial", db_text(&rows, 3), "line",
                                                            db_text(&rows, 4), "since", (json_int_t)db_int(&rows, 5),
                                                            "step", db_text(&rows, 6), "evidence",
                                                            json_loads(db_text(&rows, 7), 0, NULL), "questions",
                                                            questions(db_text(&rows, 1))));
        db_rows_done(&rows);
        return list;
}

struct open_item {
        char id[UUID_TEXT], kind[16], step[IPC_NAME_MAX + 1], serial[SERIAL_TEXT], application[APPLICATION_TEXT];
};

static bool find_item(struct ledger *l, const char *intent, struct open_item *ret)
{
        *ret = (struct open_item){ 0 };
        return ledger_get_text(l, ret->id, sizeof ret->id,
                               "SELECT id FROM intent WHERE id=?1 AND state='unknown' AND kind IN "
                               "('print','write','lock')",
                               "s", intent) &&
               ledger_get_text(l, ret->kind, sizeof ret->kind, "SELECT kind FROM intent WHERE id=?1", "s", intent) &&
               ledger_get_text(l, ret->step, sizeof ret->step, "SELECT step FROM intent WHERE id=?1", "s", intent) &&
               ledger_get_text(l, ret->serial, sizeof ret->serial, "SELECT serial FROM intent WHERE id=?1", "s",
                               intent) &&
               ledger_get_text(l, ret->application, sizeof ret->application,
                               "SELECT application FROM intent WHERE id=?1", "s", intent);
}

static const char *or_null(const char *text)
{
        return text[0] ? text : NULL;
}

/* The decision is itself an audited intent (issue of the effect "this is now true"). */
static void record_decision(struct ledger *l, const struct open_item *item, const char *answer)
{
        cleanup(json_p) json_t *result = json_pack("{s:s,s:s}", "of", item->id, "answer", answer);
        struct intent_spec spec = { .kind = "decide",
                                    .application = or_null(item->application),
                                    .serial = item->serial };
        char id[UUID_TEXT];

        intent_new(l, &spec, id);
        intent_close(l, id, "done", result);
}

static void open_case(struct ledger *l, const struct open_item *item, const char *kind, const char *text)
{
        ledger_audit(l, "case", "blank", item->serial, item->id, NULL);
        ledger_run(l, "INSERT INTO dispute(kind,application,serial,intent,text,opened_at) VALUES(?1,?2,?3,?4,?5,?6)",
                   "sssssi", kind, or_null(item->application), item->serial, item->id, text, clock_wall_ms());
}

static void decide_missing(struct ledger *l, const struct open_item *item, const char *answer)
{
        cleanup(json_p) json_t *result = json_pack("{s:s}", "decided", answer);

        intent_close(l, item->id, "fail", result);
        ledger_move(l, ENTITY_BLANK, item->serial, "miss", item->id, NULL);
        open_case(l, item, "missing",
                  "the card cannot be found; it counts as live until headquarters voids its serial");
}

/* Not the expected card came out: more than one was fed. Every card since is to be scanned (stock_sort). */
static void hold_line(struct core *c, const struct open_item *item, const char *serial)
{
        char name[CONFIG_NAME_MAX + 1] = "";
        struct line *line;

        (void)ledger_get_text(&c->ledger, name, sizeof name, "SELECT line FROM intent WHERE id=?1", "s", item->id);
        line = line_by_name(c, name);
        if (line)
                line_hold(line, REASON_SERIAL_MISMATCH, serial);
}

static void decide_print(struct core *c, const struct open_item *item, const char *answer, const char *serial)
{
        cleanup(json_p) json_t *result = json_pack("{s:s}", "decided", answer);
        struct ledger *l = &c->ledger;

        if (strcmp(answer, "came_out") == 0) {
                print_record_printed(l, item->id, item->serial, result);
                if (strcmp(serial, item->serial) != 0)
                        hold_line(c, item, serial);
        } else if (serial) {
                print_record_not_started(l, item->id, item->serial, result);
        } else {
                decide_missing(l, item, answer);
        }
}

/* Until the probe has looked, a job may still wait in CUPS and print after "no card came out". */
static int check_probed(const struct open_item *item, struct error *err)
{
        if (strcmp(item->step, "probed") == 0)
                return 0;
        return err_own(err, ERR_RETRY, REASON_UNKNOWN_OPEN,
                       "the printer is still being asked what became of %s; ask again shortly", item->serial);
}

static int check_came_out(struct ledger *l, const struct open_item *item, const char *serial, struct error *err)
{
        if (!serial)
                return err_input(err, REASON_BAD_REQUEST, "scan the serial of the card that came out");
        if (strcmp(serial, item->serial) == 0 ||
            ledger_get_int(l,
                           "SELECT count(*) FROM blank WHERE serial=?1 AND state='hopper' AND line=(SELECT line FROM "
                           "intent WHERE id=?2)",
                           "ss", serial, item->id) > 0)
                return 0;
        return err_input(err, REASON_SERIAL_MISMATCH, "the card sent to the printer was %s, not %s", item->serial,
                         serial);
}

static int check_answer(struct ledger *l, const struct open_item *item, const char *answer, const char *serial,
                        struct error *err)
{
        bool print = strcmp(item->kind, "print") == 0;

        if (strcmp(answer, "came_out") == 0 && print)
                return check_came_out(l, item, serial, err);
        if (strcmp(answer, "none_came_out") == 0 && print) {
                if (serial && strcmp(serial, item->serial) != 0)
                        return err_input(err, REASON_SERIAL_MISMATCH, "the blank sent to the printer was %s, not %s",
                                         item->serial, serial);
                return check_probed(item, err);
        }
        if (strcmp(answer, "lost") == 0 && !print)
                return 0;
        return err_input(err, REASON_BAD_REQUEST, "'%s' does not answer the question about a %s", answer, item->kind);
}

int unknown_decide(struct core *c, const struct who *who, const char *intent, const char *answer, const char *serial,
                   bool *ret_second_needed, struct error *err)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body =
                json_pack("{s:s,s:s,s:s}", "intent", intent, "answer", answer, "serial", serial ? serial : "");
        enum act_turn turn = ACT_SECOND;
        struct open_item item;

        if (!find_item(l, intent, &item))
                return err_input(err, REASON_NOT_FOUND, "no unknown outcome %s", intent);
        if (check_answer(l, &item, answer, serial, err) < 0)
                return -1;
        ledger_begin(l, who);
        if (strcmp(answer, "came_out") != 0)
                turn = act_turn(l, "unknown", body);
        if (turn == ACT_SECOND) {
                record_decision(l, &item, answer);
                if (strcmp(item.kind, "print") == 0)
                        decide_print(c, &item, answer, serial);
                else
                        decide_missing(l, &item, answer);
        }
        FAULT_COMMIT("core.decide");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(c, "unknown", json_pack("{s:s}", "intent", intent));
        return 0;
}
