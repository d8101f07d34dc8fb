/* The ledger while SQLite fails: a workload is run again and again with its N-th call to SQLite failing, once, for
 * ever, or only by its answer, for every N until a run is clean. Whatever happens: what was answered DONE stands in the
 * file, what was answered NOT_DONE does not, and the file opens again (SQLite's own way of testing; a failed COMMIT is
 * an unknown outcome, DESIGN 4). Argument --whole: every N; without it a sample. */
#include "daemon/core/ledger/intent.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"
#include "tests/unit/fail-sqlite.h"
#include "tests/unit/test.h"
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

enum { STEPS = 6, LEADS_MAX = 4000 };

static char folder[] = "/dev/shm/mohr-ledger-faults-XXXXXX", path[80], fresh[80], copy[80];
static int sample = 5; /* every so many of the N; 1: all */
static const struct who expert = { "p-expert", "issuer", "assessment" };

/* What each step of the workload was answered. */
struct story {
        enum ledger_outcome answers[STEPS];
        int n;
};

static void copy_file(const char *from, const char *to)
{
        static char bytes[1 << 21];
        FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
        size_t n;

        CHECK(in && out);
        n = fread(bytes, 1, sizeof bytes, in);
        CHECK(n > 0 && n < sizeof bytes && fwrite(bytes, 1, n, out) == n && fclose(in) == 0 && fclose(out) == 0);
}

static void clean(void)
{
        char journal[100];

        (void)snprintf(journal, sizeof journal, "%s-journal", path);
        (void)unlink(journal);
        (void)unlink(path);
        (void)unlink(copy);
}

static void add_blank(struct ledger *l, int i)
{
        char serial[16];

        (void)snprintf(serial, sizeof serial, "SC-%06d", i);
        ledger_born(l, ENTITY_BLANK, serial, "room", NULL, NULL);
        ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,'room')", "s", serial);
}

/* One of each of the ledger's ways to read and write; step i leaves the blank SC-00000i behind. */
static void write_step(struct ledger *l, int i)
{
        struct intent_spec spec = { .kind = "claim", .payload = { (const uint8_t *)"{}", 2 } };
        cleanup(json_p) json_t *evidence = json_pack("{s:i}", "job", 5);
        char id[UUID_TEXT], text[64] = "";
        struct db_rows rows;

        add_blank(l, i);
        if (i == 2) {
                intent_new(l, &spec, id);
                intent_step(l, id, "submitted", evidence);
                intent_step(l, id, "probed", NULL);
                intent_close(l, id, "fail", evidence);
        }
        if (i == 3)
                ledger_move_set(l, ENTITY_BLANK, "SC-000001", "load", NULL, NULL,
                                "UPDATE blank SET state=?2, version=version+1, line=?3, position=?4 WHERE serial=?1",
                                "si", "A", (int64_t)1);
        if (i == 4) {
                (void)ledger_get_text(l, text, sizeof text, "SELECT state FROM blank WHERE serial='SC-000001'", "");
                (void)ledger_get_int(l, "SELECT count(*) FROM blank", "");
                if (ledger_query(l, &rows, "SELECT serial FROM blank", "")) {
                        while (db_next(&rows))
                                ;
                        (void)db_end(&rows);
                }
        }
        if (i == 5)
                ledger_refuse(l, ERR_INPUT, REASON_STALE, "taken back");
}

static void work(struct ledger *l, struct story *ret)
{
        char text[64];
        struct db_rows rows;
        struct error err;

        for (int i = 0; i < STEPS; i++) {
                ledger_begin(l, &expert);
                write_step(l, i);
                ret->answers[i] = ledger_commit(l, &err);
                ret->n = i + 1;
                (void)ledger_get_int(l, "SELECT count(*) FROM audit", ""); /* outside a transaction, or of a lost one */
                (void)ledger_get_text(l, text, sizeof text, "SELECT hash FROM audit WHERE seq=1", "");
                if (ledger_query(l, &rows, "SELECT seq FROM audit", "")) {
                        (void)db_next(&rows);
                        (void)db_end(&rows);
                }
        }
        (void)ledger_snapshot(l, copy, &err);
}

