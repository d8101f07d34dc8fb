/* The ledger: settings, transitions, audit in the same transaction, refusals, a restart, the chain. */
#include "daemon/core/ledger/intent.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"
#include "tests/unit/test.h"
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

static const struct who expert = { "p-expert", "issuer", "assessment" };
static char path[64];

static void add_blank(struct ledger *l, const char *serial)
{
        ledger_born(l, ENTITY_BLANK, serial, "room", NULL, NULL);
        ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,'room')", "s", serial);
}

static enum ledger_outcome commit(struct ledger *l)
{
        struct error err;

        return ledger_commit(l, &err);
}

static void test_state_and_audit_go_together(struct ledger *l)
{
        char state[32];
        int64_t seq = l->seq;

        ledger_begin(l, &expert);
        add_blank(l, "SC-000001");
        CHECK(commit(l) == LEDGER_DONE && l->seq == seq + 1);
        ledger_begin(l, &expert);
        ledger_run(l, "UPDATE blank SET line='A', position=1 WHERE serial='SC-000001'", "");
        ledger_move(l, ENTITY_BLANK, "SC-000001", "load", NULL, NULL);
        CHECK(commit(l) == LEDGER_DONE);
        CHECK(ledger_state(l, ENTITY_BLANK, "SC-000001", state, sizeof state) && strcmp(state, "hopper") == 0);
        CHECK(ledger_get_int(l, "SELECT count(*) FROM audit WHERE subject='SC-000001'", "") == 2);
}

static void test_refusals_change_nothing(struct ledger *l)
{
        struct error err;
        int64_t seq = l->seq;

        ledger_begin(l, &expert);
        add_blank(l, "SC-000002");
        ledger_move(l, ENTITY_BLANK, "SC-000001", "issue", NULL, NULL);
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && err.reason == REASON_WRONG_STATE && l->seq == seq);
        CHECK(ledger_get_int(l, "SELECT count(*) FROM blank", "") == 1);
        ledger_begin(l, &expert);
        ledger_move(l, ENTITY_BLANK, "SC-999999", "load", NULL, NULL);
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && err.reason == REASON_NOT_FOUND);
}

/* What SQL alone tries without the C code: the ledger's own triggers refuse. */
static void test_triggers_stand_alone(struct ledger *l)
{
        static const char *const attempts[] = {
                "UPDATE blank SET state='room' WHERE serial='SC-000001'",     /* no audit row */
                "UPDATE blank SET state='issued' WHERE serial='SC-000001'",   /* not in the table */
                "INSERT INTO blank(serial,state) VALUES('SC-000009','room')", /* born without audit */
                "UPDATE audit SET actor='x' WHERE seq=1",
                "DELETE FROM audit WHERE seq=1",
                "DELETE FROM blank WHERE serial='SC-000001'",
                ("INSERT INTO audit SELECT 99,epoch,prev,'x',boot_id,t_wall,t_boot,actor,role,event,entity,subject,"
                 "from_state,to_state,intent,body FROM audit WHERE seq=1"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
                struct error err;

                ledger_begin(l, &expert);
                ledger_run(l, attempts[i], "");
                CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && err.reason == REASON_LEDGER);
        }
}

static void test_intent_life(struct ledger *l)
{
        struct intent_spec spec = { .kind = "print", .serial = "SC-000001", .line = "A" };
        cleanup(json_p) json_t *evidence = json_pack("{s:i}", "job", 5);
        char id[UUID_TEXT], text[64];
        struct error err;

        ledger_begin(l, &expert);
        intent_new(l, &spec, id);
        intent_step(l, id, "submitted", evidence);
        CHECK(commit(l) == LEDGER_DONE && strlen(id) == 36);
        CHECK(ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1", "s", id) &&
              strcmp(text, "{\"job\":5}") == 0);
        ledger_begin(l, &expert);
        intent_close(l, id, "lose", NULL);
        intent_close(l, id, "done", evidence);
        CHECK(commit(l) == LEDGER_DONE);
        ledger_begin(l, &expert);
        intent_close(l, id, "repeat", NULL);
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && err.reason == REASON_WRONG_STATE);
}

