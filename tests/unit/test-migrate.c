/* Migration: the committed dump of each old schema (written by the program of that schema, a card in every state)
 * becomes this program's schema with every row as it was; refused or cut off anywhere, the old file is untouched.
 * Argument: tests/data/ledger. */
#define _GNU_SOURCE
#include "daemon/core/fsck/fsck.h"
#include "daemon/core/ledger/ledger.h"
#include "daemon/core/ledger/migrate.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/dev/shm/mohr-migrate-XXXXXX", path[80]; /* in memory: hundreds of files are flushed */
static const char *data;
static struct error err;

static char *read_text(const char *name)
{
        cleanup(close_p) int fd = open(name, O_RDONLY | O_CLOEXEC);
        struct stat st;
        char *text;

        CHECK(fd >= 0 && fstat(fd, &st) == 0);
        text = calloc(1, (size_t)st.st_size + 1);
        CHECK(text && read(fd, text, (size_t)st.st_size) == st.st_size);
        return text;
}

static void clean(void)
{
        char pattern[96];
        glob_t found;

        (void)snprintf(pattern, sizeof pattern, "%s*", path);
        if (glob(pattern, 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        CHECK(unlink(found.gl_pathv[i]) == 0);
        globfree(&found);
}

/* A fresh file with the dump in it. extra: SQL afterwards, or NULL. */
static void restore(const char *extra)
{
        cleanup(db_close) struct db db = { 0 }, dump = { 0 };
        static char *text;
        static unsigned char *image;
        static sqlite3_int64 n;
        int fd;

        if (!text) {
                char name[512];

                (void)snprintf(name, sizeof name, "%s/schema-1.sql", data);
                text = read_text(name);
                CHECK(db_open(&dump, ":memory:", false, &err) == 0 && db_script(&dump, text, &err) == 0);
                image = sqlite3_serialize(dump.handle, "main", &n, 0);
                CHECK(image);
        }
        clean();
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        CHECK(fd >= 0 && write(fd, image, (size_t)n) == n && close(fd) == 0);
        CHECK(db_open(&db, path, false, &err) == 0 && (!extra || db_script(&db, extra, &err) == 0));
}

static size_t backups(char *ret_first, size_t max)
{
        char pattern[96];
        glob_t found = { 0 };
        size_t n;

        (void)snprintf(pattern, sizeof pattern, "%s.schema-1.*", path);
        n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
        if (n > 0 && ret_first)
                (void)snprintf(ret_first, max, "%s", found.gl_pathv[0]);
        globfree(&found);
        return n;
}

/* ---- all rows as text ----------------------------------------------------------------------------------------------
 */

/* The tables of schema 1 with their columns, from the dump itself; transition is the program's own, not data. */
static json_t *columns_of(struct db *db)
{
        json_t *ret = json_object();
        struct db_rows rows;

        CHECK(db_query(db, &rows, &err,
                       "SELECT t.name, 'quote('||group_concat(c.name, ')||'',''||quote(')||')' FROM sqlite_schema t, "
                       "pragma_table_info(t.name) c WHERE t.type='table' AND t.name<>'transition' GROUP BY t.name",
                       "") == 0);
        while (db_next(&rows))
                (void)json_object_set_new(ret, db_text(&rows, 0), json_string(db_text(&rows, 1)));
        CHECK(db_end(&rows) == 0);
        return ret;
}

/* {table: [row as text, in the order of rowid]} */
static json_t *rows_of(const char *file, const json_t *columns)
{
        cleanup(db_close) struct db db = { 0 };
        json_t *ret = json_object(), *value;
        const char *table;

        CHECK(db_open(&db, file, true, &err) == 0);
        json_object_foreach((json_t *)(uintptr_t)columns, table, value)
        {
                json_t *list = json_array();
                sqlite3_stmt *statement;
                char sql[4096];

                (void)snprintf(sql, sizeof sql, "SELECT %s FROM \"%s\" ORDER BY rowid", json_string_value(value),
                               table);
                CHECK(sqlite3_prepare_v2(db.handle, sql, -1, &statement, NULL) == SQLITE_OK);
                while (sqlite3_step(statement) == SQLITE_ROW)
                        (void)json_array_append_new(list, json_string((const char *)sqlite3_column_text(statement, 0)));
                CHECK(sqlite3_finalize(statement) == SQLITE_OK);
                (void)json_object_set_new(ret, table, list);
        }
        return ret;
}

static json_t *columns;

static json_t *old_rows(void)
{
        cleanup(db_close) struct db db = { 0 };

        restore(NULL);
        CHECK(db_open(&db, path, true, &err) == 0);
        if (!columns)
                columns = columns_of(&db);
        return rows_of(path, columns);
}

static int64_t version_of(const char *file)
{
        cleanup(db_close) struct db db = { 0 };
        int64_t version = -1;

        CHECK(db_open(&db, file, true, &err) == 0 && db_get_int(&db, &version, &err, "PRAGMA user_version", "") == 1);
        return version;
}

/* ---- tests ---------------------------------------------------------------------------------------------------------
 */

static void tell(void *context, const struct fsck_fault *fault)
{
        (void)context;
        fprintf(stderr, "  %s: %s: %s\n", fault->rule->name, fault->subject, fault->detail);
}

static bool fsck_is_clean(void)
{
        int64_t faults = -1;

        if (fsck_file(path, false, tell, NULL, &faults, &err) < 0)
                fprintf(stderr, "fsck: %s\n", err.text);
        return faults == 0;
}

/* Every state of a blank, so that no later one is forgotten in the dump of its schema. */
static void test_dump_has_every_state(void)
{
        cleanup(db_close) struct db db = { 0 };
        int64_t missing = -1;

        restore(NULL);
        CHECK(db_open(&db, path, true, &err) == 0);
        CHECK(db_get_int(&db, &missing, &err,
                         "SELECT count(*) FROM (SELECT from_state s FROM transition WHERE entity='blank' UNION SELECT "
                         "to_state FROM transition WHERE entity='blank') WHERE s NOT IN (SELECT state FROM blank)",
                         "") == 1);
        CHECK(missing == 0);
}

/* fsck reads no other version's file; it says what to do. */
static void test_fsck_of_the_old_one(void)
{
        int64_t faults = -1;

        restore(NULL);
        CHECK(fsck_file(path, false, tell, NULL, &faults, &err) < 0 && err.reason == REASON_SCHEMA_OTHER);
        CHECK(strstr(err.text, "start mohrd once") && version_of(path) == 1);
        restore("PRAGMA user_version=99");
        CHECK(fsck_file(path, false, tell, NULL, &faults, &err) < 0 && err.reason == REASON_SCHEMA_OTHER);
        CHECK(strstr(err.text, "newer"));
}

static void test_rows_stay(void)
{
        cleanup(json_p) json_t *before = old_rows(), *after = NULL, *kept = NULL;
        char backup[512] = "";
        struct ledger l;
        struct stat st;

        CHECK(ledger_open(&l, path, "qom-1", &err) == 0 && l.migrated_from == 1);
        ledger_close(&l);
        CHECK(version_of(path) == SCHEMA_VERSION && fsck_is_clean());
        after = rows_of(path, columns);
        CHECK(json_array_size(json_object_get(after, "audit")) ==
              json_array_size(json_object_get(before, "audit")) + 1);
        CHECK(json_array_remove(json_object_get(after, "audit"),
                                json_array_size(json_object_get(after, "audit")) - 1) == 0);
        CHECK(json_array_size(json_object_get(before, "blank")) == 28 && json_equal(before, after));
        CHECK(backups(backup, sizeof backup) == 1 && stat(backup, &st) == 0 && (st.st_mode & 07777) == 0600);
        kept = rows_of(backup, columns);
        CHECK(version_of(backup) == 1 && json_equal(before, kept));
        CHECK(ledger_open(&l, path, "qom-1", &err) == 0 && l.migrated_from == 0 && backups(NULL, 0) == 1);
        ledger_close(&l);
}

/* The migrated station works on: a card of the old ledger goes the new ways. */
static void test_works_on(void)
{
        struct ledger l;

        restore(NULL);
        CHECK(ledger_open(&l, path, "qom-1", &err) == 0);
        ledger_begin(&l, &who_station);
        ledger_move(&l, ENTITY_BLANK, "SC-000020", "miss", NULL, NULL); /* a move that schema 1 had not */
        CHECK(ledger_commit(&l, &err) == LEDGER_DONE);
        ledger_begin(&l, &who_station);
        ledger_run(&l, "UPDATE blank SET state='room' WHERE serial='SC-000002'", "");
        CHECK(ledger_commit(&l, &err) == LEDGER_NOT_DONE); /* and the triggers stand again */
        ledger_begin(&l, &who_station);
        ledger_run(&l, "INSERT INTO person VALUES('QM-9999','x','x','1')", "");
        CHECK(ledger_commit(&l, &err) == LEDGER_NOT_DONE); /* foreign keys too */
        ledger_close(&l);
}

static void is_untouched(const json_t *before)
{
        cleanup(json_p) json_t *now = rows_of(path, columns);

        CHECK(version_of(path) == 1 && json_equal(before, now));
}

static void test_refused(void)
{
        static const struct {
                const char *extra, *station;
                enum reason reason;
                size_t backups;
        } cases[] = {
                { "DROP TRIGGER intent_moves_along_the_table; DROP TRIGGER intent_moves_with_audit; UPDATE intent SET "
                  "state='running' WHERE kind='print' AND state='unknown'",
                  "qom-1", REASON_SCHEMA_OTHER, 0 },
                { NULL, "yazd-1", REASON_LEDGER, 0 },
                { "CREATE TABLE note(text TEXT); INSERT INTO note VALUES('whose?')", "qom-1", REASON_LEDGER, 1 },
                { "ALTER TABLE intent ADD COLUMN note TEXT", "qom-1", REASON_LEDGER, 1 },
                { "PRAGMA foreign_keys=OFF; INSERT INTO photo VALUES('x', CAST('y' AS BLOB)); INSERT INTO person "
                  "VALUES('QM-9999','x','x','1')",
                  "qom-1", REASON_LEDGER, 1 },
                { "PRAGMA user_version=3", "qom-1", REASON_SCHEMA_OTHER, 0 },
                { "PRAGMA user_version=0", "qom-1", REASON_SCHEMA_OTHER, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup(json_p) json_t *before = NULL, *after = NULL;
                struct ledger l;
                int64_t version;

                restore(cases[i].extra);
                before = rows_of(path, columns);
                version = version_of(path);
                CHECK(ledger_open(&l, path, cases[i].station, &err) < 0);
                if (err.reason != cases[i].reason)
                        fprintf(stderr, "case %zu: %s: %s\n", i, reason_word(err.reason), err.text);
                CHECK(err.reason == cases[i].reason && backups(NULL, 0) == cases[i].backups);
                after = rows_of(path, columns);
                CHECK(version_of(path) == version && json_equal(before, after));
        }
}

/* What has no chain to go on with is not brought forward either. */
static void test_without_chain(void)
{
        struct ledger l;

        restore("DROP TABLE audit");
        CHECK(ledger_open(&l, path, "qom-1", &err) < 0 && err.reason == REASON_LEDGER);
        CHECK(backups(NULL, 0) == 0 && version_of(path) == 1);
}

/* Starts that are cut off within one second leave a backup each. */
static void test_backups_of_one_second(void)
{
        cleanup(db_close) struct db db = { 0 };
        char backup[512];

        restore(NULL);
        CHECK(db_open(&db, path, false, &err) == 0);
        for (size_t n = 1; n <= 5; n++)
                CHECK(migrate_backup(&db, path, backup, sizeof backup, &err) == 0 && backups(NULL, 0) == n);
}

static void test_no_room_for_the_backup(void)
{
        cleanup(json_p) json_t *before = old_rows();
        int status;
        pid_t child = fork();

        if (child == 0) {
                struct rlimit limit = { 100000, 100000 };
                struct ledger l;

                (void)signal(SIGXFSZ, SIG_IGN);
                (void)setrlimit(RLIMIT_FSIZE, &limit);
                _exit(ledger_open(&l, path, "qom-1", &err) < 0 ? 7 : 0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
        CHECK(backups(NULL, 0) == 0);
        is_untouched(before);
}

/* ---- killed ---------------------------------------------------------------------------------------------------------
 */

static int statements_left;

static int count_down(unsigned type, void *context, void *p, void *x)
{
        (void)type, (void)context, (void)p, (void)x;
        if (statements_left-- <= 0)
                (void)raise(SIGKILL);
        return 0;
}

/* Small cache: pages reach the file long before the commit, so that a kill leaves a journal to roll back. */
static int watch(sqlite3 *handle, char **message, const void *api)
{
        (void)message, (void)api;
        (void)sqlite3_exec(handle, "PRAGMA cache_size=10", NULL, NULL, NULL);
        return sqlite3_trace_v2(handle, SQLITE_TRACE_STMT, count_down, NULL);
}

/* Opens the ledger in a child that is killed before its n-th statement. False when it got through. */
static bool killed_at(int n)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                struct ledger l;

                statements_left = n;
                (void)sqlite3_auto_extension((void (*)(void))watch);
                _exit(ledger_open(&l, path, "qom-1", &err) < 0 ? 1 : 0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
        return WIFSIGNALED(status);
}

/* As SQLite leaves it to the next who opens: what the kill cut off is rolled back first. */
static void roll_back(void)
{
        cleanup(db_close) struct db db = { 0 };
        int64_t n;

        CHECK(db_open(&db, path, false, &err) == 0 &&
              db_get_int(&db, &n, &err, "SELECT count(*) FROM blank", "") == 1 && n == 28);
}

static void test_killed(void)
{
        cleanup(json_p) json_t *before = old_rows();
        unsigned old = 0, hot = 0, migrated = 0;
        char journal[96];
        struct stat st;
        bool killed = true;

        (void)snprintf(journal, sizeof journal, "%s-journal", path);
        for (int n = 1; killed; n += 11) {
                restore(NULL);
                killed = killed_at(n);
                hot += stat(journal, &st) == 0 && st.st_size > 0;
                roll_back();
                if (version_of(path) == 1) {
                        is_untouched(before);
                        old++;
                } else {
                        migrated++;
                }
                CHECK(killed || version_of(path) == SCHEMA_VERSION);
        }
        CHECK(old > 10 && hot > 5 && migrated > 0);
        CHECK(fsck_is_clean());
}

int main(int argc, char **argv)
{
        CHECK(argc == 2 && mkdtemp(folder));
        data = argv[1];
        (void)snprintf(path, sizeof path, "%s/ledger.db", folder);
        test_dump_has_every_state();
        test_fsck_of_the_old_one();
        test_rows_stay();
        test_works_on();
        test_refused();
        test_without_chain();
        test_backups_of_one_second();
        test_no_room_for_the_backup();
        test_killed();
        clean();
        json_decref(columns);
        CHECK(rmdir(folder) == 0);
        return 0;
}