/* After STOP nobody knows about that step; all later ones are refused. */
static void judge(const struct story *story, const char *what, long n)
{
        struct ledger l;
        struct error err;
        bool stopped = false;

        fail_sqlite(0, FAIL_ONCE, 0);
        if (ledger_open(&l, path, "ST-TEST", &err) < 0) {
                fprintf(stderr, "%s, call %ld: %s\n", what, n, err.text);
                exit(1);
        }
        for (int i = 0; i < story->n; i++) {
                char serial[16];
                int64_t there;
                bool good;

                (void)snprintf(serial, sizeof serial, "SC-%06d", i);
                there = ledger_get_int(&l, "SELECT count(*) FROM blank WHERE serial=?1", "s", serial);
                if (stopped)
                        good = there == 0 && story->answers[i] == LEDGER_STOP;
                else
                        good = story->answers[i] == LEDGER_STOP || there == (story->answers[i] == LEDGER_DONE);
                if (!good)
                        fprintf(stderr, "%s, call %ld: step %d answered %d, rows %lld\n", what, n, i,
                                (int)story->answers[i], (long long)there);
                CHECK(good);
                stopped |= story->answers[i] == LEDGER_STOP;
        }
        CHECK(ledger_get_int(&l, "SELECT count(*) FROM audit", "") == l.seq);
        ledger_close(&l);
}

/* The workload on a ledger that was opened in peace. Runs until a run makes fewer calls than N. */
static void sweep_work(const char *what, enum fail_how how, int code, int stride)
{
        bool done = false;

        for (long n = 1; !done; n += stride * sample) {
                struct story story = { .n = 0 };
                struct ledger l;
                struct error err;

                clean();
                copy_file(fresh, path);
                CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0 && n < LEADS_MAX);
                fail_sqlite(n, how, code);
                work(&l, &story);
                done = fail_sqlite_calls() < n;
                ledger_close(&l);
                judge(&story, what, n);
                if (done)
                        CHECK(story.answers[0] == LEDGER_DONE && story.answers[5] == LEDGER_NOT_DONE);
        }
}

/* A COMMIT fails, and so does a call while the ledger finds out whether it did. */
static void sweep_pairs(void)
{
        long at = 0;

        for (long k = 1; k < 40; k += 2 * sample) {
                struct story story = { .n = 0 };
                struct ledger l;
                struct error err;

                clean();
                copy_file(fresh, path);
                CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0);
                fail_sqlite_gap(k);
                fail_sqlite(at, FAIL_PAIR, SQLITE_IOERR);
                work(&l, &story);
                at = at ? at : fail_sqlite_commit();
                CHECK(at > 0);
                ledger_close(&l);
                judge(&story, "pair", k);
        }
}

/* The transition table's hundreds of rows in the middle are all alike. */
static long stride(long n, long total)
{
        return n < 60 || n > total - 60 ? sample : 29 * sample;
}

/* How many calls it makes when nothing fails. */
static long calls_of_open(bool make)
{
        struct ledger l;
        struct error err;

        clean();
        if (!make)
                copy_file(fresh, path);
        fail_sqlite(0, FAIL_ONCE, 0);
        CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0);
        ledger_close(&l);
        return fail_sqlite_calls();
}

/* Opening and making: it fails with a reason, or works; and nothing is broken for the next one. */
static void sweep_open(bool make, enum fail_how how, int code)
{
        long total = calls_of_open(make);
        bool done = false;

        for (long n = 1; !done; n += stride(n, total)) {
                struct ledger l;
                struct error err = { 0 };
                int r;

                clean();
                if (!make)
                        copy_file(fresh, path);
                fail_sqlite(n, how, code);
                r = ledger_open(&l, path, "ST-TEST", &err);
                done = fail_sqlite_calls() < n;
                CHECK(r == 0 || err.reason == REASON_LEDGER || err.reason == REASON_DISK_FULL);
                CHECK(!done || r == 0);
                if (r == 0)
                        ledger_close(&l);
                fail_sqlite(0, FAIL_ONCE, 0);
                CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0 && l.seq == 0 && l.epoch == 1);
                ledger_close(&l);
        }
}

