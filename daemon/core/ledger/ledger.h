/* The ledger: one SQLite file, one process, one connection; every state change with its audit row in one transaction.
 *
 * Settings (facts measured: the defaults lose the last acknowledged commit at a power cut, these lose none):
 * journal_mode=TRUNCATE, synchronous=EXTRA, locking_mode=EXCLUSIVE, foreign_keys, secure_delete, trusted_schema off,
 * DEFENSIVE; each is read back at open.
 *
 * A transaction is written as calls in a row: ledger_begin, changes, ledger_commit. The first fault or refusal makes
 * the rest do nothing; ledger_commit then rolls back and hands the error out. A failed COMMIT is an unknown outcome:
 * the ledger closes, reopens and looks for the transaction's last audit row, so the caller only ever hears DONE,
 * NOT_DONE or STOP (the ledger cannot be used any more: the core ends). Commit is the only wait in the core's loop. */
#pragma once
#include "daemon/core/ledger/audit.h"
#include "daemon/core/ledger/db.h"
#include "daemon/core/ledger/machine.h"
#include "daemon/core/loop/clock.h"
#include "proto/base/json.h"

/* After a COMMIT that fails, the transaction's audit row in the file is the witness. One that writes no audit row has
 * none: it is answered NOT_DONE though it may stand, and must be one that can be made again. */
enum ledger_outcome { LEDGER_DONE, LEDGER_NOT_DONE, LEDGER_STOP };

/* Who acts: a person of the configuration, or the station itself. Strings live as long as the transaction. */
struct who {
        const char *person, *role, *office;
};
extern const struct who who_station;

struct ledger {
        struct db db;
        char path[256];
        int64_t epoch;
        int64_t seq;                /* of the last audit row */
        char head[AUDIT_HASH_TEXT]; /* its hash */
        int64_t begun;              /* seq when the open transaction began */
        struct who who;
        struct error error; /* the first fault of the open transaction */
        bool open, failed;
        bool lost;               /* it answered STOP: nothing is read or written any more */
        struct error read_error; /* of a cursor outside a transaction */
        int64_t n_commits;
        int64_t migrated_from; /* at this opening; 0: nothing to do */
};

/* Makes a new ledger of this epoch (1 and up) in a file that is not there or empty; refused otherwise. */
int ledger_create(const char *path, const char *station, int64_t epoch, struct error *err);
/* Makes it when it is not there, with epoch 1; brings an older schema's forward (migrate.h). */
int ledger_open(struct ledger *l, const char *path, const char *station, struct error *err);
void ledger_close(struct ledger *l);

void ledger_begin(struct ledger *l, const struct who *who);
enum ledger_outcome ledger_commit(struct ledger *l, struct error *err);
/* True while nothing went wrong in the open transaction. */
bool ledger_ok(const struct ledger *l);
/* Refuses: the transaction will be NOT_DONE with this error. */
__attribute__((format(printf, 4, 5))) void ledger_refuse(struct ledger *l, enum error_kind kind, enum reason reason,
                                                         const char *format, ...);

/* An audit row of its own, for an act that changes no state. body may be NULL ({}); not taken. No personal data. */
void ledger_audit(struct ledger *l, const char *event, const char *entity, const char *subject, const char *intent,
                  const json_t *body);
/* The one function that changes a state: reads it, asks the machine, writes the audit row, updates. Refuses with
 * wrong_state when the event is not allowed now, not_found when the row is missing. */
void ledger_move(struct ledger *l, enum entity entity, const char *id, const char *event, const char *intent,
                 const json_t *body);
/* The same with further columns in the same UPDATE, for CHECKs that bind them to the state. update is a literal of the
 * form "UPDATE ... SET state=?2, version=version+1, ... WHERE key=?1"; values fill ?3 and on. */
void ledger_move_set(struct ledger *l, enum entity entity, const char *id, const char *event, const char *intent,
                     const json_t *body, const char *update, const char *types, ...);
/* The audit row that must stand before the INSERT of a new application, blank or intent in this state. */
void ledger_born(struct ledger *l, enum entity entity, const char *id, const char *state, const char *intent,
                 const json_t *body);
/* Any other change, as db_run. */
/* A text that is not there, for a column that is NULL then. */
static inline const char *ledger_or_null(const char *text)
{
        return text && text[0] ? text : NULL;
}
void ledger_run(struct ledger *l, const char *sql, const char *types, ...);

/* Reads, inside or outside a transaction. ret needs max bytes. False: no such row (or a fault inside a transaction). */
bool ledger_state(struct ledger *l, enum entity entity, const char *id, char *ret, size_t max);
bool ledger_get_text(struct ledger *l, char *ret, size_t max, const char *sql, const char *types, ...);
/* 0 when there is no row. */
int64_t ledger_get_int(struct ledger *l, const char *sql, const char *types, ...);
/* As db_query; a fault fails an open transaction. The cursor is to be ended with db_end or db_rows_done. */
bool ledger_query(struct ledger *l, struct db_rows *ret, const char *sql, const char *types, ...);

/* Copies the whole ledger to a new file (mode 0600) by SQLite's backup API, for fsck and auditors. */
int ledger_snapshot(struct ledger *l, const char *path, struct error *err);