static void test_chain(struct ledger *l)
{
        char prev[AUDIT_HASH_TEXT], hash[AUDIT_HASH_TEXT];
        struct db_rows rows;

        memcpy(prev, audit_first_prev, sizeof prev);
        CHECK(ledger_query(l, &rows, "SELECT * FROM audit ORDER BY seq", ""));
        while (db_next(&rows)) {
                struct audit_row r = { db_int(&rows, 0),   db_int(&rows, 1),   db_int(&rows, 5),   db_int(&rows, 6),
                                       db_text(&rows, 4),  db_text(&rows, 7),  db_text(&rows, 8),  db_text(&rows, 9),
                                       db_text(&rows, 10), db_text(&rows, 11), db_text(&rows, 12), db_text(&rows, 13),
                                       db_text(&rows, 14), db_text(&rows, 15) };

                CHECK(strcmp(db_text(&rows, 2), prev) == 0);
                audit_hash(prev, &r, hash);
                CHECK(strcmp(db_text(&rows, 3), hash) == 0);
                memcpy(prev, hash, sizeof prev);
        }
        CHECK(db_end(&rows) == 0 && strcmp(prev, l->head) == 0);
}

/* The expected hash was computed with Python's hashlib over the bytes that audit.h describes. */
static void test_audit_vector(void)
{
        struct audit_row row = { 1, 1, 1000, 5, "b", "a", "r", "e", "n", "s", NULL, "t", NULL, "{}" };
        char hash[AUDIT_HASH_TEXT];

        audit_hash(audit_first_prev, &row, hash);
        CHECK(strcmp(hash, "f9868d48959c221c14eec457a1f5dda6e6473531f725a54b9c79ddf073fce91f") == 0);
}

static void test_restart_and_snapshot(struct ledger *l)
{
        char copy[80], head[AUDIT_HASH_TEXT];
        struct error err;
        struct stat st;
        struct db db;
        int64_t n = 0;

        memcpy(head, l->head, sizeof head);
        (void)snprintf(copy, sizeof copy, "%s.copy", path);
        CHECK(ledger_snapshot(l, copy, &err) == 0 && stat(copy, &st) == 0 && (st.st_mode & 0777) == 0600);
        CHECK(db_open(&db, copy, true, &err) == 0 && db_get_int(&db, &n, &err, "SELECT count(*) FROM audit", "") == 1 &&
              n == l->seq);
        db_close(&db);
        (void)unlink(copy);
        ledger_close(l);
        CHECK(ledger_open(l, path, "OTHER", &err) < 0);
        CHECK(ledger_open(l, path, "ST-TEST", &err) == 0 && strcmp(l->head, head) == 0);
}

/* A word that no machine has leads nowhere. */
static void test_unknown_words(void)
{
        CHECK(!machine_is_state(ENTITY_BLANK, "melted") && !machine_is_final(ENTITY_BLANK, "melted"));
        CHECK(!machine_is_initial(ENTITY_APPLICATION, "melted") && !machine_is_initial(ENTITY_BLANK, "melted"));
        CHECK(!machine_is_initial(ENTITY_INTENT, "done") && machine_is_initial(ENTITY_INTENT, "running"));
        CHECK(!machine_next(ENTITY_BLANK, "melted", "load") && !blank_place("melted") && !blank_is_live("melted"));
}

/* What cannot be a ledger is none: a path too long, a file that lies in memory, another's table of transitions. */
static void test_not_a_ledger(const char *dir)
{
        static const char *const damages[] = {
                "UPDATE transition SET to_state='room' WHERE entity='blank' AND from_state='spoiled'",
                "INSERT INTO transition VALUES('blank','spoiled','mend','room')",
        };
        char other[64], long_path[1000];
        struct ledger l;
        struct error err;
        struct db db;

        memset(long_path, 'x', sizeof long_path - 1);
        long_path[sizeof long_path - 1] = '\0';
        CHECK(ledger_open(&l, long_path, "ST-TEST", &err) < 0 && err.reason == REASON_BAD_CONFIG);
        CHECK(ledger_create(long_path, "ST-TEST", 1, &err) < 0 && err.reason == REASON_BAD_CONFIG);
        CHECK(ledger_open(&l, ":memory:", "ST-TEST", &err) < 0 && strstr(err.text, "reads back as memory"));
        (void)snprintf(other, sizeof other, "%s/other.db", dir);
        for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
                CHECK(ledger_open(&l, other, "ST-TEST", &err) == 0);
                ledger_close(&l);
                CHECK(db_open(&db, other, false, &err) == 0 && db_script(&db, damages[i], &err) == 0);
                db_close(&db);
                CHECK(ledger_open(&l, other, "ST-TEST", &err) < 0 && strstr(err.text, "transition table"));
                (void)unlink(other);
        }
}

