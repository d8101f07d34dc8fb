/* A few lines over SQLite: statements with text, number and blob parameters, one transaction helper. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <sqlite3.h>

struct sql_value {
        enum { SQL_TEXT, SQL_NUMBER, SQL_BLOB } kind;
        const char *text;
        int64_t number;
        struct bytes blob;
};
#define SQL_T(t) ((struct sql_value){ .kind = SQL_TEXT, .text = (t) })
#define SQL_N(n) ((struct sql_value){ .kind = SQL_NUMBER, .number = (n) })
#define SQL_B(b, size) ((struct sql_value){ .kind = SQL_BLOB, .blob = { (b), (size) } })
#define SQL_VALUES(...)                            \
        (const struct sql_value[]){ __VA_ARGS__ }, \
                sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)

int sql_error(sqlite3 *db, const char *what, struct error *err); /* always -1 */
/* Runs a script without parameters. */
int sql_exec(sqlite3 *db, const char *text, struct error *err);
/* Runs one statement without rows. */
int sql_run(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, struct error *err);
/* Prepares and binds; values must outlive the statement. NULL and *err. The caller finalizes. */
sqlite3_stmt *sql_query(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, struct error *err);
/* The first column of the first row as a number; ret untouched when there is no row. 1 row, 0 none, -1. */
int sql_number(sqlite3 *db, const char *text, const struct sql_value *values, size_t n, int64_t *ret,
               struct error *err);

static inline void sql_finalize_p(sqlite3_stmt **statement)
{
        (void)sqlite3_finalize(*statement);
}
