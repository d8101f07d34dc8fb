#include "admin.h"
#include "check.h"
#include "fault.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void admin_station(struct portal *portal, const char *station, const char *province)
{
        if (!pattern_match(PATTERN_STATION, station))
                die("a station id has small letters, digits and hyphens");
        store_run(&portal->store, "INSERT OR IGNORE INTO station(id, province) VALUES(?1, ?2)", "ss", station,
                  province);
}

void admin_epoch(struct portal *portal, const char *station)
{
        store_run(&portal->store, "UPDATE station SET epoch_granted = max(epoch, epoch_granted) + 1 WHERE id = ?1", "s",
                  station);
        int64_t epoch = store_int(&portal->store, "SELECT epoch_granted FROM station WHERE id = ?1", "s", station);
        if (epoch == 0)
                die("no such station");
        printf("%lld\n", (long long)epoch);
}

static void grant(struct portal *portal, const char *application, const char *serial, const char *data_sha256)
{
        int64_t n = store_int(&portal->store, "SELECT count(*) + 1 FROM authorisation", "");
        OWNED char *id = text_format("R-%06lld", (long long)n);
        OWNED char *payload = NULL;
        OWNED char *jws = NULL;
        char at[TIME_TEXT];

        time_now_text(at);
        JSON json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "v", 1, "id", id, "application", application,
                              "spoiled_serial", serial, "granted_at", at, "approval_sha256", data_sha256);
        payload = must(json_dumps(json, JSON_COMPACT));
        jws = jws_sign(&portal->signers, SIGN_REISSUE, payload);
        store_run(&portal->store,
                  "INSERT INTO authorisation(id, application, spoiled_serial, jws) VALUES(?1, ?2, ?3, ?4)", "ssss", id,
                  application, serial, jws);
        printf("{\"id\":\"%s\",\"application\":\"%s\",\"spoiled_serial\":\"%s\"}\n", id, application, serial);
}

void admin_authorise(struct portal *portal, const char *application)
{
        QUERY rows = store_query(&portal->store,
                                 "SELECT id, needs, data_sha256 FROM application WHERE needs IS NOT NULL AND"
                                 " stage <> 'withdrawn' AND (?1 IS NULL OR id = ?1) AND needs NOT IN"
                                 " (SELECT spoiled_serial FROM authorisation) ORDER BY change",
                                 "s", application);
        bool any = false;

        while (store_row(rows)) {
                grant(portal, column_text(rows, 0), column_text(rows, 1), column_text(rows, 2));
                any = true;
        }
        if (application && !any)
                die("%s does not wait for an authorisation", application);
}

void admin_withdraw(struct portal *portal, const char *application)
{
        OWNED char *province = store_text(&portal->store,
                                          "SELECT province FROM application WHERE id = ?1 AND stage NOT IN"
                                          " ('issued', 'withdrawn')",
                                          "s", application);
        char at[TIME_TEXT];

        if (!province)
                die("%s is unknown, issued or withdrawn", application);
        time_now_text(at);
        portal_set_stage(portal, application, "withdrawn");
        store_run(&portal->store,
                  "INSERT INTO withdrawn(province, kind, application, at) VALUES(?1, 'application', ?2, ?3)", "sss",
                  province, application, at);
}

void admin_unbind(struct portal *portal, const char *application)
{
        OWNED char *stage = store_text(&portal->store,
                                       "SELECT CASE WHEN needs IS NULL THEN 'approved' ELSE 'awaiting_reissue' END"
                                       " FROM application WHERE id = ?1 AND stage IN"
                                       " ('claimed', 'bound', 'awaiting_reissue')",
                                       "s", application);

        if (!stage)
                die("%s is not held by a station", application);
        portal_set_stage(portal, application, stage);
        store_run(&portal->store,
                  "UPDATE application SET holder = NULL, face_code = NULL, issue_date = NULL, fence = fence + 1"
                  " WHERE id = ?1",
                  "s", application);
}

