#define _GNU_SOURCE
#include "tests/unit/fail-sqlite.h"
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static long nth, calls, gap, committed;
static enum fail_how how;
static int code, last, depth;

void fail_sqlite(long at, enum fail_how way, int with)
{
        nth = at;
        how = way;
        code = with;
        calls = 0;
        committed = 0;
        last = SQLITE_OK;
}

long fail_sqlite_calls(void)
{
        return calls;
}

long fail_sqlite_commit(void)
{
        return committed;
}

void fail_sqlite_gap(long n)
{
        gap = n;
}

/* Does this call fail? last_moment: it can fail after it was done. */
static bool fails(bool last_moment)
{
        bool hit;

        if (depth > 0)
                return false;
        calls++;
        hit = nth > 0 && (last_moment || how != FAIL_AFTER) &&
              (calls == nth || (how == FAIL_FOREVER && calls > nth) || (how == FAIL_PAIR && calls == nth + gap));
        last = hit ? code : SQLITE_OK;
        return hit;
}

#define LAST_MOMENT(function) ((void *)function == (void *)sqlite3_exec || (void *)function == (void *)sqlite3_step)

/* ret = the library's function, called with these; a call that fails is not made, or made in vain. */
#define PASS(type, function, proto, args, on_failure)                             \
        {                                                                         \
                static type(*real) proto;                                         \
                bool bad = fails(LAST_MOMENT(function));                          \
                type r;                                                           \
                                                                                  \
                if (!real)                                                        \
                        *(void **)(uintptr_t)&real = dlsym(RTLD_NEXT, #function); \
                if (bad && how != FAIL_AFTER)                                     \
                        return on_failure;                                        \
                depth++;                                                          \
                r = real args;                                                    \
                depth--;                                                          \
                return bad ? on_failure : r;                                      \
        }

static int any_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                    char **text);

int sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *context, char **text)
{
        if (depth == 0 && committed == 0 && strcmp(sql, "COMMIT") == 0)
                committed = calls + 1;
        return any_exec(db, sql, row, context, text);
}

static int any_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *context,
                    char **text) PASS(int, sqlite3_exec,
                                      (sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *,
                                       char **),
                                      (db, sql, row, context, text), code)

        int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret,
                               const char **tail) PASS(int, sqlite3_prepare_v3,
                                                       (sqlite3 *, const char *, int, unsigned, sqlite3_stmt **,
                                                        const char **),
                                                       (db, sql, n, flags, ret, tail), (*ret = NULL, code))

                int sqlite3_step(sqlite3_stmt *s) PASS(int, sqlite3_step, (sqlite3_stmt *), (s), code)

                        int sqlite3_bind_text(sqlite3_stmt *s, int i, const char *text, int n, void (*done)(void *))
                                PASS(int, sqlite3_bind_text, (sqlite3_stmt *, int, const char *, int, void (*)(void *)),
                                     (s, i, text, n, done), code)

                                        int sqlite3_bind_int64(sqlite3_stmt *s, int i, sqlite3_int64 value) PASS(
                                                int, sqlite3_bind_int64, (sqlite3_stmt *, int, sqlite3_int64),
                                                (s, i, value), code)

                                                int sqlite3_bind_blob64(
                                                        sqlite3_stmt *s, int i,
                                                        const void *p, sqlite3_uint64 n,
                                                        void (*done)(void *)) PASS(int, sqlite3_bind_blob64,
                                                                                   (sqlite3_stmt *, int,
                                                                                    const void *, sqlite3_uint64,
                                                                                    void (*)(void *)),
                                                                                   (s, i, p, n, done), code)

                                                        sqlite3_backup *sqlite3_backup_init(sqlite3 *to,
                                                                                            const char *to_name,
                                                                                            sqlite3 *from,
                                                                                            const char *from_name)
                                                                PASS(sqlite3_backup *, sqlite3_backup_init,
                                                                     (sqlite3 *, const char *, sqlite3 *, const char *),
                                                                     (to, to_name, from, from_name), NULL)

                                                                        int sqlite3_backup_step(sqlite3_backup *b,
                                                                                                int n)
                                                                                PASS(int, sqlite3_backup_step,
                                                                                     (sqlite3_backup *, int), (b, n),
                                                                                     code)

        /* Failing, it leaves no handle: out of memory. */
        int sqlite3_open_v2(const char *path, sqlite3 **ret, int flags, const char *vfs)
{
        static int (*real)(const char *, sqlite3 **, int, const char *);
        int r;

        if (!real)
                *(void **)(uintptr_t)&real = dlsym(RTLD_NEXT, "sqlite3_open_v2");
        if (fails(false)) {
                *ret = NULL;
                return SQLITE_NOMEM;
        }
        depth++;
        r = real(path, ret, flags, vfs);
        depth--;
        return r;
}

/* All that the program sets has an int and a place for its value. */
int sqlite3_db_config(sqlite3 *db, int what, ...)
{
        static int (*real)(sqlite3 *, int, ...);
        va_list values;
        int on, *was;

        va_start(values, what);
        on = va_arg(values, int);
        was = va_arg(values, int *);
        va_end(values);
        if (!real)
                *(void **)(uintptr_t)&real = dlsym(RTLD_NEXT, "sqlite3_db_config");
        return fails(false) ? code : real(db, what, on, was);
}

int sqlite3_extended_errcode(sqlite3 *db)
{
        static int (*real)(sqlite3 *);

        if (!real)
                *(void **)(uintptr_t)&real = dlsym(RTLD_NEXT, "sqlite3_extended_errcode");
        return last != SQLITE_OK && depth == 0 ? last : real(db);
}