/* Values that do not fit, cursors used beyond their end, a second snapshot onto the first. */
static void test_edges(struct ledger *l)
{
        char text[8], copy[80];
        struct db_rows rows;
        struct error err;

        CHECK(db_get_text(&l->db, text, sizeof text, &err, "SELECT 'longer than eight'", "") < 0 &&
              err.reason == REASON_INTERNAL);
        CHECK(!ledger_get_text(l, text, sizeof text, "SELECT 'longer than eight'", ""));
        CHECK(db_get_text(&l->db, text, sizeof text, &err, "SELECT NULL", "") == 1 && text[0] == '\0');
        CHECK(db_get_text(&l->db, text, sizeof text, &err, "SELECT 1 WHERE 0", "") == 0);
        CHECK(ledger_get_int(l, "SELECT 1 WHERE 0", "") == 0);
        CHECK(db_query(&l->db, &rows, &err, "SELECT 1", "") == 0 && db_next(&rows) && db_end(&rows) == 0);
        CHECK(!db_next(&rows) && db_end(&rows) == 0);
        CHECK(!ledger_query(l, &rows, "SELECT nothing FROM nowhere", "") && !db_next(&rows));
        CHECK(db_query(&l->db, &rows, &err, "SELECT abs(-9223372036854775808)", "") == 0); /* overflows at its step */
        CHECK(!db_next(&rows) && rows.failed && !db_next(&rows) && db_end(&rows) < 0);
        CHECK(db_run(&l->db, &err, "SELECT 1 UNION SELECT 2", "") == 0);
        (void)snprintf(copy, sizeof copy, "%s.copy", path);
        CHECK(ledger_snapshot(l, copy, &err) == 0 && ledger_snapshot(l, copy, &err) < 0);
        (void)unlink(copy);
}

/* A statement made in a buffer runs as it reads now, not as the buffer read before. */
static void test_made_statements(struct ledger *l)
{
        char sql[32] = "SELECT 1";

        CHECK(ledger_get_int(l, sql, "") == 1);
        memcpy(sql, "SELECT 2", sizeof "SELECT 2");
        CHECK(ledger_get_int(l, sql, "") == 2 && ledger_get_int(l, "SELECT 1", "") == 1);
        memcpy(sql, "SELECT 1", sizeof "SELECT 1");
        CHECK(ledger_get_int(l, sql, "") == 1);
}

/* Faults of reads and of steps inside a transaction fail it; the second fault does not hide the first. */
static void test_faults_inside(struct ledger *l)
{
        struct db_rows rows;
        struct error err;
        char text[8];

        ledger_begin(l, &expert);
        CHECK(!ledger_get_text(l, text, sizeof text, "SELECT nothing FROM nowhere", "") && !ledger_ok(l));
        CHECK(ledger_get_int(l, "SELECT other FROM nowhere", "") == 0);
        CHECK(!ledger_query(l, &rows, "SELECT third FROM nowhere", ""));
        ledger_move(l, ENTITY_BLANK, "SC-000001", "unload", NULL, NULL);
        ledger_audit(l, "look", "blank", "SC-000001", NULL, NULL);
        ledger_refuse(l, ERR_INPUT, REASON_STALE, "too late");
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && strstr(err.text, "nothing"));
        ledger_begin(l, &expert);
        CHECK(!ledger_query(l, &rows, "SELECT fourth FROM nowhere", ""));
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && strstr(err.text, "fourth"));
        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, "SC-000001", "unload", NULL, NULL, "UPDATE nowhere SET x=?1 WHERE y=?2", "");
        CHECK(ledger_commit(l, &err) == LEDGER_NOT_DONE && strstr(err.text, "nowhere"));
}

/* Evidence that is no JSON any more is begun anew. */
static void test_broken_evidence(struct ledger *l)
{
        struct intent_spec spec = { .kind = "print", .line = "A" };
        cleanup(json_p) json_t *evidence = json_pack("{s:i}", "job", 7);
        char id[UUID_TEXT], text[64];

        ledger_begin(l, &expert);
        intent_new(l, &spec, id);
        ledger_run(l, "UPDATE intent SET evidence='no json' WHERE id=?1", "s", id);
        intent_step(l, id, "submitted", evidence);
        CHECK(ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1", "s", id) &&
              strcmp(text, "{\"job\":7}") == 0);
        intent_step(l, id, "probed", NULL);
        CHECK(commit(l) == LEDGER_DONE);
}

