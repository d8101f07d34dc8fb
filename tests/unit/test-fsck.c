/* fsck: a healthy ledger breaks no rule; for each rule its violation, planted in a copy by raw SQL with the triggers
 * away and the CHECKs off, is reported by its name, and nothing else but what breaks with it. */
#include "daemon/core/audit.h"
#include "daemon/core/fsck_inside.h"
#include "daemon/core/machine.h"
#include "daemon/core/schema.h"
#include "proto/base/cleanup.h"
#include "tests/unit/fsck-ledger.h"
#include "tests/unit/test.h"
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

struct plant {
        const char *name, *also; /* also: names that this violation breaks too, separated by spaces */
        bool rechain;            /* somebody clever recomputes the chain afterwards */
        const char *sql;
};

#define INTENT(kind, serial) "(SELECT id FROM intent WHERE kind='" kind "' AND serial='" serial "')"
#define OF(kind, application) "(SELECT id FROM intent WHERE kind='" kind "' AND application='" application "')"

static const struct plant plants[] = {
        { "file-integrity", "", false, "UPDATE blank SET line=NULL WHERE serial='SC-000008'" },
        { "file-integrity", "spoiled-chip-unverifiable unknown-is-not-closed verified-before-issued", false,
          "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=(SELECT rootpage FROM sqlite_schema WHERE "
          "name='person_by_key') WHERE name='intent_by_serial'" },
        { "foreign-keys", "", false, "INSERT INTO person VALUES('QM-9999','x','x','1')" },
        { "schema", "", false, "DROP INDEX blank_by_place" },
        { "schema", "", false, "CREATE TABLE note(text TEXT)" },
        { "schema", "", false, "INSERT INTO transition VALUES('blank','spoiled','mend','room')" },
        { "schema", "", false, "DELETE FROM transition WHERE event='verify'" },
        { "audit-chain", "", false, "UPDATE audit SET actor='p-other' WHERE event='approval' AND subject='QM-0007'" },
        { "audit-chain", "", false, "DELETE FROM audit WHERE event='approval' AND subject='QM-0007'" },
        { "transitions-legal", "state-has-audit", false,
          "SELECT append('jump','blank','SC-000008','hopper','accepted','','p-expert','{}')" },
        { "no-personal-data-in-audit", "", false,
          "SELECT append('look','application','QM-0001',NULL,NULL,'','p-expert','{\"who\":\"0012345679\"}')" },
        { "no-personal-data-in-audit", "", false,
          "SELECT append('look','application','QM-0001',NULL,NULL,'','p-expert','{\"who\":\"سارا محمدی\"}')" },
        { "payload-hash", "receipt-present", false,
          "UPDATE intent SET payload_sha256=substr(payload_sha256,2)||'0' WHERE id=" OF("claim", "QM-0001") },
        { "payload-hash", "", false,
          "UPDATE intent SET payload=CAST('{\"epoch\":2}' AS BLOB) WHERE id=" OF("claim", "QM-0001") },
        { "receipt-present", "file-integrity", false,
          "UPDATE intent SET receipt=NULL WHERE id=" INTENT("report", "SC-000001") },
        { "receipt-present", "", false,
          "UPDATE intent SET receipt=(SELECT receipt FROM intent WHERE id=" INTENT(
                  "report", "SC-000003") ") WHERE id=" INTENT("report", "SC-000001") },
        { "approval-bytes", "", false, "UPDATE application SET approval=CAST('e.Zm9v.s' AS BLOB) WHERE id='QM-0007'" },
        { "approval-bytes", "", false, "UPDATE application SET data_sha256=approval_sha256 WHERE id='QM-0007'" },
        { "photo-bytes", "", false,
          "UPDATE photo SET bytes=CAST('another' AS BLOB) WHERE sha256=(SELECT photo_sha256 FROM application WHERE "
          "id='QM-0007')" },
        { "act-digest", "", false, "UPDATE act SET body=replace(body,'cards','tickets') WHERE kind='sort'" },

        { "one-live-card", "schema intent-before-effect", false,
          "DROP INDEX one_live_card_per_application; UPDATE card SET application='QM-0001', attempt=9 WHERE "
          "application='QM-0003'; UPDATE intent SET application='QM-0001' WHERE application='QM-0003'; UPDATE blank "
          "SET "
          "application='QM-0001' WHERE application='QM-0003'" },
        { "conservation", "", false, "SELECT append('born','blank','SC-000011',NULL,'room','','p-expert','{}')" },
        { "conservation", "state-has-audit", false, "INSERT INTO blank(serial,state) VALUES('SC-000012','room')" },
        { "hopper-order", "", false,
          "INSERT INTO blank(serial,state,line,position) VALUES('SC-000012','hopper','A',8); "
          "SELECT append('born','blank','SC-000012',NULL,'room','','p-expert','{}'); "
          "SELECT append('load','blank','SC-000012','room','hopper','','p-expert','{}')" },
        { "card-fits-blank", "", false, "UPDATE blank SET application='QM-0007' WHERE serial='SC-000007'" },
        { "card-fits-application", "", false,
          "SELECT append('withdraw','application','QM-0003','bound','withdrawn','','station','{}'); UPDATE application "
          "SET state='withdrawn' WHERE id='QM-0003'" },
        { "spoiled-absorbing", "state-has-audit", false,
          "UPDATE blank SET state='room', application=NULL, card=NULL WHERE serial='SC-000007'" },
        { "spoiled-is-told", "", false, "DELETE FROM intent WHERE kind='spoil' AND serial='SC-000007'" },
        { "spoiled-chip-unverifiable", "", false, "UPDATE blank SET chip_fate='unwritten' WHERE serial='SC-000002'" },
        { "spoiled-chip-unverifiable", "", false, "DELETE FROM intent WHERE kind='lock' AND serial='SC-000002'" },
        { "reissue-once", "report-tells-the-card", false, "UPDATE card SET reissue=NULL WHERE reissue='R-1'" },
        { "reissue-once", "", false, "UPDATE reissue SET spoiled_serial='SC-000003' WHERE id='R-1'" },
        { "chip-unique", "schema", false,
          "DROP INDEX one_serial_per_chip; UPDATE blank SET chip_id=(SELECT chip_id FROM blank WHERE "
          "serial='SC-000001') WHERE serial='SC-000005'" },
        { "attempt-budget", "", false, "UPDATE chip SET attempts=3 WHERE serial='SC-000001'" },
        { "attempt-budget", "", false, "DELETE FROM chip WHERE serial='SC-000001'" },
        { "mismatch-parks", "", false, "UPDATE chip SET mismatches=1 WHERE serial='SC-000001'" },
        { "mismatch-parks", "", false, "INSERT INTO line(name,mismatches) VALUES('A',2)" },
        { "missing-has-case", "", false, "DELETE FROM dispute WHERE serial='SC-000005'" },

        { "intent-before-effect", "", false,
          "UPDATE intent SET serial='SC-000003' WHERE id=" INTENT("print", "SC-000001") },
        { "running-is-this-boot", "", false,
          "UPDATE intent SET state='running' WHERE id=" INTENT(
                  "print", "SC-000004") "; SELECT append('repeat','intent',"
                                        "(SELECT id FROM intent WHERE kind='print' AND "
                                        "serial='SC-000004'),'unknown','running','','station','{}'); "
                                        "SELECT reboot()" },
        { "unknown-is-not-closed", "file-integrity", false,
          "UPDATE intent SET ended_at=1 WHERE id=" INTENT("print", "SC-000004") },
        { "unknown-is-not-closed", "", false,
          "UPDATE intent SET state='failed', ended_at=1 WHERE id=" INTENT(
                  "print", "SC-000004") "; SELECT "
                                        "append('fail','intent',(SELECT id FROM intent WHERE kind='print' AND "
                                        "serial='SC-000004'),'unknown','failed','',"
                                        "'station','{}')" },
        { "effect-once", "", false,
          "UPDATE intent SET card=(SELECT card FROM intent WHERE kind='print' AND serial='SC-000002'), "
          "application='QM-0002' WHERE kind='print' AND serial='SC-000003'" },
        { "worksheet-before-print", "audit-head", true,
          "UPDATE audit SET event='look' WHERE event='worksheet' AND subject='QM-0001'" },
        { "begin-before-print", "intent-before-effect", false, "DELETE FROM intent WHERE id=" OF("begin", "QM-0003") },
        { "inspected-before-write", "verified-before-issued transitions-legal audit-head", true,
          "UPDATE audit SET event='look' WHERE event='accept' AND subject='SC-000001'" },
        { "verified-before-issued", "", false, "UPDATE blank SET confirmed_by=NULL WHERE serial='SC-000001'" },
        { "verified-before-issued", "intent-before-effect", false,
          "UPDATE intent SET kind='lock' WHERE id=" INTENT("write", "SC-000001") },
        { "two-persons", "file-integrity", false, "UPDATE act SET confirmed_office=proposed_office WHERE kind='sort'" },
        { "two-persons", "", false, "DELETE FROM act WHERE kind='sort'" },
        { "two-persons", "", false, "DELETE FROM act WHERE kind='unknown'" },
        { "two-persons", "", false, "UPDATE act SET confirmed_by='p-third' WHERE kind='sort'" },
        { "acts-name-a-person", "audit-head", true,
          "UPDATE audit SET actor='station' WHERE event='accept' AND subject='SC-000001'" },
        { "acts-name-a-person", "", false, "UPDATE card SET expert='station' WHERE application='QM-0003'" },

        { "issued-has-report", "registered-has-receipt", false,
          "DELETE FROM intent WHERE kind='report' AND serial='SC-000001'" },
        { "report-once", "schema", false,
          "DROP INDEX one_report_per_serial; SELECT append('born','intent','11111111-1111-4111-8111-111111111111',NULL,"
          "'running','','p-expert','{}'); INSERT INTO intent(id,kind,state,application,card,serial,actor,role,payload,"
          "payload_sha256,boot_id,started_at,started_boot) SELECT "
          "'11111111-1111-4111-8111-111111111111',kind,'running',"
          "application,card,serial,actor,role,payload,payload_sha256,boot_id,1,1 FROM intent WHERE kind='report' AND "
          "serial='SC-000001'" },
        { "report-tells-the-card", "", false, "UPDATE blank SET sod_sha256='50e' WHERE serial='SC-000001'" },
        { "report-tells-the-card", "", false, "UPDATE card SET issue_date='2026-11-22' WHERE application='QM-0003'" },
        { "registered-has-receipt", "", false, "UPDATE blank SET registered=0 WHERE serial='SC-000001'" },
        { "registered-has-receipt", "", false, "UPDATE blank SET registered=1 WHERE serial='SC-000006'" },
        { "delivered-is-registered", "", false,
          "SELECT append('post','blank','SC-000006','issued','post','','p-expert','{}'); UPDATE blank SET state='post' "
          "WHERE serial='SC-000006'" },
        { "refused-opens-case", "", false, "DELETE FROM dispute WHERE kind='report'" },
        { "audit-head", "", true, "UPDATE audit SET t_wall=t_wall+1 WHERE seq=1" },
        { "state-has-audit", "", false,
          "UPDATE blank SET state='room', line=NULL, position=NULL WHERE serial='SC-000008'" },
        { "state-has-audit", "", true,
          "UPDATE audit SET from_state='room', event='come_out_unprinted', to_state='room' WHERE 0; SELECT "
          "append('give_back','blank','SC-000008','room','transit','','p-expert','{}'); SELECT "
          "append('arrive','blank','SC-000008','transit','room','','p-expert','{}'); SELECT "
          "append('load','blank','SC-000008','room','hopper','','p-expert','{}')" },
};

