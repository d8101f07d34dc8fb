/* The ledger's file: made, opened with its settings, brought forward, copied. */
#include "daemon/core/ledger/ledger_inside.h"
#include "daemon/core/ledger/migrate.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct setting {
        const char *set, *get, *want;
};
static const struct setting settings[] = {
        { "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive" },
        { "PRAGMA journal_mode=TRUNCATE", "PRAGMA journal_mode", "truncate" },
        { "PRAGMA synchronous=EXTRA", "PRAGMA synchronous", "3" },
        { "PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1" },
        { "PRAGMA secure_delete=ON", "PRAGMA secure_delete", "1" },
        { "PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", "0" },
        { "PRAGMA cell_size_check=ON", "PRAGMA cell_size_check", "1" },
        { "PRAGMA mmap_size=0", "PRAGMA mmap_size", "0" },
        { "PRAGMA temp_store=MEMORY", "PRAGMA temp_store", "2" },
};

static int apply_settings(struct db *db, struct error *err)
{
        char got[32];

        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                (void)snprintf(got, sizeof got, "%s", settings[i].want); /* mmap_size has no row when compiled out */
                if (db_script(db, settings[i].set, err) < 0 ||
                    db_get_text(db, got, sizeof got, err, settings[i].get, "") < 0)
                        return -1;
                if (strcmp(got, settings[i].want) != 0)
                        return err_own(err, ERR_BUG, REASON_LEDGER, "%s reads back as %s", settings[i].set, got);
        }
        if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK)
                return db_error(db, err, "defensive mode");
        return 0;
}

static int create(struct db *db, const char *station, int64_t epoch, struct error *err)
{
        if (db_script(db, "BEGIN EXCLUSIVE", err) < 0 || schema_create(db, err) < 0 ||
            db_run(db, err, "INSERT INTO meta VALUES('station',?1),('epoch',CAST(?2 AS TEXT))", "si", station, epoch) <
                    0)
                return -1;
        return db_script(db, "COMMIT", err);
}

static int check_station(struct db *db, const char *station, struct error *err)
{
        char got[64] = "";

        if (db_get_text(db, got, sizeof got, err, "SELECT value FROM meta WHERE key='station'", "") < 0)
                return -1;
        if (strcmp(got, station) != 0)
                return err_own(err, ERR_BUG, REASON_LEDGER, "this ledger belongs to station %s, not %s", got, station);
        return 0;
}

int ledger_read_head(struct ledger *l, struct error *err)
{
        struct db_rows rows;

        l->seq = 0;
        memcpy(l->head, audit_first_prev, sizeof l->head);
        if (db_get_int(&l->db, &l->epoch, err, "SELECT CAST(value AS INTEGER) FROM meta WHERE key='epoch'", "") < 0 ||
            db_query(&l->db, &rows, err, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "") < 0)
                return -1;
        if (db_next(&rows)) {
                l->seq = db_int(&rows, 0);
                memcpy(l->head, db_text(&rows, 1), sizeof l->head);
        }
        return db_end(&rows);
}

int ledger_open_file(struct ledger *l, struct error *err)
{
        mode_t old = umask(0077);
        int r = db_open(&l->db, l->path, false, err);

        (void)umask(old);
        return r < 0 || apply_settings(&l->db, err) < 0 ? -1 : 0;
}

static int set_path(struct ledger *l, const char *path, struct error *err)
{
        *l = (struct ledger){ 0 };
        if (strlen(path) >= sizeof l->path)
                return err_input(err, REASON_BAD_CONFIG, "ledger path too long");
        memcpy(l->path, path, strlen(path) + 1);
        return 0;
}

int ledger_create(const char *path, const char *station, int64_t epoch, struct error *err)
{
        struct ledger l;
        int64_t tables = 0;
        int r = -1;

        if (set_path(&l, path, err) < 0)
                return -1;
        if (ledger_open_file(&l, err) == 0 &&
            db_get_int(&l.db, &tables, err, "SELECT count(*) FROM sqlite_schema", "") >= 0)
                r = tables > 0 ? err_own(err, ERR_INPUT, REASON_BAD_CONFIG, "there is a ledger already: %s", path)
                               : create(&l.db, station, epoch, err);
        ledger_close(&l);
        return r;
}

/* An older version's ledger becomes this one's; its own settings are set anew afterwards. */
static int bring_forward(struct ledger *l, const char *station, struct error *err)
{
        int64_t version = 0;

        if (db_get_int(&l->db, &version, err, "PRAGMA user_version", "") < 0)
                return -1;
        if (version < MIGRATE_OLDEST || version >= SCHEMA_VERSION)
                return 0; /* ours, or for schema_check to refuse */
        if (check_station(&l->db, station, err) < 0 || ledger_read_head(l, err) < 0 || migrate_ledger(l, err) < 0)
                return -1;
        l->migrated_from = version;
        db_close(&l->db);
        return ledger_open_file(l, err);
}

int ledger_open(struct ledger *l, const char *path, const char *station, struct error *err)
{
        int64_t tables = 0;

        if (set_path(l, path, err) < 0)
                return -1;
        if (ledger_open_file(l, err) < 0 ||
            db_get_int(&l->db, &tables, err, "SELECT count(*) FROM sqlite_schema", "") < 0 ||
            (tables == 0 && create(&l->db, station, 1, err) < 0) || bring_forward(l, station, err) < 0 ||
            schema_check(&l->db, err) < 0 || check_station(&l->db, station, err) < 0 || ledger_read_head(l, err) < 0) {
                ledger_close(l);
                return -1;
        }
        return 0;
}

void ledger_close(struct ledger *l)
{
        db_close(&l->db);
}

static int copy_to(struct ledger *l, sqlite3 *target, struct error *err)
{
        sqlite3_backup *backup = sqlite3_backup_init(target, "main", l->db.handle, "main");
        int r = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;

        (void)sqlite3_backup_finish(backup);
        if (r != SQLITE_DONE)
                return err_set(err, ERR_RETRY, ORIGIN_SQLITE, (uint32_t)r, REASON_LEDGER, "snapshot failed");
        return 0;
}

int ledger_snapshot(struct ledger *l, const char *path, struct error *err)
{
        cleanup(close_p) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        sqlite3 *target = NULL;
        int r = -1;

        if (fd < 0)
                return err_own(err, ERR_RETRY, REASON_LEDGER, "cannot create the snapshot");
        if (sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
                r = copy_to(l, target, err);
        else
                (void)err_own(err, ERR_RETRY, REASON_LEDGER, "cannot open the snapshot");
        (void)sqlite3_close(target);
        return r;
}
