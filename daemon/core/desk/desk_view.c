/* The UNKNOWN desk as people see it: each open outcome with what the devices and the portal said, and what to ask. */
#include "daemon/core/desk/unknown.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct item {
        const char *intent, *kind, *application, *serial, *line;
        const char *minutes; /* of a void that two people signed and this lock was to complete; "" = none */
};

/* ---- evidence -----------------------------------------------------------------------------------------------------
 */

/* The value, or null: what nobody gave is never made up. New reference. */
static json_t *given(const json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);

        return value ? json_incref(value) : json_null();
}

static json_t *job_json(const json_t *e)
{
        if (!json_object_get(e, "job_id") || json_integer_value(json_object_get(e, "job_id")) == 0)
                return json_null();
        return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", given(e, "job_id"), "uuid", given(e, "job_uuid"),
                         "state", given(e, "job"), "reasons", given(e, "job_reasons"), "created_at",
                         given(e, "created_at"), "processing_at", given(e, "processing_at"), "completed_at",
                         given(e, "completed_at"), "impressions", given(e, "impressions"));
}

static json_t *print_json(const json_t *e)
{
        return json_pack("{s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o}}", "probed_at", given(e, "probed_at"), "verdict",
                         given(e, "verdict"), "gate", given(e, "gate"), "cups", given(e, "cups"), "job", job_json(e),
                         "printer", "counter_before", given(e, "counter_before"), "counter_after", given(e, "counter"));
}

/* What is bound to the serial, and what the last keyless look into the reader found on that chip. */
static json_t *chip_json(struct ledger *l, const struct item *item, const json_t *e)
{
        static const char *const keys[] = { "chip_id", "sod_sha256", "#attempts", "parked", NULL };
        json_t *chip = api_first(api_rows(l, keys,
                                          "SELECT b.chip_id, b.sod_sha256, c.attempts, c.parked FROM blank b LEFT JOIN "
                                          "chip c ON c.id=b.chip_id WHERE b.serial=?1",
                                          "s", item->serial, 0));

        return json_pack("{s:o,s:o,s:o}", "probed_at", given(e, "read_at"), "bound", chip, "read", given(e, "read"));
}

/* The last calls about this application or serial, the newest first, and what the portal said. */
static json_t *portal_json(struct ledger *l, const struct item *item)
{
        static const char *const keys[] = { "kind",       "state",       "serial",     "#at",  "#tries",
                                            "#receipted", "#portal_seq", "refused_as", "says", NULL };

        return api_rows(l, keys,
                        "SELECT i.kind, i.state, i.serial, coalesce(i.ended_at,i.started_at), i.tries, i.receipt IS "
                        "NOT NULL, CASE WHEN json_valid(i.result) THEN json_extract(i.result,'$.portal_seq') END, CASE "
                        "WHEN i.state='refused' AND json_valid(i.result) THEN json_extract(i.result,'$.reason') END, "
                        "CASE WHEN i.state='refused' AND json_valid(i.result) THEN json_extract(i.result,'$.text') END "
                        "FROM intent i WHERE i.kind IN ('claim','begin','release','report','spoil') AND "
                        "i.application=?1 ORDER BY i.rowid DESC LIMIT 4",
                        "s", item->application, 0);
}

static json_t *evidence_json(struct ledger *l, const struct item *item, const char *text)
{
        cleanup(json_p) json_t *e = json_loads(text, 0, NULL);
        bool print = strcmp(item->kind, "print") == 0;
        json_t *json = print ? print_json(e) : chip_json(l, item, e);

        (void)json_object_set_new(json, "portal", portal_json(l, item));
        return json;
}

/* ---- questions ----------------------------------------------------------------------------------------------------
 */

__attribute__((format(printf, 6, 7))) static void ask(json_t *list, const char *answer, const char *needs,
                                                      const char *people, const char *command, const char *format, ...)
{
        char text[400];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s}", "answer", answer, "needs", needs, "people",
                                                    people, "text", text, "command", command));
}

static const char one[] = "one", two[] = "two, of two offices";

static void answer_command(const struct item *item, const char *answer, bool scan, char *ret, size_t max)
{
        (void)snprintf(ret, max, "mohr unknown decide %s %s%s%s", item->intent, answer, scan ? " --serial " : "",
                       scan ? item->serial : "");
}