static char folder[] = "/tmp/test-fsck-XXXXXX";
static char base[64], copy[64];

/* ---- tools of the planter -------------------------------------------------------------------------------------------
 */

static void must(sqlite3 *db, int r, const char *sql)
{
        if (r == SQLITE_OK || r == SQLITE_DONE || r == SQLITE_ROW)
                return;
        fprintf(stderr, "planting: %s: %s\n", sqlite3_errmsg(db), sql);
        exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
        must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static const char *boot = "boot-1";

static void insert_row(sqlite3 *db, const char *prev, const struct audit_row *row)
{
        static const char sql[] = "INSERT INTO audit VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)";
        const char *texts[] = { row->actor,      row->role,     row->event,  row->entity, row->subject,
                                row->from_state, row->to_state, row->intent, row->body };
        char hash[AUDIT_HASH_TEXT];
        sqlite3_stmt *s;

        audit_hash(prev, row, hash);
        must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
        (void)sqlite3_bind_int64(s, 1, row->seq);
        (void)sqlite3_bind_int64(s, 2, row->epoch);
        (void)sqlite3_bind_text(s, 3, prev, -1, SQLITE_TRANSIENT);
        (void)sqlite3_bind_text(s, 4, hash, -1, SQLITE_TRANSIENT);
        (void)sqlite3_bind_text(s, 5, row->boot_id, -1, SQLITE_TRANSIENT);
        (void)sqlite3_bind_int64(s, 6, row->t_wall);
        (void)sqlite3_bind_int64(s, 7, row->t_boot);
        for (int i = 0; i < 9; i++)
                (void)sqlite3_bind_text(s, 8 + i, texts[i], -1, SQLITE_TRANSIENT);
        must(db, sqlite3_step(s), sql);
        (void)sqlite3_finalize(s);
}

/* append(event, entity, subject, from, to, intent, actor, body): a row that continues the chain rightly. */
static void append(sqlite3_context *context, int n, sqlite3_value **v)
{
        sqlite3 *db = sqlite3_context_db_handle(context);
        const char *text[8];
        char prev[AUDIT_HASH_TEXT];
        struct audit_row row;
        sqlite3_stmt *s;

        for (int i = 0; i < n; i++)
                text[i] = (const char *)sqlite3_value_text(v[i]);
        must(db, sqlite3_prepare_v2(db, "SELECT seq, hash, boot_id FROM audit ORDER BY seq DESC LIMIT 1", -1, &s, NULL),
             "head");
        must(db, sqlite3_step(s), "head");
        row = (struct audit_row){ .seq = sqlite3_column_int64(s, 0) + 1,
                                  .epoch = 1,
                                  .boot_id = strcmp(boot, "boot-1") == 0 ? (const char *)sqlite3_column_text(s, 2)
                                                                         : boot,
                                  .event = text[0],
                                  .entity = text[1],
                                  .subject = text[2],
                                  .from_state = text[3],
                                  .to_state = text[4],
                                  .intent = text[5],
                                  .actor = text[6],
                                  .role = "issuer",
                                  .body = text[7] };
        (void)snprintf(prev, sizeof prev, "%s", (const char *)sqlite3_column_text(s, 1));
        insert_row(db, prev, &row);
        (void)sqlite3_finalize(s);
}

/* reboot(): from here on another boot, told by one row. */
static void reboot(sqlite3_context *context, int n, sqlite3_value **v)
{
        (void)n;
        (void)v;
        boot = "boot-2";
        run(sqlite3_context_db_handle(context), "SELECT append('hello','station','qom-1',NULL,NULL,'','station','{}')");
        boot = "boot-1";
}

static void recompute_chain(sqlite3 *db)
{
        char prev[AUDIT_HASH_TEXT], hash[AUDIT_HASH_TEXT], sql[300];
        sqlite3_stmt *s;

        memcpy(prev, audit_first_prev, sizeof prev);
        must(db, sqlite3_prepare_v2(db, "SELECT * FROM audit ORDER BY seq", -1, &s, NULL), "chain");
        run(db, "CREATE TEMP TABLE hashes(seq, prev, hash)");
        while (sqlite3_step(s) == SQLITE_ROW) {
                const char *t[16];
                struct audit_row row;

                for (int i = 0; i < 16; i++)
                        t[i] = (const char *)sqlite3_column_text(s, i);
                row = (struct audit_row){ sqlite3_column_int64(s, 0),
                                          sqlite3_column_int64(s, 1),
                                          sqlite3_column_int64(s, 5),
                                          sqlite3_column_int64(s, 6),
                                          t[4],
                                          t[7],
                                          t[8],
                                          t[9],
                                          t[10],
                                          t[11],
                                          t[12],
                                          t[13],
                                          t[14],
                                          t[15] };
                audit_hash(prev, &row, hash);
                (void)snprintf(sql, sizeof sql, "INSERT INTO hashes VALUES(%lld,'%s','%s')", (long long)row.seq, prev,
                               hash);
                run(db, sql);
                memcpy(prev, hash, sizeof prev);
        }
        (void)sqlite3_finalize(s);
        run(db, "UPDATE audit SET hash=seq||'x'||substr(hash,length(seq||'x')+1)");
        run(db, "UPDATE audit SET prev=h.prev, hash=h.hash FROM hashes h WHERE h.seq=audit.seq");
        run(db, "DROP TABLE hashes");
}

/* The triggers' own text, to make them again. */
static char *take_triggers(sqlite3 *db)
{
        char *all = sqlite3_mprintf(""), *drop = sqlite3_mprintf("");
        sqlite3_stmt *s;

        must(db, sqlite3_prepare_v2(db, "SELECT name, sql FROM sqlite_schema WHERE type='trigger'", -1, &s, NULL),
             "triggers");
        while (sqlite3_step(s) == SQLITE_ROW) {
                all = sqlite3_mprintf("%z%s;", all, sqlite3_column_text(s, 1));
                drop = sqlite3_mprintf("%zDROP TRIGGER %s;", drop, sqlite3_column_text(s, 0));
        }
        (void)sqlite3_finalize(s);
        run(db, drop);
        sqlite3_free(drop);
        return all;
}

static void copy_file(const char *from, const char *to)
{
        static char bytes[1 << 22];
        FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
        size_t n;

        CHECK(in && out);
        n = fread(bytes, 1, sizeof bytes, in);
        CHECK(n > 0 && n < sizeof bytes && fwrite(bytes, 1, n, out) == n);
        CHECK(fclose(in) == 0 && fclose(out) == 0);
}

static void plant(const struct plant *p)
{
        sqlite3 *db;
        char *triggers;

        copy_file(base, copy);
        must(NULL, sqlite3_open(copy, &db), "open");
        (void)sqlite3_create_function(db, "append", 8, SQLITE_UTF8, NULL, append, NULL, NULL);
        (void)sqlite3_create_function(db, "reboot", 0, SQLITE_UTF8, NULL, reboot, NULL, NULL);
        run(db, "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF");
        triggers = take_triggers(db);
        run(db, p->sql);
        if (p->rechain)
                recompute_chain(db);
        run(db, triggers);
        sqlite3_free(triggers);
        CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

struct seen {
        char names[1024];
        const char *of;
        bool loud;
};

static bool has_word(const char *words, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = words; (at = strstr(at, word)); at += n)
                if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
                        return true;
        return false;
}

static void see(void *context, const struct fsck_fault *fault)
{
        struct seen *seen = context;

        CHECK(fault->subject && fault->detail && fault->rule->sentence[0]);
        if (!has_word(seen->names, fault->rule->name))
                (void)snprintf(seen->names + strlen(seen->names), sizeof seen->names - strlen(seen->names), " %s",
                               fault->rule->name);
        if (seen->loud)
                fprintf(stderr, "  %s: %s: %s\n", fault->rule->name, fault->subject, fault->detail);
}

static int64_t check(const char *path, struct seen *seen)
{
        struct error err;
        int64_t n = -1;

        if (fsck_file(path, false, see, seen, &n, &err) < 0) {
                fprintf(stderr, "fsck of %s: %s\n", seen->of ? seen->of : "the healthy one", err.text);
                exit(1);
        }
        return n;
}

static void test_healthy(void)
{
        struct seen seen = { .loud = true };

        CHECK(check(base, &seen) == 0 && seen.names[0] == '\0');
}

static bool is_expected(const struct plant *p, const struct seen *seen)
{
        for (size_t i = 0; i < fsck_n_rules(); i++) {
                const char *name = fsck_rule(i)->name;
                bool wanted = strcmp(name, p->name) == 0 || has_word(p->also, name);

                if (has_word(seen->names, name) != wanted)
                        return false;
        }
        return true;
}

static bool test_plant(const struct plant *p)
{
        struct seen seen = { .of = p->name };

        plant(p);
        (void)check(copy, &seen);
        if (is_expected(p, &seen))
                return true;
        fprintf(stderr, "planted: %s\nexpected: %s %s\nseen:%s\n", p->sql, p->name, p->also, seen.names);
        seen.loud = true;
        (void)check(copy, &seen);
        return false;
}

static void test_every_rule_is_planted(void)
{
        for (size_t i = 0; i < fsck_n_rules(); i++) {
                bool planted = false;

                for (size_t k = 0; k < ARRAY_SIZE(plants); k++)
                        planted |= strcmp(plants[k].name, fsck_rule(i)->name) == 0;
                if (!planted)
                        fprintf(stderr, "nobody plants %s\n", fsck_rule(i)->name);
                CHECK(planted);
        }
        CHECK(!fsck_rule(fsck_n_rules()));
}

/* The rules' list of states must not lag behind the machine: the same states, the same of them alive, and those
 * absorbing from which nothing leads back. */
static void test_states_are_known(void)
{
        cleanup(db_close) struct db db = { 0 };
        struct db_rows rows;
        struct error err;
        int64_t n = 0;

        CHECK(db_open(&db, ":memory:", false, &err) == 0 && schema_create(&db, &err) == 0 &&
              db_script(&db, fsck_setup, &err) == 0);
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                if (t->entity != ENTITY_BLANK)
                        continue;
                CHECK(db_get_int(&db, &n, &err,
                                 "SELECT count(*) FROM fsck_place f, fsck_place t WHERE f.state=?1 AND t.state=?2 AND "
                                 "f.absorbed<=t.absorbed",
                                 "ss", t->from, t->to) == 1);
                CHECK(n == 1);
        }
        CHECK(db_query(&db, &rows, &err, "SELECT state, live FROM fsck_place", "") == 0);
        for (n = 0; db_next(&rows); n++)
                CHECK(machine_is_state(ENTITY_BLANK, db_text(&rows, 0)) &&
                      blank_is_live(db_text(&rows, 0)) == (db_int(&rows, 1) == 1));
        CHECK(db_end(&rows) == 0 && n == 21);
}

