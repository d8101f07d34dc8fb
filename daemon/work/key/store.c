#include "daemon/work/key/store_private.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1, PATH_TEXT_MAX = 4096 };

static const char schema[] =
        "CREATE TABLE card(n INTEGER PRIMARY KEY, application TEXT NOT NULL, chip TEXT NOT NULL UNIQUE,"
        " serial TEXT NOT NULL UNIQUE, data_sha256 TEXT NOT NULL, ground TEXT NOT NULL,"
        " granted_at INTEGER NOT NULL, at TEXT NOT NULL, UNIQUE(application, ground)) STRICT;"
        "CREATE UNIQUE INDEX card_ground ON card(ground) WHERE ground LIKE 'authorisation:%';"
        "CREATE TABLE chip(id TEXT PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0,"
        " mismatches INTEGER NOT NULL DEFAULT 0, opened INTEGER NOT NULL DEFAULT 0,"
        " retired INTEGER NOT NULL DEFAULT 0 CHECK(retired IN (0, 1))) STRICT;"
        "CREATE TABLE log(seq INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL,"
        " prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
        "CREATE TRIGGER log_keep BEFORE UPDATE ON log BEGIN SELECT raise(ABORT, 'the log only grows'); END;"
        "CREATE TRIGGER log_stay BEFORE DELETE ON log BEGIN SELECT raise(ABORT, 'the log only grows'); END;"
        "CREATE TRIGGER card_keep BEFORE UPDATE ON card BEGIN SELECT raise(ABORT, 'spent stays spent'); END;"
        "CREATE TRIGGER card_stay BEFORE DELETE ON card BEGIN SELECT raise(ABORT, 'spent stays spent'); END;"
        "PRAGMA user_version = 1;";

/* Set, and read back: SQLite ignores a misspelt pragma without a word. */
static const struct {
        const char *set, *get, *expected;
} pragmas[] = {
        { "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode", "exclusive" },
        { "PRAGMA journal_mode = TRUNCATE", "PRAGMA journal_mode", "truncate" },
        { "PRAGMA synchronous = EXTRA", "PRAGMA synchronous", "3" },
        { "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "1" },
        { "PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1" },
        { "PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0" },
        { "PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1" },
};

static int set_pragmas(sqlite3 *db, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(pragmas); i++) {
                cleanup(sql_finalize_p) sqlite3_stmt *s = NULL;
                const char *got;

                if (sql_exec(db, pragmas[i].set, err) < 0)
                        return -1;
                s = sql_query(db, pragmas[i].get, NULL, 0, err);
                if (!s || sqlite3_step(s) != SQLITE_ROW)
                        return sql_error(db, pragmas[i].get, err);
                got = (const char *)sqlite3_column_text(s, 0);
                if (!got || strcmp(got, pragmas[i].expected) != 0)
                        return err_own(err, ERR_OPERATOR, REASON_LEDGER, "key store: %s not kept", pragmas[i].set);
        }
        return 0;
}

static int make_schema(sqlite3 *db, struct error *err)
{
        int64_t version = -1;

        if (sql_number(db, "PRAGMA user_version", NULL, 0, &version, err) < 0)
                return -1;
        if (version == SCHEMA_VERSION)
                return 0;
        if (version != 0)
                return err_own(err, ERR_OPERATOR, REASON_LEDGER, "key store: unknown schema version");
        if (sql_exec(db, "BEGIN IMMEDIATE", err) < 0)
                return -1;
        if (sql_exec(db, schema, err) < 0 || sql_exec(db, "COMMIT", err) < 0) {
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
                return -1;
        }
        return 0;
}

/* The new file's own entry in its folder is durable too. */
static void sync_folder(const char *folder)
{
        cleanup(close_p) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void)fsync(fd);
}

int store_open(const char *folder, struct store **ret, struct error *err)
{
        struct store *store = calloc(1, sizeof *store);
        char path[PATH_TEXT_MAX];
        int n = snprintf(path, sizeof path, "%s/key.db", folder);

        if (!store || n < 0 || (size_t)n >= sizeof path) {
                free(store);
                return err_input(err, REASON_BAD_CONFIG, "the state folder's name is too long");
        }
        if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
                (void)sql_error(store->db, "open", err);
        else if (sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK)
                (void)sql_error(store->db, "defensive", err);
        else if (set_pragmas(store->db, err) == 0 && make_schema(store->db, err) == 0 && log_load(store, err) == 0) {
                sync_folder(folder);
                *ret = store;
                return 0;
        }
        store_close(store);
        return -1;
}

void store_close(struct store *store)
{
        if (store)
                (void)sqlite3_close(store->db);
        free(store);
}

int store_begin(struct store *store, struct error *err)
{
        return sql_exec(store->db, "BEGIN IMMEDIATE", err);
}

static int commit(struct store *store, struct error *err)
{
        if (FAULT_COMMIT_FAILS(false, ERR_OPERATOR, err) || sql_exec(store->db, "COMMIT", err) < 0)
                return -1;
        return FAULT_COMMIT_FAILS(true, ERR_OPERATOR, err) ? -1 : 0;
}

int store_end(struct store *store, int result, struct error *err)
{
        struct error ignored;

        if (result == 0)
                result = commit(store, err);
        if (result < 0) {
                (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
                (void)log_load_head(store, &ignored);
        }
        return result;
}
