/* What became of each chip: store.h. */
#include "daemon/work/key/store_private.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"

struct chip {
        int64_t attempts, mismatches, opened, retired;
};

static int load(struct store *store, const char *id, struct chip *ret, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *s =
                sql_query(store->db, "SELECT attempts, mismatches, opened, retired FROM chip WHERE id = ?",
                          SQL_VALUES(SQL_T(id)), err);
        int r = s ? sqlite3_step(s) : SQLITE_ERROR;

        if (!s || (r != SQLITE_ROW && r != SQLITE_DONE))
                return s ? sql_error(store->db, "read", err) : -1;
        if (r == SQLITE_ROW)
                *ret = (struct chip){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                      sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3) };
        return 0;
}

static int judge(const struct chip *c, bool lock, struct error *err)
{
        if (c->mismatches > 0)
                return err_own(err, ERR_CARD, REASON_CHIP_BUDGET, "the chip refused the key before; it stays parked");
        if (c->attempts >= STORE_ATTEMPTS_MAX)
                return err_own(err, ERR_CARD, REASON_CHIP_BUDGET, "%d sessions in a row did not open",
                               STORE_ATTEMPTS_MAX);
        if (!lock && c->retired)
                return err_own(err, ERR_CARD, REASON_CHIP_LOCKED, "the chip was made unverifiable");
        if (lock && c->opened == 0)
                return err_own(err, ERR_INPUT, REASON_KEY_REFUSED, "this station never opened the chip");
        return 0;
}

static int attempt(struct store *store, const char *id, bool lock, int64_t now, struct error *err)
{
        struct chip c = { 0 };

        if (load(store, id, &c, err) < 0 || judge(&c, lock, err) < 0)
                return -1;
        if (sql_run(store->db,
                    "INSERT INTO chip(id, attempts) VALUES(?, 1)"
                    " ON CONFLICT(id) DO UPDATE SET attempts = attempts + 1",
                    SQL_VALUES(SQL_T(id)), err) < 0)
                return -1;
        return log_add(store, "session_begun",
                       json_pack("{s:s,s:s,s:I}", "chip", id, "purpose", lock ? "lock" : "personalise", "attempt",
                                 (json_int_t)c.attempts + 1),
                       now, err);
}

int store_attempt(struct store *store, const uint8_t chip_id[STORE_CHIP_SIZE], bool lock, int64_t now,
                  struct error *err)
{
        char id[CHIP_TEXT_MAX];

        hex_encode((struct bytes){ chip_id, STORE_CHIP_SIZE }, id, sizeof id);
        if (store_begin(store, err) < 0)
                return -1;
        FAULT_COMMIT("key.attempt");
        return store_end(store, attempt(store, id, lock, now, err), err);
}

static const struct {
        const char *word, *update;
} events[] = {
        [STORE_OPENED] = { "session_opened", "UPDATE chip SET attempts = 0, opened = opened + 1 WHERE id = ?" },
        [STORE_MISMATCH] = { "key_mismatch", "UPDATE chip SET mismatches = mismatches + 1 WHERE id = ?" },
        [STORE_RETIRED] = { "lock_wrapped", "UPDATE chip SET retired = 1 WHERE id = ?" },
        [STORE_WRITTEN] = { "card_written", NULL },
        [STORE_LOCKED] = { "chip_locked", NULL },
};

static int change(struct store *store, const char *id, enum store_event event, int64_t now, struct error *err)
{
        if (events[event].update && sql_run(store->db, events[event].update, SQL_VALUES(SQL_T(id)), err) < 0)
                return -1;
        return log_add(store, events[event].word, json_pack("{s:s}", "chip", id), now, err);
}

static void name_commit(enum store_event event)
{
        switch (event) {
        case STORE_OPENED:
                FAULT_COMMIT("key.opened");
                break;
        case STORE_MISMATCH:
                FAULT_COMMIT("key.mismatch");
                break;
        case STORE_RETIRED:
                FAULT_COMMIT("key.retired");
                break;
        case STORE_WRITTEN:
                FAULT_COMMIT("key.written");
                break;
        case STORE_LOCKED:
                FAULT_COMMIT("key.locked");
                break;
        }
}

int store_chip(struct store *store, const uint8_t chip_id[STORE_CHIP_SIZE], enum store_event event, int64_t now,
               struct error *err)
{
        char id[CHIP_TEXT_MAX];

        hex_encode((struct bytes){ chip_id, STORE_CHIP_SIZE }, id, sizeof id);
        if (store_begin(store, err) < 0)
                return -1;
        name_commit(event);
        return store_end(store, change(store, id, event, now, err), err);
}
