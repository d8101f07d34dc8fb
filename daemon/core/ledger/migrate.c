#define _GNU_SOURCE /* asprintf */
#include "daemon/core/ledger/migrate.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* steps[i] leaves schema MIGRATE_OLDEST + i. Triggers are away: a step answers for what it changes. */
static const char *const steps[] = {
        "", /* 1: void, dispatch and stray cases came; nothing that stood there changes its meaning */
};
_Static_assert(ARRAY_SIZE(steps) == SCHEMA_VERSION - MIGRATE_OLDEST, "one step per schema left behind");

/* ---- backup ------------------------------------------------------------------------------------------------------ */

static int os_error(struct error *err, const char *doing, const char *path)
{
        int code = errno;

        return err_set(err, ERR_OPERATOR, ORIGIN_OS, (uint32_t)code, code == ENOSPC ? REASON_DISK_FULL : REASON_LEDGER,
                       "cannot %s %s: %s", doing, path, strerror(code));
}

enum { SAME_SECOND_MAX = 20 };

/* A file of its own, named PATH.schema-FROM.TIME; "-2" and so on behind it when a start of the same second, cut off
 * before it ended, has left one. */
static int new_file(const char *path, int64_t from, char *ret, size_t max, struct error *err)
{
        time_t now = (time_t)(clock_wall_ms() / 1000);
        char when[32] = "", suffix[8] = "";
        int fd = -1;
        struct tm tm;

        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
        for (int i = 2; fd < 0 && i < SAME_SECOND_MAX; i++) {
                if ((size_t)snprintf(ret, max, "%s.schema-%d.%s%s", path, (int)from, when, suffix) >= max)
                        return err_input(err, REASON_BAD_CONFIG, "ledger path too long");
                fd = open(ret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                if (fd < 0 && errno != EEXIST)
                        break;
                (void)snprintf(suffix, sizeof suffix, "-%d", i);
        }
        if (fd < 0)
                return os_error(err, "make the backup", ret);
        (void)close(fd);
        return 0;
}

/* The file and its name in the folder. */
static int make_durable(const char *path, struct error *err)
{
        cleanup(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
        cleanup(close_p) int folder = -1;
        const char *slash = strrchr(path, '/');
        char dir[512] = ".";

        if (slash)
                (void)snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
        folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || folder < 0 || fsync(fd) < 0 || fsync(folder) < 0)
                return os_error(err, "flush", path);
        return 0;
}

static int copy_to(struct db *db, const char *path, struct error *err)
{
        cleanup(db_close) struct db to = { 0 };
        sqlite3_backup *backup;
        int r;

        if (db_open(&to, path, false, err) < 0)
                return -1;
        backup = sqlite3_backup_init(to.handle, "main", db->handle, "main");
        r = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
        (void)sqlite3_backup_finish(backup);
        return r == SQLITE_DONE ? 0 : db_error(&to, err, "backup");
}

static const char head_sql[] = "SELECT coalesce((SELECT seq||' '||hash FROM audit ORDER BY seq DESC LIMIT 1),'')";

static int verify(struct db *db, const char *path, struct error *err)
{
        cleanup(db_close) struct db copy = { 0 };
        char whole[64] = "", is[128] = "", should[128] = "";
        int64_t version = 0, copied = -1;

        if (db_open(&copy, path, true, err) < 0 ||
            db_get_text(&copy, whole, sizeof whole, err, "PRAGMA integrity_check(1)", "") < 0 ||
            db_get_text(db, should, sizeof should, err, head_sql, "") < 0 ||
            db_get_text(&copy, is, sizeof is, err, head_sql, "") < 0 ||
            db_get_int(db, &version, err, "PRAGMA user_version", "") < 0 ||
            db_get_int(&copy, &copied, err, "PRAGMA user_version", "") < 0)
                return -1;
        if (strcmp(whole, "ok") != 0 || strcmp(is, should) != 0 || version != copied)
                return err_own(err, ERR_OPERATOR, REASON_LEDGER, "the backup %s is not what the ledger is", path);
        return 0;
}

int migrate_backup(struct db *db, const char *path, char *ret, size_t max, struct error *err)
{
        int64_t version = 0;

        if (db_get_int(db, &version, err, "PRAGMA user_version", "") < 0 || new_file(path, version, ret, max, err) < 0)
                return -1;
        if (copy_to(db, ret, err) == 0 && make_durable(ret, err) == 0 && verify(db, ret, err) == 0)
                return 0;
        (void)unlink(ret);
        return -1;
}

/* ---- one transaction --------------------------------------------------------------------------------------------- */

enum { LIST_MAX = 16384 };

/* The script of the statement's one text, e.g. all triggers to drop. */
static int run_made(struct db *db, const char *query, struct error *err)
{
        cleanup(free_p) char *script = calloc(1, LIST_MAX);

        if (!script)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        return db_get_text(db, script, LIST_MAX, err, query, "") < 0 ? -1 : db_script(db, script, err);
}

static int run_steps(struct db *db, int64_t from, struct error *err)
{
        for (int64_t i = from - MIGRATE_OLDEST; i < (int64_t)ARRAY_SIZE(steps); i++)
                if (db_script(db, steps[i], err) < 0)
                        return -1;
        return 0;
}

/* A row for each thing of a fresh ledger that the file has not, or has with another text. */
static int differs(struct db *db, const char *type, const char *name, const char *sql, bool *ret_is_there,
                   struct error *err)
{
        cleanup(free_p) char *is = calloc(1, LIST_MAX);
        int found = is ? db_get_text(db, is, LIST_MAX, err,
                                     "SELECT sql FROM main.sqlite_schema WHERE type=?1 AND name=?2", "ss", type, name)
                       : err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");

        if (found < 0)
                return -1;
        *ret_is_there = found > 0;
        return found == 0 || strcmp(is, sql) != 0;
}

/* All its columns and rows, in their order (the outbox goes by it). A column that the new table has not is an error. */
static int remake_table(struct db *db, const char *name, const char *sql, struct error *err)
{
        static const char script[] = "ALTER TABLE \"%1$s\" RENAME TO \"was_%1$s\"; %2$s; "
                                     "INSERT INTO \"%1$s\"(%3$s) SELECT %3$s FROM \"was_%1$s\" ORDER BY rowid; "
                                     "INSERT INTO temp.migration SELECT (SELECT count(*) FROM \"%1$s\")-(SELECT "
                                     "count(*) FROM \"was_%1$s\"); "
                                     "DROP TABLE \"was_%1$s\"";
        cleanup(free_p) char *text = NULL;
        char columns[2048] = "";

        if (db_get_text(db, columns, sizeof columns, err,
                        "SELECT group_concat('\"'||name||'\"') FROM pragma_table_info(?1)", "s", name) < 0)
                return -1;
        if (asprintf(&text, script, name, sql, columns) < 0)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        return db_script(db, text, err);
}

static int make_table(struct db *db, const char *name, const char *sql, struct error *err)
{
        bool is_there = false;
        int r = differs(db, "table", name, sql, &is_there, err);

        if (r <= 0)
                return r;
        return is_there ? remake_table(db, name, sql, err) : db_script(db, sql, err);
}

static int make_index(struct db *db, const char *name, const char *sql, struct error *err)
{
        bool is_there = false;
        int r = differs(db, "index", name, sql, &is_there, err);

        return r <= 0 ? r : db_script(db, sql, err);
}

static int make_trigger(struct db *db, const char *name, const char *sql, struct error *err)
{
        (void)name; /* all were dropped */
        return db_script(db, sql, err);
}

/* Calls make for each table, index or trigger of a fresh ledger, in the order they were made there. */
static int each_of(struct db *fresh, struct db *db, const char *type,
                   int (*make)(struct db *db, const char *name, const char *sql, struct error *err), struct error *err)
{
        struct db_rows rows;
        int r = 0;

        if (db_query(fresh, &rows, err,
                     "SELECT name, sql FROM main.sqlite_schema WHERE type=?1 AND sql IS NOT NULL ORDER BY rowid", "s",
                     type) < 0)
                return -1;
        while (r == 0 && db_next(&rows))
                r = make(db, db_text(&rows, 0), db_text(&rows, 1), err);
        return db_end(&rows) < 0 ? -1 : r;
}

/* Old indices go with their old tables; one that no fresh ledger has would stay, and is dropped here. */
static int list_stale_indices(struct db *fresh, struct db *db, FILE *out, struct error *err)
{
        struct db_rows rows;
        int r = 0;

        if (db_query(db, &rows, err, "SELECT name, sql FROM main.sqlite_schema WHERE type='index' AND sql IS NOT NULL",
                     "") < 0)
                return -1;
        while (r >= 0 && db_next(&rows)) {
                bool is_there;

                r = differs(fresh, "index", db_text(&rows, 0), db_text(&rows, 1), &is_there, err);
                if (r > 0)
                        (void)fprintf(out, "DROP INDEX \"%s\";", db_text(&rows, 0));
        }
        return db_end(&rows) < 0 || r < 0 ? -1 : 0;
}

static int drop_stale_indices(struct db *fresh, struct db *db, struct error *err)
{
        cleanup(free_p) char *drops = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&drops, &n);
        int r = out ? list_stale_indices(fresh, db, out, err) : -1;

        if (!out || fclose(out) != 0)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        return r < 0 ? -1 : db_script(db, drops, err);
}

