#include "daemon/core/ledger/ledger_inside.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const struct who who_station = { "station", "station", "station" };

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
        if (ledger_open_file(l, err) < 0 ||
            db_get_int(&l->db, &found, err, "SELECT count(*) FROM audit WHERE seq=?1 AND hash=?2", "is", seq, head) <
                    0 ||
            ledger_read_head(l, err) < 0)
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
        return ledger_read_head(l, &second) < 0 ? LEDGER_STOP : LEDGER_NOT_DONE;
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
