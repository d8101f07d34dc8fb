/* SQLite that fails where a test wants: its functions as the program calls them, the library's behind them. A program
 * that links fail-sqlite.c has its own sqlite3_open_v2, exec, prepare, step, bind, db_config and backup; the calls that
 * SQLite makes to itself are not counted. */
#pragma once
#include <stdbool.h>

enum fail_how {
        FAIL_ONCE,    /* the N-th call does nothing and fails */
        FAIL_FOREVER, /* so does every later one */
        FAIL_PAIR,    /* and so does the one that fail_sqlite_gap() says: a fault while a fault is mended */
        FAIL_AFTER,   /* the N-th call, of exec and step alone, is done and says that it failed: a COMMIT */
};

/* Counting begins anew; nth 0: nothing fails. code: e.g. SQLITE_IOERR. */
void fail_sqlite(long nth, enum fail_how how, int code);
long fail_sqlite_calls(void);  /* since then */
long fail_sqlite_commit(void); /* which of them was the first COMMIT; 0: none */
void fail_sqlite_gap(long n);  /* FAIL_PAIR: so many calls after the first */
