/* Rules about the file itself: SQLite's own checks, and the schema with all its triggers. */
#include "daemon/core/fsck/fsck_inside.h"
#include "daemon/core/ledger/machine.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include <string.h>

int fsck_integrity(struct fsck *f)
{
        struct db_rows rows;

        if (db_query(f->db, &rows, f->err, "PRAGMA integrity_check", "") < 0)
                return -1;
        while (db_next(&rows))
                if (strcmp(db_text(&rows, 0), "ok") != 0)
                        fsck_tell(f, "file", "%s", db_text(&rows, 0));
        return db_end(&rows);
}

int fsck_foreign_keys(struct fsck *f)
{
        struct db_rows rows;

        if (db_query(f->db, &rows, f->err, "PRAGMA foreign_key_check", "") < 0)
                return -1;
        while (db_next(&rows))
                fsck_tell(f, db_text(&rows, 0), "row %lld names a row of %s that is not there",
                          (long long)db_int(&rows, 1), db_text(&rows, 2));
        return db_end(&rows);
}

static const char schema_rows[] = "SELECT type, name, coalesce(sql,'') FROM main.sqlite_schema WHERE name NOT LIKE "
                                  "'sqlite_%' ORDER BY type, name";

static int tell_difference(struct fsck *f, struct db *is, struct db *should, const char *what)
{
        struct db_rows rows;
        char sql[4096];
        int r = 0;

        if (db_query(is, &rows, f->err, schema_rows, "") < 0)
                return -1;
        while (r == 0 && db_next(&rows)) {
                int found = db_get_text(should, sql, sizeof sql, f->err,
                                        "SELECT coalesce(sql,'') FROM main.sqlite_schema WHERE type=?1 AND name=?2",
                                        "ss", db_text(&rows, 0), db_text(&rows, 1));

                if (found == 0 || (found > 0 && strcmp(sql, db_text(&rows, 2)) != 0))
                        fsck_tell(f, db_text(&rows, 1), "%s %s", db_text(&rows, 0), what);
                r = found < 0 ? -1 : 0;
        }
        return db_end(&rows) < 0 ? -1 : r;
}

static int compare_transitions(struct fsck *f)
{
        int64_t known = 0;

        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                if (db_get_int(f->db, &known, f->err,
                               "SELECT count(*) FROM transition WHERE entity=?1 AND from_state=?2 AND event=?3 AND "
                               "to_state=?4",
                               "ssss", entity_name(t->entity), t->from, t->event, t->to) < 0)
                        return -1;
                if (known != 1)
                        fsck_tell(f, "transition", "%s: '%s' from %s to %s is missing", entity_name(t->entity),
                                  t->event, t->from, t->to);
        }
        if (db_get_int(f->db, &known, f->err, "SELECT count(*) FROM transition", "") < 0)
                return -1;
        if (known > (int64_t)n_transitions)
                fsck_tell(f, "transition", "%lld rows that no machine has",
                          (long long)(known - (int64_t)n_transitions));
        return 0;
}

int fsck_schema(struct fsck *f)
{
        cleanup(db_close) struct db fresh = { 0 };

        if (db_open(&fresh, ":memory:", false, f->err) < 0 || schema_create(&fresh, f->err) < 0)
                return -1;
        if (tell_difference(f, &fresh, f->db, "is missing or altered") < 0 ||
            tell_difference(f, f->db, &fresh, "does not belong there or is altered") < 0)
                return -1;
        return compare_transitions(f);
}