static void test_audit_only(void)
{
        static const struct plant both = { "x", "", false,
                                           "UPDATE chip SET attempts=3; UPDATE audit SET actor='x' WHERE seq=2" };
        struct seen seen = { .of = "audit only" };
        struct error err;
        int64_t n = 0;

        plant(&both);
        CHECK(fsck_file(copy, true, see, &seen, &n, &err) == 0 && n == 1 && strcmp(seen.names, " audit-chain") == 0);
}

static void test_no_ledger(void)
{
        struct error err;
        int64_t n = 0;

        CHECK(fsck_file("/nonexistent/ledger.db", false, NULL, NULL, &n, &err) < 0 && err.reason == REASON_LEDGER);
        copy_file("/proc/self/exe", copy);
        CHECK(fsck_file(copy, false, NULL, NULL, &n, &err) < 0 && err.reason == REASON_LEDGER);
}

int main(void)
{
        char journal[80];
        bool good = true;

        CHECK(mkdtemp(folder));
        (void)snprintf(base, sizeof base, "%s/ledger.db", folder);
        (void)snprintf(copy, sizeof copy, "%s/copy.db", folder);
        healthy_ledger(base);
        test_healthy();
        test_every_rule_is_planted();
        test_states_are_known();
        for (size_t i = 0; i < ARRAY_SIZE(plants); i++)
                good &= test_plant(&plants[i]);
        CHECK(good);
        test_audit_only();
        test_no_ledger();
        (void)snprintf(journal, sizeof journal, "%s-journal", base);
        CHECK(unlink(journal) == 0 && unlink(base) == 0 && unlink(copy) == 0 && rmdir(folder) == 0);
        return 0;
}
