#include "chain_case.h"
#include "calendar.h"
#include "jalali.h"
#include "util.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS chain_account(name TEXT PRIMARY KEY, role TEXT NOT NULL, province TEXT NOT NULL, "
        "centre TEXT,"
        " defined_by TEXT) STRICT;"
        "CREATE TABLE IF NOT EXISTS chain_case(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, province TEXT NOT "
        "NULL,"
        " centre TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('new','renewal','replacement')), old TEXT,"
        " minutes TEXT, exam_day INT NOT NULL, data TEXT NOT NULL, photo TEXT NOT NULL, stage INT NOT NULL DEFAULT 0,"
        " waiting_for INT NOT NULL DEFAULT 0, deadline INT NOT NULL DEFAULT 0, seq INT NOT NULL DEFAULT 0,"
        " CHECK(kind = 'new' OR old IS NOT NULL), CHECK(kind <> 'replacement' OR minutes IS NOT NULL)) STRICT;"
        "CREATE TABLE IF NOT EXISTS chain_confirmation(application TEXT NOT NULL, role INT NOT NULL, by TEXT NOT NULL,"
        " at TEXT NOT NULL, PRIMARY KEY(application, role)) STRICT;"
        "CREATE TABLE IF NOT EXISTS chain_act(n INTEGER PRIMARY KEY AUTOINCREMENT, application TEXT NOT NULL, what "
        "TEXT NOT NULL,"
        " by TEXT, at TEXT NOT NULL, late INT NOT NULL, reason TEXT) STRICT;"
        "CREATE TRIGGER IF NOT EXISTS chain_act_stays BEFORE UPDATE ON chain_act BEGIN SELECT raise(ABORT, 'append "
        "only'); END;"
        "CREATE TRIGGER IF NOT EXISTS chain_act_kept BEFORE DELETE ON chain_act BEGIN SELECT raise(ABORT, 'append "
        "only'); END;"
        "COMMIT";

const char *const chain_stage_words[] = {
        [CHAIN_REGISTERED] = "registered",
        [CHAIN_WAITING] = "in_chain",
        [CHAIN_UNPAID] = "unpaid",
        [CHAIN_PAID] = "approved",
};

void chain_create(struct store *store)
{
        calendar_create(store);
        store_create(store, "chain_case", schema);
}

void refuse(const char *reason, const char *format, ...)
{
        va_list args;

        fprintf(stderr, "portal-sim: refused: %s: ", reason);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        exit(1);
}

const char *chain_needed(const char *value, const char *option)
{
        if (!value)
                refuse("missing", "%s is needed", option);
        return value;
}