static int64_t serial_tail(const char *serial, size_t *ret_prefix)
{
        size_t n = strlen(serial), from = n;

        while (from > 0 && serial[from - 1] >= '0' && serial[from - 1] <= '9')
                from--;
        *ret_prefix = from;
        return atoll(serial + from);
}

void admin_ship(struct portal *portal, const char *province, const char *from, const char *to)
{
        size_t prefix, other;
        int64_t first = serial_tail(from, &prefix), last = serial_tail(to, &other);
        int64_t n = store_int(&portal->store, "SELECT count(*) + 1 FROM shipment", "");
        OWNED char *id = text_format("S-%05lld", (long long)n);

        if (!pattern_match(PATTERN_SERIAL, from) || strlen(from) != strlen(to) || prefix != other ||
            strncmp(from, to, prefix) != 0 || first > last)
                die("--from and --to are no range of serials");
        store_run(&portal->store,
                  "INSERT INTO shipment(id, province, first, last, count, sent_at) VALUES(?1, ?2, ?3, ?4, ?5,"
                  " strftime('%Y-%m-%dT%H:%M:%SZ'))",
                  "ssssi", id, province, from, to, last - first + 1);
        printf("%s\n", id);
}

static json_t *cell(sqlite3_stmt *row, int column)
{
        int type = sqlite3_column_type(row, column);

        if (type == SQLITE_INTEGER)
                return json_integer(sqlite3_column_int64(row, column));
        return type == SQLITE_NULL ? json_null() : json_string(column_text(row, column));
}

/* All rows of a query as objects named by its columns. */
static json_t *rows_of(struct portal *portal, const char *sql)
{
        QUERY rows = store_query(&portal->store, sql, "");
        json_t *list = json_array();

        while (store_row(rows)) {
                json_t *item = json_object();

                for (int i = 0; i < sqlite3_column_count(rows); i++)
                        json_object_set_new(item, sqlite3_column_name(rows, i), cell(rows, i));
                json_array_append_new(list, item);
        }
        return list;
}

void admin_ledger(struct portal *portal)
{
        static const struct {
                const char *name, *sql;
        } parts[] = {
                { "stations", "SELECT id, epoch, seq, fenced FROM station ORDER BY id" },
                { "applications", "SELECT id, stage, holder, fence, face_code, issue_date, needs AS spoiled_serial,"
                                  " (SELECT serial FROM card c WHERE c.application = a.id AND c.status = 'issued')"
                                  " AS serial, data_sha256 FROM application a ORDER BY id" },
                { "cards", "SELECT serial, application, station, chip_id, status, cause, delivered, operator, expert,"
                           " at FROM card ORDER BY serial" },
                { "authorisations", "SELECT id, application, spoiled_serial, used_by FROM authorisation ORDER BY n" },
                { "anchors", "SELECT station, epoch, seq, head FROM anchor ORDER BY station, epoch, seq" },
                { "withdrawn", "SELECT kind, application, serial, at FROM withdrawn ORDER BY n" },
                { "effects", "SELECT portal_seq, station, key, what, payload_sha256, at, mono_ns, boot, application,"
                             " serial, fence, authorisation FROM effect ORDER BY portal_seq" },
        };
        JSON all = json_object();

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
                json_object_set_new(all, parts[i].name, rows_of(portal, parts[i].sql));
        OWNED char *text = must(json_dumps(all, JSON_INDENT(1)));

        puts(text);
}

void admin_fault(struct portal *portal, const char *mode, const char *path, int64_t count, int64_t arg)
{
        if (strcmp(mode, "clear") == 0) {
                store_run(&portal->store, "DELETE FROM fault", "");
                return;
        }
        if (!fault_mode_parse(mode))
                die("no such fault: %s", mode);
        store_run(&portal->store, "INSERT INTO fault(mode, match, remaining, arg) VALUES(?1, ?2, ?3, ?4)", "ssii", mode,
                  path, count, arg);
}