static int reshape(struct db *fresh, struct db *db, struct error *err)
{
        char version[64];

        (void)snprintf(version, sizeof version, "PRAGMA main.user_version=%d", SCHEMA_VERSION);
        return each_of(fresh, db, "table", make_table, err) < 0 || drop_stale_indices(fresh, db, err) < 0 ||
                               each_of(fresh, db, "index", make_index, err) < 0 ||
                               db_script(db, "DELETE FROM transition", err) < 0 ||
                               schema_fill_transitions(db, err) < 0 ||
                               each_of(fresh, db, "trigger", make_trigger, err) < 0 || db_script(db, version, err) < 0
                       ? -1
                       : 0;
}

/* Nothing of ours more or less than a fresh ledger has, and every reference leads somewhere. */
static int check_shape(struct db *fresh, struct db *db, struct error *err)
{
        int64_t is = -1, should = -2, loose = -1;

        if (db_get_int(db, &is, err, "SELECT count(*) FROM main.sqlite_schema", "") < 0 ||
            db_get_int(fresh, &should, err, "SELECT count(*) FROM main.sqlite_schema", "") < 0 ||
            db_get_int(db, &loose, err, "SELECT count(*) FROM pragma_foreign_key_check", "") < 0)
                return -1;
        if (is != should || loose != 0)
                return err_own(err, ERR_BUG, REASON_LEDGER,
                               "migration: %d things in the schema for %d, %d references into nothing", (int)is,
                               (int)should, (int)loose);
        return 0;
}

