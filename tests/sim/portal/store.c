#include "store.h"
#include "util.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS station(id TEXT PRIMARY KEY, province TEXT NOT NULL, epoch INT NOT NULL DEFAULT 0,"
        " epoch_granted INT NOT NULL DEFAULT 1, seq INT NOT NULL DEFAULT 0, fenced INT NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE IF NOT EXISTS anchor(station TEXT NOT NULL, epoch INT NOT NULL, seq INT NOT NULL,"
        " head TEXT NOT NULL, PRIMARY KEY(station, epoch, seq)) STRICT;"
        "CREATE TABLE IF NOT EXISTS application(id TEXT PRIMARY KEY, province TEXT NOT NULL,"
        " stage TEXT NOT NULL CHECK(stage IN ('in_chain','approved','claimed','bound','issued','awaiting_reissue',"
        "'withdrawn')), change INT NOT NULL UNIQUE, deadline TEXT, waiting_for TEXT, approval TEXT, data_sha256 TEXT,"
        " photo TEXT, holder TEXT, fence INT NOT NULL DEFAULT 0, lease_end_ms INT, lease_boot TEXT, face_code TEXT,"
        " issue_date TEXT, needs TEXT, authorisation TEXT,"
        " CHECK(stage NOT IN ('claimed','bound','issued') OR holder IS NOT NULL)) STRICT;"
        "CREATE TRIGGER IF NOT EXISTS fence_rises BEFORE UPDATE OF fence ON application WHEN new.fence < old.fence"
        " BEGIN SELECT raise(ABORT, 'a fence must rise'); END;"
        "CREATE TABLE IF NOT EXISTS photo(sha256 TEXT PRIMARY KEY, type TEXT NOT NULL, data BLOB NOT NULL) STRICT;"
        "CREATE TABLE IF NOT EXISTS card(serial TEXT PRIMARY KEY, application TEXT, station TEXT NOT NULL,"
        " chip_id TEXT UNIQUE, status TEXT NOT NULL CHECK(status IN ('issued','spoiled','void')), cause TEXT,"
        " delivered INT NOT NULL DEFAULT 0, operator TEXT, expert TEXT, at TEXT NOT NULL) STRICT;"
        "CREATE UNIQUE INDEX IF NOT EXISTS one_live_card ON card(application) WHERE status = 'issued';"
        "CREATE TRIGGER IF NOT EXISTS spoiled_stays BEFORE UPDATE OF status ON card WHEN old.status <> 'issued'"
        " BEGIN SELECT raise(ABORT, 'spoiled and void are for ever'); END;"
        "CREATE TABLE IF NOT EXISTS authorisation(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " application TEXT NOT NULL, spoiled_serial TEXT NOT NULL UNIQUE, jws TEXT NOT NULL, used_by TEXT UNIQUE)"
        " STRICT;"
        "CREATE TRIGGER IF NOT EXISTS used_once BEFORE UPDATE ON authorisation WHEN old.used_by IS NOT NULL"
        " BEGIN SELECT raise(ABORT, 'an authorisation serves once'); END;"
        "CREATE TABLE IF NOT EXISTS withdrawn(n INTEGER PRIMARY KEY AUTOINCREMENT, province TEXT NOT NULL,"
        " kind TEXT NOT NULL, application TEXT, serial TEXT, at TEXT NOT NULL, statement TEXT) STRICT;"
        "CREATE TABLE IF NOT EXISTS shipment(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " province TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, count INT NOT NULL, sent_at TEXT NOT NULL,"
        " received_by TEXT) STRICT;"
        "CREATE TABLE IF NOT EXISTS effect(portal_seq INTEGER PRIMARY KEY AUTOINCREMENT, station TEXT NOT NULL,"
        " key TEXT NOT NULL, what TEXT NOT NULL, payload_sha256 TEXT NOT NULL, at TEXT NOT NULL,"
        " mono_ns INT NOT NULL, boot TEXT NOT NULL, application TEXT, serial TEXT, fence INT, authorisation TEXT,"
        " UNIQUE(station, key)) STRICT;"
        "CREATE TRIGGER IF NOT EXISTS effect_stays BEFORE UPDATE ON effect BEGIN SELECT raise(ABORT, 'append only');"
        " END;"
        "CREATE TRIGGER IF NOT EXISTS effect_kept BEFORE DELETE ON effect BEGIN SELECT raise(ABORT, 'append only');"
        " END;"
        "CREATE TABLE IF NOT EXISTS answer(station TEXT NOT NULL, key TEXT NOT NULL, call TEXT NOT NULL,"
        " payload_sha256 TEXT NOT NULL, status INT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(station, key)) STRICT;"
        "CREATE TRIGGER IF NOT EXISTS answer_stays BEFORE UPDATE ON answer BEGIN SELECT raise(ABORT, 'for ever'); END;"
        "CREATE TRIGGER IF NOT EXISTS answer_kept BEFORE DELETE ON answer BEGIN SELECT raise(ABORT, 'for ever'); END;"
        "CREATE TABLE IF NOT EXISTS fault(n INTEGER PRIMARY KEY AUTOINCREMENT, mode TEXT NOT NULL, match TEXT NOT NULL,"
        " remaining INT NOT NULL, arg INT NOT NULL) STRICT; COMMIT";

