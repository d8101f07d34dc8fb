/* The life cycles once more: for each entity, state and event the C table, the ledger's copy and the ledger's triggers
 * say the same. Each step is tried by SQL alone, behind an audit row that says what it wants. */
#include "daemon/core/ledger/ledger.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <string.h>
#include <unistd.h>

static struct ledger ledger;
static const char *states[ENTITY_COUNT][64];
static size_t n_states[ENTITY_COUNT];

static void add_state(enum entity e, const char *state)
{
        for (size_t i = 0; i < n_states[e]; i++)
                if (strcmp(states[e][i], state) == 0)
                        return;
        CHECK(n_states[e] < ARRAY_SIZE(states[e]));
        states[e][n_states[e]++] = state;
}

static bool leads(enum entity e, const char *from, const char *to)
{
        for (size_t i = 0; i < n_transitions; i++)
                if (transitions[i].entity == e && strcmp(transitions[i].from, from) == 0 &&
                    strcmp(transitions[i].to, to) == 0)
                        return true;
        return false;
}

static void test_ledgers_copy(void)
{
        CHECK(ledger_get_int(&ledger, "SELECT count(*) FROM transition", "") == (int64_t)n_transitions);
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                CHECK(ledger_get_int(&ledger,
                                     "SELECT count(*) FROM transition WHERE entity=?1 AND from_state=?2 AND event=?3 "
                                     "AND to_state=?4",
                                     "ssss", entity_name(t->entity), t->from, t->event, t->to) == 1);
                for (size_t j = 0; j < i; j++) /* one event leads to one state */
                        CHECK(transitions[j].entity != t->entity || strcmp(transitions[j].from, t->from) != 0 ||
                              strcmp(transitions[j].event, t->event) != 0);
        }
}

/* Everything the CHECKs ask of a row in any state, so that only the transition trigger can refuse. */
static const char *const rows[ENTITY_COUNT] = {
        "INSERT INTO application(id,state,arrived_at) VALUES('APP-1',?1,1)",
        "INSERT INTO "
        "blank(serial,state,line,position,application,card,chip_id,sod_sha256,cause,spoiled_from,chip_fate) "
        "SELECT 'SC-000001',?1,'a',1,iif(?1 IN ('vault','transit','room','hopper'),NULL,'APP-9'),iif(?1 IN ('vault',"
        "'transit','room','hopper'),NULL,'C-9'),'c','s','other','room','unwritten'",
        "INSERT INTO intent(id,kind,state,actor,role,boot_id,started_at,started_boot,ended_at) VALUES("
        "'6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8f','decide',?1,'a','r','b',1,1,iif(?1 IN ('done','failed','refused'),1,"
        "NULL))",
};
static const char *const ids[ENTITY_COUNT] = { "APP-1", "SC-000001", "6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8f" };
static const char *const updates[ENTITY_COUNT] = {
        "UPDATE application SET state=?1, version=version+1 WHERE id='APP-1'",
        ("UPDATE blank SET state=?1, version=version+1, application=iif(?1 IN ('vault','transit','room','hopper'),NULL,"
         "'APP-9'), card=iif(?1 IN ('vault','transit','room','hopper'),NULL,'C-9') WHERE serial='SC-000001'"),
        "UPDATE intent SET state=?1, version=version+1, ended_at=iif(?1 IN ('done','failed','refused'),1,NULL)",
};

/* An audit row of our own making: the triggers believe what stands there, the table does not. */
static void write_step(enum entity e, const char *event, const char *from, const char *to)
{
        char hash[AUDIT_HASH_TEXT];

        (void)snprintf(hash, sizeof hash, "%064llx", (unsigned long long)ledger.seq + 1);
        ledger_run(&ledger,
                   "INSERT INTO audit VALUES((SELECT coalesce(max(seq),0)+1 FROM audit),1,?1,?2,'b',1,1,'a','r',?3,?4,"
                   "?5,?6,?7,NULL,'{}')",
                   "sssssss", ledger.head, hash, event, entity_name(e), ids[e], from, to);
        ledger.seq++;
}

/* A row in this state; it passes only where births are not watched, or this one is lawful. */
static void place(enum entity e, const char *state)
{
        ledger_run(&ledger, rows[e], "s", state);
}

static bool tried(enum entity e, const char *from, const char *to, const char *event)
{
        struct error err;
        bool ok;

        ledger_begin(&ledger, &who_station);
        place(e, from);
        if (event)
                write_step(e, event, from, to);
        ledger_run(&ledger, updates[e], "s", to);
        ok = ledger_ok(&ledger);
        if (ok)
                ledger_refuse(&ledger, ERR_INPUT, REASON_STALE, "the test ends here");
        CHECK(ledger_commit(&ledger, &err) == LEDGER_NOT_DONE);
        return ok;
}

static bool born(enum entity e, const char *state, bool audited)
{
        struct error err;
        bool ok;

        ledger_begin(&ledger, &who_station);
        if (audited)
                write_step(e, "born", NULL, state);
        place(e, state);
        ok = ledger_ok(&ledger);
        if (ok)
                ledger_refuse(&ledger, ERR_INPUT, REASON_STALE, "the test ends here");
        CHECK(ledger_commit(&ledger, &err) == LEDGER_NOT_DONE);
        return ok;
}

static void test_births(void)
{
        for (enum entity e = 0; e < ENTITY_COUNT; e++) {
                for (size_t i = 0; i < n_states[e]; i++) {
                        CHECK(born(e, states[e][i], true) == machine_is_initial(e, states[e][i]));
                        CHECK(!born(e, states[e][i], false));
                }
        }
}

static void drop_births(void)
{
        static const char *const names[] = { "application", "blank", "intent" };
        char sql[100];
        struct error err;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char name[64] = "";

                while (ledger_get_text(&ledger, name, sizeof name,
                                       "SELECT name FROM sqlite_schema WHERE type='trigger' AND tbl_name=?1 AND sql "
                                       "LIKE '%BEFORE INSERT%'",
                                       "s", names[i])) {
                        (void)snprintf(sql, sizeof sql, "DROP TRIGGER %s", name);
                        CHECK(db_script(&ledger.db, sql, &err) == 0);
                }
        }
}

static void test_triggers_equal_table(void)
{
        size_t n = 0;

        for (enum entity e = 0; e < ENTITY_COUNT; e++) {
                for (size_t i = 0; i < n_states[e]; i++) {
                        for (size_t j = 0; j < n_states[e]; j++, n++) {
                                const char *from = states[e][i], *to = states[e][j];

                                if (i == j)
                                        continue;
                                if (tried(e, from, to, "any") != leads(e, from, to)) {
                                        fprintf(stderr, "%s: %s -> %s\n", entity_name(e), from, to);
                                        exit(1);
                                }
                                CHECK(!tried(e, from, to, NULL)); /* never without its audit row */
                        }
                }
        }
        CHECK(n > 500);
}

int main(void)
{
        char dir[] = "/tmp/mohr-machine-XXXXXX", path[64];
        struct error err;

        CHECK(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
        CHECK(ledger_open(&ledger, path, "ST-TEST", &err) == 0);
        for (size_t i = 0; i < n_transitions; i++) {
                add_state(transitions[i].entity, transitions[i].from);
                add_state(transitions[i].entity, transitions[i].to);
        }
        test_ledgers_copy();
        CHECK(db_script(&ledger.db, "PRAGMA foreign_keys=OFF", &err) == 0);
        test_births();
        drop_births();
        test_triggers_equal_table();
        ledger_close(&ledger);
        (void)unlink(path);
        (void)rmdir(dir);
        return 0;
}
