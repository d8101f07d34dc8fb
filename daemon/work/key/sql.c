#include "daemon/work/key/sql.h"
#include "proto/base/cleanup.h"

int sql_error(sqlite3 *db, const char *what, struct error *err)
{
        int code = sqlite3_extended_errcode(db);
        enum reason reason = (code & 0xFF) == SQLITE_FULL ? REASON_DISK_FULL : REASON_LEDGER;

        return err_set(err, ERR_OPERATOR, ORIGIN_SQLITE, (uint32_t)code, reason, "key store: %s: %s", what,
                       sqlite3_errstr(code));
}

int sql_exec(sqlite3 *db, const char *text, struct error *err)
{
        return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_error(db, "script", err);
}

static int bind(sqlite3_stmt *statement, int at, const struct sql_value *v)
{
        switch (v->kind) {
        case SQL_TEXT:
                return sqlite3_bind_text(statement, at, v->text, -1, SQLITE_STATIC);
        case SQL_NUMBER:
                return sqlite3_bind_int64(statement, at, v->number);
        case SQL_BLOB:
                return sqlite3_bind_blob64(statement, at, v->blob.p, v->blob.n, SQLITE_STATIC);
        }
        return SQLITE_MISUSE;
}

sqlite3_stmt *sql_query(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, struct error *err)
{
        sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(db, text, -1, &statement, NULL);

        for (size_t i = 0; r == SQLITE_OK && i < n; i++)
                r = bind(statement, (int)i + 1, &values[i]);
        if (r == SQLITE_OK)
                return statement;
        (void)sql_error(db, "prepare", err);
        (void)sqlite3_finalize(statement);
        return NULL;
}

int sql_run(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *statement = sql_query(db, text, values, n, err);

        if (!statement)
                return -1;
        return sqlite3_step(statement) == SQLITE_DONE ? 0 : sql_error(db, "write", err);
}

int sql_number(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, int64_t *ret, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *statement = sql_query(db, text, values, n, err);
        int r;

        if (!statement)
                return -1;
        r = sqlite3_step(statement);
        if (r == SQLITE_ROW)
                *ret = sqlite3_column_int64(statement, 0);
        return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : sql_error(db, "read", err);
}