static void test_machine_table_is_sound(void)
{
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                CHECK(machine_next(t->entity, t->from, t->event) == t->to);
                CHECK(t->entity != ENTITY_BLANK || (blank_place(t->from) && blank_place(t->to)));
        }
        CHECK(!machine_next(ENTITY_BLANK, "spoiled", "find") && !machine_next(ENTITY_BLANK, "missing", "give_back"));
        CHECK(machine_is_final(ENTITY_INTENT, "done") && !machine_is_final(ENTITY_INTENT, "unknown"));
}

/* A new installation's ledger carries the epoch it was given, into every row. */
static void test_new_epoch(const char *dir)
{
        char other[64];
        struct ledger l;
        struct error err;

        (void)snprintf(other, sizeof other, "%s/new.db", dir);
        CHECK(ledger_create(other, "ST-TEST", 4, &err) == 0);
        CHECK(ledger_create(other, "ST-TEST", 5, &err) < 0 && err.reason == REASON_BAD_CONFIG);
        CHECK(ledger_open(&l, other, "ST-TEST", &err) == 0 && l.epoch == 4 && l.seq == 0);
        ledger_begin(&l, &expert);
        add_blank(&l, "SC-000001");
        CHECK(ledger_commit(&l, &err) == LEDGER_DONE);
        CHECK(ledger_get_int(&l, "SELECT epoch FROM audit WHERE seq=1", "") == 4);
        ledger_close(&l);
        (void)unlink(other);
}

/* ---- no memory ------------------------------------------------------------------------------------------------------
 */

static long allocations, failing;

static void *may_fail(size_t n)
{
        return ++allocations == failing ? NULL : malloc(n);
}

/* The n-th allocation fails while a step's evidence is added: it stands there with all that was known, or nothing
 * changed. */
static void test_no_memory(struct ledger *l)
{
        cleanup(json_p) json_t *first = json_pack("{s:i,s:{s:s}}", "job", 5, "card", "face", "7Q");
        static const char known[] = "{\"job\":5,\"card\":{\"face\":\"7Q\"}";
        struct intent_spec spec = { .kind = "print" };
        char id[UUID_TEXT], text[100];
        long failed = 0;
        int last = 0;
        struct error err;

        ledger_begin(l, &expert);
        intent_new(l, &spec, id);
        intent_step(l, id, "submitted", first);
        CHECK(commit(l) == LEDGER_DONE);
        for (int n = 1; n == 1 || allocations >= n - 1; n++) {
                cleanup(json_p) json_t *more = json_pack("{s:i}", "n", n);
                char key[40];

                allocations = 0;
                failing = n;
                json_set_alloc_funcs(may_fail, free);
                ledger_begin(l, &expert);
                if (n % 2)
                        intent_evidence(l, id, "seen", more);
                else
                        intent_step(l, id, "submitted", more);
                json_set_alloc_funcs(malloc, free);
                if (ledger_commit(l, &err) == LEDGER_DONE)
                        last = n;
                else
                        failed++;
                CHECK(ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1", "s", id));
                (void)snprintf(key, sizeof key, "\"n\":%d}", last);
                CHECK(strncmp(text, known, sizeof known - 1) == 0);
                CHECK(last == 0 || strstr(text, key));
        }
        CHECK(failed > 5);
}

int main(void)
{
        char dir[] = "/tmp/mohr-ledger-XXXXXX";
        struct ledger l;
        struct error err;

        CHECK(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
        CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0);
        test_machine_table_is_sound();
        test_unknown_words();
        test_not_a_ledger(dir);
        test_audit_vector();
        test_state_and_audit_go_together(&l);
        test_refusals_change_nothing(&l);
        test_triggers_stand_alone(&l);
        test_intent_life(&l);
        test_edges(&l);
        test_made_statements(&l);
        test_faults_inside(&l);
        test_broken_evidence(&l);
        test_no_memory(&l);
        test_chain(&l);
        test_restart_and_snapshot(&l);
        test_new_epoch(dir);
        ledger_close(&l);
        (void)unlink(path);
        (void)rmdir(dir);
        return 0;
}