static void ask_print(json_t *list, const struct item *item)
{
        char command[160];

        answer_command(item, "came_out", true, command, sizeof command);
        ask(list, "came_out", "scan of the card", one, command,
            "Look into the output tray and inside the printer of line %s: does card %s lie there with a face on it, "
            "good "
            "or bad? Scan its serial; inspection comes next.",
            item->line, item->serial);
        answer_command(item, "none_came_out", true, command, sizeof command);
        ask(list, "none_came_out", "scan of the blank", two, command,
            "Does blank %s lie in the hopper of line %s as before, without a face? Scan its serial.", item->serial,
            item->line);
        answer_command(item, "lost", false, command, sizeof command);
        ask(list, "lost", "a search", two, command,
            "Is card %s neither in the tray of line %s, nor in the printer, nor in the hopper? It then counts as "
            "missing.",
            item->serial, item->line);
}

/* What finishes the chip: the write, the spoil, or the void whose minutes are signed. */
static void chip_command(const struct item *item, bool no_chip, char *ret, size_t max)
{
        char where[64];

        if (no_chip)
                (void)snprintf(where, sizeof where, "--no-chip");
        else
                (void)snprintf(where, sizeof where, "--line %s", item->line);
        if (item->minutes[0])
                (void)snprintf(ret, max, "mohr void %s --minutes %s --document FILE %s", item->serial, item->minutes,
                               where);
        else if (no_chip || strcmp(item->kind, "lock") == 0)
                (void)snprintf(ret, max, "mohr spoil %s --cause %s %s", item->serial, no_chip ? "chip_mute" : "CAUSE",
                               where);
        else
                (void)snprintf(ret, max, "mohr write --serial %s %s", item->serial, where);
}

static void ask_chip(json_t *list, const struct item *item)
{
        bool lock = strcmp(item->kind, "lock") == 0;
        char command[300];

        chip_command(item, false, command, sizeof command);
        ask(list, "insert", "the chip itself", one, command,
            lock ? "Put card %s into the reader of line %s again: the chip is looked at, and the lock is finished."
                 : "Scan card %s and put it into the reader of line %s: the chip is read back; what is missing is "
                   "written.",
            item->serial, item->line);
        chip_command(item, true, command, sizeof command);
        ask(list, "no_chip", "the card", item->minutes[0] ? two : one, command,
            item->minutes[0] ? "Does the chip of card %s not answer in any reader? Void it without; its serial goes on "
                               "the withdrawn list."
                             : "Does the chip of card %s not answer in any reader? Spoil the card; its serial goes on "
                               "the withdrawn list.",
            item->serial);
        answer_command(item, "lost", false, command, sizeof command);
        ask(list, "lost", "a search", two, command,
            "Is card %s not to be found, neither at the reader of line %s nor elsewhere? It then counts as missing.",
            item->serial, item->line);
}

static json_t *questions_json(const struct item *item)
{
        json_t *list = json_array();

        if (strcmp(item->kind, "print") == 0)
                ask_print(list, item);
        else
                ask_chip(list, item);
        return list;
}

/* Who has asked already, and waits for the second person. */
static json_t *asked_json(struct ledger *l, const char *intent)
{
        static const char *const keys[] = { "answer", "serial", "by", "office", "#at", NULL };

        return api_rows(l, keys,
                        "SELECT json_extract(body,'$.answer'), nullif(json_extract(body,'$.serial'),''), proposed_by, "
                        "proposed_office, proposed_at FROM act WHERE kind='unknown' AND confirmed_at IS NULL AND "
                        "json_extract(body,'$.intent')=?1",
                        "s", intent, 0);
}

json_t *unknown_list(struct core *c)
{
        struct ledger *l = &c->ledger;
        json_t *list = json_array();
        struct db_rows rows;

        if (!ledger_query(l, &rows,
                          "SELECT id, kind, coalesce(application,''), coalesce(serial,''), coalesce(line,''), "
                          "started_at, coalesce(step,''), evidence, CASE kind WHEN 'lock' THEN coalesce((SELECT "
                          "json_extract(body,'$.minutes') FROM act WHERE kind='void' AND confirmed_at IS NOT NULL AND "
                          "json_extract(body,'$.serial')=serial ORDER BY confirmed_at DESC LIMIT 1),'') ELSE '' END "
                          "FROM intent WHERE state='unknown' AND kind IN ('print','write','lock') ORDER BY started_at",
                          ""))
                return list;
        while (db_next(&rows)) {
                struct item item = { db_text(&rows, 0), db_text(&rows, 1), db_text(&rows, 2),
                                     db_text(&rows, 3), db_text(&rows, 4), db_text(&rows, 8) };

                (void)json_array_append_new(
                        list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:o,s:o,s:o}", "intent", item.intent, "kind",
                                        item.kind, "application", item.application, "serial", item.serial, "line",
                                        item.line, "since", (json_int_t)db_int(&rows, 5), "step", db_text(&rows, 6),
                                        "evidence", evidence_json(l, &item, db_text(&rows, 7)), "questions",
                                        questions_json(&item), "asked", asked_json(l, item.intent)));
        }
        db_rows_done(&rows);
        return list;
}
