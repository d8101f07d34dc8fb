/* SQLite with less ceremony: statements prepared once and kept, values bound by a type string, errors translated.
 *
 * Only the core opens the ledger for writing; fsck opens a snapshot read-only with the same calls. Types in a type
 * string: s text (const char *, NULL = SQL NULL), i int64_t, b struct bytes (as BLOB; p NULL = SQL NULL). */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <stdarg.h>

enum { DB_STATEMENTS = 512 };

struct db {
        struct sqlite3 *handle;
        struct db_cached {
                const char *sql; /* by address, and always by text */
                struct sqlite3_stmt *statement;
        } cache[DB_STATEMENTS + 1]; /* the last one stays empty */
};

/* A row cursor. db_end (or db_rows_done by cleanup) must follow; only then the statement may be used again. */
struct db_rows {
        struct db *db;
        struct sqlite3_stmt *statement;
        struct error *err;
        bool failed;
        bool *fault; /* set with failed; NULL: nobody else wants to know */
};

int db_open(struct db *db, const char *path, bool read_only, struct error *err);
void db_close(struct db *db); /* accepts a zeroed one */
/* Translates the handle's last error: DISK_FULL for SQLITE_FULL, else LEDGER; kind BUG. Always -1. */
int db_error(struct db *db, struct error *err, const char *doing);
int db_script(struct db *db, const char *sql, struct error *err); /* several statements, nothing bound */
int db_run(struct db *db, struct error *err, const char *sql, const char *types, ...);
int db_runv(struct db *db, struct error *err, const char *sql, const char *types, va_list values);

/* sql must outlive db (a literal). -1 and *err when it cannot be prepared or bound. */
int db_query(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *types, ...);
int db_queryv(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *types,
              va_list values);
/* The same with two texts bound first, as ?1 and ?2. */
int db_queryv_from(struct db *db, struct db_rows *ret, struct error *err, const char *sql, const char *first,
                   const char *second, const char *types, va_list values);
bool db_next(struct db_rows *rows);                          /* false at the end or on a fault (rows->failed) */
const char *db_text(const struct db_rows *rows, int column); /* valid until the next step; NULL for NULL */
int64_t db_int(const struct db_rows *rows, int column);
bool db_is_null(const struct db_rows *rows, int column);
struct bytes db_bytes(const struct db_rows *rows, int column);
int db_end(struct db_rows *rows); /* 0, or -1 when the query had failed */
void db_rows_done(struct db_rows *rows);

/* One value of one row: 1 found, 0 no row, -1 fault. Text is copied into ret (max bytes incl. NUL; NULL -> ""). */
int db_get_int(struct db *db, int64_t *ret, struct error *err, const char *sql, const char *types, ...);
int db_get_text(struct db *db, char *ret, size_t max, struct error *err, const char *sql, const char *types, ...);
