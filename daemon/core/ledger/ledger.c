#include "daemon/core/ledger/ledger.h"
#include "daemon/core/ledger/migrate.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct who who_station = { "station", "station", "station" };

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

static int read_head(struct ledger *l, struct error *err)
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

static int open_file(struct ledger *l, struct error *err)
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
        if (open_file(&l, err) == 0 && db_get_int(&l.db, &tables, err, "SELECT count(*) FROM sqlite_schema", "") >= 0)
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
        if (check_station(&l->db, station, err) < 0 || read_head(l, err) < 0 || migrate_ledger(l, err) < 0)
                return -1;
        l->migrated_from = version;
        db_close(&l->db);
        return open_file(l, err);
}

int ledger_open(struct ledger *l, const char *path, const char *station, struct error *err)
{
        int64_t tables = 0;

        if (set_path(l, path, err) < 0)
                return -1;
        if (open_file(l, err) < 0 || db_get_int(&l->db, &tables, err, "SELECT count(*) FROM sqlite_schema", "") < 0 ||
            (tables == 0 && create(&l->db, station, 1, err) < 0) || bring_forward(l, station, err) < 0 ||
            schema_check(&l->db, err) < 0 || check_station(&l->db, station, err) < 0 || read_head(l, err) < 0) {
                ledger_close(l);
                return -1;
        }
        return 0;
}

void ledger_close(struct ledger *l)
{
        db_close(&l->db);
}

void ledger_begin(struct ledger *l, const struct who *who)
{
        assert(!l->open);
        l->open = true;
        l->begun = l->seq;
        l->who = *who;
        if (l->lost)
                l->failed = err_own(&l->error, ERR_BUG, REASON_LEDGER, "the ledger is in doubt; the station stops") < 0;
        else
                l->failed = db_script(&l->db, "BEGIN IMMEDIATE", &l->error) < 0;
}

bool ledger_ok(const struct ledger *l)
{
        return !l->failed;
}

void ledger_refuse(struct ledger *l, enum error_kind kind, enum reason reason, const char *format, ...)
{
        char text[ERROR_TEXT_MAX];
        va_list args;

        assert(l->open);
        if (l->failed)
                return;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)err_own(&l->error, kind, reason, "%s", text);
        l->failed = true;
}

/* After an error from COMMIT nobody knows: look at the file with fresh eyes. The audit row is the witness. */
static enum ledger_outcome resolve_commit(struct ledger *l, struct error *err)
{
        struct error why = *err;
        char head[AUDIT_HASH_TEXT];
        int64_t seq = l->seq, found = 0;
        bool witness = seq > l->begun;

        memcpy(head, l->head, sizeof head);
        db_close(&l->db);
        if (open_file(l, err) < 0 ||
            db_get_int(&l->db, &found, err, "SELECT count(*) FROM audit WHERE seq=?1 AND hash=?2", "is", seq, head) <
                    0 ||
            read_head(l, err) < 0)
                return LEDGER_STOP;
        *err = why;
        return witness && found ? LEDGER_DONE : LEDGER_NOT_DONE;
}

static enum ledger_outcome roll_back(struct ledger *l, struct error *err)
{
        struct error second;

        *err = l->error;
        if (l->lost)
                return LEDGER_STOP;
        if (!sqlite3_get_autocommit(l->db.handle) && db_script(&l->db, "ROLLBACK", &second) < 0)
                return resolve_commit(l, err) == LEDGER_STOP ? LEDGER_STOP : LEDGER_NOT_DONE;
        return read_head(l, &second) < 0 ? LEDGER_STOP : LEDGER_NOT_DONE;
}

static int commit(struct ledger *l, struct error *err)
{
        if (FAULT_COMMIT_FAILS(false, ERR_BUG, err) || db_script(&l->db, "COMMIT", err) < 0)
                return -1;
        return FAULT_COMMIT_FAILS(true, ERR_BUG, err) ? -1 : 0;
}

enum ledger_outcome ledger_commit(struct ledger *l, struct error *err)
{
        enum ledger_outcome ret = LEDGER_DONE;

        assert(l->open);
        l->open = false;
        if (l->failed)
                ret = roll_back(l, err);
        else if (commit(l, err) < 0)
                ret = resolve_commit(l, err);
        l->lost = ret == LEDGER_STOP;
        l->n_commits += ret == LEDGER_DONE;
        return ret;
}

void ledger_run(struct ledger *l, const char *sql, const char *types, ...)
{
        va_list values;

        assert(l->open);
        if (l->failed)
                return;
        va_start(values, types);
        l->failed = db_runv(&l->db, &l->error, sql, types, values) < 0;
        va_end(values);
}

static void write_audit(struct ledger *l, const char *event, const char *entity, const char *subject, const char *from,
                        const char *to, const char *intent, const json_t *body)
{
        cleanup(free_p) char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
        struct audit_row row = { l->seq + 1,
                                 l->epoch,
                                 clock_wall_ms(),
                                 clock_boot_ms(),
                                 clock_boot_id(),
                                 l->who.person,
                                 l->who.role,
                                 event,
                                 entity,
                                 subject,
                                 from,
                                 to,
                                 intent,
                                 text ? text : "{}" };
        char hash[AUDIT_HASH_TEXT];

        if (l->failed)
                return;
        audit_hash(l->head, &row, hash);
        ledger_run(l, "INSERT INTO audit VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",
                   "iisssiisssssssss", row.seq, row.epoch, l->head, hash, row.boot_id, row.t_wall, row.t_boot,
                   row.actor, row.role, row.event, row.entity, row.subject, row.from_state, row.to_state, row.intent,
                   row.body);
        l->seq = row.seq;
        memcpy(l->head, hash, sizeof hash);
}

