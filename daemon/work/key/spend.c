/* The rule of spending: store.h. */
#include "daemon/work/key/store_private.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/date.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { GROUND_MAX = 80, CARD_TEXT_MAX = 80 };

struct card { /* the application's latest */
        bool exists;
        char chip[CARD_TEXT_MAX], serial[CARD_TEXT_MAX], data[CARD_TEXT_MAX];
        int64_t granted_at;
};

static int refuse(struct error *err, enum reason reason, const char *what)
{
        return err_input(err, reason, "%s", what);
}

static void copy(sqlite3_stmt *s, int column, char ret[CARD_TEXT_MAX])
{
        const char *text = (const char *)sqlite3_column_text(s, column);

        (void)snprintf(ret, CARD_TEXT_MAX, "%s", text ? text : "");
}

static int latest(struct store *store, const char *application, struct card *ret, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *s = sql_query(
                store->db, "SELECT chip, serial, data_sha256 FROM card WHERE application = ? ORDER BY n DESC LIMIT 1",
                SQL_VALUES(SQL_T(application)), err);
        int r = s ? sqlite3_step(s) : SQLITE_ERROR;

        if (!s || (r != SQLITE_ROW && r != SQLITE_DONE))
                return s ? sql_error(store->db, "read", err) : -1;
        ret->exists = r == SQLITE_ROW;
        if (!ret->exists)
                return 0;
        copy(s, 0, ret->chip);
        copy(s, 1, ret->serial);
        copy(s, 2, ret->data);
        return sql_number(store->db, "SELECT max(granted_at) FROM card WHERE application = ?",
                          SQL_VALUES(SQL_T(application)), &ret->granted_at, err) < 0
                       ? -1
                       : 0;
}

/* Why this card may be made, as one text: each is used once. */
static void ground_of(const struct store_claim *c, const struct card *last, char ret[GROUND_MAX])
{
        if (c->authorisation)
                (void)snprintf(ret, GROUND_MAX, "authorisation:%s", c->authorisation);
        else if (last->exists && c->unregistered_serial)
                (void)snprintf(ret, GROUND_MAX, "unregistered:%s", c->unregistered_serial);
        else
                (void)snprintf(ret, GROUND_MAX, "approval");
}

static int count(struct store *store, const char *query, const struct sql_value *values, size_t n, struct error *err)
{
        int64_t found = 0;

        if (sql_number(store->db, query, values, n, &found, err) < 0)
                return -1;
        return found > 0;
}

/* The card that is to be replaced: the latest here, or one spoiled before its chip was written. */
static int check_former(struct store *store, const char *serial, const struct card *last, struct error *err)
{
        int written = count(store, "SELECT count(*) FROM card WHERE serial = ?", SQL_VALUES(SQL_T(serial)), err);

        if (written > 0 && strcmp(serial, last->serial) != 0)
                return refuse(err, REASON_KEY_SPENT, "the former serial is not the latest card's");
        return written < 0 ? -1 : 0;
}

static int check_authorisation(struct store *store, const struct store_claim *c, const struct card *last,
                               const char *ground, struct error *err)
{
        int used = count(store, "SELECT count(*) FROM card WHERE ground = ?", SQL_VALUES(SQL_T(ground)), err);

        if (used < 0)
                return -1;
        if (used)
                return refuse(err, REASON_AUTHORISATION_USED, "the authorisation was used for another card");
        if (c->granted_at < last->granted_at)
                return refuse(err, REASON_KEY_SPENT, "the authorisation is older than the last one used");
        return check_former(store, c->spoiled_serial, last, err);
}

static int check_application(struct store *store, const struct store_claim *c, const struct card *last,
                             const char *ground, struct error *err)
{
        if (c->authorisation)
                return check_authorisation(store, c, last, ground, err);
        if (!last->exists)
                return 0;
        if (c->unregistered_serial)
                return check_former(store, c->unregistered_serial, last, err);
        return refuse(err, REASON_KEY_SPENT, "the approval was spent on another chip");
}

static int check_card(struct store *store, const struct store_claim *c, const char *chip, struct error *err)
{
        int taken = count(store, "SELECT count(*) FROM card WHERE chip = ?", SQL_VALUES(SQL_T(chip)), err);
        int used = taken < 0 ? -1
                             : count(store, "SELECT count(*) FROM card WHERE serial = ?", SQL_VALUES(SQL_T(c->serial)),
                                     err);

        if (used < 0)
                return -1;
        if (taken)
                return err_own(err, ERR_CARD, REASON_CHIP_TAKEN, "the chip was written for another card");
        return used ? refuse(err, REASON_SERIAL_USED, "the serial was written to another chip") : 0;
}

struct decision {
        bool again; /* the same pair: nothing to record */
        char chip[CHIP_TEXT_MAX], data[HASH_TEXT_MAX], ground[GROUND_MAX];
};

static int decide(struct store *store, const struct store_claim *c, struct decision *ret, struct error *err)
{
        struct card last = { 0 };

        if (latest(store, c->application, &last, err) < 0)
                return -1;
        ground_of(c, &last, ret->ground);
        hex_encode(BYTES(c->data_sha256), ret->data, sizeof ret->data);
        if (c->chip_id) {
                hex_encode((struct bytes){ c->chip_id, STORE_CHIP_SIZE }, ret->chip, sizeof ret->chip);
                ret->again = last.exists && strcmp(ret->chip, last.chip) == 0 && strcmp(c->serial, last.serial) == 0 &&
                             strcmp(ret->data, last.data) == 0;
        }
        if (ret->again)
                return 0;
        if (check_application(store, c, &last, ret->ground, err) < 0)
                return -1;
        return c->chip_id ? check_card(store, c, ret->chip, err) : 0;
}

int store_check(struct store *store, const struct store_claim *claim, struct error *err)
{
        struct decision d = { 0 };

        return decide(store, claim, &d, err);
}

static int record(struct store *store, const struct store_claim *c, const struct decision *d, int64_t now,
                  struct error *err)
{
        char at[TIME_TEXT_MAX];

        if (d->again)
                return 0;
        time_format(now, at);
        return sql_run(store->db,
                       "INSERT INTO card(application, chip, serial, data_sha256, ground, granted_at, at)"
                       " VALUES(?, ?, ?, ?, ?, ?, ?)",
                       SQL_VALUES(SQL_T(c->application), SQL_T(d->chip), SQL_T(c->serial), SQL_T(d->data),
                                  SQL_T(d->ground), SQL_N(c->authorisation ? c->granted_at : 0), SQL_T(at)),
                       err);
}

static int spend(struct store *store, const struct store_claim *c, const uint8_t *sod_sha256, int64_t now,
                 struct error *err)
{
        struct decision d = { 0 };
        char sod[HASH_TEXT_MAX];

        if (decide(store, c, &d, err) < 0 || record(store, c, &d, now, err) < 0)
                return -1;
        hex_encode((struct bytes){ sod_sha256, STORE_HASH_SIZE }, sod, sizeof sod);
        return log_add(store, "card_signed",
                       json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "application", c->application, "chip", d.chip,
                                 "serial", c->serial, "data_sha256", d.data, "sod_sha256", sod, "ground", d.ground,
                                 "again", (int)d.again),
                       now, err);
}

int store_spend(struct store *store, const struct store_claim *claim, const uint8_t sod_sha256[STORE_HASH_SIZE],
                int64_t now, struct error *err)
{
        assert(claim->chip_id && claim->serial);
        if (store_begin(store, err) < 0)
                return -1;
        FAULT_COMMIT("key.spend");
        return store_end(store, spend(store, claim, sod_sha256, now, err), err);
}
