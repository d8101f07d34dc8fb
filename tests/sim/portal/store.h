/* The portal's SQLite file DIR/portal.db: opened durable (synchronous=EXTRA), shared between `serve` and the commands.
 *
 * A failing statement ends the process: the transaction is then undone, the caller gets no answer and asks again.
 * Parameter formats: s text or NULL, i int64_t, b pointer and size_t. */
#pragma once
#include <sqlite3.h>
#include <stdint.h>

struct store {
        sqlite3 *db;
        const char *dir;
};

void store_open(struct store *store, const char *dir); /* creates the file and its tables when missing */
void store_close(struct store *store);
/* Runs the statements of a schema in one transaction unless the table is there already. */
void store_create(struct store *store, const char *table, const char *schema);
void store_run(struct store *store, const char *sql, const char *format, ...);
/* A statement with its parameters bound; step it with store_row. */
sqlite3_stmt *store_query(struct store *store, const char *sql, const char *format, ...);
/* 1 while there is a row. The statement stays the caller's (QUERY). */
int store_row(sqlite3_stmt *stmt);
/* First column of the first row; otherwise 0 or NULL. Text on the heap. */
int64_t store_int(struct store *store, const char *sql, const char *format, ...);
char *store_text(struct store *store, const char *sql, const char *format, ...);
const char *column_text(sqlite3_stmt *stmt, int column); /* NULL for NULL */

/* The next number of the "application changed" order. */
int64_t store_next_change(struct store *store);

static inline void stmt_p(sqlite3_stmt **stmt)
{
        sqlite3_finalize(*stmt);
}
#define QUERY __attribute__((cleanup(stmt_p))) sqlite3_stmt *
