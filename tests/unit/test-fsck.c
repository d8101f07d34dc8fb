/* fsck: a healthy ledger breaks no rule; for each rule its violation, planted in a copy by raw SQL with the triggers
 * away and the CHECKs off, is reported by its name, and nothing else but what breaks with it. */
#include "daemon/core/fsck/fsck_inside.h"
#include "daemon/core/ledger/audit.h"
#include "daemon/core/ledger/machine.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include "tests/unit/fsck-ledger.h"
#include "tests/unit/test.h"
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

/* Of fsck-plants.sql; sql is NULL behind the last. */
struct plant {
        char name[64], also[256]; /* also: names that this violation breaks too, separated by spaces */
        bool rechain;             /* somebody clever recomputes the chain afterwards */
        const char *sql;
};
static struct plant plants[200];

static char folder[] = "/dev/shm/test-fsck-XXXXXX";
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

/* the_intent(kind, subject): its id, by serial or application. */
static void the_intent(sqlite3_context *context, int n, sqlite3_value **v)
{
        static const char sql[] = "SELECT id FROM intent WHERE kind=?1 AND (serial=?2 OR application=?2)";
        sqlite3 *db = sqlite3_context_db_handle(context);
        sqlite3_stmt *s;

        must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
        for (int i = 0; i < n; i++)
                (void)sqlite3_bind_value(s, i + 1, v[i]);
        if (sqlite3_step(s) == SQLITE_ROW)
                sqlite3_result_text(context, (const char *)sqlite3_column_text(s, 0), -1, SQLITE_TRANSIENT);
        (void)sqlite3_finalize(s);
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

/* What the portal says of a healthy ledger; a plant may change it. */
static const char portal_sql[] =
        "CREATE TEMP TABLE portal AS SELECT json_extract(result,'$.portal_seq') AS portal_seq, CASE kind WHEN 'report' "
        "THEN 'issuance' ELSE kind END AS what, id AS key, payload_sha256, application, serial FROM intent WHERE "
        "state='done' AND payload IS NOT NULL; INSERT INTO portal VALUES(0,'hello','h','',NULL,NULL)";
static json_t *portal_items;

static json_t *take_portal(sqlite3 *db)
{
        static const char sql[] = "SELECT json_group_array(json_object('portal_seq',portal_seq,'what',what,'key',key,"
                                  "'payload_sha256',payload_sha256,'application',application,'serial',serial)) FROM "
                                  "(SELECT * FROM portal ORDER BY portal_seq)";
        sqlite3_stmt *s;
        json_t *items;

        must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
        must(db, sqlite3_step(s), sql);
        items = json_loads((const char *)sqlite3_column_text(s, 0), 0, NULL);
        (void)sqlite3_finalize(s);
        CHECK(json_array_size(items) > 10);
        return items;
}

static void plant(const struct plant *p)
{
        sqlite3 *db;
        char *triggers;

        copy_file(base, copy);
        must(NULL, sqlite3_open(copy, &db), "open");
        (void)sqlite3_create_function(db, "append", 8, SQLITE_UTF8, NULL, append, NULL, NULL);
        (void)sqlite3_create_function(db, "the_intent", 2, SQLITE_UTF8, NULL, the_intent, NULL, NULL);
        (void)sqlite3_create_function(db, "reboot", 0, SQLITE_UTF8, NULL, reboot, NULL, NULL);
        run(db, "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF");
        triggers = take_triggers(db);
        run(db, portal_sql);
        run(db, p->sql);
        json_decref(portal_items);
        portal_items = take_portal(db);
        if (p->rechain)
                recompute_chain(db);
        run(db, triggers);
        sqlite3_free(triggers);
        CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* "-- plant NAME[ breaks NAME...][ rechained]" */
static void read_header(char *line, struct plant *ret)
{
        char *rechained = strstr(line, " rechained"), *also = strstr(line, " breaks ");

        CHECK(strncmp(line, "-- plant ", 9) == 0 && (!rechained || strcmp(rechained, " rechained") == 0));
        ret->rechain = rechained != NULL;
        if (rechained)
                *rechained = '\0';
        if (also) {
                CHECK((size_t)snprintf(ret->also, sizeof ret->also, "%s", also + 8) < sizeof ret->also);
                *also = '\0';
        }
        CHECK((size_t)snprintf(ret->name, sizeof ret->name, "%s", line + 9) < sizeof ret->name);
}

/* Every block but the first, which tells the form. */
static void read_plants(const char *path)
{
        static char text[1 << 16];
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text, f) : 0, k = 0;

        CHECK(n > 0 && n < sizeof text && fclose(f) == 0);
        for (char *end, *at = strstr(text, "\n\n"); at; at = end) {
                char *sql = strchr(at + 2, '\n');

                CHECK(sql && k + 1 < ARRAY_SIZE(plants));
                *sql = '\0';
                end = strstr(sql + 1, "\n\n");
                if (end)
                        *end = '\0';
                read_header(at + 2, &plants[k]);
                plants[k++].sql = sql + 1;
        }
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

/* With the portal's ledger when there is one. */
static int64_t check(const char *path, struct fsck_portal *portal, struct seen *seen)
{
        struct error err;
        int64_t n = -1;

        if ((portal ? fsck_file_portal(path, portal, see, seen, &n, &err)
                    : fsck_file(path, false, see, seen, &n, &err)) < 0) {
                fprintf(stderr, "fsck of %s: %s\n", seen->of ? seen->of : "the healthy one", err.text);
                exit(1);
        }
        return n;
}

static void test_healthy(void)
{
        struct seen seen = { .loud = true };

        CHECK(check(base, NULL, &seen) == 0 && seen.names[0] == '\0');
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

static bool is_of_portal(const char *name)
{
        for (size_t i = 0; i < fsck_n_rules(); i++)
                if (strcmp(fsck_rule(i)->name, name) == 0)
                        return fsck_rule(i)->portal;
        return false;
}

static bool test_plant(const struct plant *p)
{
        struct fsck_portal asked = { .audit_seq = INT64_MAX }, *portal = is_of_portal(p->name) ? &asked : NULL;
        struct seen seen = { .of = p->name };

        plant(p);
        asked.items = portal_items;
        (void)check(copy, portal, &seen);
        if (is_expected(p, &seen))
                return true;
        fprintf(stderr, "planted: %s\nexpected: %s %s\nseen:%s\n", p->sql, p->name, p->also, seen.names);
        seen.loud = true;
        (void)check(copy, portal, &seen);
        return false;
}

static void test_every_rule_is_planted(void)
{
        for (size_t i = 0; i < fsck_n_rules(); i++) {
                bool planted = false;

                for (size_t k = 0; plants[k].sql; k++)
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

/* A ledger changed so, with the portal's as it was; what rules are broken. */
static void portal_case(const char *sql, int64_t audit_seq, int64_t n_pending, const char *broken)
{
        struct plant p = { .name = "the portal's ledger", .sql = sql };
        struct fsck_portal portal = { .audit_seq = audit_seq };
        struct seen seen = { .of = p.name };

        plant(&p);
        portal.items = portal_items;
        (void)check(copy, &portal, &seen);
        if (portal.n_pending != n_pending || strcmp(seen.names, broken) != 0)
                fprintf(stderr, "%s: pending %lld, broken:%s\n", sql, (long long)portal.n_pending, seen.names);
        CHECK(portal.n_pending == n_pending && strcmp(seen.names, broken) == 0);
}

static void test_portal(void)
{
        static const char later[] =
                "DELETE FROM portal WHERE portal_seq=(SELECT max(portal_seq) FROM portal WHERE what='spoil')";
        static const char pending[] = "UPDATE intent SET state='unknown', ended_at=NULL WHERE kind='anchor'; SELECT "
                                      "append('lose','intent',(SELECT id FROM intent WHERE kind='anchor'),'done',"
                                      "'unknown','','station','{}'); DELETE FROM portal WHERE what='issuance'";
        static const char forerunner[] =
                "UPDATE meta SET value='2' WHERE key='epoch'; UPDATE portal SET portal_seq=portal_seq+100; INSERT INTO "
                "portal VALUES(7,'issuance','x','','QM-7777','SC-777777')";
        struct fsck_portal bad = { .items = json_pack("[{s:i}]", "portal_seq", 1) };
        struct error err;
        int64_t n;

        portal_case("SELECT 1", INT64_MAX, 0, "");
        portal_case(later, 10, 0, ""); /* it was done after the portal was asked */
        portal_case(later, INT64_MAX, 0, " portal-has-each-call serials-agree");
        portal_case(pending, INT64_MAX, 1, " transitions-legal");
        portal_case(forerunner, INT64_MAX, 0, "");
        CHECK(fsck_file_portal(base, &bad, see, NULL, &n, &err) < 0 && err.reason == REASON_BAD_JSON);
        json_decref((json_t *)(uintptr_t)bad.items);
        CHECK(fsck_file_portal("/nonexistent/ledger.db", &bad, see, NULL, &n, &err) < 0);
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

int main(int argc, char **argv)
{
        char journal[80];
        bool good = true;

        CHECK(argc == 2 && mkdtemp(folder));
        read_plants(argv[1]);
        (void)snprintf(base, sizeof base, "%s/ledger.db", folder);
        (void)snprintf(copy, sizeof copy, "%s/copy.db", folder);
        every_state_ledger(base);
        test_healthy();
        test_every_rule_is_planted();
        test_states_are_known();
        for (size_t i = 0; plants[i].sql; i++)
                good &= test_plant(&plants[i]);
        CHECK(good);
        test_audit_only();
        test_portal();
        json_decref(portal_items);
        test_no_ledger();
        (void)snprintf(journal, sizeof journal, "%s-journal", base);
        CHECK(unlink(journal) == 0 && unlink(base) == 0 && unlink(copy) == 0 && rmdir(folder) == 0);
        return 0;
}