void ledger_audit(struct ledger *l, const char *event, const char *entity, const char *subject, const char *intent,
                  const json_t *body)
{
        write_audit(l, event, entity, subject, NULL, NULL, intent, body);
}

void ledger_born(struct ledger *l, enum entity entity, const char *id, const char *state, const char *intent,
                 const json_t *body)
{
        assert(machine_is_initial(entity, state));
        write_audit(l, "born", entity_name(entity), id, NULL, state, intent, body);
}

static const char *const state_queries[ENTITY_COUNT] = {
        "SELECT state FROM application WHERE id=?1",
        "SELECT state FROM blank WHERE serial=?1",
        "SELECT state FROM intent WHERE id=?1",
};
static const char *const state_updates[ENTITY_COUNT] = {
        "UPDATE application SET state=?2, version=version+1 WHERE id=?1",
        "UPDATE blank SET state=?2, version=version+1 WHERE serial=?1",
        "UPDATE intent SET state=?2, version=version+1 WHERE id=?1",
};

/* Asks the machine and writes the audit row; NULL when refused (the transaction has failed then). */
static const char *step(struct ledger *l, enum entity entity, const char *id, const char *event, const char *intent,
                        const json_t *body)
{
        char from[32] = "";
        const char *to;

        if (!ledger_ok(l))
                return NULL;
        if (!ledger_state(l, entity, id, from, sizeof from)) {
                ledger_refuse(l, ERR_INPUT, REASON_NOT_FOUND, "no %s %s", entity_name(entity), id);
                return NULL;
        }
        to = machine_next(entity, from, event);
        if (!to) {
                ledger_refuse(l, ERR_INPUT, REASON_WRONG_STATE, "%s %s is %s: '%s' is not possible now",
                              entity_name(entity), id, from, event);
                return NULL;
        }
        write_audit(l, event, entity_name(entity), id, from, to, intent, body);
        return to;
}

void ledger_move(struct ledger *l, enum entity entity, const char *id, const char *event, const char *intent,
                 const json_t *body)
{
        const char *to = step(l, entity, id, event, intent, body);

        if (!to)
                return;
        if (entity == ENTITY_INTENT && machine_is_final(entity, to))
                ledger_run(l, "UPDATE intent SET state=?2, version=version+1, ended_at=?3 WHERE id=?1", "ssi", id, to,
                           clock_wall_ms());
        else
                ledger_run(l, state_updates[entity], "ss", id, to);
}

void ledger_move_set(struct ledger *l, enum entity entity, const char *id, const char *event, const char *intent,
                     const json_t *body, const char *update, const char *types, ...)
{
        const char *to = step(l, entity, id, event, intent, body);
        struct db_rows rows;
        va_list values;

        if (!to)
                return;
        va_start(values, types);
        if (db_queryv_from(&l->db, &rows, &l->error, update, id, to, types, values) < 0) {
                l->failed = true;
        } else {
                (void)db_next(&rows);
                l->failed = db_end(&rows) < 0;
        }
        va_end(values);
}

/* A read that fails inside a transaction fails the transaction; outside, the caller sees "no row". */
static void note_fault(struct ledger *l, const struct error *err)
{
        if (l->open && !l->failed) {
                l->error = *err;
                l->failed = true;
        }
}

bool ledger_query(struct ledger *l, struct db_rows *ret, const char *sql, const char *types, ...)
{
        bool counts = l->open && !l->failed; /* then the cursor's own faults fail the transaction */
        va_list values;
        int r;

        *ret = (struct db_rows){ 0 };
        if (l->lost)
                return false;
        va_start(values, types);
        r = db_queryv(&l->db, ret, counts ? &l->error : &l->read_error, sql, types, values);
        va_end(values);
        if (counts && r < 0)
                l->failed = true;
        if (counts && r == 0)
                ret->fault = &l->failed;
        return r == 0;
}

bool ledger_get_text(struct ledger *l, char *ret, size_t max, const char *sql, const char *types, ...)
{
        struct db_rows rows;
        struct error err;
        va_list values;
        const char *text = NULL;
        bool found;
        int r;

        if (l->lost)
                return false;
        va_start(values, types);
        r = db_queryv(&l->db, &rows, &err, sql, types, values);
        va_end(values);
        if (r < 0) {
                note_fault(l, &err);
                return false;
        }
        found = db_next(&rows);
        text = found ? db_text(&rows, 0) : NULL;
        text = text ? text : "";
        found = found && strlen(text) < max;
        if (found)
                memcpy(ret, text, strlen(text) + 1);
        if (db_end(&rows) < 0)
                note_fault(l, &err);
        return found;
}

int64_t ledger_get_int(struct ledger *l, const char *sql, const char *types, ...)
{
        struct db_rows rows;
        struct error err;
        va_list values;
        int64_t ret = 0;
        int r;

        if (l->lost)
                return 0;
        va_start(values, types);
        r = db_queryv(&l->db, &rows, &err, sql, types, values);
        va_end(values);
        if (r < 0) {
                note_fault(l, &err);
                return 0;
        }
        if (db_next(&rows))
                ret = db_int(&rows, 0);
        if (db_end(&rows) < 0)
                note_fault(l, &err);
        return ret;
}

bool ledger_state(struct ledger *l, enum entity entity, const char *id, char *ret, size_t max)
{
        return ledger_get_text(l, ret, max, state_queries[entity], "s", id);
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
