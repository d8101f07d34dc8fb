#include "daemon/core/ledger/schema.h"
#include "daemon/core/ledger/machine.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* 'a','b': the states in which a row may be born. */
static void list_initial(enum entity entity, char *ret, size_t max)
{
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < n_transitions; i++)
                if (transitions[i].entity == entity && machine_is_initial(entity, transitions[i].from) &&
                    !strstr(ret, transitions[i].from)) {
                        n += (size_t)snprintf(ret + n, max - n, "%s'%s'", n > 0 ? "," : "", transitions[i].from);
                        assert(n < max);
                }
}

/* One generic trigger per entity: a state changes only along the table and only right after its own audit row; a row
 * is born only in an initial state, and audited too. */
static int create_triggers(struct db *db, enum entity entity, struct error *err)
{
        const char *table = entity_name(entity), *key = entity_key(entity);
        char sql[2048], initial[128];

        list_initial(entity, initial, sizeof initial);
        (void)snprintf(
                sql, sizeof sql,
                "CREATE TRIGGER %s_moves_along_the_table BEFORE UPDATE OF state ON %s WHEN NEW.state <> OLD.state "
                "AND NOT EXISTS(SELECT 1 FROM transition WHERE entity='%s' AND from_state=OLD.state AND "
                "to_state=NEW.state) BEGIN SELECT RAISE(ABORT, '%s: transition not allowed'); END;"
                "CREATE TRIGGER %s_moves_with_audit BEFORE UPDATE OF state ON %s WHEN NOT EXISTS(SELECT 1 FROM "
                "audit WHERE seq=(SELECT max(seq) FROM audit) AND entity='%s' AND subject=NEW.%s AND "
                "from_state=OLD.state AND to_state=NEW.state) "
                "BEGIN SELECT RAISE(ABORT, '%s: state change without its audit row'); END;"
                "CREATE TRIGGER %s_is_born_with_audit BEFORE INSERT ON %s WHEN NOT EXISTS(SELECT 1 FROM audit "
                "WHERE seq=(SELECT max(seq) FROM audit) AND entity='%s' AND subject=NEW.%s AND from_state IS NULL "
                "AND to_state=NEW.state) OR NEW.state NOT IN (%s) BEGIN SELECT RAISE(ABORT, '%s: row without its audit "
                "row'); END;",
                table, table, table, table, table, table, table, key, table, table, table, table, key, initial, table);
        return db_script(db, sql, err);
}

int schema_fill_transitions(struct db *db, struct error *err)
{
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                if (db_run(db, err, "INSERT INTO transition VALUES(?1,?2,?3,?4)", "ssss", entity_name(t->entity),
                           t->from, t->event, t->to) < 0)
                        return -1;
        }
        return 0;
}

int schema_create(struct db *db, struct error *err)
{
        char version[64];

        if (db_script(db, schema_sql, err) < 0 || schema_fill_transitions(db, err) < 0)
                return -1;
        for (unsigned i = 0; i < ENTITY_COUNT; i++)
                if (create_triggers(db, (enum entity)i, err) < 0)
                        return -1;
        (void)snprintf(version, sizeof version, "PRAGMA user_version=%d", SCHEMA_VERSION);
        return db_script(db, version, err);
}

int schema_check_version(struct db *db, struct error *err)
{
        int64_t version = 0;

        if (db_get_int(db, &version, err, "PRAGMA user_version", "") < 0)
                return -1;
        if (version == SCHEMA_VERSION)
                return 0;
        if (version > SCHEMA_VERSION)
                return err_own(err, ERR_OPERATOR, REASON_SCHEMA_OTHER,
                               "the ledger has schema %d, newer than this program's %d: use the newer version",
                               (int)version, SCHEMA_VERSION);
        return err_own(
                err, ERR_OPERATOR, REASON_SCHEMA_OTHER,
                "the ledger has schema %d, this program's is %d: start mohrd once, it keeps a backup and migrates",
                (int)version, SCHEMA_VERSION);
}

int schema_check(struct db *db, struct error *err)
{
        int64_t known = 0, rows = 0;

        if (schema_check_version(db, err) < 0)
                return -1;
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                if (db_get_int(db, &known, err,
                               "SELECT count(*) FROM transition WHERE entity=?1 AND from_state=?2 AND event=?3 AND "
                               "to_state=?4",
                               "ssss", entity_name(t->entity), t->from, t->event, t->to) < 0)
                        return -1;
                if (known != 1)
                        break;
                rows++;
        }
        if (rows != (int64_t)n_transitions || db_get_int(db, &known, err, "SELECT count(*) FROM transition", "") < 0 ||
            known != rows)
                return err_own(err, ERR_BUG, REASON_LEDGER, "the ledger's transition table is not this program's");
        return 0;
}