static void check(struct store *store, int rc)
{
        if (rc != SQLITE_OK)
                die("database: %s", sqlite3_errmsg(store->db));
}

void store_open(struct store *store, const char *dir)
{
        OWNED char *path = text_format("%s/portal.db", dir);

        store->dir = dir;
        check(store, sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
        check(store, sqlite3_busy_timeout(store->db, 20000));
        check(store, sqlite3_exec(store->db, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", NULL, NULL, NULL));
        if (store_int(store, "PRAGMA synchronous", "") != 3) /* 3 = EXTRA, sqlite.org/pragma.html#pragma_synchronous */
                die("database: synchronous=EXTRA not taken");
        store_create(store, "fault", schema);
}

void store_create(struct store *store, const char *table, const char *statements)
{
        if (store_int(store, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", "s", table) == 0)
                check(store, sqlite3_exec(store->db, statements, NULL, NULL, NULL));
}

void store_close(struct store *store)
{
        sqlite3_close(store->db);
        store->db = NULL;
}

static void bind(struct store *store, sqlite3_stmt *stmt, const char *format, va_list args)
{
        for (int i = 1; *format; format++, i++) {
                if (*format == 's') {
                        check(store, sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT));
                } else if (*format == 'i') {
                        check(store, sqlite3_bind_int64(stmt, i, va_arg(args, int64_t)));
                } else {
                        const void *data = va_arg(args, const void *);
                        size_t n = va_arg(args, size_t);

                        check(store, sqlite3_bind_blob64(stmt, i, data, n, SQLITE_TRANSIENT));
                }
        }
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *format, va_list args)
{
        sqlite3_stmt *stmt = NULL;

        check(store, sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL));
        bind(store, stmt, format, args);
        return stmt;
}

int store_row(sqlite3_stmt *stmt)
{
        int rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
                die("database: %s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
        return rc == SQLITE_ROW;
}

sqlite3_stmt *store_query(struct store *store, const char *sql, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        sqlite3_stmt *stmt = prepare(store, sql, format, args);
        va_end(args);
        return stmt;
}

void store_run(struct store *store, const char *sql, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        QUERY stmt = prepare(store, sql, format, args);
        va_end(args);
        store_row(stmt);
}

int64_t store_int(struct store *store, const char *sql, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        QUERY stmt = prepare(store, sql, format, args);
        va_end(args);
        return store_row(stmt) ? sqlite3_column_int64(stmt, 0) : 0;
}

const char *column_text(sqlite3_stmt *stmt, int column)
{
        return (const char *)sqlite3_column_text(stmt, column);
}

char *store_text(struct store *store, const char *sql, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        QUERY stmt = prepare(store, sql, format, args);
        va_end(args);
        if (!store_row(stmt) || !column_text(stmt, 0))
                return NULL;
        return must(strdup(column_text(stmt, 0)));
}

int64_t store_next_change(struct store *store)
{
        return store_int(store, "SELECT coalesce(max(change), 0) + 1 FROM application", "");
}