/* The same for a new installation's ledger. */
static void sweep_create(void)
{
        bool done = false;
        long total = 0;

        for (long n = 1; !done; n += stride(n, total)) {
                struct error err = { 0 };
                int r;

                clean();
                fail_sqlite(n, FAIL_ONCE, SQLITE_IOERR);
                r = ledger_create(path, "ST-TEST", 3, &err);
                done = fail_sqlite_calls() < n;
                CHECK(done ? r == 0 : r < 0 && err.reason == REASON_LEDGER);
        }
        fail_sqlite(0, FAIL_ONCE, 0);
}

static void test_disk_full(void)
{
        struct ledger l;
        struct error err;

        clean();
        copy_file(fresh, path);
        CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0);
        fail_sqlite(1, FAIL_ONCE, SQLITE_FULL);
        ledger_begin(&l, &expert);
        CHECK(ledger_commit(&l, &err) == LEDGER_NOT_DONE && err.reason == REASON_DISK_FULL);
        ledger_close(&l);
}

/* A transaction without an audit row has no witness: when its COMMIT fails it is never believed. */
static void test_no_witness(void)
{
        struct ledger l;
        struct error err;
        long at = 0, cold = 0; /* the COMMIT's number; cold: when the statement must be prepared first */

        clean();
        copy_file(fresh, path);
        CHECK(ledger_open(&l, path, "ST-TEST", &err) == 0);
        for (int i = 0; i < 3; i++) {
                fail_sqlite(at, i == 2 ? FAIL_AFTER : FAIL_ONCE, SQLITE_IOERR);
                ledger_begin(&l, &who_station);
                ledger_run(&l, "INSERT INTO meta VALUES('cursor.'||?1,'x')", "i", (int64_t)i);
                CHECK(ledger_commit(&l, &err) == (i == 0 ? LEDGER_DONE : LEDGER_NOT_DONE));
                CHECK(i == 0 || fail_sqlite_commit() == at);
                cold = i == 0 ? fail_sqlite_commit() : cold;
                at = i == 0 ? cold - 1 : cold; /* the second failure meets a ledger that was opened anew */
                fail_sqlite(0, FAIL_ONCE, 0);
        }
        CHECK(ledger_get_int(&l, "SELECT count(*) FROM meta WHERE key='cursor.1'", "") == 0);
        CHECK(ledger_get_int(&l, "SELECT count(*) FROM meta WHERE key='cursor.2'", "") == 1);
        ledger_close(&l);
}

int main(int argc, char **argv)
{
        struct ledger l;
        struct error err;

        if (argc == 2 && strcmp(argv[1], "--whole") == 0)
                sample = 1;

        CHECK(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/ledger.db", folder);
        (void)snprintf(fresh, sizeof fresh, "%s/fresh.db", folder);
        (void)snprintf(copy, sizeof copy, "%s/copy.db", folder);
        CHECK(ledger_open(&l, fresh, "ST-TEST", &err) == 0);
        ledger_close(&l);
        sweep_work("once", FAIL_ONCE, SQLITE_IOERR, 1);
        sweep_work("for ever", FAIL_FOREVER, SQLITE_IOERR, 11);
        sweep_work("done, and called failed", FAIL_AFTER, SQLITE_IOERR_FSYNC, 5);
        sweep_pairs();
        sweep_open(true, FAIL_ONCE, SQLITE_IOERR);
        sweep_open(false, FAIL_FOREVER, SQLITE_FULL);
        sweep_create();
        test_disk_full();
        test_no_witness();
        clean();
        (void)snprintf(path, sizeof path, "%s/fresh.db-journal", folder);
        (void)unlink(path);
        CHECK(unlink(fresh) == 0 && rmdir(folder) == 0);
        return 0;
}