static int change(struct db *db, int64_t from, struct error *err)
{
        cleanup(db_close) struct db fresh = { 0 };

        if (db_open(&fresh, ":memory:", false, err) < 0 || schema_create(&fresh, err) < 0)
                return -1;
        if (run_made(db,
                     "SELECT group_concat('DROP TRIGGER \"'||name||'\"', ';') FROM main.sqlite_schema WHERE "
                     "type='trigger'",
                     err) < 0 ||
            run_steps(db, from, err) < 0 || reshape(&fresh, db, err) < 0)
                return -1;
        return check_shape(&fresh, db, err);
}

static int check_quiet(struct db *db, struct error *err)
{
        char serial[32] = "";
        int found = db_get_text(db, serial, sizeof serial, err,
                                "SELECT coalesce(serial,'-') FROM intent WHERE state='running' AND kind IN "
                                "('print','write','lock') LIMIT 1",
                                "");

        if (found > 0)
                return err_own(
                        err, ERR_OPERATOR, REASON_SCHEMA_OTHER,
                        "card %s was in work when the former version ended: start that version once, let it find "
                        "out what became of the card, stop it, then start this one",
                        serial);
        return found;
}

int migrate_ledger(struct ledger *l, struct error *err)
{
        cleanup(json_p) json_t *body = NULL;
        char backup[512];
        int64_t from = 0;

        if (db_get_int(&l->db, &from, err, "PRAGMA user_version", "") < 0 || check_quiet(&l->db, err) < 0 ||
            migrate_backup(&l->db, l->path, backup, sizeof backup, err) < 0)
                return -1;
        if (db_script(&l->db,
                      "PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; CREATE TEMP TABLE migration(lost INTEGER "
                      "CONSTRAINT no_row_is_left_behind CHECK(lost = 0))",
                      err) < 0)
                return -1;
        body = json_pack("{s:I,s:i,s:s}", "from", (json_int_t)from, "to", SCHEMA_VERSION, "backup",
                         strrchr(backup, '/') ? strrchr(backup, '/') + 1 : backup);
        ledger_begin(l, &who_station);
        if (ledger_ok(l))
                l->failed = change(&l->db, from, &l->error) < 0;
        ledger_audit(l, "migrate", "ledger", "schema", NULL, body);
        FAULT_COMMIT("core.migrate");
        return ledger_commit(l, err) == LEDGER_DONE ? 0 : -1;
}
