#include "daemon/core/ledger/db.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <sqlite3.h>
#include <string.h>

int db_open(struct db *db, const char *path, bool read_only, struct error *err)
{
        int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOFOLLOW;

        *db = (struct db){ 0 };
        if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
                (void)db_error(db, err, "cannot open the ledger");
                db_close(db);
                return -1;
        }
        (void)sqlite3_extended_result_codes(db->handle, 1);
        return 0;
}

void db_close(struct db *db)
{
        for (size_t i = 0; db->cache[i].sql; i++)
                (void)sqlite3_finalize(db->cache[i].statement);
        (void)sqlite3_close(db->handle);
        *db = (struct db){ 0 };
}

int db_error(struct db *db, struct error *err, const char *doing)
{
        int code = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
        enum reason reason = (code & 0xFF) == SQLITE_FULL ? REASON_DISK_FULL : REASON_LEDGER;

        return err_set(err, ERR_BUG, ORIGIN_SQLITE, (uint32_t)code, reason, "%s: %s", doing,
                       db->handle ? sqlite3_errmsg(db->handle) : "no memory");
}

int db_script(struct db *db, const char *sql, struct error *err)
{
        return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, err, "ledger");
}

/* A literal is known again by its address; a text made in a buffer, which may hold another one now, by what it says. */
static size_t find(const struct db *db, const char *sql)
{
        size_t i = 0;

        while (db->cache[i].sql && db->cache[i].sql != sql)
                i++;
        if (db->cache[i].sql && strcmp(sqlite3_sql(db->cache[i].statement), sql) == 0)
                return i;
        for (i = 0; db->cache[i].sql && strcmp(sqlite3_sql(db->cache[i].statement), sql) != 0;)
                i++;
        return i;
}

static struct sqlite3_stmt *prepared(struct db *db, const char *sql, struct error *err)
{
        size_t i = find(db, sql);

        assert(i < DB_STATEMENTS);
        if (!db->cache[i].sql) {
                if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->cache[i].statement, NULL) !=
                    SQLITE_OK) {
                        (void)db_error(db, err, sql);
                        return NULL;
                }
                db->cache[i].sql = sql;
        }
        assert(!sqlite3_stmt_busy(db->cache[i].statement));
        return db->cache[i].statement;
}

static int bind(struct sqlite3_stmt *s, int first, const char *types, va_list values)
{
        int r = SQLITE_OK;

        for (int i = first; *types && r == SQLITE_OK; i++, types++) {
                if (*types == 's') {
                        r = sqlite3_bind_text(s, i, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
                } else if (*types == 'i') {
                        r = sqlite3_bind_int64(s, i, va_arg(values, int64_t));
                } else {
                        struct bytes b = va_arg(values, struct bytes);

                        assert(*types == 'b');
                        r = sqlite3_bind_blob64(s, i, b.p, b.n, SQLITE_TRANSIENT);
                }
        }
        return r;
}

static void reset(struct sqlite3_stmt *s)
{
        (void)sqlite3_reset(s);
        (void)sqlite3_clear_bindings(s);
}

static int query(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *const *texts,
                 const char *types, va_list values)
{
        struct sqlite3_stmt *s = prepared(db, sql, err);
        int n_texts = texts ? 2 : 0, r = SQLITE_OK;

        *ret = (struct db_rows){ 0 };
        if (!s)
                return -1;
        assert((size_t)sqlite3_bind_parameter_count(s) == strlen(types) + (size_t)n_texts);
        for (int i = 0; i < n_texts && r == SQLITE_OK; i++)
                r = sqlite3_bind_text(s, i + 1, texts[i], -1, SQLITE_TRANSIENT);
        if (r != SQLITE_OK || bind(s, n_texts + 1, types, values) != SQLITE_OK) {
                (void)db_error(db, err, "cannot bind");
                reset(s);
                return -1;
        }
        *ret = (struct db_rows){ db, s, err, false, NULL };
        return 0;
}

int db_queryv(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *types, va_list values)
{
        return query(db, ret, err, sql, NULL, types, values);
}

int db_queryv_from(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *first,
                   const char *second, const char *types, va_list values)
{
        const char *texts[] = { first, second };

        return query(db, ret, err, sql, texts, types, values);
}

int db_query(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *types, ...)
{
        va_list values;
        int r;

        va_start(values, types);
        r = db_queryv(db, ret, err, sql, types, values);
        va_end(values);
        return r;
}

bool db_next(struct db_rows *rows)
{
        int r;

        if (!rows->statement || rows->failed)
                return false;
        r = sqlite3_step(rows->statement);
        if (r == SQLITE_ROW)
                return true;
        if (r != SQLITE_DONE) {
                (void)db_error(rows->db, rows->err, "ledger");
                rows->failed = true;
                if (rows->fault)
                        *rows->fault = true;
        }
        return false;
}

const char *db_text(const struct db_rows *rows, int column)
{
        return (const char *)sqlite3_column_text(rows->statement, column);
}

int64_t db_int(const struct db_rows *rows, int column)
{
        return sqlite3_column_int64(rows->statement, column);
}

bool db_is_null(const struct db_rows *rows, int column)
{
        return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

struct bytes db_bytes(const struct db_rows *rows, int column)
{
        const void *p = sqlite3_column_blob(rows->statement, column);

        return (struct bytes){ p, (size_t)sqlite3_column_bytes(rows->statement, column) };
}

void db_rows_done(struct db_rows *rows)
{
        if (rows->statement)
                reset(rows->statement);
        rows->statement = NULL;
}

int db_end(struct db_rows *rows)
{
        db_rows_done(rows);
        return rows->failed ? -1 : 0;
}

int db_runv(struct db *db, struct error *err, const char *sql, const char *types, va_list values)
{
        struct db_rows rows;

        if (db_queryv(db, &rows, err, sql, types, values) < 0)
                return -1;
        while (db_next(&rows))
                ;
        return db_end(&rows);
}

int db_run(struct db *db, struct error *err, const char *sql, const char *types, ...)
{
        va_list values;
        int r;

        va_start(values, types);
        r = db_runv(db, err, sql, types, values);
        va_end(values);
        return r;
}

int db_get_int(struct db *db, int64_t *ret, struct error *err, const char *sql, const char *types, ...)
{
        struct db_rows rows;
        va_list values;
        int r;
        bool found;

        va_start(values, types);
        r = db_queryv(db, &rows, err, sql, types, values);
        va_end(values);
        if (r < 0)
                return -1;
        found = db_next(&rows);
        if (found)
                *ret = db_int(&rows, 0);
        return db_end(&rows) < 0 ? -1 : found;
}

int db_get_text(struct db *db, char *ret, size_t max, struct error *err, const char *sql, const char *types, ...)
{
        struct db_rows rows;
        va_list values;
        const char *text;
        bool found;
        int r;

        va_start(values, types);
        r = db_queryv(db, &rows, err, sql, types, values);
        va_end(values);
        if (r < 0)
                return -1;
        found = db_next(&rows);
        text = found ? db_text(&rows, 0) : NULL;
        text = text ? text : "";
        if (found && strlen(text) >= max) {
                db_rows_done(&rows);
                return err_own(err, ERR_BUG, REASON_INTERNAL, "value longer than %zu bytes", max);
        }
        if (found)
                memcpy(ret, text, strlen(text) + 1);
        return db_end(&rows) < 0 ? -1 : found;
}