int64_t chain_time(const char *text)
{
        struct tm tm = { 0 };

        if (!time_valid(text) || !strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
                refuse("bad_time", "%s is no time YYYY-MM-DDTHH:MM:SSZ", text);
        return timegm(&tm);
}

int64_t chain_at(struct portal *portal, const struct chain_options *o)
{
        int64_t at = o->at ? chain_time(o->at) : time(NULL);
        OWNED char *last =
                store_text(&portal->store, "SELECT max(at) FROM chain_act WHERE application = ?1", "s", o->application);

        if (last && at < chain_time(last))
                refuse("clock_back", "the last act was at %s", last);
        return at;
}

static char *column_copy(sqlite3_stmt *row, int column)
{
        return must(strdup(column_text(row, column)));
}

void chain_load(struct portal *portal, const char *id, struct chain_case *ret)
{
        QUERY row =
                store_query(&portal->store,
                            "SELECT id, province, centre, kind, photo, data, stage, waiting_for, exam_day, deadline,"
                            " seq FROM chain_case WHERE id = ?1",
                            "s", chain_needed(id, "--application"));

        if (!store_row(row))
                refuse("unknown_application", "%s is not in the chain", id);
        *ret = (struct chain_case){
                .province = column_copy(row, 1),
                .centre = column_copy(row, 2),
                .kind = column_copy(row, 3),
                .photo = column_copy(row, 4),
                .data = must(json_loads(column_text(row, 5), 0, NULL)),
                .stage = (enum chain_stage)sqlite3_column_int(row, 6),
                .waiting_for = (enum chain_role)sqlite3_column_int(row, 7),
                .exam_day = sqlite3_column_int64(row, 8),
                .deadline = sqlite3_column_int64(row, 9),
                .seq = sqlite3_column_int64(row, 10),
        };
        snprintf(ret->id, sizeof(ret->id), "%s", column_text(row, 0));
        if (store_int(&portal->store, "SELECT count(*) FROM application WHERE id = ?1 AND stage = 'withdrawn'", "s",
                      id))
                refuse("withdrawn", "%s was withdrawn", id);
}

void chain_case_done(struct chain_case *one)
{
        free(one->province);
        free(one->centre);
        free(one->kind);
        free(one->photo);
        json_decref(one->data);
}

void chain_save_data(struct portal *portal, const struct chain_case *one)
{
        OWNED char *text = must(json_dumps(one->data, JSON_COMPACT));

        store_run(&portal->store, "UPDATE chain_case SET data = ?2 WHERE id = ?1", "ss", one->id, text);
}

void chain_note(struct portal *portal, const char *id, const char *what, const struct chain_options *o, int64_t at,
                bool late)
{
        char text[TIME_TEXT];

        time_text(at, text);
        store_run(&portal->store,
                  "INSERT INTO chain_act(application, what, by, at, late, reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                  "ssssis", id, what, o->by, text, (int64_t)late, o->reason);
}

void chain_wait_for(struct portal *portal, struct chain_case *one, enum chain_role role, int64_t at)
{
        struct store *store = &portal->store;
        char deadline[TIME_TEXT];

        one->stage = CHAIN_WAITING;
        one->waiting_for = role;
        one->deadline = calendar_deadline(store, at, chain_roles[role].working_days); /* R1 */
        time_text(one->deadline, deadline);
        store_run(store, "UPDATE chain_case SET stage = ?2, waiting_for = ?3, deadline = ?4 WHERE id = ?1", "siii",
                  one->id, (int64_t)one->stage, (int64_t)role, one->deadline);
        store_run(store,
                  "INSERT INTO application(id, province, stage, change, deadline, waiting_for)"
                  " VALUES(?1, ?2, 'in_chain', ?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET change = excluded.change,"
                  " deadline = excluded.deadline, waiting_for = excluded.waiting_for",
                  "ssiss", one->id, one->province, store_next_change(store), deadline, chain_roles[role].word);
}

static json_t *history_of(struct portal *portal, const char *id)
{
        QUERY rows = store_query(&portal->store,
                                 "SELECT what, by, at, late, reason FROM chain_act WHERE application = ?1 ORDER BY n",
                                 "s", id);
        json_t *list = json_array();

        while (store_row(rows))
                json_array_append_new(list, json_pack("{s:s, s:s?, s:s, s:b, s:s?}", "what", column_text(rows, 0), "by",
                                                      column_text(rows, 1), "at", column_text(rows, 2), "late",
                                                      sqlite3_column_int(rows, 3), "reason", column_text(rows, 4)));
        return list;
}

static void add_waiting(struct portal *portal, json_t *line, const struct chain_case *one, int64_t at)
{
        char deadline[TIME_TEXT], day[JALALI_TEXT];
        int late = calendar_working_days(&portal->store, one->deadline, at);

        time_text(one->deadline, deadline);
        jalali_text(calendar_day(one->deadline), day);
        json_object_set_new(line, "waiting_for", json_string(chain_roles[one->waiting_for].word));
        json_object_set_new(line, "deadline", json_string(deadline));
        json_object_set_new(line, "deadline_day", json_string(day));
        json_object_set_new(line, "overdue", json_boolean(at > one->deadline));
        json_object_set_new(line, "late_working_days", json_integer(late));
}

void chain_print(struct portal *portal, const struct chain_case *one, int64_t at, bool history)
{
        JSON line =
                json_pack("{s:s, s:s, s:s}", "id", one->id, "kind", one->kind, "stage", chain_stage_words[one->stage]);

        if (one->stage == CHAIN_WAITING)
                add_waiting(portal, line, one, at);
        if (history)
                json_object_set_new(line, "history", history_of(portal, one->id));
        OWNED char *text = must(json_dumps(line, JSON_COMPACT));

        puts(text);
}
